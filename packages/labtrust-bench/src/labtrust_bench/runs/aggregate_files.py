"""The rows of ``aggregate`` as CSV and Markdown: no clock time, no path, stable bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from labtrust_bench.runs.aggregate import FIGURES, SHARES, Group, Number
from labtrust_bench.runs.intervals import DIGITS, Interval, figure_words

Cell: TypeAlias = str | int | float | None
Row: TypeAlias = dict[str, Cell]

QUANTILES: Final = (50, 90)
NOTHING: Final = "-"
LEGEND: Final = (
    "Mean over episodes [95 % interval by Student's t], or share of episodes "
    "[95 % interval by Clopper and Pearson]."
)
_WORDS: Final = {
    "throughput": "released",
    "p50_turnaround_s": "p50 s",
    "p95_turnaround_s": "p95 s",
    "on_time_rate": "on time",
    "weighted_on_time_rate": "due on time, weighted",
    "violations_total": "violations",
    "blocked_total": "blocked",
}


def row_0_2(group: Group) -> Row:
    """Return a row of version 0.2: means and standard deviations."""
    header = group.header
    row: Row = {
        "task": header.task,
        "agent_baseline_id": header.agent_baseline_id,
        "partner_id": header.partner_id,
        "variant": header.config.variant,
        "policy_fingerprint": header.policy_fingerprint,
        "n_episodes": group.episodes,
    }
    for name in FIGURES:
        moments = group.moments(name)
        row |= {f"{name}_mean": moments.mean, f"{name}_std": moments.std}
    return row


def row_0_3(group: Group) -> Row:
    """Return a row of version 0.3: that of 0.2, quantiles over episodes, and intervals."""
    row = row_0_2(group)
    for name in FIGURES:
        values = sorted(group.figures[name])
        row |= {f"{name}_p{percent}": _quantile(values, percent) for percent in QUANTILES}
        row |= _ends(f"{name}_mean", group.moments(name).mean_interval())
    for name in SHARES:
        share = group.shares[name]
        row[f"{name}_episodes"] = share.hits
        row[f"{name}_of"] = share.count
        row[f"{name}_share"] = round(share.hits / share.count, DIGITS) if share.count else None
        row |= _ends(f"{name}_share", share.interval)
    return row


def _ends(name: str, interval: Interval | None) -> Row:
    lower, upper = (None, None) if interval is None else (interval.lower, interval.upper)
    return {f"{name}_ci_lower": lower, f"{name}_ci_upper": upper}


def _quantile(values: Sequence[Number], percent: int) -> float | None:
    """Return a quantile of sorted values by nearest rank."""
    if not values:
        return None
    return round(float(values[-(-percent * len(values) // 100) - 1]), DIGITS)


def csv_text(rows: Iterable[Row]) -> str:
    """Return rows as CSV with a header; what does not exist is empty."""
    listed = list(rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, list(listed[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(listed)
    return out.getvalue()


def markdown_text(groups: Sequence[Group], title: str = "Summary") -> str:
    """Return the groups as a Markdown page."""
    columns = ("task", "agents", "partner", "variant", "episodes", *_WORDS.values())
    columns = (*columns, "episodes without violation")
    lines = [
        f"# {title}",
        "",
        _line(columns),
        _line("---" if number < 4 else "---:" for number in range(len(columns))),  # noqa: PLR2004 - words stand left
        *(_line(_words(group)) for group in groups),
        "",
        LEGEND,
    ]
    return "\n".join(lines) + "\n"


def _words(group: Group) -> list[str]:
    header, clean = group.header, group.shares["without_violation"]
    moments = [group.moments(name) for name in _WORDS]
    return [
        header.task,
        header.agent_baseline_id,
        header.partner_id or NOTHING,
        header.config.variant,
        str(group.episodes),
        *(figure_words(item.mean, item.mean_interval()) for item in moments),
        figure_words(clean.hits / clean.count if clean.count else None, clean.interval),
    ]


def _line(found: Iterable[str]) -> str:
    return "| " + " | ".join(found) + " |"


def summary_files(groups: Sequence[Group], basename: str = "summary") -> dict[str, str]:
    """Return what each summary file holds, by its name; there is at least one group."""
    return {
        f"{basename}_v0.2.csv": csv_text(row_0_2(group) for group in groups),
        f"{basename}_v0.3.csv": csv_text(row_0_3(group) for group in groups),
        f"{basename}.md": markdown_text(groups),
    }


def write_files(files: dict[str, str], folder: Path) -> None:
    """Write text files into a folder that exists.

    Raises:
        OSError: One cannot be written.
    """
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("utf-8"))
