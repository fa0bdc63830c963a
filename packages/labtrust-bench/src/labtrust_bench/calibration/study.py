"""Days of a site, simulated one by one or over processes, and compared with the figures.

Of each day only its measures and the points of its curves are kept, so memory does not grow with
what happened in a day, and every day has the seed after the last one's.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Final

from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.policy.directory import find_policy_dir

from labtrust_bench.calibration.day import Day, play_day
from labtrust_bench.calibration.estimate import estimate
from labtrust_bench.calibration.figures import Figure, Kind
from labtrust_bench.calibration.measures import (
    HOUR_S,
    MEASURES,
    chosen,
    quantile,
    turnarounds,
)

POINTS: Final = tuple(range(2, 100, 2))
"""The percentiles of a curve."""
CURVES: Final = tuple(
    (priority, code) for priority in ("STAT", "ROUTINE") for code in ("HAEM", "COAG", "BIOCHEM")
)
HOURS: Final = 24


FITTED_SITE: Final = "district"
"""The site whose parameters were fitted, and for which the reasons of rows that are off hold."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate.

    Attributes:
        site: Name of a site profile.
        days: How many days, at least 1.
        seed: Seed of the first; each further day has the next.
        policy_dir: The policy folder; by default the one in force.
        partner: Id of the partner whose overlay applies, if any.
    """

    site: str = FITTED_SITE
    days: int = 20
    seed: int = 1
    policy_dir: Path | None = None
    partner: str | None = None


@dataclass(frozen=True, slots=True)
class DayFigures:
    """What is kept of a day.

    Attributes:
        seed: Its seed.
        values: Measure to its value.
        curves: Priority and discipline to the minutes at each of ``POINTS``.
        arrivals: Source to the requests in each hour of the day.
        busy_permille: Device to the share of its units' time that they were occupied.
    """

    seed: int
    values: dict[str, float | None]
    curves: dict[tuple[str, str], list[float | None]]
    arrivals: dict[str, list[int]]
    busy_permille: dict[str, int]


@dataclass(frozen=True, slots=True)
class Row:
    """A published figure beside the simulated one; the interval is that of the mean over days.

    Attributes:
        agrees: Whether the interval and the published range have something in common; without an
            interval, whether the value lies in the range. ``None`` where no day has the quantity.
        in_range: Whether the mean itself lies in the range. A row that agrees without that is
            within the error of the simulation, and no more.
        note: What to know about the comparison.
        reason: The likely reason where the mean is outside; empty where none is known.
    """

    id: str
    quantity: str
    unit: str
    published: float
    published_low: float
    published_high: float
    range: str
    source: str
    simulated: float | None
    ci_low: float | None
    ci_high: float | None
    kind: Kind
    agrees: bool | None
    in_range: bool | None
    note: str
    reason: str


def reduce_day(day: Day) -> DayFigures:
    """Return what is kept of a day."""
    arrivals: dict[str, list[int]] = {}
    for tube in {tube.request_id: tube for tube in day.tubes}.values():
        hour = (day.starts_at_s + tube.arrived_s) // HOUR_S % HOURS
        arrivals.setdefault(tube.source, [0] * HOURS)[hour] += 1
    curves = {}
    for priority, code in CURVES:
        found = turnarounds(day, chosen(code, priority))
        curves[priority, code] = [quantile(found, point / 100) for point in POINTS]
    return DayFigures(
        seed=day.seed,
        values={name: measure(day) for name, measure in MEASURES.items()},
        curves=curves,
        arrivals=dict(sorted(arrivals.items())),
        busy_permille={item.device_id: item.busy_permille for item in day.machines},
    )


def simulate(plan: Plan, jobs: int, done: Callable[[], None]) -> list[DayFigures]:
    """Simulate the days of a plan; the result does not depend on ``jobs``.

    Args:
        plan: What to simulate.
        jobs: How many processes share the work; 1 keeps it in this one.
        done: Called after each day.

    Raises:
        UsageError: There are no days or no processes.
        UnknownNameError: Policy knows no such site.
    """
    if plan.days < 1 or jobs < 1:
        raise UsageError(f"{plan.days} days in {jobs} processes: at least one of each is needed")
    policy = open_policy(plan.policy_dir, plan.partner)
    tables: LabTables = policy.tables
    if plan.site not in tables.site_profiles:
        raise UnknownNameError("site", plan.site, tables.site_profiles)
    seeds = range(plan.seed, plan.seed + plan.days)
    found: dict[int, DayFigures] = {}
    with _days(plan, policy, seeds, min(jobs, plan.days)) as results:
        for result in results:
            found[result.seed] = result
            done()
    return [found[seed] for seed in seeds]


@contextmanager
def _days(
    plan: Plan, policy: CompiledPolicy, seeds: Sequence[int], jobs: int
) -> Iterator[Iterator[DayFigures]]:
    """Give the days as they are finished; an interruption does not wait for the rest."""
    if jobs == 1:
        yield (reduce_day(play_day(policy, plan.site, seed)) for seed in seeds)
        return
    folder = plan.policy_dir or find_policy_dir()
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), _open, (folder, plan.partner, plan.site))
    try:
        futures = [pool.submit(_one, seed) for seed in seeds]
        yield (future.result() for future in as_completed(futures))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_OPENED: dict[str, tuple[CompiledPolicy, str]] = {}


def _open(policy_dir: Path, partner: str | None, site: str) -> None:
    """Open the policy once in a process, which ends without a word when its parent does."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    Thread(target=_end_with_parent, daemon=True).start()
    _OPENED["here"] = open_policy(policy_dir, partner), site


def _end_with_parent() -> None:
    """Wait for the parent to end, however it does: nobody would take what is worked out here."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _one(seed: int) -> DayFigures:
    policy, site = _OPENED["here"]
    return reduce_day(play_day(policy, site, seed))


def compare(figures: Mapping[str, Figure], days: Sequence[DayFigures]) -> list[Row]:
    """Return a row for each figure, fitted ones first, in the order of the figures.

    Raises:
        UnknownNameError: A figure names a measure that there is not.
    """
    rows = [_row(name, figure, days) for name, figure in figures.items()]
    return sorted(rows, key=lambda row: row.kind != "fitted")


def _row(name: str, figure: Figure, days: Sequence[DayFigures]) -> Row:
    if figure.measure not in MEASURES:
        raise UnknownNameError("measure", figure.measure, MEASURES)
    found = estimate([day.values[figure.measure] for day in days])
    agrees = in_range = None
    if found.mean is not None:
        in_range = figure.low <= found.mean <= figure.high
        low = found.mean if found.low is None else found.low
        high = found.mean if found.high is None else found.high
        agrees = low <= figure.high and high >= figure.low
    return Row(
        id=name,
        quantity=figure.quantity,
        unit=figure.unit,
        published=figure.published,
        published_low=figure.low,
        published_high=figure.high,
        range=figure.range_,
        source=figure.source,
        simulated=found.mean,
        ci_low=found.low,
        ci_high=found.high,
        kind=figure.kind,
        agrees=agrees,
        in_range=in_range,
        note=figure.note,
        reason=figure.off if in_range is False else "",
    )
