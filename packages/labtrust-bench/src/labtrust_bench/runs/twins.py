"""Twins: one attacked episode with all controls on, and one for each control switched off."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

import msgspec
from labtrust_core.domains import OpenedPolicy
from labtrust_core.errors import UnknownNameError, UsageError

from labtrust_bench.agents.opponents.opponent import Opponent
from labtrust_bench.agents.opponents.steps import Attempt
from labtrust_bench.runs.attacks import AttackObserver, AttemptRecord, phase_of
from labtrust_bench.runs.controls import control, session_without
from labtrust_bench.runs.crew import agents_for
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.runs.metrics import AttackPhase
from labtrust_bench.tasks.base import BenchmarkTask


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of a task's opponents, with all controls on and with its own switched off.

    Attributes:
        member: Who makes it.
        phase: Part of the attack to which it belongs.
        attempt: Its name.
        made: How often it was made.
        refused: How often that was refused.
        codes: The reason codes that it met.
        detected_after_s: Seconds from the first time to when it was noticed.
        contained_after_s: Seconds from the first time to when nothing of it stood.
        effects: What it changed all the same, in words; empty when the controls hold.
        control: The control that stops it.
        off: What is different when that is switched off.
        succeeds_without: Whether it then changes something.
        effects_without: What it then changes, in words.
        detected_without_s: Seconds from the first time to when that was noticed.
        contained_without_s: Seconds from the first time to when nothing of it stood.
        holds: Whether it was made, refused each time and changed nothing, though without the
            control it changes something.
    """

    member: str
    phase: str
    attempt: str
    made: int
    refused: int
    codes: tuple[str, ...]
    detected_after_s: int | None
    contained_after_s: int | None
    effects: tuple[str, ...]
    control: str
    off: str
    succeeds_without: bool
    effects_without: tuple[str, ...]
    detected_without_s: int | None
    contained_without_s: int | None
    holds: bool


@dataclass(slots=True)
class Twins:
    """One task, one seed, one crew: what is the same in all the twins.

    Attributes:
        opened: The policy.
        task: A task with opponents.
        seed: The episodes' seed.
        crew: Name of the crew that works meanwhile.
    """

    opened: OpenedPolicy
    task: BenchmarkTask
    seed: int
    crew: str = "scripted"
    _played: dict[str | None, list[AttemptRecord]] = field(default_factory=dict, init=False)

    def play(self, control: str | None = None) -> AttackObserver:
        """Play the episode with one control switched off, or with none.

        Raises:
            UnknownNameError: There is no such control or crew.
            UsageError: The task has no opponents.
        """
        session = session_without(self.opened, self.task.session_config(), control)
        agents = agents_for(self.task, session.members, self.crew)
        opponents = {name: item for name, item in agents.items() if isinstance(item, Opponent)}
        if not opponents:
            raise UsageError(f"task {self.task.name} has no opponents")
        watcher = AttackObserver(opponents)
        episode = f"{self.task.name}-{self.seed}"
        run_episode(session, agents, self.seed, (watcher,), episode=episode)
        return watcher

    def attempts(self) -> dict[tuple[str, str, str], Attempt]:
        """Return the opponents' attempts by member, phase and name, in their order.

        Raises:
            UsageError: The task has no opponents.
        """
        session = session_without(self.opened, self.task.session_config(), None)
        found = self.task.opponents(session.members)
        attempts = {
            (name, item.phase, item.name): item
            for name, opponent in found.items()
            if isinstance(opponent, Opponent)
            for item in opponent.attempts
        }
        if not attempts:
            raise UsageError(f"task {self.task.name} has no opponents")
        return attempts

    @property
    def controls(self) -> tuple[str, ...]:
        """The controls that stop the opponents' attempts, in the order of these.

        Raises:
            UsageError: The task has no opponents.
        """
        return tuple(dict.fromkeys(item.control for item in self.attempts().values()))

    def rows(self, advance: Callable[[], None] | None = None) -> list[AttemptRow]:
        """Play every twin and return a row for each attempt.

        Args:
            advance: Called after each episode; there is one with all controls on, and one for each
                of ``controls``.

        Raises:
            UnknownNameError: An attempt names no control.
            UsageError: The task has no opponents.
        """
        for name in (None, *self.controls):
            self.records(name)
            if advance is not None:
                advance()
        return [self.row(*key) for key in self.attempts()]

    def row(self, member: str, phase: str, attempt: str) -> AttemptRow:
        """Return the row of one attempt; its two episodes are played if they have not been yet.

        Raises:
            UnknownNameError: There is no such attempt, or it names no control.
            UsageError: The task has no opponents.
        """
        key, known = (member, phase, attempt), self.attempts()
        if key not in known:
            raise UnknownNameError("attempt", "/".join(key), map("/".join, known))
        stopped_by = known[key].control
        off = control(stopped_by).off
        made, without = _of(self.records(None), key), _of(self.records(stopped_by), key)
        return _row(key, made, (stopped_by, off), without)

    def records(self, control: str | None) -> list[AttemptRecord]:
        """Return the attempts of one episode, played when it is first asked for.

        Raises:
            UnknownNameError: There is no such control or crew.
            UsageError: The task has no opponents.
        """
        if control not in self._played:
            self._played[control] = self.play(control).records
        return self._played[control]


def _of(records: Iterable[AttemptRecord], key: tuple[str, str, str]) -> list[AttemptRecord]:
    return [
        item
        for item in records
        if (item.member, item.sent.attempt.phase, item.sent.attempt.name) == key
    ]


def _row(
    key: tuple[str, str, str],
    made: Collection[AttemptRecord],
    stopped_by: tuple[str, str],
    without: Collection[AttemptRecord],
) -> AttemptRow:
    figures, other = phase_of(made), phase_of(without)
    refused = sum(not item.accepted for item in made)
    succeeds = any(item.succeeded for item in without)
    member, phase, attempt = key
    return AttemptRow(
        member=member,
        phase=phase,
        attempt=attempt,
        made=len(made),
        refused=refused,
        codes=tuple(figures.refused_by_reason_code),
        detected_after_s=figures.detection_latency_s,
        contained_after_s=_contained_after(figures),
        effects=_words(made),
        control=stopped_by[0],
        off=stopped_by[1],
        succeeds_without=succeeds,
        effects_without=_words(without),
        detected_without_s=other.detection_latency_s,
        contained_without_s=_contained_after(other),
        holds=0 < len(made) == refused and not figures.succeeded and succeeds,
    )


def _contained_after(figures: AttackPhase) -> int | None:
    if figures.first_attempt_s is None or figures.contained_s is None:
        return None
    return figures.contained_s - figures.first_attempt_s


def _words(records: Iterable[AttemptRecord]) -> tuple[str, ...]:
    return tuple(
        f"{effect.thing}: {effect.before} -> {effect.after}"
        for item in records
        for effect in item.effects
    )
