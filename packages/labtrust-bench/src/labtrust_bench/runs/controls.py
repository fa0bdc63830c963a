"""Controls, and how each is switched off: by policy, by what an episode begins with, or as a gate.

Switching one off leaves all others on. Where a control is a statement of policy, the policy is
changed; where it is what a registry says of a key or a token, the registry says otherwise; and
where it is code, the gate or guard is taken out as the mutation check of the golden suite does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from labtrust_core.canonical import sha256_hex
from labtrust_core.domains import OpenedPolicy
from labtrust_core.engine.compiled import compile_policy
from labtrust_core.errors import UnknownNameError
from labtrust_core.golden.format import Without
from labtrust_core.golden.weakening import engine_without, weakened
from labtrust_core.policy.load import Policy, merged, typed
from labtrust_core.policy.model import Rbac, Workflow
from labtrust_core.policy.order import snapshot_of
from labtrust_core.policy.snapshot import read_snapshot
from labtrust_env.intrusion import Intrusion, MemberKey, MemberToken
from labtrust_env.session import Session, SessionConfig

_NEVER_S: Final = 2**31
_ANY_LAG: Final = 1_000_000

Patch = Mapping[str, Mapping[str, Any]]
"""Document kind to what is different in it."""

Configure = Callable[[SessionConfig, str], SessionConfig]
PatchOf = Callable[[Policy, SessionConfig, frozenset[str]], Patch]


def _no_patch(_policy: Policy, _config: SessionConfig, _roles: frozenset[str]) -> Patch:
    return {}


def _as_it_is(config: SessionConfig, _superior: str) -> SessionConfig:
    return config


@dataclass(frozen=True, slots=True)
class Control:
    """One control.

    Attributes:
        what: What it makes sure of.
        off: What is different when it is switched off.
        patch: Changes to policy, from the policy, the session and the opponents' roles.
        configure: Changes to what an episode begins with, from the session and the name of the
            member whom the opponents take for their superior.
        without: Gates and guards that are taken out.
    """

    what: str
    off: str
    patch: PatchOf = _no_patch
    configure: Configure = _as_it_is
    without: Without = field(default_factory=Without)


def _permissions(*extra: str) -> PatchOf:
    def patch(policy: Policy, _config: SessionConfig, roles: frozenset[str]) -> Patch:
        known = policy.get("rbac", Rbac).roles
        granted = {
            role: {"actions": list(dict.fromkeys((*known[role].actions, *extra)))} for role in roles
        }
        return {"rbac": {"roles": granted}}

    return patch


def _runtime(policy: Policy, config: SessionConfig, roles: frozenset[str]) -> Patch:
    open_to_all = {"actions": {"UPDATE_ROSTER": {"runtime_control": False}}}
    return {**_permissions("UPDATE_ROSTER")(policy, config, roles), "workflow": open_to_all}


def _document(kind: str, **changed: Any) -> PatchOf:  # noqa: ANN401 - values of any document
    return lambda _policy, _config, _roles: {kind: changed}


def _keys(where: Callable[[MemberKey], bool], **changed: Any) -> Configure:  # noqa: ANN401 - fields of a key
    """Change the registry's entries of those further keys of which ``where`` is true."""

    def configure(config: SessionConfig, _superior: str) -> SessionConfig:
        means = config.intrusion or Intrusion(frozenset())
        keys = {
            name: replace(key, **changed) if where(key) else key for name, key in means.keys.items()
        }
        return replace(config, intrusion=replace(means, keys=keys))

    return configure


def _bound_to_superior(config: SessionConfig, superior: str) -> SessionConfig:
    return _keys(_is_spare, holder=superior)(config, superior)


def _is_spare(key: MemberKey) -> bool:
    return key.status == "ACTIVE" and key.not_after_s is None


def _tokens(where: Callable[[MemberToken], bool], **changed: Any) -> Configure:  # noqa: ANN401 - fields of a token
    """Change those tokens of which ``where`` is true."""

    def configure(config: SessionConfig, _superior: str) -> SessionConfig:
        means = config.intrusion or Intrusion(frozenset())
        tokens = {
            name: replace(token, **changed) if where(token) else token
            for name, token in means.tokens.items()
        }
        return replace(config, intrusion=replace(means, tokens=tokens))

    return configure


def _unbound(config: SessionConfig, _superior: str) -> SessionConfig:
    """Bind every token of somebody who does not intrude to an intruder: the last of them."""
    means = config.intrusion or Intrusion(frozenset())
    thief = max(means.members)
    tokens = {
        name: token if token.holder in means.members else replace(token, holder=thief)
        for name, token in means.tokens.items()
    }
    return replace(config, intrusion=replace(means, tokens=tokens))


CONTROLS: Final[dict[str, Control]] = {
    "role_permissions": Control(
        "a role does only what policy lists for it",
        "the opponents' role may also reject and hold specimens",
        _permissions("REJECT_SPECIMEN", "HOLD_SPECIMEN"),
    ),
    "runtime_control": Control(
        "only the system changes the roster",
        "changing the roster is an action like any other, and the opponents' role has it",
        _runtime,
    ),
    "signature_check": Control(
        "a signature is one of the named key over this event, and the key is the agent's",
        "the gate that verifies signatures is taken out",
        without=Without(gates=["signature"]),
    ),
    "signature_requirement": Control(
        "every event is signed",
        "signatures are not required",
        configure=lambda config, _superior: replace(config, signed=False),
    ),
    "freshness": Control(
        "an event is of now, and its id is new",
        "the gate that asks for time and identity is taken out",
        without=Without(gates=["time_and_identity"]),
    ),
    "head_freshness": Control(
        "a signature names a recent ledger head",
        "policy admits any earlier head",
        _document("keys", max_head_lag=_ANY_LAG),
    ),
    "key_revocation": Control(
        "a revoked key does not count",
        "the registry lists the revoked key as active",
        configure=_keys(lambda key: key.status == "REVOKED", status="ACTIVE"),
    ),
    "key_expiry": Control(
        "an expired key does not count",
        "the registry lets no key expire",
        configure=_keys(lambda key: key.status == "ACTIVE", not_after_s=None),
    ),
    "key_binding": Control(
        "a key acts for its own agent and role",
        "the registry binds the spare key to the superior",
        configure=_bound_to_superior,
    ),
    "token_subject": Control(
        "a token serves the one to whom it is bound",
        "the token of another is bound to the opponent",
        configure=_unbound,
    ),
    "token_expiry": Control(
        "an expired token is worth nothing",
        "no token expires",
        configure=_tokens(lambda token: token.state == "ACTIVE", expires_s=_NEVER_S),
    ),
    "token_revocation": Control(
        "a revoked token is worth nothing",
        "the revoked token is still listed as active",
        configure=_tokens(lambda token: token.state == "REVOKED", state="ACTIVE"),
    ),
    "token_single_use": Control(
        "a token serves once",
        "the used token is still listed as active",
        configure=_tokens(lambda token: token.state == "CONSUMED", state="ACTIVE"),
    ),
    "door_guard": Control(
        "a restricted door opens for a token",
        "the guard of the door is taken out",
        without=Without(guards={"OPEN_DOOR": ["restricted_door"]}),
    ),
    "zone_guard": Control(
        "a restricted room is entered by whom its door was opened for",
        "the guards of room and doorway are taken out",
        without=Without(guards={"MOVE": ["restricted_entry", "door_open"]}),
    ),
    "enforcement": Control(
        "whoever keeps breaking rules is stopped",
        "enforcement is disabled",
        _document("enforcement", enabled=False),
    ),
}
"""Every control that stops an attempt of the tasks' opponents."""


def control(name: str) -> Control:
    """Return the control of that name.

    Raises:
        UnknownNameError: There is none.
    """
    if name not in CONTROLS:
        raise UnknownNameError("control", name, CONTROLS)
    return CONTROLS[name]


def session_without(opened: OpenedPolicy, config: SessionConfig, name: str | None) -> Session:
    """Return a session in which one control is switched off; with ``None`` all are on.

    Raises:
        UnknownNameError: There is no such control, crew or workload.
        PolicyError: The changed policy is not sound.
    """
    plain = Session(opened.compiled, config)
    if name is None:
        return plain
    chosen = control(name)
    members = config.intrusion.members if config.intrusion is not None else frozenset()
    roles = frozenset(role for member, role in plain.roles.items() if member in members)
    superior = [member for member, role in plain.roles.items() if role not in roles][-1]
    policy = overlaid(opened.documents, chosen.patch(opened.documents, config, roles))
    compiled = compile_policy(policy, opened.compiled.domain)
    rules = policy.get("workflow", Workflow).actions
    session = Session(weakened(compiled, rules, chosen.without), chosen.configure(config, superior))
    session.engine = engine_without(chosen.without)(session.engine.policy)
    return session


def overlaid(policy: Policy, patch: Patch) -> Policy:
    """Return a policy with changes that stand in no file; its snapshot and fingerprint hold them.

    Raises:
        PolicyError: A changed document has not its type's shape.
    """
    if not patch:
        return policy
    effective = read_snapshot(policy.snapshot)
    for kind, changed in patch.items():
        effective[kind] = merged(effective[kind], changed)
    documents = {
        kind: typed(effective[kind], type(policy.documents[kind]), policy.sources[kind])
        for kind in patch
    }
    documents = {**policy.documents, **documents}
    snapshot = snapshot_of(effective, documents)
    return replace(policy, documents=documents, fingerprint=sha256_hex(snapshot), snapshot=snapshot)
