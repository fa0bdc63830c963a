"""Draws a ladder: a band a task, a mark with its interval a crew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from labtrust_core.render.svg import FAINT, INK, document, label, tag

from labtrust_bench.ladder.climb import Ladder, Row

_COLOURS: Final = ("#8e8e8e", "#e08e0b", "#1a6faf", "#2e8b57", "#8e44ad", "#c0392b")
_GRID: Final = "#eeeeee"
_FONT: Final = 11
_LABELS: Final = 180
_WIDTH: Final = 520
_TOP: Final = 56
_LINE: Final = 9
_GAP: Final = 12
_MARGIN: Final = 28
_STEPS: Final = 5


def ladder_svg(ladder: Ladder) -> str:
    """Return an SVG of the primary metrics: mean and 95 % interval of each crew, by task.

    Shares of thousand stand on an axis from 0 to 100 %; a metric of another kind is drawn as a
    share of the best crew's mean on that task.
    """
    crews = ladder.config.crews
    band = _LINE * len(crews) + _GAP
    bottom = _TOP + band * len(ladder.config.played)
    parts = [_key(crews), *(_tick(step, bottom) for step in range(_STEPS + 1))]
    for number, task in enumerate(ladder.config.played):
        rows = [row for row in ladder.rows if row.primary and row.task == task]
        parts.append(_band(rows, _TOP + band * number, band))
    title = "Crews on every task: primary metric, mean and 95 % interval"
    return document(_LABELS + _WIDTH + _MARGIN, bottom + _MARGIN, title, parts, _FONT)


def _key(crews: Sequence[str]) -> str:
    parts = []
    for number, crew in enumerate(crews):
        x = _LABELS + 96 * number
        parts.append(tag("circle", cx=x + 4, cy=14, r=4, fill=_colour(number)))
        parts.append(label(x + 14, 18, crew, fill=INK))
    return "".join(parts)


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _x(share: float) -> float:
    return _LABELS + _WIDTH * max(-0.02, min(1.0, share))


def _tick(step: int, bottom: int) -> str:
    x = _x(step / _STEPS)
    line = tag("line", x1=x, y1=_TOP - 6, x2=x, y2=bottom, stroke=_GRID)
    text = f"{100 * step // _STEPS} %"
    return line + label(x, _TOP - 12, text, text_anchor="middle", fill=FAINT)


def _band(rows: Sequence[Row], top: int, height: int) -> str:
    whole = _whole(rows)
    parts = [
        tag("line", x1=_LABELS, y1=top, x2=_LABELS + _WIDTH, y2=top, stroke=_GRID),
        label(_LABELS - 10, top + height / 2 + 4, rows[0].task, text_anchor="end", fill=INK),
    ]
    for number, row in enumerate(rows):
        y = top + _GAP / 2 + _LINE * (number + 0.5)
        low, high = _x(row.ci_low / whole), _x(row.ci_high / whole)
        colour = _colour(number)
        parts.append(tag("line", x1=low, y1=y, x2=high, y2=y, stroke=colour, stroke_width=3))
        parts.append(tag("circle", cx=_x(row.mean / whole), cy=y, r=3.4, fill=colour))
    return "".join(parts)


def _whole(rows: Sequence[Row]) -> float:
    """Return what is drawn at 100 %."""
    if rows[0].metric.endswith("permille"):
        return 1_000.0
    return max((row.mean for row in rows), default=0.0) or 1.0
