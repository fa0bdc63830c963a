"""Reads an episode log for drawing: verified first, then as plain events.

What an event claims and what came of it are both here; nothing is taken from anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UsageError
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.ledger.record import EndRecord, EventRecord, StartRecord
from labtrust_core.ledger.verify import LogFaultError, verified_records

NAMES_OF_SPECIMENS: Final = (
    "specimen_ids",
    "specimen_id",
    "aliquot_ids",
    "work_id",
    "accession_ids",
)
"""Arguments that name specimens; the first one that is there counts."""


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One event of a log.

    Attributes:
        t_s: When, in seconds since the start.
        agent: Who asked for it; empty where the event does not say.
        action: What for; empty where the event does not say.
        args: Its arguments.
        accepted: Whether it took effect.
        reason: The reason code of a refusal, or empty.
        role: The role in which the agent acted, or empty.
        data: What the laboratory answered.
        origin: ``agent``, ``clockwork`` or ``enforcement``.
    """

    t_s: int
    agent: str
    action: str
    args: Mapping[str, Any]
    accepted: bool
    reason: str
    role: str
    data: Mapping[str, Any]
    origin: str

    def text(self, name: str) -> str:
        """Return the argument ``name``, or an empty text where it is none."""
        return _text(self.args.get(name))

    def named(self) -> tuple[str, ...]:
        """Return the ids of specimens, or of their aliquots, that the event names."""
        for name in NAMES_OF_SPECIMENS:
            if name in self.args:
                return _texts(self.args[name])
        return ()

    def answered(self, *names: str) -> tuple[str, ...]:
        """Return the texts that the answer holds under any of ``names``."""
        return tuple(text for name in names for text in _texts(self.data.get(name)))


@dataclass(frozen=True, slots=True)
class EpisodeLog:
    """A verified log.

    Attributes:
        episode: Its name.
        partner: The partner whose overlay applied, or None.
        fingerprint: Of the policy in force.
        simulated: Whether the clockwork ran, and handling took time.
        crew: Name of the crew that was on duty, or None.
        workload: Name of the workload profile, or None.
        end_s: When it ended, in seconds since the start.
        events: In order.
    """

    episode: str
    partner: str | None
    fingerprint: str
    simulated: bool
    crew: str | None
    workload: str | None
    end_s: int
    events: tuple[LoggedEvent, ...]

    def starts_at_s(self, tables: LabTables) -> int | None:
        """Return the time of day of its start in seconds since midnight, where the log tells."""
        profile = tables.workloads.get(self.workload or "")
        return None if profile is None else profile.starts_at_s

    def require_policy(self, policy: CompiledPolicy) -> None:
        """Make sure that the episode was played under ``policy``.

        Raises:
            UsageError: It was played under another, so zones and times may be others too.
        """
        if policy.fingerprint != self.fingerprint:
            raise UsageError(
                f"the log was made under the policy {self.fingerprint[:12]} (partner "
                f"{self.partner}), expected the one in force, {policy.fingerprint[:12]} (partner "
                f"{policy.partner})"
            )


def read_episode_log(path: Path) -> EpisodeLog:
    """Verify a log at level L0 and return what it tells.

    Raises:
        UsageError: It does not verify.
        LedgerError: It cannot be read.
    """
    try:
        start, *between, end = verified_records(path)
    except LogFaultError as fault:
        raise UsageError(f"{path} is no whole, untouched log: {fault}") from fault
    if not isinstance(start, StartRecord) or not isinstance(end, EndRecord):
        raise TypeError("a verified log begins with its start record and ends with its end record")
    config = start.body.get("config")
    config = config if isinstance(config, dict) else {}
    scenario = start.body.get("scenario")
    scenario = scenario if isinstance(scenario, dict) else {}
    return EpisodeLog(
        episode=_text(config.get("episode")),
        partner=_text(start.body.get("partner")) or None,
        fingerprint=_text(start.body.get("policy_fingerprint")),
        simulated=config.get("simulated") is True,
        crew=_text(scenario.get("crew")) or None,
        workload=_text(scenario.get("workload")) or None,
        end_s=end.t,
        events=tuple(_logged(record) for record in between if isinstance(record, EventRecord)),
    )


def clock(t_s: int, starts_at_s: int = 0) -> str:
    """Return a time as ``hh:mm:ss``.

    Args:
        t_s: Seconds since the start.
        starts_at_s: Time of day of the start, in seconds since midnight.
    """
    minutes, seconds = divmod(t_s + starts_at_s, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}"


def _logged(record: EventRecord) -> LoggedEvent:
    event, outcome = record.event, record.outcome
    args, data = event.get("args"), outcome.get("data")
    return LoggedEvent(
        t_s=record.t,
        agent=_text(event.get("agent_id")),
        action=_text(event.get("action_type")),
        args=args if isinstance(args, dict) else {},
        accepted=outcome.get("status") == "ACCEPTED",
        reason=_text(outcome.get("reason")),
        role=_text(outcome.get("role")),
        data=data if isinstance(data, dict) else {},
        origin=record.origin,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str))
    return (value,) if isinstance(value, str) and value else ()
