"""Closed formulas of queueing theory.

Rates are per unit of time, and every queue here is stable. The names of the formulas are those of
the textbooks (Kleinrock, Queueing Systems I; Gross and Harris, Fundamentals of Queueing Theory).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import exp

from labtrust_core.theory.laws import Law

_ROOT_STEPS = 200


@dataclass(frozen=True, slots=True)
class Moments:
    """The mean of a duration, and the mean of its square."""

    mean: float
    square: float


@dataclass(frozen=True, slots=True)
class Breakdowns:
    """A device that breaks down ``rate`` times a unit of time in which it works.

    Repairs are exponential with mean ``repair``.
    """

    rate: float
    repair: float


def erlang_b(offered: float, servers: int) -> float:
    """Return the share of customers lost at ``servers`` busy servers (Erlang B)."""
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked


def erlang_c(offered: float, servers: int) -> float:
    """Return the share of customers that wait for one of ``servers`` (Erlang C)."""
    blocked = erlang_b(offered, servers)
    return blocked / (1 - offered / servers * (1 - blocked))


def mmc_wait(rate: float, servers: int) -> float:
    """Return the mean wait in M/M/c with mean service 1."""
    return erlang_c(rate, servers) / (servers - rate)


def mmc_wait_over(rate: float, servers: int, limit: float) -> float:
    """Return the share of waits over ``limit`` in M/M/c with mean service 1."""
    return erlang_c(rate, servers) * exp(-(servers - rate) * limit)


def pollaczek_khinchine(rate: float, service: Law | Moments) -> float:
    """Return the mean wait in M/G/1."""
    return rate * service.square / (2 * (1 - rate * service.mean))


def cobham(rates: Sequence[float], services: Sequence[Law]) -> list[float]:
    """Return the mean wait of each class in M/G/1 with non-preemptive priorities, first first."""
    residual = sum(rate * law.square for rate, law in zip(rates, services, strict=True)) / 2
    loads = [rate * law.mean for rate, law in zip(rates, services, strict=True)]
    return [residual / factor for factor in _priority_factors(loads)]


def cobham_many(rates: Sequence[float], servers: int) -> list[float]:
    """Return the mean wait of each class in M/M/c, mean service 1, non-preemptive priorities."""
    residual = erlang_c(sum(rates), servers) / servers
    return [residual / factor for factor in _priority_factors([rate / servers for rate in rates])]


def _priority_factors(loads: Sequence[float]) -> list[float]:
    sums = [0.0, *accumulate(loads)]
    return [(1 - before) * (1 - with_it) for before, with_it in pairwise(sums)]


def conserved(rates: Sequence[float], services: Sequence[Law]) -> float:
    """Return the sum of load times mean wait over the classes of M/G/1.

    Kleinrock's conservation law: no work-conserving, non-preemptive order of service that does not
    look at service times can change it.
    """
    load = sum(rate * law.mean for rate, law in zip(rates, services, strict=True))
    residual = sum(rate * law.square for rate, law in zip(rates, services, strict=True)) / 2
    return load * residual / (1 - load)


def mm1k(load: float, places: int) -> list[float]:
    """Return the shares of time with 0..``places`` customers in M/M/1/K."""
    weights = [load**count for count in range(places + 1)]
    return [weight / sum(weights) for weight in weights]


def batch_arrivals_stay(rate: float, size: int) -> float:
    """Return the mean stay in M/M/1, mean service 1, when customers arrive ``size`` at a time."""
    load = rate * size
    return load * (1 + size) / (2 * (1 - load)) / load


def gim1_root(intervals: int | None, interval: float) -> float:
    """Return the root of GI/M/1 with mean service 1: the share of customers that wait.

    Args:
        intervals: Phases of the Erlang time between arrivals; ``None`` for a fixed time.
        interval: Mean time between arrivals.
    """
    root = 0.5
    for _ in range(_ROOT_STEPS):
        if intervals is None:
            root = exp(-interval * (1 - root))
        else:
            root = (1 + interval * (1 - root) / intervals) ** -intervals
    return root


def gim1_wait(intervals: int | None, interval: float) -> float:
    """Return the mean wait in GI/M/1 with mean service 1 (see ``gim1_root``)."""
    root = gim1_root(intervals, interval)
    return root / (1 - root)


def fill_wait(rate: float, size: int) -> float:
    """Return the mean wait until a batch of ``size`` is full."""
    return (size - 1) / (2 * rate)


def resumed(service: Law, faults: Breakdowns) -> Moments:
    """Return the moments of a run that stands still in every fault and then goes on."""
    stretch = 1 + faults.rate * faults.repair
    return Moments(
        service.mean * stretch,
        stretch**2 * service.square + faults.rate * 2 * faults.repair**2 * service.mean,
    )


def wait_with_faults(rate: float, run: Moments, faults: Breakdowns) -> float:
    """Return the mean wait in M/G/1 whose device also breaks down while nobody is there.

    Pollaczek-Khinchine, and the delay of who finds the device idle but broken as a start-up time
    (Levy and Kleinrock, A queue with starter, 1986).
    """
    broken = faults.rate / (faults.rate + 1 / faults.repair + rate)
    start = Moments(broken * faults.repair, 2 * broken * faults.repair**2)
    delay = (2 * start.mean + rate * start.square) / (2 * (1 + rate * start.mean))
    return pollaczek_khinchine(rate, run) + delay
