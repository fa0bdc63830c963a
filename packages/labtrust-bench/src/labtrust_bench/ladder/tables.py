"""A ladder in words: as text, Markdown, CSV or plain data."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any, Final

from labtrust_bench.ladder.climb import Ladder, Row, Verdict

COLUMNS: Final = ("task", "agent", "metric", "mean", "ci_low", "ci_high", "seeds")
_DIGITS: Final = 3


def as_json(ladder: Ladder) -> dict[str, Any]:
    """Return a ladder as plain data; numbers are rounded to three digits."""
    config = ladder.config
    return {
        "variant": config.variant,
        "seeds": config.seeds,
        "base_seed": config.base_seed,
        "agents": list(config.crews),
        "holds": ladder.holds,
        "rows": [_plain(item) for item in ladder.rows],
        "verdicts": [_plain(item) for item in ladder.verdicts],
    }


def _plain(item: Row | Verdict) -> dict[str, Any]:
    return {
        name: round(value, _DIGITS) if isinstance(value, float) else value
        for name, value in asdict(item).items()
    }


def as_csv(ladder: Ladder) -> str:
    """Return the rows as CSV with a head, without the last line feed."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in ladder.rows:
        plain = _plain(row)
        table.writerow([plain[name] for name in COLUMNS])
    return file.getvalue().rstrip("\n")


def as_text(ladder: Ladder) -> str:
    """Return the primary metrics as aligned columns, a line a task and crew, with verdicts."""
    head = ("task", "metric", "agent", "mean", "95 % interval", "above the one before")
    lines: list[tuple[str, ...]] = [head]
    above = {(item.task, item.upper): item for item in ladder.verdicts}
    task = ""
    for row in _primary(ladder):
        first = row.task != task
        task = row.task
        verdict = above.get((row.task, row.agent))
        lines.append(
            (
                row.task if first else "",
                row.metric if first else "",
                row.agent,
                f"{row.mean:.1f}",
                f"{row.ci_low:.1f} to {row.ci_high:.1f}",
                "" if verdict is None else _said(verdict),
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(_aligned(line, widths) for line in lines) + "\n" + _sum_up(ladder)


def _aligned(line: Sequence[str], widths: Iterable[int]) -> str:
    numbers = (3, 4)
    return "  ".join(
        f"{cell:>{width}}" if column in numbers else f"{cell:<{width}}"
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ).rstrip()


def _said(verdict: Verdict) -> str:
    apart = "separated" if verdict.separated else "NOT SEPARATED"
    return f"{apart} ({verdict.difference:+.1f}, {verdict.ci_low:.1f} to {verdict.ci_high:.1f})"


def _sum_up(ladder: Ladder) -> str:
    good = sum(item.separated for item in ladder.verdicts)
    return f"{good} of {len(ladder.verdicts)} steps separated, {ladder.config.seeds} seeds"


def as_markdown(ladder: Ladder) -> str:
    """Return a Markdown table: a line a task, a column a crew, with the 95 % interval."""
    crews = ladder.config.crews
    cells = {(row.task, row.agent): row for row in _primary(ladder)}
    lines = [_bars(("task", "metric", *crews)), _bars(("---", "---", *("---:" for _ in crews)))]
    for task in ladder.config.played:
        rows = [cells[task, crew] for crew in crews]
        figures = (f"{row.mean:.0f} ({row.ci_low:.0f} to {row.ci_high:.0f})" for row in rows)
        lines.append(_bars((f"`{task}`", f"`{rows[0].metric}`", *figures)))
    return "\n".join([*lines, "", _sum_up(ladder) + "."])


def _primary(ladder: Ladder) -> list[Row]:
    return [row for row in ladder.rows if row.primary]


def _bars(found: Iterable[str]) -> str:
    return "| " + " | ".join(found) + " |"
