"""The events and outcomes of a ledger as types; what no engine writes is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from labtrust_core.event import ACCEPTED, BLOCKED, MAX_INT, Event, Violation
from labtrust_core.ledger.record import EventRecord

from labtrust_export.statement import EPISODE_LOG
from labtrust_export.verify.report import FaultError

MALFORMED: Final = "RC_EVENT_MALFORMED"
FROZEN: Final = "AUDIT_CHAIN_BROKEN"


class StatedViolation(Violation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A violation as an outcome states it."""


class StatedOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The outcome of an event as the ledger keeps it."""

    status: Literal["ACCEPTED", "BLOCKED"]
    data: dict[str, Any] = {}
    detail: str | None = None
    emits: tuple[str, ...] = ()
    evaluated: tuple[str, ...] = ()
    reason: str | None = None
    role: str | None = None
    tokens_consumed: tuple[str, ...] = ()
    violations: tuple[StatedViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One event record.

    Attributes:
        record: The record.
        outcome: Its outcome.
        event: Its event; None where it was refused unread: malformed, or the ledger was frozen.
    """

    record: EventRecord
    outcome: StatedOutcome
    event: Event | None

    @property
    def accepted(self) -> bool:
        """Whether the event took effect."""
        return self.outcome.status == ACCEPTED

    @property
    def by_agent(self) -> bool:
        """Whether an agent asked for it."""
        return self.record.origin == "agent"


def read_step(record: EventRecord) -> Step:
    """Return the event record, typed.

    Raises:
        FaultError: ``RECORD_SCHEMA``.
    """
    try:
        outcome = msgspec.convert(_present(record.outcome), StatedOutcome)
    except msgspec.ValidationError as error:
        raise _fault(record, f"the outcome: {error}") from error
    unread = outcome.status == BLOCKED and outcome.reason in (MALFORMED, FROZEN)
    try:
        event = msgspec.convert(_present(record.event), Event)
    except msgspec.ValidationError as error:
        if unread:
            return Step(record, outcome, None)
        raise _fault(record, f"the event: {error}") from error
    if outcome.reason == MALFORMED and unread:
        return Step(record, outcome, None)
    if not (event.event_id and event.agent_id and event.action_type and 0 <= event.t_s <= MAX_INT):
        if unread:
            return Step(record, outcome, None)
        message = "the event: ids must not be empty, and t_s must lie in 0..2^53-1"
        raise _fault(record, message)
    return Step(record, outcome, event)


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are not null, which counts as absent."""
    if None not in fields.values():
        return fields
    return {name: value for name, value in fields.items() if value is not None}


def _fault(record: EventRecord, message: str) -> FaultError:
    return FaultError("RECORD_SCHEMA", message, file=EPISODE_LOG, record=record.seq)
