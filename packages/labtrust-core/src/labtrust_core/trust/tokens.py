"""Tokens: typed, scoped, bound, time-limited, single-use permissions, and their minting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from labtrust_core.event import Blocked, Event
from labtrust_core.policy.model import Key, TokenType
from labtrust_core.trust.keys import KeyRegistry
from labtrust_core.trust.signatures import approval_message, check_validity, is_signed

Subject = tuple[str, str]

_APPROVAL_TEXT: Final = ("approver_agent_id", "approver_key_id")
_APPROVAL_FIELDS: Final = frozenset({*_APPROVAL_TEXT, "signature"})


class Token(msgspec.Struct):
    """One token. Times in seconds; at ``expires_at_s`` it is still good."""

    token_id: str
    token_type: str
    subject_type: str
    subject_id: str
    issued_at_s: int
    expires_at_s: int
    nonce: str
    reason_code: str | None = None
    minted_by: str | None = None
    approvers: tuple[str, ...] = ()
    state: Literal["ACTIVE", "CONSUMED", "REVOKED"] = "ACTIVE"

    @property
    def subject(self) -> Subject:
        """What the token is bound to."""
        return (self.subject_type, self.subject_id)


@dataclass(frozen=True, slots=True)
class TokenRules:
    """One token type, compiled."""

    name: str
    subject_types: frozenset[str]
    actions: frozenset[str]
    lifts: frozenset[str]
    scope: dict[str, frozenset[str]]
    reasons: frozenset[str]
    ttl_s: int
    approvals: int
    approver_roles: frozenset[str]
    id_prefix: str
    lifts_its_reason_only: bool


def compile_token_type(name: str, policy: TokenType) -> TokenRules:
    """Compile one token type."""
    return TokenRules(
        name,
        frozenset(policy.subject_types),
        frozenset(policy.actions),
        frozenset(policy.lifts),
        {argument: frozenset(values) for argument, values in policy.scope.items()},
        frozenset(policy.reasons),
        policy.ttl_s,
        policy.approvals,
        frozenset(policy.approver_roles),
        policy.id_prefix,
        policy.lifts_its_reason_only,
    )


def check_presented(
    token_id: str,
    tokens: Mapping[str, Token],
    rules: Mapping[str, TokenRules],
    event: Event,
    subjects: frozenset[Subject],
) -> Token:
    """Return a presented token that applies to the event.

    Raises:
        Blocked: ``INV-TOK-002`` (unknown, consumed or expired), ``INV-TOK-006`` (revoked) or
            ``INV-TOK-003`` (it does not apply to this action, subject, scope or bearer).
    """
    token = tokens.get(token_id)
    if token is None:
        raise Blocked("INV-TOK-002", f"token {token_id} does not exist")
    if token.state == "REVOKED":
        raise Blocked("INV-TOK-006", f"token {token_id} was revoked")
    if token.state == "CONSUMED":
        raise Blocked("INV-TOK-002", f"token {token_id} was used already")
    if event.t_s > token.expires_at_s or event.t_s < token.issued_at_s:
        raise Blocked(
            "INV-TOK-002",
            f"token {token_id} is valid from {token.issued_at_s} to {token.expires_at_s} s",
        )
    kind = rules[token.token_type]
    if event.action_type not in kind.actions:
        raise Blocked("INV-TOK-003", f"a {kind.name} does not apply to {event.action_type}")
    if token.subject not in subjects:
        raise Blocked(
            "INV-TOK-003", f"token {token_id} is bound to {token.subject_type} {token.subject_id}"
        )
    for argument, allowed in kind.scope.items():
        if argument in event.args and event.text(argument) not in allowed:
            raise Blocked(
                "INV-TOK-003", f"token {token_id} does not cover {argument} {event.args[argument]}"
            )
    if kind.approvals > 1 and event.agent_id in token.approvers:
        raise Blocked(
            "INV-TOK-003", f"{event.agent_id} approved token {token_id} and may not use it"
        )
    return token


@dataclass(frozen=True, slots=True)
class MintContext:
    """What deciding about approvals needs to know about the episode.

    Attributes:
        roster: Agent id to role id.
        keys: The key registry.
        episode: Episode id, which approval signatures cover.
        signed: Whether each approval must be signed (strict mode).
        requester_is_minter: Whether the minter counts as the requester.
    """

    roster: Mapping[str, str]
    keys: KeyRegistry
    episode: str
    signed: bool
    requester_is_minter: bool


def check_approvals(event: Event, kind: TokenRules, context: MintContext) -> tuple[str, ...]:
    """Return the approvers of a mint event.

    The registry asks for ``kind.approvals`` approvals by existing, distinct agents with distinct
    keys of their own, who hold an approver role; the requester is not among them; in strict mode
    each is signed.

    Raises:
        Blocked: ``INV-TOK-001``, or a ``SIG_KEY_*`` code of an approver's key.
    """
    approvals = event.args.get("approvals", [])
    if not isinstance(approvals, list) or len(approvals) < kind.approvals:
        raise Blocked("INV-TOK-001", f"a {kind.name} needs {kind.approvals} approvals")
    request = token_request(event)
    requesters = {request["requested_by"]}
    if context.requester_is_minter:
        requesters.add(event.agent_id)
    agents: list[str] = []
    keys: list[str] = []
    for approval in approvals:
        agent, key_id = _check_approval(approval, request, kind, context, event.t_s)
        if agent in requesters:
            raise Blocked("INV-TOK-001", f"{agent} requests the token and may not approve it")
        agents.append(agent)
        keys.append(key_id)
    if len(set(agents)) != len(agents) or len(set(keys)) != len(keys):
        raise Blocked("INV-TOK-001", "approvals must come from distinct agents with distinct keys")
    return tuple(agents)


def token_request(event: Event) -> dict[str, str]:
    """Return what a mint event asks for, as its approvers sign it.

    The event's id is part of it, so that one set of approvals mints one token.
    """
    names = ("token_type", "subject_type", "subject_id", "reason_code", "requested_by")
    return {"event_id": event.event_id, **{name: event.text(name) for name in names}}


def _check_approval(
    approval: object, request: Mapping[str, str], kind: TokenRules, context: MintContext, now_s: int
) -> Subject:
    if not isinstance(approval, dict) or not approval.keys() <= _APPROVAL_FIELDS:
        raise Blocked(
            "INV-TOK-001",
            "an approval is a mapping of approver_agent_id, approver_key_id and signature",
        )
    if not all(isinstance(approval.get(name), str) for name in _APPROVAL_TEXT):
        raise Blocked("INV-TOK-001", "an approval names its approver_agent_id and approver_key_id")
    agent, key_id = approval["approver_agent_id"], approval["approver_key_id"]
    role_id = context.roster.get(agent)
    if role_id not in kind.approver_roles:
        raise Blocked("INV-TOK-001", f"{agent} holds no role that may approve a {kind.name}")
    key = context.keys.keys.get(key_id)
    if key is None or key.agent_id != agent or key.role_id != role_id:
        raise Blocked("INV-TOK-001", f"key {key_id} is not a key of {agent} as {role_id}")
    check_validity(key_id, key, now_s)
    if context.signed:
        _check_approval_signature(approval, key, request, context.episode)
    return agent, key_id


def _check_approval_signature(
    approval: Mapping[str, Any], key: Key, request: Mapping[str, str], episode: str
) -> None:
    signature = approval.get("signature")
    if not isinstance(signature, str):
        raise Blocked("INV-TOK-001", "each approval must be signed")
    if not is_signed(key, signature, approval_message(approval, request, episode)):
        raise Blocked(
            "INV-TOK-001",
            f"the approval of {approval['approver_agent_id']} is not signed by its key",
        )


def lifting_token(
    blocked: Blocked, presented: Iterable[Token], rules: Mapping[str, TokenRules], agent_id: str
) -> Token | None:
    """Return the presented token that lifts a refusal: its type names the code, it is bound.

    A refusal without a subject concerns the acting agent. Where the type says so, a token that was
    minted for a refusal lifts no other: its approvers have accepted that one.
    """
    subject = blocked.subject or ("agent", agent_id)
    for token in presented:
        kind = rules[token.token_type]
        stated = {token.reason_code} & kind.lifts if kind.lifts_its_reason_only else None
        if blocked.code in (stated or kind.lifts) and token.subject == subject:
            return token
    return None
