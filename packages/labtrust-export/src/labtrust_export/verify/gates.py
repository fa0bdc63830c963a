"""Level L2, first half: the gates of an agent's event, asked again in the engine's order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from labtrust_core.event import SYSTEM_AGENT, Blocked, Event
from labtrust_core.trust.capabilities import check_capability
from labtrust_core.trust.enforcement import check_containment
from labtrust_core.trust.roles import check_role

from labtrust_export.statement import EPISODE_LOG
from labtrust_export.verify.records import FROZEN, MALFORMED, Step
from labtrust_export.verify.report import FaultError
from labtrust_export.verify.rule_state import RuleState

FALSE_REFUSALS: Final = frozenset(
    {
        "RC_TIME_NOT_MONOTONIC",
        "RC_EVENT_DUPLICATE",
        "AGENT_KILLED",
        "AGENT_THROTTLED",
        "AGENT_RATE_LIMIT",
        "AGENT_OVERRIDE_BUDGET_EXCEEDED",
        "SIG_MISSING",
        "SIG_STALE_HEAD",
    }
)
"""Reasons that only the gates give, so that a refusal with one of them is theirs or false."""

_DUTY: Final = "RBAC_DUTY_CONFLICT"  # the domain says who holds which duty
_SCOPE: Final = "INV-TOK-003"  # the domain says what an event is about
_AFTER_DUTY: Final = frozenset({"RULE_CAPABILITY", "RULE_SIGNATURE", "RULE_TOKEN"})


def check_gates(state: RuleState, step: Step) -> None:
    """Check that an agent's event was refused where a gate refuses it, and for that.

    Raises:
        FaultError: A gate's code, or ``RULE_FALSE_REFUSAL``.
    """
    reason = step.outcome.reason
    if state.frozen and reason != FROZEN:
        raise _fault("RULE_FROZEN", step, FROZEN, "the ledger is frozen")
    event = step.event
    if state.frozen or event is None:
        return
    for gate, code in _GATES:
        try:
            gate(state, step, event)
        except Blocked as blocked:
            if blocked.code != reason and not _is_excused(state, step, event, code):
                raise _fault(code, step, blocked.code, blocked.detail) from blocked
            return
    if reason in FALSE_REFUSALS:
        raise FaultError(
            "RULE_FALSE_REFUSAL",
            f"refused with {reason}, which the ledger does not bear out",
            file=EPISODE_LOG,
            record=step.record.seq,
        )


def _is_excused(state: RuleState, step: Step, event: Event, code: str) -> bool:
    """Whether a refusal for another reason may have come first, from what only the domain knows."""
    if step.accepted:
        return False
    rule = state.tables.policy.workflow.actions.get(event.action_type)
    if rule is not None and rule.early_guards:
        return True
    if step.outcome.reason == _DUTY:
        return code in _AFTER_DUTY
    return step.outcome.reason == _SCOPE and code == "RULE_TOKEN"


def _time(state: RuleState, step: Step, event: Event) -> None:
    now = step.record.t if state.start.config.simulated else state.t
    if event.t_s < now or (state.start.config.simulated and event.t_s != now):
        detail = f"the event is at {event.t_s} s, the clock at {now} s"
        raise Blocked("RC_TIME_NOT_MONOTONIC", detail)


def _identity(state: RuleState, _step: Step, event: Event) -> None:
    if event.event_id in state.seen:
        raise Blocked("RC_EVENT_DUPLICATE", f"event id {event.event_id} was used before")


def _containment(state: RuleState, _step: Step, event: Event) -> None:
    check_containment(state.containment, event.agent_id, event.t_s)


def _role(state: RuleState, _step: Step, event: Event) -> None:
    check_role(state.role_of(event.agent_id), event)
    rule = state.tables.policy.workflow.actions.get(event.action_type)
    if rule is None or (rule.runtime_control and event.agent_id != SYSTEM_AGENT):
        raise Blocked("RBAC_ACTION_DENY", f"{event.agent_id} may not {event.action_type}")


def _capability(state: RuleState, _step: Step, event: Event) -> None:
    role = state.role_of(event.agent_id)
    rule = state.tables.policy.workflow.actions[event.action_type]
    if role is not None and not rule.runtime_control:
        usage = state.usage.get(event.agent_id)
        check_capability(state.tables.capabilities, role.role_id, usage, event)


def _signature(state: RuleState, step: Step, event: Event) -> None:
    if state.signatures.is_asked(event):
        refusal = state.signatures.refusal(step.record, event)
        if refusal is not None:
            raise Blocked(refusal.reason, refusal.message)


def _tokens(state: RuleState, _step: Step, event: Event) -> None:
    for token_id in event.token_refs:
        token = state.tokens.get(token_id)
        if token is None:
            if state.whole:
                raise Blocked("INV-TOK-002", f"token {token_id} does not exist")
            continue
        if token.state == "REVOKED":
            raise Blocked("INV-TOK-006", f"token {token_id} was revoked")
        if token.state != "ACTIVE" or not token.issued_at_s <= event.t_s <= token.expires_at_s:
            raise Blocked("INV-TOK-002", f"token {token_id} is used up or outside its life")
        if event.action_type not in token.kind.actions:
            raise Blocked(_SCOPE, f"token {token_id} does not apply to {event.action_type}")


_Gate = Callable[[RuleState, Step, Event], None]

_GATES: Final[tuple[tuple[_Gate, str], ...]] = (
    (_time, "RULE_TIME"),
    (_identity, "RULE_IDENTITY"),
    (_containment, "RULE_CONTAINMENT"),
    (_role, "RULE_ROLE"),
    (_capability, "RULE_CAPABILITY"),
    (_signature, "RULE_SIGNATURE"),
    (_tokens, "RULE_TOKEN"),
)


def _fault(code: str, step: Step, expected: str, why: str) -> FaultError:
    stated = step.outcome.reason or step.outcome.status
    malformed = ", which a frozen ledger does not read" if stated == MALFORMED else ""
    message = f"the outcome is {stated}{malformed}; expected {expected}: {why}"
    return FaultError(code, message, file=EPISODE_LOG, record=step.record.seq)
