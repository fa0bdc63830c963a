"""What a person wants to know of a results file: one row, as figures and as words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from labtrust_bench.runs.metrics import Metrics, Turnaround, nearest_rank, permille
from labtrust_bench.runs.results import Results

PRIORITIES: Final = ("STAT", "URGENT", "ROUTINE")
NOTHING: Final = "-"
"""Stands where there is no figure."""


class SummaryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One results file in figures. Counts are sums over its episodes.

    Attributes:
        task: Name of the task.
        agents: Name of the crew that was measured.
        episodes: Number of episodes.
        arrivals: Specimens that came.
        released: Specimens released.
        released_before_cutoff_permille: Share released of what came before the last hour.
        p50_turnaround_s: Median turnaround by priority; of several episodes, the median of theirs.
        p95_turnaround_s: 95th percentile by priority; likewise.
        on_time_permille: Share of the released that was on time.
        violations: Invariants broken by accepted events.
        blocked_by_reason_code: Refused events by reason, the commonest first.
    """

    task: str
    agents: str
    episodes: int
    arrivals: int
    released: int
    released_before_cutoff_permille: int | None
    p50_turnaround_s: dict[str, int | None]
    p95_turnaround_s: dict[str, int | None]
    on_time_permille: int | None
    violations: int
    blocked_by_reason_code: dict[str, int]


def summarise(results: Results) -> SummaryRow:
    """Return the row of a results file."""
    found = [episode.metrics for episode in results.episodes]
    released = sum(item.throughput for item in found)
    early = sum(item.arrivals_before_cutoff for item in found)
    blocked: Counter[str] = Counter()
    for item in found:
        blocked.update(item.blocked_by_reason_code)
    return SummaryRow(
        task=results.task,
        agents=results.agent_baseline_id,
        episodes=len(found),
        arrivals=sum(item.arrivals for item in found),
        released=released,
        released_before_cutoff_permille=permille(
            sum(item.throughput_before_cutoff for item in found), early
        ),
        p50_turnaround_s={
            name: _median([_of(item, name).p50_s for item in found]) for name in PRIORITIES
        },
        p95_turnaround_s={
            name: _median([_of(item, name).p95_s for item in found]) for name in PRIORITIES
        },
        on_time_permille=permille(sum(item.on_time for item in found), released),
        violations=sum(sum(item.violations_by_invariant_id.values()) for item in found),
        blocked_by_reason_code=dict(
            sorted(blocked.items(), key=lambda entry: (-entry[1], entry[0]))
        ),
    )


def _of(metrics: Metrics, priority: str) -> Turnaround:
    return metrics.turnaround_by_priority[priority]


def _median(values: Sequence[int | None]) -> int | None:
    return nearest_rank([value for value in values if value is not None], 50)


def percent(share: int | None) -> str:
    """Return a share in thousandths as a percentage with one decimal."""
    return NOTHING if share is None else f"{share // 10}.{share % 10}"


def minutes(seconds: int | None) -> str:
    """Return seconds as whole minutes, rounded to the nearest."""
    return NOTHING if seconds is None else str((seconds + 30) // 60)


def turnaround_words(row: SummaryRow, priority: str) -> str:
    """Return median and 95th percentile of a priority, in minutes."""
    return f"{minutes(row.p50_turnaround_s[priority])} / {minutes(row.p95_turnaround_s[priority])}"


def blocked_words(row: SummaryRow) -> str:
    """Return the refused events by reason, in words."""
    found = ", ".join(f"{code} {count}" for code, count in row.blocked_by_reason_code.items())
    return found or "none"


COLUMNS: Final = (
    "task",
    "arrived",
    "released",
    "due %",
    *(f"{name} min" for name in PRIORITIES),
    "on-time %",
    "violations",
    "blocked",
)
"""Columns of the summary; turnaround is "median / 95th percentile"."""

LEGEND: Final = (
    "STAT, URGENT, ROUTINE: minutes from arrival to release, median / 95th percentile. "
    "Due: the share released of what arrived an hour or more before the end."
)


def cells(row: SummaryRow) -> tuple[str, ...]:
    """Return a row's cells, in the order of ``COLUMNS``."""
    return (
        row.task,
        str(row.arrivals),
        str(row.released),
        percent(row.released_before_cutoff_permille),
        *(turnaround_words(row, name) for name in PRIORITIES),
        percent(row.on_time_permille),
        str(row.violations),
        str(sum(row.blocked_by_reason_code.values())),
    )


def markdown(rows: Sequence[SummaryRow], title: str) -> str:
    """Return the summary as a Markdown page."""
    lines = [
        f"# {title}",
        "",
        _line(COLUMNS),
        _line("---" if number == 0 else "---:" for number in range(len(COLUMNS))),
        *(_line(cells(row)) for row in rows),
        "",
        LEGEND,
        "",
        "Blocked by reason:",
        "",
        *(f"- {row.task}: {blocked_words(row)}" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def _line(found: Iterable[str]) -> str:
    return "| " + " | ".join(found) + " |"


def one_line(row: SummaryRow) -> str:
    """Return a row as one line of text."""
    times = ", ".join(f"{name} {turnaround_words(row, name)}" for name in PRIORITIES)
    return "; ".join(
        (
            f"{row.task}: {row.agents}",
            f"{row.episodes} episode{'s' if row.episodes > 1 else ''}",
            f"released {row.released} of {row.arrivals}",
            f"{percent(row.released_before_cutoff_permille)} % of those due",
            f"median / p95 in minutes {times}",
            f"on time {percent(row.on_time_permille)} %",
            f"violations {row.violations}",
            f"blocked {sum(row.blocked_by_reason_code.values())}",
        )
    )
