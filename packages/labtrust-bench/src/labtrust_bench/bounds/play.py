"""A crew on an instance: when everything was released, and whether the bound speaks of it.

The bound holds for every crew that books specimens in and carries them by hand, as everything that
can be done by index does. Two events that can only be sent as mappings go around that: a MOVE that
takes one specimen along without taking it up, and accepting out of a hold what was never booked in.
A crew that uses either is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_env.action_forms import Action
from labtrust_env.session import Session

from labtrust_bench.agents.api import Player, View
from labtrust_bench.agents.dispatch_rules import WEIGHTS
from labtrust_bench.bounds.facts import DT_S
from labtrust_bench.bounds.instances import HORIZON_S, Instance
from labtrust_bench.runs.crew import CREWS
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.tasks.base import BenchmarkTask, TaskSize

PLAN: Final = "plan"
"""Name of the crew that carries out the stored plan."""

Timetable = Mapping[str, Mapping[int, Action]]
"""Member to step to action."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a crew came to.

    Attributes:
        specimens: How many there are.
        released: How many were released within the horizon.
        weighted: Sum over specimens of weight times seconds until release; null unless all were.
        makespan: Seconds until the last release; null likewise.
        refused: Events of the crew that were blocked.
    """

    specimens: int
    released: int
    weighted: int | None
    makespan: int | None
    refused: int

    def value(self, objective: str) -> int | None:
        """Return what an objective comes to."""
        return self.makespan if objective == "makespan" else self.weighted


class Follower:
    """Carries out its part of a timetable, whatever happens."""

    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable
        self._mine: Mapping[int, Action] = {}

    def reset(self, name: str, seed: int) -> None:
        """Take the part of a member. Nothing is drawn, so the seed changes nothing."""
        del seed
        self._mine = self._timetable.get(name, {})

    def act(self, view: View) -> Action:
        """Return what is planned for now, else wait."""
        return self._mine.get(view["t_s"] // DT_S, 0)


class StaticTask(BenchmarkTask):
    """An instance as the crews' factories want it: targets, and no opponents."""

    name = "static"
    crew = ""
    full = TaskSize("", horizon_s=HORIZON_S, arrivals_until_s=0, dt_s=DT_S, faults=False)
    small = full


class _Watch:
    """Notices what the bound does not speak of, and counts refusals."""

    def __init__(self) -> None:
        self.refused = 0
        self.around: set[str] = set()
        self._booked: set[str] = set()

    def begin(self, session: Session) -> None:
        """Nothing to prepare."""

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Look at what was done."""
        del session
        for result in results:
            event = result.event
            if event is None or result.origin != "agent":
                continue
            if not result.accepted:
                self.refused += 1
            elif event.action_type == "MOVE" and event.args.get("entity_type") == "Specimen":
                self.around.add("moves a specimen without taking it up")
            elif event.action_type == "CREATE_ACCESSION":
                self._booked.update(_named(event.args))

    def end(self, session: Session) -> None:
        """See that whatever was released had been booked in."""
        world: LabWorld = session.ctx.world
        released = {name for name, tube in world.specimens.items() if tube.released_s is not None}
        if released - self._booked:
            self.around.add("has specimens released that were never booked in")


def _named(args: Mapping[str, Any]) -> list[str]:
    listed = args.get("specimen_ids")
    return list(listed) if isinstance(listed, list) else [str(args.get("specimen_id"))]


def play(
    instance: Instance, policy: CompiledPolicy, crew: str, timetable: Timetable | None = None
) -> Outcome:
    """Let a crew play an instance.

    Args:
        instance: The instance.
        policy: The policy.
        crew: A name of ``labtrust_bench.runs.crew.CREWS``, or ``PLAN``.
        timetable: What ``PLAN`` follows.

    Raises:
        UnknownNameError: There is no such crew.
        UsageError: The crew does what the bound does not speak of; or a plan without a timetable.
    """
    session = instance.session(policy)
    agents = crew_agents(session.members, crew, timetable)
    return play_agents(instance, session, agents, crew)


def crew_agents(
    members: Mapping[str, str], crew: str, timetable: Timetable | None = None
) -> dict[str, Player]:
    """Return the agents of a crew; raises as ``play`` says."""
    if crew == PLAN:
        if timetable is None:
            raise UsageError("there is no plan to follow; --solve makes one")
        return {name: Follower(timetable) for name in members}
    if crew not in CREWS:
        raise UnknownNameError("crew of agents", crew, [*CREWS, PLAN])
    return dict(CREWS[crew](StaticTask(), members))


def play_agents(
    instance: Instance, session: Session, agents: Mapping[str, Player], crew: str
) -> Outcome:
    """Let agents play an instance; raises as ``play`` says."""
    watch = _Watch()
    run_episode(session, agents, instance.seed, (watch,))
    if watch.around:
        raise UsageError(
            f"{crew} on {instance.name}: {' and '.join(sorted(watch.around))}; the bound does not "
            "speak of such a crew"
        )
    world: LabWorld = session.ctx.world
    times = {
        name: tube.released_s
        for name, tube in world.specimens.items()
        if tube.released_s is not None
    }
    weights = {tube.specimen_id: WEIGHTS[tube.priority] for tube in instance.tubes}
    whole = len(times) == len(weights)
    return Outcome(
        specimens=len(weights),
        released=len(times),
        weighted=sum(weights[name] * time for name, time in times.items()) if whole else None,
        makespan=max(times.values()) if whole else None,
        refused=watch.refused,
    )
