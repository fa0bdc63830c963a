"""What the clockwork says when time is up.

A wait for an answer, the goal for a critical result, a consignment's expected arrival, and the
windows of downtime.
"""

from __future__ import annotations

from typing import Final

from labtrust_core.event import Event
from labtrust_core.hospital_lab.handlers.critical import escalation_from
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.things import Result


def critical_timeout(ctx: LabContext, event: Event) -> None:
    """Nobody has acknowledged a critical result in the time that the ladder gives a tier."""
    result = ctx.world.results[event.args["result_id"]]
    exhausted = _is_exhausted(ctx, result)
    _alarm(ctx, "CRIT_ESCALATION_BREACH" if exhausted else "CRIT_ACK_TIMEOUT")
    ctx.data["result_id"] = result.result_id


def _is_exhausted(ctx: LabContext, result: Result) -> bool:
    """Whether the last tier of the ladder has been called and its wait is over too."""
    last = len(ctx.tables.ladder.tiers) - 1
    called = any(attempt.tier == last for attempt in result.attempts)
    return called and escalation_from(ctx, result) <= ctx.now


def critical_deadline(ctx: LabContext, event: Event) -> None:
    """The goal for a critical result has passed without an acknowledgement."""
    _alarm(ctx, "CRIT_DEADLINE_MISSED")
    ctx.data["deadline_missed"] = event.args["result_id"]


def consignment_arrival(ctx: LabContext, event: Event) -> None:
    """A consignment arrives and waits to be received; one that is late raises an alarm."""
    consignment = ctx.world.consignments[event.args["consignment_id"]]
    consignment.status = "arrived"
    late_s = ctx.now - consignment.expected_s
    if late_s > ctx.tables.transport_late_s:
        _alarm(ctx, "RC_TRANSPORT_LATE")
        ctx.data["consignment_id"] = consignment.consignment_id
        ctx.data["late_s"] = late_s


def downtime_begin(ctx: LabContext, _event: Event) -> None:
    """The information system goes down."""
    ctx.world.downtime = True
    _alarm(ctx, "SYS_DOWNTIME_ACTIVE")


def downtime_end(ctx: LabContext, _event: Event) -> None:
    """The information system is back."""
    ctx.world.downtime = False


def _alarm(ctx: LabContext, reason: str) -> None:
    ctx.data["reason_code"] = reason
    ctx.emit("ALARM")


CODES: Final = frozenset(
    {
        "CRIT_ACK_TIMEOUT",
        "CRIT_ESCALATION_BREACH",
        "CRIT_DEADLINE_MISSED",
        "RC_TRANSPORT_LATE",
        "SYS_DOWNTIME_ACTIVE",
    }
)
