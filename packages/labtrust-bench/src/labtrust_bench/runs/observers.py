"""Who watches an episode: the interface, the metrics, and the time it took.

An observer reads outcomes and the state at the end; it changes nothing and no agent sees it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.queueing import PRIORITY_RANK
from labtrust_core.hospital_lab.things import Device, Specimen
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_env.rewards import step_rewards
from labtrust_env.session import Session

from labtrust_bench.agents.opponents.opponent import Opponent
from labtrust_bench.runs.attacks import AttackObserver
from labtrust_bench.runs.calls import call_compliance
from labtrust_bench.runs.metrics import (
    CriticalCalls,
    Metrics,
    Opposition,
    Verification,
    nearest_rank,
    permille,
    turnaround,
)
from labtrust_bench.runs.service import service
from labtrust_bench.tasks.base import BenchmarkTask

_CREW = "crew"
_HOLDS = frozenset({"HOLD_SPECIMEN", "HOLD_RESULT"})


class Observer(Protocol):
    """Told of an episode as it goes."""

    def begin(self, session: Session) -> None:
        """The session was reset; forget the last episode."""
        ...

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """A step was taken; ``results`` are its outcomes in order."""
        ...

    def end(self, session: Session) -> None:
        """The episode is over."""
        ...


class MetricsObserver:
    """Measures an episode.

    What happened is counted from the outcomes; what became of specimens, results and devices is
    read from the world at the end.
    """

    def __init__(
        self,
        task: BenchmarkTask,
        opponents: Collection[str] = (),
        attacks: AttackObserver | None = None,
    ) -> None:
        """Prepare to measure a task.

        Args:
            task: States targets, cutoff and rewards.
            opponents: Agent ids that do not belong to the crew that is measured.
            attacks: Watches the same episode, and is told of each step before.
        """
        self._task = task
        self._attacks = attacks
        self._opponents = frozenset(opponents)
        self._metrics: Metrics | None = None
        self._forget()

    @property
    def metrics(self) -> Metrics:
        """The metrics of the episode that has ended.

        Raises:
            LookupError: None has.
        """
        if self._metrics is None:
            raise LookupError("no episode has ended yet")
        return self._metrics

    def begin(self, session: Session) -> None:
        """Start counting anew."""
        del session
        self._metrics = None
        self._forget()

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Count the outcomes of a step."""
        for result in results:
            self._count(result)
        self._reward_milli += self._earned(session, results)

    def _earned(self, session: Session, results: Sequence[StepResult]) -> int:
        """Return what the crew earns in a step; what opponents do is not its fault."""
        own = {
            name: result
            for name, result in session.outcomes.items()
            if session.members[name] not in self._opponents
        }
        terms = step_rewards(self._task.reward_config, session.ctx, results, own, (_CREW,))
        return sum(terms[_CREW].values())

    def end(self, session: Session) -> None:
        """Work out the metrics."""
        self._metrics = self._measure(session)

    def _forget(self) -> None:
        self._origins: Counter[str] = Counter()
        self._violations: Counter[str] = Counter()
        self._prevented: Counter[str] = Counter()
        self._blocked: Counter[str] = Counter()
        self._enforcements: Counter[str] = Counter()
        self._emits: Counter[str] = Counter()
        self._alarms: Counter[str] = Counter()
        self._tokens_consumed = 0
        self._by_opponents = {"events": 0, "blocked": 0, "violations": 0, "enforcements": 0}
        self._first_blocked_s: int | None = None
        self._first_enforced_s: int | None = None
        self._reward_milli = 0

    def _count(self, result: StepResult) -> None:
        self._origins[result.origin] += 1
        if result.accepted:
            self._emits.update(result.emits)
            if "ALARM" in result.emits and "reason_code" in result.data:
                self._alarms[result.data["reason_code"]] += 1
            self._tokens_consumed += len(result.token_consumed)
        elif result.blocked_reason_code is not None:
            self._blocked[result.blocked_reason_code] += 1
        seen = self._violations if result.accepted else self._prevented
        seen.update(item.invariant_id for item in result.violations)
        self._enforcements.update(item["type"] for item in result.enforcements)
        if result.event is not None and result.event.agent_id in self._opponents:
            self._count_opponent(result, result.event.t_s)
        for followed in result.system_results:
            self._count(followed)

    def _count_opponent(self, result: StepResult, t_s: int) -> None:
        tally = self._by_opponents
        tally["events"] += 1
        tally["enforcements"] += len(result.enforcements)
        if result.accepted:
            tally["violations"] += len(result.violations)
        else:
            tally["blocked"] += 1
            self._first_blocked_s = t_s if self._first_blocked_s is None else self._first_blocked_s
        if result.enforcements and self._first_enforced_s is None:
            self._first_enforced_s = t_s

    def _measure(self, session: Session) -> Metrics:
        world: LabWorld = session.ctx.world
        task = self._task
        specimens = world.specimens.values()
        released = [item for item in specimens if item.released_s is not None]
        early = [item for item in specimens if item.arrived_s <= task.cutoff_s]
        early_released = sum(item.released_s is not None for item in early)
        unaided = sum(_is_autoverified(world, item) for item in released)
        seconds = _turnarounds(released)
        by_priority = {
            priority: turnaround(seconds[priority], task.sla_s.get(priority))
            for priority in PRIORITY_RANK
        }
        every = [item for found in seconds.values() for item in found]
        on_time = sum(item.on_time for item in by_priority.values())
        return Metrics(
            steps=session.steps,
            arrivals=len(specimens),
            arrivals_before_cutoff=len(early),
            throughput=len(released),
            throughput_before_cutoff=early_released,
            released_before_cutoff_permille=permille(early_released, len(early)),
            rejected=sum(item.status == "rejected" for item in specimens),
            holds_count=sum(self._emits[name] for name in _HOLDS),
            autoverified=unaided,
            autoverified_permille=permille(unaided, len(released)),
            autoverification_by_panel=_verification(world),
            amended=self._emits["AMEND_RESULT"],
            p50_turnaround_s=nearest_rank(every, 50),
            p95_turnaround_s=nearest_rank(every, 95),
            on_time=on_time,
            on_time_permille=permille(on_time, len(released)),
            turnaround_by_priority=by_priority,
            critical=self._critical(world),
            violations_by_invariant_id=_sorted(self._violations),
            prevented_by_invariant_id=_sorted(self._prevented),
            blocked_by_reason_code=_sorted(self._blocked),
            events_by_origin=_sorted(self._origins),
            tokens_minted=self._emits["MINT_TOKEN"],
            tokens_consumed=self._tokens_consumed,
            enforcements_by_action=_sorted(self._enforcements),
            device_utilisation_permille=_utilisation(world.devices, session.now),
            opposition=self._opposition() if self._opponents else None,
            reward_milli=self._reward_milli,
            call_compliance=call_compliance(
                world.results.values(), session.ctx.tables.ladder, self._alarms, session.now
            ),
            service=service(session.ctx, task.sla_s, session.now, task.size.wrap_up_s),
        )

    def _critical(self, world: LabWorld) -> CriticalCalls:
        results = [item for item in world.results.values() if item.criticality != "NONE"]
        waits = [
            item.acknowledged_s - item.generated_s
            for item in results
            if item.acknowledged_s is not None
        ]
        return CriticalCalls(
            results=len(results),
            calls=sum(len(item.attempts) for item in results),
            acknowledged=len(waits),
            p50_ack_s=nearest_rank(waits, 50),
        )

    def _opposition(self) -> Opposition:
        first, enforced = self._first_blocked_s, self._first_enforced_s
        known = first is not None and enforced is not None
        return Opposition(
            events=self._by_opponents["events"],
            blocked=self._by_opponents["blocked"],
            first_blocked_s=first,
            response_latency_s=(enforced or 0) - (first or 0) if known else None,
            enforcements=self._by_opponents["enforcements"],
            **({} if self._attacks is None else self._attacks.summary()),
        )


def measuring(
    task: BenchmarkTask, members: Mapping[str, str], opponents: Mapping[str, object]
) -> tuple[AttackObserver, MetricsObserver]:
    """Return what measures an episode of a task; both watch it, in this order.

    Args:
        task: The task.
        members: Member name to agent id.
        opponents: Member name to the agent that plays an opponent of the task.
    """
    attackers = {name: item for name, item in opponents.items() if isinstance(item, Opponent)}
    attacks = AttackObserver(attackers)
    return attacks, MetricsObserver(task, [members[name] for name in opponents], attacks)


class TimingObserver:
    """Measures what an episode costs; that is never part of results.

    Attributes:
        cpu_ns: CPU time of the process from beginning to end, in nanoseconds.
        events: Events of any origin.
    """

    def __init__(self) -> None:
        self.cpu_ns = 0
        self.events = 0
        self._began = 0

    def begin(self, session: Session) -> None:
        """Start the clock."""
        del session
        self.events = 0
        self._began = time.process_time_ns()

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Count events."""
        del session
        self.events += len(results) + sum(len(item.system_results) for item in results)

    def end(self, session: Session) -> None:
        """Stop the clock."""
        del session
        self.cpu_ns = time.process_time_ns() - self._began


def _is_autoverified(world: LabWorld, specimen: Specimen) -> bool:
    found = (world.results[item] for item in specimen.results)
    return all(item.autoverified for item in found if item.status == "released")


def _verification(world: LabWorld) -> dict[str, Verification]:
    return {
        panel: Verification(
            specimens=item.specimens,
            released=item.released,
            released_permille=permille(item.released, item.specimens),
            tests=item.tests,
            tests_passed=item.tests_passed,
            tests_passed_permille=permille(item.tests_passed, item.tests),
            failed_by_rule=_sorted(item.failed),
        )
        for panel, item in sorted(world.verified.items())
    }


def _turnarounds(released: Iterable[Specimen]) -> dict[str, list[int]]:
    """Return the turnaround times in seconds, by priority."""
    found: dict[str, list[int]] = {priority: [] for priority in PRIORITY_RANK}
    for item in released:
        if item.released_s is not None:
            found[item.priority].append(item.released_s - item.arrived_s)
    return found


def _utilisation(devices: Mapping[str, Device], now_s: int) -> dict[str, int]:
    return {name: _busy_permille(device, now_s) for name, device in sorted(devices.items())}


def _busy_permille(device: Device, now_s: int) -> int:
    """Return the share of unit time that was run time, without what runs still have ahead."""
    ahead = sum(max(0, free_s - now_s) for free_s in device.unit_free_s)
    share = permille(device.busy_s - ahead, len(device.unit_free_s) * now_s)
    return min(1_000, max(0, share or 0))


def _sorted(counts: Mapping[str, Any]) -> dict[str, int]:
    return dict(sorted(counts.items()))
