"""`labtrust calibrate`: simulated days of a site against published figures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from labtrust_bench.calibration.estimate import Estimate
    from labtrust_bench.calibration.report import Calibration
    from labtrust_bench.calibration.study import Row

HEAD: Final = ("", "quantity", "published", "range", "simulated", "95 % interval", "unit")
_KINDS: Final = ("fitted", "held-out")
_MARKS: Final[dict[tuple[bool | None, bool | None], str]] = {
    (True, True): "agrees",
    (True, False): "touches",
    (False, False): "OFF",
    (None, None): "none",
}
_LEFT: Final = frozenset({0, 1, 6})
_WIDEST: Final = 68


@click.command(name="calibrate")
@click.option("--site", metavar="NAME", default="district", show_default=True, help="Which site.")
@click.option(
    "--days", type=click.IntRange(min=1), default=20, show_default=True, help="How many days."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Seed of the first day; each further one has the next.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="How many processes share the days.  [default: one a core]",
)
@click.option(
    "--plot",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    metavar="DIR",
    help="Draw the rows, the turnarounds and the arrivals into this folder.",
)
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@format_option
@pass_session
def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    session: Session,
    site: str,
    days: int,
    seed: int,
    jobs: int | None,
    plot: Path | None,
    partner: str | None,
    output_format: str,
) -> None:
    """Compare simulated days of a site with published figures.

    Each day is an episode of its own with the scripted crew, and one replication. A row agrees
    when the 95 % interval of its mean over days and the published range have something in common;
    it touches when the mean itself is outside.
    The rows say what was fitted and what was held out. This is a report: a row that is off does
    not change the exit code.
    """
    from labtrust_bench.calibration.figures import read_figures
    from labtrust_bench.calibration.report import calibrate, notes, write_plots
    from labtrust_bench.calibration.study import Plan

    plan = Plan(site=site, days=days, seed=seed, partner=session.partner(partner))
    figures = read_figures()
    with session.output.progress("days", days) as advance:
        found = calibrate(plan, figures, jobs or os.cpu_count() or 1, advance)
    if plot is not None:
        for file in write_plots(found, plot):
            session.output.note(f"{file} written")
    for note in notes(plan):
        session.output.note(note)
    if output_format == "json":
        session.output.result_json(as_json(found))
    else:
        session.output.result(as_text(found))


def as_json(found: Calibration) -> dict[str, Any]:
    """Return a calibration as plain data; numbers are rounded to six digits."""
    plan = found.plan
    return {
        "site": plan.site,
        "days": plan.days,
        "seed": plan.seed,
        "rows": [_plain(row) for row in found.rows],
        "utilisation_percent": {name: _interval(item) for name, item in found.utilisation.items()},
        "turnaround_90_min": {name: _interval(item) for name, item in found.late.items()},
        "spoilt_percent": _interval(found.spoilt),
    }


def _plain(row: Row) -> dict[str, Any]:
    from dataclasses import asdict

    plain = asdict(row)
    for name in ("simulated", "ci_low", "ci_high"):
        plain[name] = _rounded(plain[name])
    return plain


def _interval(item: Estimate) -> dict[str, float | None]:
    return {
        "simulated": _rounded(item.mean),
        "ci_low": _rounded(item.low),
        "ci_high": _rounded(item.high),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def as_text(found: Calibration) -> str:
    """Return a calibration as a table, the rows that are off with their reasons, and a count."""
    from labtrust_bench.calibration.report import verdict

    groups: list[tuple[str, list[tuple[str, ...]]]] = [
        (kind, [_cells(row) for row in found.rows if row.kind == kind]) for kind in _KINDS
    ]
    unmatched = [("Tubes that waited too long and were thrown away", "%", found.spoilt)]
    unmatched += [(f"{name}, time occupied", "%", item) for name, item in found.utilisation.items()]
    unmatched += [
        (f"Turnaround, {name}, 90th percentile", "min", item) for name, item in found.late.items()
    ]
    without: list[tuple[str, ...]] = [
        ("", text, "-", "-", *_shown(item), unit) for text, unit, item in unmatched
    ]
    groups.append(("without a published figure", without))
    lines = [HEAD, *(line for _title, group in groups for line in group)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    parts = [_line(HEAD, widths)]
    for title, group in groups:
        parts += ["", title, *(_line(cells, widths) for cells in group)]
    off = [row for row in found.rows if row.agrees is False]
    if off:
        parts += ["", "Where it is off:", *(_reason(row) for row in off)]
    return "\n".join([*parts, "", verdict(found.rows)])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        _MARKS[row.agrees, row.in_range],
        row.quantity if len(row.quantity) <= _WIDEST else f"{row.quantity[: _WIDEST - 1]}…",
        f"{row.published:g}",
        f"{row.published_low:g} to {row.published_high:g}",
        *_ends(row.simulated, row.ci_low, row.ci_high),
        row.unit,
    )


def _shown(item: Estimate) -> tuple[str, str]:
    return _ends(item.mean, item.low, item.high)


def _ends(mean: float | None, low: float | None, high: float | None) -> tuple[str, str]:
    interval = "-" if low is None or high is None else f"{low:.2f} to {high:.2f}"
    return "-" if mean is None else f"{mean:.2f}", interval


def _line(cells: Sequence[str], widths: Iterable[int]) -> str:
    return "  ".join(
        f"{cell:<{width}}" if column in _LEFT else f"{cell:>{width}}"
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ).rstrip()


def _reason(row: Row) -> str:
    side = "below" if (row.simulated or 0.0) < row.published_low else "above"
    return f"- {row.quantity}: {side} the published range; {row.reason or 'no reason is known'}"
