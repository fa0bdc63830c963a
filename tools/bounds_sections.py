"""Sections of `docs/explanation/bounds.md`: the gaps of crews, for each objective."""

from __future__ import annotations

from typing import Final

from docs_markdown import table
from labtrust_bench.bounds.instances import RECIPES, get_instance
from labtrust_bench.bounds.report import GapRow, gap_percent, gap_rows
from labtrust_bench.bounds.store import read_solved
from labtrust_core.domains import open_policy

CREWS: Final = ("plan", "scripted", "fifo", "fcfs", "edd", "slack", "spt", "atc")


def gap_section(objective: str) -> str:
    """Return a table of the shipped instances: bound, best known value, and each crew's gap."""
    policy = open_policy()
    lines = []
    for name in RECIPES:
        item = get_instance(name, policy)
        solved = read_solved(item, policy)
        rows = gap_rows(item, policy, solved, CREWS, objective)
        status = solved.objectives[objective].status
        lines.append((f"`{name}`", str(rows[0].specimens), *_known(rows[0], status), *_gaps(rows)))
    heads = ("instance", "specimens", "bound", "best known", *(f"`{name}`" for name in CREWS))
    return table(heads, lines)


def _known(row: GapRow, status: str) -> tuple[str, str]:
    bound = f"{row.bound}" if status == "optimal" else f"{row.bound} (time ran out)"
    if row.proven:
        return bound, f"**{row.best_known}**"
    return bound, f"{row.best_known} (+{gap_percent(row.best_known, row.bound):.2f} %)"


def _gaps(rows: list[GapRow]) -> list[str]:
    return ["-" if row.gap_percent is None else f"+{row.gap_percent:.1f} %" for row in rows]
