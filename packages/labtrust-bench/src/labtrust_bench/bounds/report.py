"""How far crews are from the bound: the rows of ``labtrust optimality-gap``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from labtrust_core.engine.compiled import CompiledPolicy

from labtrust_bench.bounds.instances import Instance
from labtrust_bench.bounds.play import PLAN, play
from labtrust_bench.bounds.store import Solved, timetable

COLUMNS: Final = (
    "instance",
    "specimens",
    "objective",
    "bound",
    "best_known",
    "proven",
    "agents",
    "released",
    "value",
    "gap_percent",
)


@dataclass(frozen=True, slots=True)
class GapRow:
    """One crew on one instance.

    Attributes:
        instance: Name of the instance.
        specimens: How many specimens it has.
        objective: ``weighted`` or ``makespan``; seconds.
        bound: No crew does better.
        best_known: The best that a crew has reached: the stored plan, or one of those played.
        proven: Whether the two are equal: then that is the optimum.
        agents: Name of the crew.
        released: How many specimens it released.
        value: What it reached; null unless it released all.
        gap_percent: How far that is above the bound, in percent of the bound, to two places.
    """

    instance: str
    specimens: int
    objective: str
    bound: int
    best_known: int
    proven: bool
    agents: str
    released: int
    value: int | None
    gap_percent: float | None


def gap_percent(value: int, bound: int) -> float:
    """Return how far a value is above a bound, in percent of the bound, to two places."""
    return round(100 * (value - bound) / bound, 2)


def gap_rows(
    instance: Instance, policy: CompiledPolicy, solved: Solved, crews: Sequence[str], objective: str
) -> list[GapRow]:
    """Let crews play an instance and compare them with its bound; raises as ``play`` does."""
    known = solved.objectives[objective]
    plan = timetable(known.plan)
    outcomes = {crew: play(instance, policy, crew, plan) for crew in crews}
    values = {crew: item.value(objective) for crew, item in outcomes.items()}
    best = min([known.achieved, *(value for value in values.values() if value is not None)])
    rows = []
    for crew, outcome in outcomes.items():
        value = values[crew]
        rows.append(
            GapRow(
                instance.name,
                outcome.specimens,
                objective,
                known.bound,
                best,
                known.bound == best,
                crew,
                outcome.released,
                value,
                None if value is None else gap_percent(value, known.bound),
            )
        )
    return rows


def as_csv(rows: Iterable[GapRow]) -> str:
    """Return rows as CSV with a head line; a missing figure is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return out.getvalue()


def as_text(rows: Sequence[GapRow]) -> str:
    """Return rows as a table: an instance a line, a crew a column."""
    crews = tuple(dict.fromkeys(row.agents for row in rows))
    table = [("instance", "n", "bound", "best known", *crews)]
    for name in dict.fromkeys(row.instance for row in rows):
        mine = {row.agents: row for row in rows if row.instance == name}
        first = next(iter(mine.values()))
        best = "optimal" if first.proven else f"+{gap_percent(first.best_known, first.bound):.2f} %"
        cells = [_cell(mine[crew]) for crew in crews]
        table.append(
            (name, str(first.specimens), str(first.bound), f"{first.best_known} {best}", *cells)
        )
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    )


def _cell(row: GapRow) -> str:
    if row.gap_percent is None:
        return f"{row.released} of {row.specimens}"
    return f"+{row.gap_percent:.2f} %"


__all__ = ["COLUMNS", "PLAN", "GapRow", "as_csv", "as_text", "gap_percent", "gap_rows"]
