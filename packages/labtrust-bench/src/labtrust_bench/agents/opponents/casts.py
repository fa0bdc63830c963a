"""Who attacks in which task: the attempts of each opponent, and what they have for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from labtrust_env.intrusion import Intrusion, MemberKey, MemberToken

from labtrust_bench.agents.opponents import impersonation, tampering, trespass
from labtrust_bench.agents.opponents.opponent import Opponent
from labtrust_bench.agents.opponents.steps import Attempt, Script

OUTSIDER: Final = "adversary_0"
INSIDER: Final = "insider_0"

REVOKED_KEY: Final = f"ed25519:{INSIDER}:revoked"
EXPIRED_KEY: Final = f"ed25519:{INSIDER}:expired"
SPARE_KEY: Final = f"ed25519:{INSIDER}:spare"

_EXPIRED_S: Final = 60
_NEVER_S: Final = 2**31


def _attempt(name: str, phase: str, control: str, codes: str, script: Script) -> Attempt:
    return Attempt(name, phase, control, frozenset(codes.split()), script)


_SPOIL: Final = tampering.spoil("REJECT_SPECIMEN", "INT_LEAKING")
_HOLD: Final = tampering.spoil("HOLD_SPECIMEN", "INT_LEAKING")
_ENTRY: Final = "RBAC_RESTRICTED_ENTRY_DENY"
_STOPPED: Final = "AGENT_KILLED AGENT_THROTTLED"

_PERSIST: Final = _attempt("go_on", "persistence", "enforcement", _STOPPED, trespass.go_on)

KEY_MISUSE: Final = (
    _attempt("reject", "forbidden_action", "role_permissions", "RBAC_ACTION_DENY", _SPOIL),
    _attempt(
        "promote", "forbidden_action", "runtime_control", "RBAC_ACTION_DENY", tampering.promote
    ),
    _attempt("hold", "forbidden_action", "role_permissions", "RBAC_ACTION_DENY", _HOLD),
    _attempt("forge", "forged_signature", "signature_check", "SIG_INVALID", impersonation.forge),
    _attempt(
        "leave_unsigned",
        "forged_signature",
        "signature_requirement",
        "SIG_MISSING",
        impersonation.leave_unsigned,
    ),
    _attempt("forge", "forged_signature", "signature_check", "SIG_INVALID", impersonation.forge),
    _attempt(
        "same_bytes", "replay", "freshness", "RC_TIME_NOT_MONOTONIC", impersonation.repeat_bytes
    ),
    _attempt("same_id", "replay", "freshness", "RC_EVENT_DUPLICATE", impersonation.repeat_id),
    _attempt(
        "of_another", "replay", "signature_check", "SIG_INVALID", impersonation.repeat_of_another
    ),
    _attempt("late", "replay", "head_freshness", "SIG_STALE_HEAD", impersonation.send_late),
    _attempt(
        "revoked",
        "revoked_key",
        "key_revocation",
        "SIG_KEY_REVOKED",
        tampering.steal(REVOKED_KEY),
    ),
    _attempt(
        "expired",
        "revoked_key",
        "key_expiry",
        "SIG_KEY_EXPIRED",
        impersonation.act_under(EXPIRED_KEY),
    ),
    _attempt(
        "misname",
        "key_of_another_role",
        "key_binding",
        "SIG_ROLE_MISMATCH",
        impersonation.misname(SPARE_KEY),
    ),
    _attempt(
        "stolen",
        "key_of_another_role",
        "signature_check",
        "SIG_ROLE_MISMATCH",
        impersonation.act_under(),
    ),
    _attempt(
        "misname",
        "key_of_another_role",
        "key_binding",
        "SIG_ROLE_MISMATCH",
        impersonation.misname(SPARE_KEY),
    ),
    _attempt(
        "borrowed",
        "token_misuse",
        "token_subject",
        "INV-TOK-003",
        trespass.open_with("T_ENTRY_OF_ANOTHER"),
    ),
    _attempt(
        "expired_token",
        "token_misuse",
        "token_expiry",
        "INV-TOK-002",
        trespass.open_with("T_ENTRY_EXPIRED"),
    ),
    _attempt(
        "revoked_token",
        "token_misuse",
        "token_revocation",
        "INV-TOK-006",
        trespass.open_with("T_ENTRY_REVOKED"),
    ),
    _PERSIST,
    _PERSIST,
)
"""Of ``insider_key_misuse``: has a badge, a key, old keys of its own, and a superior's key."""

OUTSIDER_ATTEMPTS: Final = (
    _attempt("reject", "probing", "role_permissions", "RBAC_ACTION_DENY", _SPOIL),
    _attempt("promote", "probing", "runtime_control", "RBAC_ACTION_DENY", tampering.promote),
    _attempt("counterfeit", "forgery", "signature_check", "SIG_INVALID", impersonation.counterfeit),
    _attempt("open_airlock", "intrusion", "door_guard", _ENTRY, trespass.open_with()),
    _attempt(
        "expired_token",
        "intrusion",
        "token_expiry",
        "INV-TOK-002",
        trespass.open_with("T_OUTSIDER_EXPIRED"),
    ),
    _attempt("slip_in", "intrusion", "zone_guard", _ENTRY, trespass.slip_in),
    _PERSIST,
    _PERSIST,
)
"""Of ``adversarial_disruption``: knows the building and the vocabulary, and has a badge."""

INSIDER_ATTEMPTS: Final = (
    _attempt("hold", "misuse", "role_permissions", "RBAC_ACTION_DENY", _HOLD),
    _attempt("promote", "misuse", "runtime_control", "RBAC_ACTION_DENY", tampering.promote),
    _attempt("same_id", "replay", "freshness", "RC_EVENT_DUPLICATE", impersonation.repeat_id),
    _attempt(
        "stolen",
        "stolen_key",
        "signature_check",
        "SIG_INVALID SIG_ROLE_MISMATCH",
        impersonation.act_under(),
    ),
    _attempt(
        "borrowed",
        "borrowed_token",
        "token_subject",
        "INV-TOK-003",
        trespass.open_with("T_ENTRY_OF_ANOTHER"),
    ),
    _attempt(
        "used_token",
        "borrowed_token",
        "token_single_use",
        "INV-TOK-002",
        trespass.open_with("T_ENTRY_USED"),
    ),
)
"""Of ``adversarial_disruption``: a real badge, and what belongs to others."""


def key_misuse(horizon_s: int) -> dict[str, Opponent]:
    """Return the opponent of ``insider_key_misuse`` by member name."""
    return {INSIDER: Opponent(KEY_MISUSE, horizon_s)}


def disruption(horizon_s: int) -> dict[str, Opponent]:
    """Return the opponents of ``adversarial_disruption`` by member name."""
    return {
        OUTSIDER: Opponent(OUTSIDER_ATTEMPTS, horizon_s),
        INSIDER: Opponent(INSIDER_ATTEMPTS, horizon_s),
    }


_ENTRY_TOKENS: Final[Mapping[str, MemberToken]] = {
    "T_ENTRY_OF_ANOTHER": MemberToken("runner_0", _NEVER_S),
    "T_ENTRY_EXPIRED": MemberToken(INSIDER, _EXPIRED_S),
    "T_ENTRY_REVOKED": MemberToken(INSIDER, _NEVER_S, "REVOKED"),
    "T_ENTRY_USED": MemberToken(INSIDER, _NEVER_S, "CONSUMED"),
    "T_OUTSIDER_EXPIRED": MemberToken(OUTSIDER, _EXPIRED_S),
}

KEY_MISUSE_MEANS: Final = Intrusion(
    frozenset({INSIDER}),
    keys={
        REVOKED_KEY: MemberKey(INSIDER, "REVOKED"),
        EXPIRED_KEY: MemberKey(INSIDER, not_after_s=_EXPIRED_S),
        SPARE_KEY: MemberKey(INSIDER),
    },
    tokens=_ENTRY_TOKENS,
)
"""What there is to misuse in ``insider_key_misuse``."""

DISRUPTION_MEANS: Final = Intrusion(frozenset({OUTSIDER, INSIDER}), tokens=_ENTRY_TOKENS)
"""What there is to misuse in ``adversarial_disruption``."""
