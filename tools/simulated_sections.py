"""Sections and pictures of `docs/` that take a simulation: seconds to minutes."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any, Final

from command_sections import shown
from docs_markdown import table
from labtrust_core.ledger.verify import verify_log


@cache
def _quick_eval() -> tuple[str, str]:
    """Return what `labtrust quick-eval` prints, and the report on one of its logs."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        block = shown("quick-eval", "--seed", "7")
        (log,) = Path().glob("labtrust_runs/*/logs/throughput_sla/episode_0.jsonl")
        report = verify_log(log)
    return re.sub(r"quick_eval_\w+", "quick_eval_<time>", block), f"```\n{report}\n```"


def quick_eval_section() -> str:
    """Return the summary of a quick evaluation."""
    return _quick_eval()[0]


def verify_section() -> str:
    """Return the report on a log of that evaluation."""
    return _quick_eval()[1]


@cache
def _theory() -> tuple[str, str]:
    """Return the comparison with theory, and its plot."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        text = shown("check-theory", "--plot", "theory.svg")
        return text, Path("theory.svg").read_text(encoding="utf-8")


def theory_section() -> str:
    """Return the comparison with theory."""
    return _theory()[0]


def theory_plot() -> str:
    """Return its plot."""
    return _theory()[1]


@cache
def _pictures() -> tuple[str, str]:
    """Return the floor plan in the middle of a logged shift, and the timeline of that shift."""
    log = ("--log", "episode.jsonl")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        shown("run-benchmark", "--task", "throughput_sla", "--seed", "7", *log, "--out", "r.json")
        shown("render", "floor", *log, "--at", "9000", "--out", "floor.svg")
        shown("render", "timeline", *log, "--out", "timeline.svg")
        floor, timeline = (Path(name).read_text("utf-8") for name in ("floor.svg", "timeline.svg"))
    return floor, timeline


def floor_picture() -> str:
    """Return the floor plan."""
    return _pictures()[0]


def timeline_picture() -> str:
    """Return the timeline."""
    return _pictures()[1]


@cache
def _calibration() -> tuple[dict[str, Any], dict[str, str]]:
    """Return the report on twenty days of the default site, and its plots by file name."""
    with tempfile.TemporaryDirectory() as folder:  # processes of its own start from this folder
        block = shown("calibrate", "--format", "json", "--plot", folder)
        plots = {file.name: file.read_text("utf-8") for file in Path(folder).iterdir()}
    return json.loads("\n".join(block.splitlines()[2:-1])), plots


_MARKS: Final[Mapping[tuple[bool | None, bool | None], str]] = {
    (True, True): "agrees",
    (True, False): "*touches*",
    (False, False): "**off**",
    (None, None): "no value",
}


def calibration_rows(kind: str) -> str:
    """Return the rows of one kind."""
    found = [row for row in _calibration()[0]["rows"] if row["kind"] == kind]
    rows = (
        (
            _MARKS[row["agrees"], row["in_range"]],
            row["quantity"],
            f"{row['published']:g} {row['unit']}",
            f"{row['published_low']:g} to {row['published_high']:g} ({row['range']})",
            _number(row["simulated"]),
            f"{_number(row['ci_low'])} to {_number(row['ci_high'])}",
            row["source"] + (f" ({row['note']})" if row["note"] else ""),
        )
        for row in found
    )
    head = ("", "quantity", "published", "range", "simulated", "95 % interval", "source")
    marks = Counter(_MARKS[row["agrees"], row["in_range"]].strip("*") for row in found)
    counted = ", ".join(f"{count} {mark}" for mark, count in sorted(marks.items()))
    return table(head, rows) + f"\n\nOf {len(found)} {kind} rows: {counted}."


def calibration_off() -> str:
    """Return what is off, and what only touches, grouped by the likely reasons."""
    parts = []
    for agrees, title in ((False, "Off"), (True, "Only within the error")):
        reasons: dict[str, list[str]] = {}
        for row in _calibration()[0]["rows"]:
            if (row["agrees"], row["in_range"]) == (agrees, False):
                against = f"{_number(row['simulated'])} against {row['published']:g} {row['unit']}"
                reasons.setdefault(row["reason"] or "no reason is known", []).append(
                    f"**{row['quantity']}** ({row['kind']}; {against})"
                )
        lines = [f"- {'; '.join(found)}: {reason}." for reason, found in reasons.items()]
        parts += [f"{title}:", "\n".join(lines)]
    return "\n\n".join(parts)


def calibration_rest() -> str:
    """Return what is measured without a published figure beside it."""
    report = _calibration()[0]
    named = {"tubes that waited too long and were thrown away": report["spoilt_percent"]}
    named |= {f"`{name}`, occupied": item for name, item in report["utilisation_percent"].items()}
    late = {f"{name}, 90th percentile": item for name, item in report["turnaround_90_min"].items()}
    rows = (
        (name, unit, *(_number(item[key]) for key in ("simulated", "ci_low", "ci_high")))
        for unit, items in (("%", named), ("min", late))
        for name, item in items.items()
    )
    return table(("quantity", "unit", "mean", "from", "to"), rows)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def calibration_plot(name: str) -> str:
    """Return one of the plots of that report."""
    return _calibration()[1][name]
