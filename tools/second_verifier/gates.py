"""The gates of level L2: whether each agent's event was refused as it had to be.

Written from `docs/reference/evidence.md#l2-rules` alone; nothing of LabTrust is imported.
"""

from __future__ import annotations

from typing import Final

from second_verifier.formats import items, number, table, texts
from second_verifier.keys import agent_fault
from second_verifier.logs import require
from second_verifier.receipts import Record, args_of, event_of, is_accepted, outcome_of
from second_verifier.state import (
    STOPS,
    State,
    action_of,
    agent_of,
    is_whole,
    second_of,
    window_of,
)

SYSTEM: Final = "SYSTEM"
_SIGNATURE_REASON: Final = {
    "AGENT_SIGNATURE_MISSING": "SIG_MISSING",
    "AGENT_KEY_UNKNOWN": "SIG_INVALID",
    "AGENT_KEY_MISMATCH": "SIG_ROLE_MISMATCH",
    "AGENT_SIGNATURE_BAD": "SIG_INVALID",
    "AGENT_HEAD_STALE": "SIG_STALE_HEAD",
}
_NEVER_FALSE: Final = {
    "RC_TIME_NOT_MONOTONIC",
    "RC_EVENT_DUPLICATE",
    "AGENT_KILLED",
    "AGENT_THROTTLED",
    "AGENT_RATE_LIMIT",
    "AGENT_OVERRIDE_BUDGET_EXCEEDED",
    "SIG_MISSING",
    "SIG_STALE_HEAD",
}

# --- the gates: each returns the reason that it refuses with, or None ---


def _time(state: State, record: Record) -> str | None:
    second = second_of(record)
    good = second == record["t"] if state.config["simulated"] else second >= state.now
    return None if good else "RC_TIME_NOT_MONOTONIC"


def _identity(state: State, record: Record) -> str | None:
    return "RC_EVENT_DUPLICATE" if event_of(record)["event_id"] in state.ids else None


def _containment(state: State, record: Record) -> str | None:
    for action, reason in STOPS.items():
        if second_of(record) < state.stops.get((action, agent_of(record)), 0):
            return reason
    return None


def _role(state: State, record: Record) -> str | None:
    role = state.policy("rbac", "roles", str(state.role(record)))
    args, rule = args_of(record), state.rule_of(record)
    if action_of(record) not in texts(role.get("actions")):
        return "RBAC_ACTION_DENY"
    for argument, places, reason in (
        ("device_id", "devices", "RBAC_DEVICE_DENY"),
        ("to_zone", "zones", "RBAC_ZONE_DENY"),
    ):
        listed = role.get(places)
        if listed is not None and argument in args and args[argument] not in texts(listed):
            return reason
    known = action_of(record) in state.policy("workflow", "actions")
    reserved = rule.get("runtime_control") is True and agent_of(record) != SYSTEM
    return None if known and not reserved else "RBAC_ACTION_DENY"


def _capability(state: State, record: Record) -> str | None:
    if state.rule_of(record).get("runtime_control") is True:
        return None
    profiles, action = state.policy("capabilities", "profiles"), action_of(record)
    profile, agent, event = (
        profiles.get(str(state.role(record))),
        agent_of(record),
        event_of(record),
    )
    limits = table(profile)
    overrides = texts(state.policy("capabilities").get("override_actions"))
    reasoned = event.get("reason_code") and event.get("rationale")
    if profile is None:
        return "AGENT_CAPABILITY_DENY"
    if state.actions[agent, window_of(state, record)] >= number(
        limits.get("max_actions_per_window")
    ):
        return "AGENT_RATE_LIMIT"
    if action in overrides and state.overrides[agent] >= number(limits.get("max_overrides")):
        return "AGENT_OVERRIDE_BUDGET_EXCEEDED"
    if action in texts(limits.get("high_risk_actions")) and not reasoned:
        return "AGENT_CAPABILITY_DENY"
    return None


def _signature(state: State, record: Record) -> str | None:
    fault = agent_fault(state.evidence, record, state.role(record))
    if fault != "AGENT_KEY_VALIDITY":
        return _SIGNATURE_REASON[fault] if fault else None
    key = table(table(state.evidence.start["keys"])[str(event_of(record)["key_id"])])
    first = key["not_before_s"]
    early = key["status"] == "ACTIVE" and first is not None and second_of(record) < number(first)
    late = "SIG_KEY_REVOKED" if key["status"] == "REVOKED" else "SIG_KEY_EXPIRED"
    return "SIG_KEY_NOT_YET_VALID" if early else late


def _tokens(state: State, record: Record) -> str | None:
    for name in texts(event_of(record).get("token_refs")):
        token = state.tokens.get(name)
        if token is None and not state.complete:
            continue
        if token is not None and token.state == "REVOKED":
            return "INV-TOK-006"
        if token is None or token.state != "ACTIVE":
            return "INV-TOK-002"
        if not token.first <= second_of(record) <= token.last:
            return "INV-TOK-002"
        if action_of(record) not in texts(
            state.policy("tokens", "types", token.kind).get("actions")
        ):
            return "INV-TOK-003"
    return None


_GATES: Final = (
    ("RULE_TIME", _time),
    ("RULE_IDENTITY", _identity),
    ("RULE_CONTAINMENT", _containment),
    ("RULE_ROLE", _role),
    ("RULE_CAPABILITY", _capability),
    ("RULE_SIGNATURE", _signature),
    ("RULE_TOKEN", _tokens),
)
_DOMAINS_SAY: Final = {  # refusals that only the domain can judge end the comparison at this gate
    ("RULE_CAPABILITY", "RBAC_DUTY_CONFLICT"),
    ("RULE_TOKEN", "INV-TOK-003"),
}


def check_gates(state: State, record: Record) -> None:
    """Ask the gates about a record of origin agent."""
    reason, place = outcome_of(record).get("reason"), f"record {record['seq']}"
    if state.frozen:
        require(reason == "AUDIT_CHAIN_BROKEN", "RULE_FROZEN", f"{place}: the ledger is frozen")
    if state.frozen or not is_whole(record):
        return
    blocked = not is_accepted(record)
    for code, gate in _GATES:
        if blocked and (code, reason) in _DOMAINS_SAY:
            return
        expected = gate(state, record)
        if expected is not None:
            early = blocked and items(state.rule_of(record).get("early_guards"))
            require(reason == expected or early, code, f"{place}: {reason}, expected {expected}")
            return
    require(reason not in _NEVER_FALSE, "RULE_FALSE_REFUSAL", f"{place}: {reason}, without cause")
