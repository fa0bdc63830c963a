"""What `labtrust golden` shows as tables: coverage in brief and in full, what became of mutants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from labtrust_core.golden.coverage import COLUMNS, totals
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from labtrust_core.golden.mutation import MutantOutcome
    from labtrust_core.golden.report import Coverage

WIDTH: Final = 120  # whether or not stdout is a terminal
SHOWN: Final = 6  # names of what is not reached, a row
SURVIVED: Final = "SURVIVED"


def coverage_summary(coverage: Coverage) -> str:
    """What is reached, by kind and column, with the first few names that are not."""
    rows = []
    for total in totals(coverage):
        more = len(total.missing) - SHOWN
        missing = ", ".join(total.missing[:SHOWN]) + (f" and {more} more" if more > 0 else "")
        rows.append((total.table, total.column, f"{total.reached} of {total.rows}", missing))
    return _table("Coverage", ("kind", "column", "reached", "not reached"), rows)


def coverage_matrix(coverage: Coverage) -> str:
    """Every row of every table, with the scenarios that reach it."""
    return "\n".join(
        _table(
            name,
            ("row", *columns),
            (
                (row, *(", ".join(cells[column]) or "-" for column in columns))
                for row, cells in rows
            ),
        )
        for name, columns in COLUMNS.items()
        for rows in [coverage[name].items()]
    )


def mutant_table(outcomes: Iterable[MutantOutcome]) -> str:
    """Every mutant, with the scenario and the step that catch it, and the first failure."""
    rows = (
        (
            item.mutant,
            item.partner or "-",
            item.caught_by or SURVIVED,
            item.event_id or "-",
            item.how or "-",
        )
        for item in outcomes
    )
    return _table("Mutants", ("without", "overlay", "caught by", "step", "how"), rows)


def _table(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console(width=WIDTH, no_color=True, markup=False)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().rstrip().splitlines())
