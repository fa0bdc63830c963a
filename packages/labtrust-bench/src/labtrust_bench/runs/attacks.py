"""What opponents achieved: attempts, effects, detection and containment, read from the state.

Before each strike the observer reads the things that it aims at, and after the step reads them
again. A strike had an effect if one of them stands differently and no accepted event of the crew or
of the clockwork in that step concerns it. Whether the strike was refused does not enter into it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from labtrust_core.event import StepResult
from labtrust_core.trust.signatures import signer_of
from labtrust_env.session import Session

from labtrust_bench.agents.opponents.opponent import Opponent
from labtrust_bench.agents.opponents.steps import Sent
from labtrust_bench.runs.metrics import AttackPhase, permille
from labtrust_bench.runs.things import concerns, state_of

MARKS: Final = 4
"""What the ledger should hold of an attempt: agent, key, reason, event."""


@dataclass(slots=True)
class Effect:
    """A thing that an attempt changed.

    Attributes:
        thing: Which, as ``kind:id``.
        before: How it stood before.
        after: How it stood when the step was over.
        gone_s: Second from which it no longer stands as the attempt had left it.
    """

    thing: str
    before: str
    after: str
    gone_s: int | None = None


@dataclass(slots=True)
class AttemptRecord:
    """One attempt and what came of it. Seconds are of simulated time.

    Attributes:
        member: Who made it.
        sent: The attempt, and what was sent.
        t_s: When.
        accepted: Whether the event was accepted.
        reason_code: Why it was refused; ``None`` if it was not.
        violations: Invariants that it broke or would have broken.
        enforcements: What enforcement did about it.
        detected_s: When it was first noticed: by its refusal, by a violation, or by an alarm about
            what it had changed. ``None`` if it never was.
        effects: What it changed.
        marks: How many of agent, key, reason and event the ledger holds of it.
    """

    member: str
    sent: Sent
    t_s: int
    accepted: bool = False
    reason_code: str | None = None
    violations: tuple[str, ...] = ()
    enforcements: tuple[str, ...] = ()
    detected_s: int | None = None
    effects: list[Effect] = field(default_factory=list)
    marks: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether it changed anything."""
        return bool(self.effects)


class AttackObserver:
    """Watches the opponents of an episode.

    Attributes:
        records: The attempts of the episode in their order.
    """

    def __init__(self, opponents: Mapping[str, Opponent]) -> None:
        """Prepare to watch.

        Args:
            opponents: Member name to the opponent that plays it; becomes their listener.
        """
        self._opponents = dict(opponents)
        self._forget()

    def _forget(self) -> None:
        self.records: list[AttemptRecord] = []
        self._pending: dict[str, tuple[Sent, dict[str, str]]] = {}
        self._accepted: Counter[str] = Counter()

    def begin(self, session: Session) -> None:
        """Listen to the opponents of the episode that begins."""
        self._forget()
        for name, opponent in self._opponents.items():
            opponent.listener = partial(self._before, session, name)

    def _before(self, session: Session, name: str, sent: Sent) -> None:
        things = sent.strike.things
        self._pending[name] = sent, {item: self._state(session, item) for item in things}

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Read what the strikes of a step have changed, and what has become of earlier effects."""
        self._accepted.update(_accepted_ids(results))
        own = {id(session.outcomes[name]) for name in self._opponents if name in session.outcomes}
        others = [item for item in results if item.accepted and id(item) not in own]
        self._look_after(session, others)
        started_s = (session.steps - 1) * session.config.dt_s
        for name, (sent, before) in self._pending.items():
            result = session.outcomes.get(name)
            if result is not None:
                record = _record(session, name, sent, result, started_s)
                record.effects = self._effects(session, before, others)
                self.records.append(record)
        self._pending = {}

    def end(self, session: Session) -> None:
        """Nothing is left to do: what stands now stands."""

    def _state(self, session: Session, thing: str) -> str:
        return state_of(session.ctx, thing, self._accepted)

    def _effects(
        self, session: Session, before: Mapping[str, str], others: Sequence[StepResult]
    ) -> list[Effect]:
        after = {thing: self._state(session, thing) for thing in before}
        return [
            Effect(thing, old, after[thing])
            for thing, old in before.items()
            if after[thing] != old and not any(concerns(item, thing) for item in others)
        ]

    def _look_after(self, session: Session, others: Sequence[StepResult]) -> None:
        """Note which effects are gone, and which alarms have noticed one."""
        alarms = [item for item in others if "ALARM" in item.emits]
        for record in self.records:
            for effect in record.effects:
                if effect.gone_s is not None:
                    continue
                if record.detected_s is None and any(concerns(x, effect.thing) for x in alarms):
                    record.detected_s = session.now
                if self._state(session, effect.thing) != effect.after:
                    effect.gone_s = session.now

    def phases(self) -> dict[str, AttackPhase]:
        """Return the figures of each phase that the opponents have, in their order."""
        names = dict.fromkeys(
            attempt.phase for item in self._opponents.values() for attempt in item.attempts
        )
        return {
            name: phase_of([item for item in self.records if item.sent.attempt.phase == name])
            for name in names
        }

    def summary(self) -> dict[str, Any]:
        """Return the attack's part of ``Opposition``, by field."""
        phases = self.phases()
        made = [item for item in phases.values() if item.attempted]
        latencies = [item.detection_latency_s for item in made]
        known = _known(latencies)
        contained = sum(item.contained_s is not None for item in made)
        marks = sum(item.marks for item in self.records)
        return {
            "phases": phases,
            "detection_latency_s": max(known) if known and len(known) == len(made) else None,
            "time_to_first_detected_security_violation": min(
                _known(item.detected_s for item in made), default=None
            ),
            "containment_success": contained == len(made) if made else None,
            "fraction_of_attacks_contained_permille": permille(contained, len(made)),
            "forensic_quality_score_permille": permille(marks, MARKS * len(self.records)),
        }


def phase_of(records: Collection[AttemptRecord]) -> AttackPhase:
    """Return the figures of a phase from its attempts.

    A phase is contained from the second on from which nothing that it changed stands: the second in
    which the last of its effects went, or, where it changed nothing, the one in which it was first
    noticed. ``None`` while something stands, and where nothing was noticed.
    """
    effects = [effect for item in records for effect in item.effects]
    gone = _known(effect.gone_s for effect in effects)
    detected = min(_known(item.detected_s for item in records), default=None)
    first = min((item.t_s for item in records), default=None)
    stands = len(gone) < len(effects)
    latency = None if detected is None or first is None else detected - first
    codes = Counter(item.reason_code for item in records if item.reason_code is not None)
    return AttackPhase(
        attempted=len(records),
        accepted=sum(item.accepted for item in records),
        succeeded=sum(item.succeeded for item in records),
        refused_by_reason_code=dict(sorted(codes.items())),
        first_attempt_s=first,
        detected_s=detected,
        detection_latency_s=latency,
        contained_s=None if stands else max(gone, default=detected),
        blast_radius=len({effect.thing for effect in effects}),
        enforcements=sum(len(item.enforcements) for item in records),
    )


def _known(values: Iterable[int | None]) -> list[int]:
    return [item for item in values if item is not None]


def _record(session: Session, name: str, sent: Sent, result: StepResult, t_s: int) -> AttemptRecord:
    noticed = not result.accepted or bool(result.violations)
    return AttemptRecord(
        member=name,
        sent=sent,
        t_s=t_s,
        accepted=result.accepted,
        reason_code=result.blocked_reason_code,
        violations=tuple(item.invariant_id for item in result.violations),
        enforcements=tuple(item["type"] for item in result.enforcements),
        detected_s=t_s if noticed else None,
        marks=_marks(session, session.members[name], result),
    )


def _marks(session: Session, agent_id: str, result: StepResult) -> int:
    """Return how many of agent, key, reason and event the ledger holds of an attempt."""
    event = result.event
    if event is None:
        return int(result.blocked_reason_code is not None)
    proven = signer_of(event, session.ctx.keys, session.ctx.config.episode) == agent_id
    named = proven or event.agent_id == agent_id
    return 1 + named + proven + (result.blocked_reason_code is not None)


def _accepted_ids(results: Iterable[StepResult]) -> Iterable[str]:
    return (item.event.event_id for item in results if item.accepted and item.event is not None)
