"""A static instance played without the engine: the few rules that decide when work is done.

It exists to try thousands of plans a minute. What a plan is worth is what the real session says
when the plan is replayed there (``labtrust_bench.bounds.play``); a rule that was wrong here would
show as an action that is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from labtrust_core.hospital_lab.queueing import PRIORITY_RANK, WorkQueue

from labtrust_bench.bounds.facts import Facts, Job, Lane

STAGES: Final = ("new", "booked", "checked", "accepted")
BOOKED_BY: Final = {
    "CREATE_ACCESSION": "booked",
    "CHECK_ACCEPTANCE_RULES": "checked",
    "ACCEPT_SPECIMEN": "accepted",
}

Action = dict[str, Any]
"""An action as agents send it: ``action_type`` and ``args``."""


@dataclass(slots=True)
class Tube:
    """A specimen on its way. ``place`` is a zone, ``@member``, or empty inside a device."""

    job: Job
    place: str
    stage: str = "new"
    lane: Lane | None = None


@dataclass(slots=True)
class Hand:
    """A member of the crew: where, and from which step on free."""

    name: str
    zone: str
    free: int = 0


@dataclass(slots=True)
class Spin:
    """A spin that has not been unloaded."""

    ends: int
    tubes: list[str]


@dataclass(frozen=True, slots=True)
class Names:
    """Names and limits that actions and queues need.

    Attributes:
        next_hop: Zone to goal to the neighbour on the way.
        hop: Zone to neighbour to steps.
        centrifuge: The centrifuge.
        aliquoter: The aliquoter.
        share: Largest share of STAT work in a queue, in percent.
        window: Over how many starts it is judged.
    """

    next_hop: Mapping[str, Mapping[str, str]]
    hop: Mapping[str, Mapping[str, int]]
    centrifuge: str
    aliquoter: str
    share: int
    window: int


@dataclass(slots=True)
class Shadow:
    """The state, and the record of what was done.

    Attributes:
        done: Step, member and action, in order.
        started: Specimen to the step in which its run started.
    """

    facts: Facts
    names: Names
    tubes: dict[str, Tube] = field(default_factory=dict)
    hands: dict[str, Hand] = field(default_factory=dict)
    spins: list[Spin] = field(default_factory=list)
    queues: dict[str, WorkQueue] = field(default_factory=dict)
    lane_free: dict[str, int] = field(default_factory=dict)
    aliquoter_free: int = 0
    now: int = 0
    done: list[tuple[int, str, Action]] = field(default_factory=list)
    started: dict[str, int] = field(default_factory=dict)

    @classmethod
    def begin(cls, facts: Facts, names: Names) -> Shadow:
        """Return the state at time 0."""
        lanes = {lane.device_id for job in facts.jobs for lane in job.lanes}
        return cls(
            facts,
            names,
            {job.name: Tube(job, facts.reception) for job in facts.jobs},
            {person.name: Hand(person.name, person.zone) for person in facts.people},
            queues={lane: WorkQueue() for lane in sorted(lanes)},
            lane_free=dict.fromkeys(sorted(lanes), 0),
        )

    def held(self, hand: Hand) -> list[Tube]:
        """Return what somebody carries."""
        return [tube for tube in self.tubes.values() if tube.place == f"@{hand.name}"]

    def lying(self, zone: str, stage: str) -> list[Tube]:
        """Return what lies in a zone at a stage."""
        return [tube for tube in self.tubes.values() if (tube.place, tube.stage) == (zone, stage)]

    def reach(self, hand: Hand, names: Iterable[str]) -> bool:
        """Whether somebody can act on all of these."""
        places = (hand.zone, f"@{hand.name}")
        return all(self.tubes[name].place in places for name in names)

    # --- what can be done; each says so in the record --------------------------------------------

    def book(self, hand: Hand, action: str, names: Sequence[str]) -> None:
        """Take one of the steps of booking in."""
        for name in names:
            self.tubes[name].stage = BOOKED_BY[action]
        self._did(hand, action, {"specimen_ids": list(names)}, len(names))

    def walk(self, hand: Hand, goal: str) -> None:
        """Go one zone towards a goal."""
        target = self.names.next_hop[hand.zone][goal]
        args = {"from_zone": hand.zone, "to_zone": target}
        steps = self.names.hop[hand.zone][target]
        self.done.append((self.now, hand.name, {"action_type": "MOVE", "args": args}))
        hand.zone, hand.free = target, self.now + steps

    def take(self, hand: Hand, tubes: Iterable[Tube]) -> None:
        """Take up what lies here."""
        self._carry(hand, "RETRIEVE", tubes, f"@{hand.name}")

    def put(self, hand: Hand, tubes: Iterable[Tube]) -> None:
        """Put down what is in hand."""
        self._carry(hand, "STORE", tubes, hand.zone)

    def _carry(self, hand: Hand, action: str, tubes: Iterable[Tube], place: str) -> None:
        moved = list(tubes)
        for tube in moved:
            tube.place = place
        self._did(hand, action, {"specimen_ids": [tube.job.name for tube in moved]})

    def can_spin(self) -> bool:
        """Whether a unit of the centrifuge is empty."""
        return len(self.spins) < self.facts.spin_units

    def spin(self, hand: Hand, names: Sequence[str]) -> None:
        """Load and start the centrifuge."""
        for name in names:
            self.tubes[name].place, self.tubes[name].stage = "", "spinning"
        self.spins.append(Spin(self.now + self.facts.spin, list(names)))
        args = {"device_id": self.names.centrifuge, "specimen_ids": list(names)}
        self._did(hand, "CENTRIFUGE_START", args)

    def unload(self, hand: Hand, spin: Spin) -> None:
        """Unload what has been spun."""
        for name in spin.tubes:
            self.tubes[name].place, self.tubes[name].stage = hand.zone, "separated"
        self.spins.remove(spin)
        args = {"device_id": self.names.centrifuge, "specimen_ids": list(spin.tubes)}
        self._did(hand, "CENTRIFUGE_END", args)

    def draw(self, hand: Hand, tube: Tube) -> None:
        """Draw an aliquot."""
        tube.stage = "aliquoted"
        self.aliquoter_free = self.now + self.facts.aliquot
        name = tube.job.name
        args = {
            "device_id": self.names.aliquoter,
            "specimen_id": name,
            "aliquot_id": f"{name}_A",
        }
        self._did(hand, "ALIQUOT_CREATE", args)

    def queue(self, hand: Hand, tube: Tube, lane: Lane) -> None:
        """Put a specimen into an analyser's queue."""
        priority = tube.job.kind.partition("/")[2]
        tube.stage, tube.lane = "queued", lane
        rank = PRIORITY_RANK[priority]
        self.queues[lane.device_id].push(tube.job.name, rank, self.now * self.facts.dt_s)
        args = {"device_id": lane.device_id, "specimen_id": tube.job.name}
        self._did(hand, "QUEUE_RUN", args)

    def head(self, device: str) -> str | None:
        """Return what an analyser must start next, if it can start now."""
        if self.lane_free[device] > self.now:
            return None
        return self.queues[device].head(self.names.share)

    def start(self, hand: Hand, device: str, name: str) -> None:
        """Start the head of a queue."""
        tube = self.tubes[name]
        if tube.lane is None:
            raise ValueError(name)
        self.queues[device].pop(name, self.names.window)
        tube.stage, tube.place = "running", ""
        self.lane_free[device] = self.now + tube.lane.run
        self.started[name] = self.now
        args = {"device_id": device, "run_id": f"RUN_{name}", "specimen_ids": [name]}
        self._did(hand, "START_RUN", args)

    def _did(self, hand: Hand, action: str, args: dict[str, Any], times: int = 1) -> None:
        self.done.append((self.now, hand.name, {"action_type": action, "args": args}))
        hand.free = self.now + times * self.facts.handling[action]

    # --- what it came to -------------------------------------------------------------------------

    def releases_s(self) -> list[int]:
        """Return when each specimen's results are there, in seconds."""
        found = []
        for name, step in self.started.items():
            lane = self.tubes[name].lane
            if lane is not None:
                found.append(step * self.facts.dt_s + lane.run_s + lane.latency_s)
        return found

    def cost(self, objective: str) -> int:
        """Return the weighted sum of release times, or the last of them, in seconds."""
        releases = dict(zip(self.started, self.releases_s(), strict=True))
        if objective == "makespan":
            return max(releases.values())
        return sum(self.tubes[name].job.weight * time for name, time in releases.items())
