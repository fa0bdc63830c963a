"""A whole calibration: the rows, and what is measured without a published figure beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from labtrust_bench.calibration.estimate import Estimate, estimate
from labtrust_bench.calibration.figures import Figure
from labtrust_bench.calibration.plot import NAMES, arrivals_svg, forest_svg, turnaround_svg
from labtrust_bench.calibration.study import (
    CURVES,
    FITTED_SITE,
    POINTS,
    DayFigures,
    Plan,
    Row,
    compare,
    simulate,
)

FEWEST: Final = 20
"""Days below which the intervals are wide."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Days of a site against the published figures.

    Attributes:
        plan: What was simulated.
        rows: A row a published figure.
        utilisation: Device to the per cent of its units' time that they were occupied.
        late: Priority and discipline to the 90th percentile of turnaround, in minutes.
        spoilt: Per cent of tubes that waited too long and were thrown away.
        days: What was kept of each day.
    """

    plan: Plan
    rows: list[Row]
    utilisation: dict[str, Estimate]
    late: dict[str, Estimate]
    spoilt: Estimate
    days: list[DayFigures]


def calibrate(
    plan: Plan, figures: Mapping[str, Figure], jobs: int, done: Callable[[], None]
) -> Calibration:
    """Simulate the days of a plan and compare them (see ``simulate`` and ``compare``).

    Why a row is off was looked into at the site that was fitted; at another no reason is known.
    """
    days = simulate(plan, jobs, done)
    rows = compare(figures, days)
    if plan.site != FITTED_SITE:
        rows = [replace(row, reason="") for row in rows]
    devices = sorted({name for day in days for name in day.busy_permille})
    return Calibration(
        plan=plan,
        rows=rows,
        utilisation={
            name: estimate([day.busy_permille[name] / 10 for day in days]) for name in devices
        },
        late={
            f"{priority} {NAMES[code]}": estimate(
                [day.curves[priority, code][POINTS.index(90)] for day in days]
            )
            for priority, code in CURVES
        },
        spoilt=estimate([day.values["spoilt"] for day in days]),
        days=days,
    )


def notes(plan: Plan) -> list[str]:
    """Return what to say about a plan before its rows are believed."""
    found = []
    if plan.days < FEWEST:
        found.append(
            f"fewer than {FEWEST} days: intervals are wide, and what is rare may be missing"
        )
    if plan.site != FITTED_SITE:
        found.append(f"parameters were fitted for site {FITTED_SITE}, not for {plan.site}")
    return found


def write_plots(found: Calibration, folder: Path) -> list[Path]:
    """Write the plots of a calibration into a folder, which is made, and return their files."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "calibration-rows.svg": forest_svg(found.rows),
        "calibration-turnaround.svg": turnaround_svg(found.days, found.rows),
        "calibration-arrivals.svg": arrivals_svg(found.days),
    }
    files = []
    for name, text in drawn.items():
        files.append(folder / name)
        files[-1].write_text(text, encoding="utf-8")
    return files


def verdict(rows: Sequence[Row]) -> str:
    """Return one line that counts what agrees, by kind."""
    parts = []
    for kind in ("fitted", "held-out"):
        found = [row for row in rows if row.kind == kind and row.agrees is not None]
        parts.append(
            f"{sum(row.agrees is True for row in found)} of {len(found)} {kind} rows agree"
        )
    missing = sum(row.agrees is None for row in rows)
    if missing:
        parts.append(f"{missing} without a value")
    return ", ".join(parts)
