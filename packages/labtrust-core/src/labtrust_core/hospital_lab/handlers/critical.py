"""Critical results: calling, acknowledging, escalating."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.lookup import LabContext, results
from labtrust_core.hospital_lab.things import CallAttempt, Result


def critical_result(ctx: LabContext, event: Event) -> None:
    """Is the result critical?"""
    for result in results(ctx, event):
        if result.criticality == "NONE":
            raise Blocked("RC_RESULT_NOT_CRITICAL", f"result {result.result_id} is not critical")


def receiver_on_ladder(ctx: LabContext, event: Event) -> None:
    """Is the person to be called on the ladder, and first on it at the first call?"""
    tier = ctx.tables.tier_of_role.get(event.text("receiver_role"))
    for result in results(ctx, event):
        highest = max((attempt.tier for attempt in result.attempts), default=0)
        if tier is None or tier > highest:
            raise Blocked(
                "CRIT_RECEIVER_UNKNOWN",
                f"{event.args.get('receiver_role')} is not on the ladder up to tier {highest}",
            )


def channel_allowed(ctx: LabContext, event: Event) -> None:
    """May the receiver be told over this channel? In downtime only the oral ones are left.

    An escalation that names no channel takes the first that is allowed.
    """
    role = event.text("receiver_role") or event.text("next_role")
    allowed = _channels(ctx, role)
    channel = event.text("channel")
    unnamed = "channel" not in event.args and event.action_type == "ESCALATE_CRITICAL_RESULT"
    if channel not in allowed and not unnamed:
        raise Blocked(
            "CRIT_MODE_NOT_ALLOWED",
            f"channel {channel or '(none)'} is not one of {', '.join(allowed)}",
        )


def _channels(ctx: LabContext, role: str) -> list[str]:
    """Return the channels over which a role may be told now; an unknown role counts as first."""
    if ctx.world.downtime:
        return ctx.tables.ladder.downtime_modes
    return ctx.tables.ladder.tiers[ctx.tables.tier_of_role.get(role, 0)].modes


def ack_fields(ctx: LabContext, event: Event) -> None:
    """Does the acknowledgement state everything that a record needs?"""
    missing = [
        name
        for name in ("attempt_id", *ctx.tables.ladder.required_ack_fields)
        if event.args.get(name) is None
    ]
    if missing:
        raise Blocked("CRIT_ACK_MISSING_FIELDS", f"missing: {', '.join(missing)}")


def attempt_known(ctx: LabContext, event: Event) -> None:
    """Was there such a call?"""
    found = results(ctx, event)
    if not found or _attempt(found[0], event.text("attempt_id")) is None:
        raise Blocked(
            "CRIT_ACK_MISSING_FIELDS", f"there was no call {event.args.get('attempt_id')}"
        )


def escalation_started(ctx: LabContext, event: Event) -> None:
    """Has anybody been called yet?"""
    for result in results(ctx, event):
        if not result.attempts:
            raise Blocked(
                "CRIT_ESCALATION_OUT_OF_ORDER",
                f"nobody has been called about {result.result_id} yet",
            )


def escalation_order(ctx: LabContext, event: Event) -> None:
    """Is the next role the next tier of the ladder?"""
    tier = ctx.tables.tier_of_role.get(event.text("next_role"))
    found = results(ctx, event)
    current = max((attempt.tier for attempt in found[0].attempts), default=0) if found else 0
    if tier != current + 1:
        raise Blocked(
            "CRIT_ESCALATION_OUT_OF_ORDER",
            f"{event.args.get('next_role')} is not tier {current + 1} of the ladder",
        )


def escalation_wait(ctx: LabContext, event: Event) -> None:
    """Has the last one called had the time that the ladder gives?"""
    for result in results(ctx, event):
        last = result.attempts[-1]
        until = last.at_s + ctx.tables.ladder.tiers[last.tier].max_ack_wait_s
        if ctx.now < until:
            raise Blocked("CRIT_ESCALATION_TOO_EARLY", f"{last.receiver_role} has until {until} s")


def notify(ctx: LabContext, event: Event) -> None:
    """Call somebody about a critical result."""
    for result in results(ctx, event):
        _call(ctx, event, result, event.text("receiver_role"))
    ctx.emit("NOTIFY_CRITICAL_RESULT")


def escalate(ctx: LabContext, event: Event) -> None:
    """Call the next tier."""
    for result in results(ctx, event):
        _call(ctx, event, result, event.text("next_role"))
    ctx.emit("ESCALATE_CRITICAL_RESULT")


def _call(ctx: LabContext, event: Event, result: Result, role: str) -> None:
    tier = ctx.tables.tier_of_role.get(role, 0)
    attempt = CallAttempt(
        f"{result.result_id}_attempt_{len(result.attempts)}",
        ctx.now,
        event.agent_id,
        role,
        event.text("channel") or _channels(ctx, role)[0],
        tier,
        event.text("message_template_id") or None,
    )
    result.attempts.append(attempt)
    ctx.data["attempt_id"] = attempt.attempt_id
    if ctx.world.simulated and event.action_type == "ESCALATE_CRITICAL_RESULT":
        wait = ctx.tables.ladder.tiers[tier].max_ack_wait_s
        ctx.world.schedule(ctx.now + wait, "SYS_CRITICAL_TIMEOUT", result.result_id)


def acknowledge(ctx: LabContext, event: Event) -> None:
    """Note an acknowledgement.

    It counts when it was read back, reached somebody, and that is not the caller.
    """
    for result in results(ctx, event):
        attempt = _attempt(result, event.text("attempt_id"))
        if attempt is None:
            continue
        attempt.acknowledged = True
        if is_compliant(ctx, event, attempt):
            result.acknowledged_s = ctx.now
            ctx.world.critical_open.pop(result.result_id, None)
            ctx.data["acknowledged"] = result.result_id
    ctx.emit("ACK_CRITICAL_RESULT")


def is_compliant(ctx: LabContext, event: Event, attempt: CallAttempt) -> bool:
    """Whether an acknowledgement truly reached somebody."""
    return (
        event.args.get("read_back_confirmed") is True
        and event.text("outcome") in ctx.tables.ladder.reached_outcomes
        and event.text("receiver_name_or_id") not in ("", attempt.caller_id, event.agent_id)
    )


def _attempt(result: Result, attempt_id: str) -> CallAttempt | None:
    return next((attempt for attempt in result.attempts if attempt.attempt_id == attempt_id), None)


GUARDS: Final[dict[str, Guard]] = {
    "critical_result": critical_result,
    "receiver_on_ladder": receiver_on_ladder,
    "channel_allowed": channel_allowed,
    "ack_fields": ack_fields,
    "attempt_known": attempt_known,
    "escalation_started": escalation_started,
    "escalation_order": escalation_order,
    "escalation_wait": escalation_wait,
}

HANDLERS: Final[dict[str, Handler]] = {
    "NOTIFY_CRITICAL_RESULT": notify,
    "ACK_CRITICAL_RESULT": acknowledge,
    "ESCALATE_CRITICAL_RESULT": escalate,
}

CODES: Final = frozenset(
    {
        "RC_RESULT_NOT_CRITICAL",
        "CRIT_RECEIVER_UNKNOWN",
        "CRIT_MODE_NOT_ALLOWED",
        "CRIT_ACK_MISSING_FIELDS",
        "CRIT_ESCALATION_OUT_OF_ORDER",
        "CRIT_ESCALATION_TOO_EARLY",
    }
)

EMITS: Final = frozenset(
    {"NOTIFY_CRITICAL_RESULT", "ACK_CRITICAL_RESULT", "ESCALATE_CRITICAL_RESULT"}
)
