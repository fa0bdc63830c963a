"""A scheduling model whose optimum no crew can beat: a lower bound, by constraint programming.

The model keeps the rules that cost time whatever a crew does, and drops the rest; what it keeps and
what it drops is listed in ``docs/explanation/bounds.md``. Every schedule that the simulator can
produce, under the two conditions that ``labtrust_bench.bounds.play`` checks, is a solution of the
model with the same release times. So the model's optimum, or the solver's bound on it, is a bound.

Times are in steps. An action has its effect when it begins; who did it is busy for its handling
time. One action may cover several specimens: they share the moment of the effect, and handling
times add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from labtrust_core.errors import MissingExtraError

from labtrust_bench.bounds.facts import ANALYST, CLERK, Facts, Job, Lane
from labtrust_bench.bounds.instances import HORIZON_S

EXTRA: Final = "labtrust-bench[or]"
BOOKING: Final = ("CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES", "ACCEPT_SPECIMEN")
OBJECTIVES: Final = ("weighted", "makespan")

Var = Any
"""A variable or linear expression of the solver; its wheels state no useful types."""


def solver() -> Any:  # noqa: ANN401 - a module
    """Return the solver's module.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        from ortools.sat.python import cp_model  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise MissingExtraError("solving an instance", EXTRA) from error
    return cp_model


@dataclass(slots=True)
class Errand:
    """Something that the clerk may do besides booking in, once: take tubes up, walk, put them down.

    Attributes:
        start: When.
        size: For how many steps.
        present: Whether at all.
        before: Job to whether it is done before the job is accepted.
    """

    start: Var
    size: int
    present: Var
    before: list[Var]


class BoundModel:
    """The model of one instance.

    Attributes:
        facts: What it is built from.
        model: The solver's model.
        accepted: Job to when it is accepted.
        stands: Job to one literal a place where the clerk can accept it, nearest to reception
            first.
        spins: When each spin starts, in order.
        spin_of: Job to one literal a spin.
        start: Job to when its run starts.
        lane: Job to one literal a lane.
    """

    def __init__(self, facts: Facts) -> None:
        self.cp = solver()
        self.facts = facts
        self.model = self.cp.CpModel()
        self.most = HORIZON_S // facts.dt_s
        self.count = len(facts.jobs)
        self.prepare = sum(facts.handling[action] for action in BOOKING[:-1])
        self.accept = facts.handling[BOOKING[-1]]
        self.accepted = [self._time("accepted") for _ in facts.jobs]
        self.stands: dict[int, list[Var]] = {}
        self.spin_of: dict[int, list[Var]] = {}
        self.spins: list[Var] = []
        self.lane: list[list[Var]] = []
        self.queued: list[Var] = []
        self.start: list[Var] = []
        self._book_in()
        self._lanes()
        self._prepare()
        self._analyse()
        self._order_twins()

    # --- reception -------------------------------------------------------------------------------

    def _book_in(self) -> None:
        """One clerk books in, checks and decides; several specimens may share an action.

        What comes before the decision can be left until just before it, to nobody's harm. So the
        clerk's work is a sequence of batches: the preparation of all in the batch, the decision
        about all of them, and the handling of that.
        """
        facts = self.facts
        ways = sorted({steps for steps, _ in self._places() if steps})
        sizes = [later - earlier for earlier, later in zip([0, *ways], ways, strict=False)]
        self.walks = [self._errand(size) for size in sizes]
        self.take = self._errand(facts.handling["RETRIEVE"])
        self.put = self._errand(facts.handling["STORE"])
        errands = [*self.walks, self.take, self.put]
        self.model.add_no_overlap(
            self.model.new_optional_interval_var(
                item.start, item.size, item.start + item.size, item.present, "errand"
            )
            for item in errands
        )
        for earlier, later in zip(self.walks, self.walks[1:], strict=False):
            self.model.add_implication(later.present, earlier.present)
            self.model.add(later.start >= earlier.start + earlier.size).only_enforce_if(
                later.present
            )
        spent = [
            self.prepare + sum(item.size * item.before[job] for item in errands)
            for job in range(self.count)
        ]
        for one, other in combinations(range(self.count), 2):
            first, second, together = self._apart(one, other)
            spent[other] += (self.prepare + self.accept) * first + self.prepare * together
            spent[one] += (self.prepare + self.accept) * second + self.prepare * together
        for job, steps in enumerate(spent):
            self.model.add(self.accepted[job] >= steps)

    def _errand(self, size: int) -> Errand:
        errand = Errand(
            self._time("errand"), size, self._flag(), [self._flag() for _ in range(self.count)]
        )
        for job, before in enumerate(errand.before):
            accepted = self.accepted[job]
            self.model.add_implication(before, errand.present)
            self.model.add(errand.start + size + self.prepare <= accepted).only_enforce_if(before)
            self.model.add(accepted + self.accept <= errand.start).only_enforce_if(
                errand.present, ~before
            )
        return errand

    def _apart(self, one: int, other: int) -> tuple[Var, Var, Var]:
        """Two jobs are accepted together, or one is over when the other is prepared.

        Return the literals of "one first", "other first" and "together".
        """
        first, second, together = self._flag(), self._flag(), self._flag()
        gap = self.accept + self.prepare
        mine, yours = self.accepted[one], self.accepted[other]
        self.model.add(yours >= mine + gap).only_enforce_if(first)
        self.model.add(mine >= yours + gap).only_enforce_if(second)
        self.model.add(mine == yours).only_enforce_if(together)
        self.model.add_exactly_one(first, second, together)
        return first, second, together

    def _places(self) -> list[tuple[int, str]]:
        """Return where the clerk can work, with the steps it takes to get there."""
        walk = self.facts.walk
        zones = {self.facts.reception, *self.facts.clerk_zones}
        return sorted((walk[self.facts.reception][zone], zone) for zone in zones)

    def _accepted_at(self, job: int, goal: str, arrival: Var) -> None:
        """Bind when a specimen can be at ``goal`` to when and where it was accepted.

        It is taken up there, or is in hand; either costs one person the time of taking up. Where
        the clerk has gone ahead, somebody has carried it there: she herself, or another carrier,
        who has to come to reception first.
        """
        facts = self.facts
        accepted, take = self.accepted[job], facts.handling["RETRIEVE"]
        fetch = min(
            facts.walk[person.zone][facts.reception]
            for person in facts.people
            if person.role != CLERK
        )
        choices, gone = [], 0
        for number in range(len(self.walks) + 1):
            gone += self.walks[number - 1].size if number else 0
            chosen = self._flag()
            choices.append(chosen)
            ahead = min(facts.walk[zone][goal] for steps, zone in self._places() if steps <= gone)
            lag = take + ahead if ahead else 0
            self.model.add(arrival >= accepted + lag).only_enforce_if(chosen)
            if number == 0:
                soonest = min(fetch, self.prepare + self.accept)
                self.model.add(arrival >= soonest + lag).only_enforce_if(chosen)
                continue
            self.model.add_implication(chosen, self.walks[number - 1].before[job])
            by_clerk = self._flag()
            # by another carrier, or by the clerk who went without, came back and had it all ahead
            begun = min(fetch, 2 * self.walks[0].size + self.prepare)
            self.model.add(accepted >= begun + take + gone).only_enforce_if(chosen, ~by_clerk)
            self.model.add_implication(by_clerk, self.take.before[job])
            self.model.add(self.take.start + take <= self.walks[0].start).only_enforce_if(by_clerk)
            if not ahead:
                self.model.add_bool_or(~chosen, ~by_clerk, self.put.present)
                self.model.add(arrival >= self.put.start).only_enforce_if(chosen, by_clerk)
            elif goal not in facts.clerk_zones:
                self._hand_over((chosen, by_clerk), job, arrival - lag)
        self.model.add_exactly_one(choices)
        self.stands[job] = choices

    def _hand_over(self, when: tuple[Var, Var], job: int, taken: Var) -> None:
        """What the clerk has in hand she puts down before another can take it: before, or after."""
        earlier = self._flag()
        self.model.add_implication(earlier, self.put.before[job])
        later = self.accepted[job] + self.accept
        self.model.add(taken >= later).only_enforce_if(*when, ~earlier)

    # --- centrifuge and aliquoter ----------------------------------------------------------------

    def _prepare(self) -> None:
        """Spins take units, aliquots take the aliquoter; carriers are as many as may be wanted."""
        facts, take = self.facts, self.facts.handling["RETRIEVE"]
        spinning = [number for number, job in enumerate(facts.jobs) if job.spins]
        # Spins that are not wanted come after all the others, however late that is.
        latest = self.most + facts.spin * len(spinning)
        self.spins = [self.model.new_int_var(0, latest, "spin") for _ in spinning]
        for number, later in enumerate(self.spins[1:], start=1):
            self.model.add(self.spins[number - 1] <= later)
            if number >= facts.spin_units:
                self.model.add(later >= self.spins[number - facts.spin_units] + facts.spin)
        self._count_spun(spinning)
        draws = []
        for number, job in enumerate(facts.jobs):
            if not job.spins:
                self._reach_lanes(number, job, None)
                continue
            arrival, drawn = self._time("bay"), self._time("aliquot")
            self._accepted_at(number, facts.bay, arrival)
            chosen = self.spin_of[number]
            on = facts.spin + take + facts.walk[facts.bay][facts.bench]
            self.model.add(drawn >= arrival + on)  # follows; helps the relaxation
            for literal, spin in zip(chosen, self.spins, strict=True):
                self.model.add(spin >= arrival).only_enforce_if(literal)
                self.model.add(drawn >= spin + on).only_enforce_if(literal)
            draws.append(self.model.new_fixed_size_interval_var(drawn, facts.aliquot, "aliquot"))
            self._reach_lanes(number, job, drawn)
        self.model.add_no_overlap(draws)

    def _count_spun(self, spinning: Sequence[int]) -> None:
        """Give each job one spin; all in a spin and those before it have been prepared by then.

        The second follows from the rest; a linear relaxation does not see it otherwise.
        """
        for job in spinning:
            self.spin_of[job] = [self._flag() for _ in self.spins]
            self.model.add_exactly_one(self.spin_of[job])
        loaded: Var = 0
        for number, spin in enumerate(self.spins):
            loaded += sum(self.spin_of[job][number] for job in spinning)
            self.model.add(spin >= self.prepare * loaded)

    def _reach_lanes(self, number: int, job: Job, drawn: Var | None) -> None:
        """Bind when a job can be queued to where it comes from: reception, or the aliquoter."""
        facts, take = self.facts, self.facts.handling["RETRIEVE"]
        if drawn is None:
            self._accepted_at(number, job.lanes[0].zone, self.queued[number])
            return
        for lane, literal in zip(job.lanes, self.lane[number], strict=True):
            way = take + facts.walk[facts.bench][lane.zone]
            self.model.add(self.queued[number] >= drawn + way).only_enforce_if(literal)

    # --- analysers -------------------------------------------------------------------------------

    def _lanes(self) -> None:
        """Each job has one lane; a lane runs one job at a time."""
        runs: dict[str, list[Var]] = {}
        for job in self.facts.jobs:
            start = self._time("run")
            literals = [self._flag() for _ in job.lanes]
            self.model.add_exactly_one(literals)
            for lane, literal in zip(job.lanes, literals, strict=True):
                runs.setdefault(lane.device_id, []).append(
                    self.model.new_optional_fixed_size_interval_var(
                        start, lane.run, literal, lane.device_id
                    )
                )
            self.start.append(start)
            self.queued.append(self._time("queued"))
            self.lane.append(literals)
        for intervals in runs.values():
            self.model.add_no_overlap(intervals)

    def _analyse(self) -> None:
        """Analysts queue and start, one thing at a time, in the hall where they are."""
        team = self.facts.of_role(ANALYST)
        acts = [
            (number, time, size, self._assigned(len(team)))
            for number in range(self.count)
            for time, size in (
                (self.queued[number], self.facts.handling["QUEUE_RUN"]),
                (self.start[number], self.facts.handling["START_RUN"]),
            )
        ]
        for queue, start in zip(acts[::2], acts[1::2], strict=True):
            self._same_job(queue, start)
        for one, other in combinations(acts, 2):
            if one[0] != other[0]:
                self._same_analyst(one, other)

    def _assigned(self, count: int) -> list[Var]:
        literals = [self._flag() for _ in range(count)]
        self.model.add_exactly_one(literals)
        return literals

    def _same_job(self, queue: Sequence[Any], start: Sequence[Any]) -> None:
        """Start after queueing; in the same step only who acts later in it than the other."""
        self.model.add(start[1] >= queue[1])
        for first, one in enumerate(queue[3]):
            for second, other in enumerate(start[3]):
                if second <= first:
                    later = queue[1] + (queue[2] if second == first else 1)
                    self.model.add(start[1] >= later).only_enforce_if(one, other)

    def _same_analyst(self, one: Sequence[Any], other: Sequence[Any]) -> None:
        first = self._flag()
        for mine, yours in zip(one[3], other[3], strict=True):
            for here, there, between in self._halls(one[0], other[0]):
                literals = [mine, yours, *here, *there]
                self.model.add(other[1] >= one[1] + one[2] + between).only_enforce_if(
                    *literals, first
                )
                self.model.add(one[1] >= other[1] + other[2] + between).only_enforce_if(
                    *literals, ~first
                )

    def _halls(self, one: int, other: int) -> list[tuple[list[Var], list[Var], int]]:
        """Return, for the lanes of two jobs, the steps between their halls, and when that holds."""
        jobs = self.facts.jobs
        found = []
        for here, mine in zip(jobs[one].lanes, self.lane[one], strict=True):
            for there, yours in zip(jobs[other].lanes, self.lane[other], strict=True):
                between = self.facts.walk[here.zone][there.zone]
                found.append(([mine], [yours], between))
        return found

    def _order_twins(self) -> None:
        """Jobs of one kind are interchangeable: let them start in the order of their numbers."""
        last: dict[str, int] = {}
        for number, job in enumerate(self.facts.jobs):
            if job.kind in last:
                self.model.add(self.start[last[job.kind]] <= self.start[number])
            last[job.kind] = number

    # --- what is minimised -----------------------------------------------------------------------

    def release_s(self, number: int) -> Var:
        """Return when a job's results are there, in seconds."""
        job = self.facts.jobs[number]
        return self.facts.dt_s * self.start[number] + sum(
            literal * _after_s(lane)
            for literal, lane in zip(self.lane[number], job.lanes, strict=True)
        )

    def minimise(self, objective: str) -> None:
        """Say what is minimised: one of ``OBJECTIVES``."""
        releases = [self.release_s(number) for number in range(self.count)]
        if objective == "makespan":
            last = self.model.new_int_var(0, 2 * HORIZON_S, "last")
            for release in releases:
                self.model.add(last >= release)
            self.model.minimize(last)
        else:
            weights = [job.weight for job in self.facts.jobs]
            self.model.minimize(sum(w * item for w, item in zip(weights, releases, strict=True)))

    def _time(self, name: str) -> Var:
        return self.model.new_int_var(0, self.most, name)

    def _flag(self) -> Var:
        return self.model.new_bool_var("")


def _after_s(lane: Lane) -> int:
    return lane.run_s + lane.latency_s
