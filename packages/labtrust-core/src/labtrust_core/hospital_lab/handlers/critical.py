"""Critical results: which need a call, calling, acknowledging, escalating.

In simulated time the world draws whether a call is answered, when, and whether it is read back; in
explicit time the script says so.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.lookup import LabContext, results
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import CallAttempt, Result
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.randomness import stream

KNOWN_FLAG: Final = "KNOWN_CRITICAL"
CallState: TypeAlias = Literal["ringing", "answered", "unanswered"]


def announce_critical(ctx: LabContext, result: Result) -> None:
    """Put a new critical result on the list of calls, unless it is known already."""
    world = ctx.world
    if _is_known(ctx, result):
        result.call_required = False
        result.flags.append(KNOWN_FLAG)
        return
    open_call(ctx.tables, world, result)
    if world.downtime:
        result.notification_mode = ctx.tables.ladder.downtime_mode_name
        ctx.emit("NOTIFY_CRITICAL_RESULT")


def open_call(tables: LabTables, world: LabWorld, result: Result) -> None:
    """Put a critical result on the list of calls; in simulated time its clocks begin to run."""
    world.critical_open[result.result_id] = None
    if world.simulated:
        wait = tables.ladder.tiers[0].max_ack_wait_s
        goal = tables.ladder.goals[result.criticality].acknowledged_s
        began_s = result.generated_s
        world.schedule(began_s + wait, "SYS_CRITICAL_TIMEOUT", result.result_id)
        world.schedule(began_s + goal, "SYS_CRITICAL_DEADLINE", result.result_id)


def _is_known(ctx: LabContext, result: Result) -> bool:
    """Whether the patient's last critical value was acknowledged lately and was much the same."""
    rule = ctx.tables.ladder.repeat
    acknowledged_s, before = ctx.world.known_critical.get(_patient_key(ctx, result), (0, None))
    if before is None or result.value is None or ctx.now - acknowledged_s > rule.window_s:
        return False
    return 100 * abs(result.value - before) <= rule.change_percent * before


def _patient_key(ctx: LabContext, result: Result) -> str:
    """Return analyte and patient of a result; empty where the patient is not known."""
    specimen = ctx.world.specimens.get(result.specimen_id or "")
    known = specimen is not None and specimen.patient_id
    return f"{result.analyte}|{known}" if known else ""


def call_state(ctx: LabContext, attempt: CallAttempt) -> CallState:
    """Return what its caller knows of a call now."""
    if attempt.answered_s is not None and attempt.answered_s <= ctx.trust.now:
        return "answered"
    wait = ctx.tables.ladder.tiers[attempt.tier].max_ack_wait_s
    return "ringing" if ctx.trust.now < attempt.at_s + wait else "unanswered"


def answered_attempt(ctx: LabContext, result: Result) -> CallAttempt | None:
    """Return the last call about a result that was answered and read back by now."""
    found = (
        item
        for item in reversed(result.attempts)
        if item.read_back and call_state(ctx, item) == "answered"
    )
    return next(found, None)


def redial_from(ctx: LabContext, result: Result) -> int:
    """Return the first second at which a result may be called about again."""
    return result.attempts[-1].at_s + ctx.tables.ladder.redial_s if result.attempts else 0


def escalation_from(ctx: LabContext, result: Result) -> int:
    """Return when the wait of the highest tier called so far is over."""
    tier = max(attempt.tier for attempt in result.attempts)
    first = next(attempt for attempt in result.attempts if attempt.tier == tier)
    return first.at_s + ctx.tables.ladder.tiers[tier].max_ack_wait_s


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


def redial_wait(ctx: LabContext, event: Event) -> None:
    """Has enough time passed since the last call about the result?"""
    for result in results(ctx, event):
        until = redial_from(ctx, result)
        if ctx.now < until:
            raise Blocked("CRIT_REDIAL_TOO_EARLY", f"the next call may be made at {until} s")


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


def call_answered(ctx: LabContext, event: Event) -> None:
    """Has the call reached somebody? In explicit time the caller says so."""
    for result in results(ctx, event) if ctx.world.simulated else ():
        attempt = _attempt(result, event.text("attempt_id"))
        if attempt is not None and call_state(ctx, attempt) != "answered":
            raise Blocked("CRIT_NOT_REACHED", f"nobody has answered {attempt.attempt_id} so far")


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
    """Has the tier that was called last had the time that the ladder gives, from its first call?"""
    for result in results(ctx, event):
        until = escalation_from(ctx, result)
        if ctx.now < until:
            role = result.attempts[-1].receiver_role
            raise Blocked("CRIT_ESCALATION_TOO_EARLY", f"{role} has until {until} s")


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
    if result.notified_s is None:
        result.notified_s = ctx.now
    ctx.data["attempt_id"] = attempt.attempt_id
    if ctx.world.simulated:
        _draw_answer(ctx, attempt)
        if event.action_type == "ESCALATE_CRITICAL_RESULT":
            wait = ctx.tables.ladder.tiers[tier].max_ack_wait_s
            ctx.world.schedule(ctx.now + wait, "SYS_CRITICAL_TIMEOUT", result.result_id)


def _draw_answer(ctx: LabContext, attempt: CallAttempt) -> None:
    """Let the world decide whether a call reaches somebody; who answers too late does not."""
    tier = ctx.tables.ladder.tiers[attempt.tier]
    draws = stream(ctx.world.seed, "critical/call")
    if draws.chance_ppm(tier.reach_ppm.get(attempt.channel, 0), attempt.attempt_id):
        after_s = draws.exponential_s(tier.mean_answer_s, attempt.attempt_id, 1)
        if after_s <= tier.max_ack_wait_s:
            attempt.answered_s = ctx.now + after_s
            attempt.read_back = draws.chance_ppm(
                ctx.tables.ladder.read_back_ppm, attempt.attempt_id, 2
            )


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
            _settle(ctx, result)
    ctx.emit("ACK_CRITICAL_RESULT")


def _settle(ctx: LabContext, result: Result) -> None:
    """Somebody knows of a critical result now: it needs no further call, nor does its like."""
    if result.awaits_call():
        ctx.data["acknowledged"] = result.result_id
    if result.acknowledged_s is None:
        result.acknowledged_s = ctx.now
    ctx.world.critical_open.pop(result.result_id, None)
    key = _patient_key(ctx, result)
    if key and result.value is not None:
        ctx.world.known_critical[key] = (ctx.now, result.value)


def is_compliant(ctx: LabContext, event: Event, attempt: CallAttempt) -> bool:
    """Whether an acknowledgement truly reached somebody.

    In simulated time it is read back if the one who answered did, whatever the caller claims.
    """
    return (
        event.args.get("read_back_confirmed") is True
        and (attempt.read_back or not ctx.world.simulated)
        and event.text("outcome") in ctx.tables.ladder.reached_outcomes
        and event.text("receiver_name_or_id") not in ("", attempt.caller_id, event.agent_id)
    )


def _attempt(result: Result, attempt_id: str) -> CallAttempt | None:
    return next((attempt for attempt in result.attempts if attempt.attempt_id == attempt_id), None)


GUARDS: Final[dict[str, Guard]] = {
    "critical_result": critical_result,
    "receiver_on_ladder": receiver_on_ladder,
    "redial_wait": redial_wait,
    "channel_allowed": channel_allowed,
    "ack_fields": ack_fields,
    "attempt_known": attempt_known,
    "call_answered": call_answered,
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
        "CRIT_REDIAL_TOO_EARLY",
        "CRIT_NOT_REACHED",
        "CRIT_MODE_NOT_ALLOWED",
        "CRIT_ACK_MISSING_FIELDS",
        "CRIT_ESCALATION_OUT_OF_ORDER",
        "CRIT_ESCALATION_TOO_EARLY",
    }
)

EMITS: Final = frozenset(
    {"NOTIFY_CRITICAL_RESULT", "ACK_CRITICAL_RESULT", "ESCALATE_CRITICAL_RESULT"}
)
