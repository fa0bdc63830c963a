"""Dispatch rules: in which order the work that waits at one bench is taken.

A rule looks at each job by itself and at the moment, and gives it a number; the lowest goes first.
Ties go by arrival, then by name, so that an order is total and repeats itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import log
from typing import Final

ATC_LOOKAHEAD: Final = 2
"""``k`` of the apparent tardiness cost: over how many mean jobs the cost of being late fades."""

WEIGHTS: Final[Mapping[str, int]] = {"STAT": 4, "URGENT": 2, "ROUTINE": 1}
"""What being late costs, by priority: in inverse proportion to the turnaround targets, assumed."""


@dataclass(frozen=True, slots=True)
class Job:
    """One specimen that waits. All times in seconds.

    Attributes:
        name: Specimen id, or whatever tells jobs apart.
        arrived_s: When it arrived, in simulation time; negative before the episode.
        due_s: When it is to be released, in simulation time.
        work_s: What the devices still need for it, from 0.
        weight: What being late costs, above 0.
    """

    name: str
    arrived_s: int
    due_s: int
    work_s: int
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Moment:
    """When jobs are compared.

    Attributes:
        now_s: Simulation time in seconds.
        mean_work_s: Mean work of the jobs compared, in seconds, at least 1.
    """

    now_s: int
    mean_work_s: float


Rule = Callable[[Job, Moment], float]
"""``rule(job, moment)``: the lower, the sooner."""


def fcfs(job: Job, moment: Moment) -> float:
    """First come, first served: by arrival, whatever the priority."""
    del moment
    return job.arrived_s


def edd(job: Job, moment: Moment) -> float:
    """Earliest due date (Jackson 1955)."""
    del moment
    return job.due_s


def slack(job: Job, moment: Moment) -> float:
    """Least slack: due time, less now, less the work that is left."""
    return job.due_s - moment.now_s - job.work_s


def spt(job: Job, moment: Moment) -> float:
    """Shortest processing time: by the work that is left."""
    del moment
    return job.work_s


def atc(job: Job, moment: Moment) -> float:
    """Apparent tardiness cost with ``k = ATC_LOOKAHEAD``; see ``atc_of``."""
    return atc_of(ATC_LOOKAHEAD)(job, moment)


def atc_of(lookahead: float) -> Rule:
    """Return the apparent tardiness cost for a ``k`` above 0.

    The highest index ``I = w / p * exp(-max(d - p - t, 0) / (k * P))`` goes first, with weight
    ``w``, work ``p``, due time ``d``, now ``t`` and mean work ``P`` (Vepsalainen and Morton,
    Management Science 33 (1987) 1035). The rule gives ``-log I``, which orders alike and does not
    vanish for jobs that have much time. A job without work counts as one second.

    For ``k`` without bound only ``w / p`` is left, the weighted shortest processing time; for ``k``
    near 0, least slack, and ``w / p`` among jobs that are late.
    """

    def rule(job: Job, moment: Moment) -> float:
        work_s = max(1, job.work_s)
        spare_s = max(0, job.due_s - work_s - moment.now_s)
        return spare_s / (lookahead * moment.mean_work_s) - log(job.weight / work_s)

    return rule


RULES: Final[Mapping[str, Rule]] = {
    "fcfs": fcfs,
    "edd": edd,
    "slack": slack,
    "spt": spt,
    "atc": atc,
}
"""The rules by the name of the crew that follows them."""


def in_order(rule: Rule, jobs: Iterable[Job], now_s: int) -> list[Job]:
    """Return ``jobs`` in the order in which ``rule`` takes them at ``now_s``."""
    waiting = list(jobs)
    if not waiting:
        return []
    mean_work_s = sum(max(1, job.work_s) for job in waiting) / len(waiting)
    moment = Moment(now_s, mean_work_s)
    return sorted(waiting, key=lambda job: (rule(job, moment), job.arrived_s, job.name))
