"""Draw the rows of a check as an SVG: how many standard errors each lies from theory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from labtrust_core.render.svg import document, label, tag
from labtrust_core.theory.check import BAND, Row

_LINE: Final = 16
_TOP: Final = 40
_LABELS: Final = 470
_PLOT: Final = 400
_MARGIN: Final = 24
_EDGE: Final = (
    BAND + 1
)  # standard errors from the middle to the edge; what lies beyond is drawn there
_GOOD: Final = "#1a6faf"
_BAD: Final = "#c0392b"


def deviations_svg(rows: Sequence[Row]) -> str:
    """Return an SVG document with one line a row.

    A dot is a row's deviation from theory in standard errors; the grey band is where it must lie.
    """
    height = _TOP + _LINE * len(rows) + _MARGIN
    bottom = height - _MARGIN
    band = tag(
        "rect",
        x=_x(-BAND),
        y=_TOP,
        width=_x(BAND) - _x(-BAND),
        height=bottom - _TOP,
        fill="#eeeeee",
    )
    parts = [
        band,
        *(_tick(mark, bottom) for mark in range(-BAND, BAND + 1, 2)),
        *(_row(index, row) for index, row in enumerate(rows)),
    ]
    title = "Deviation of the simulator from theory, in standard errors"
    return document(_LABELS + _PLOT + _MARGIN, height, title, parts, 11)


def _x(deviation: float) -> float:
    bounded = max(-_EDGE, min(_EDGE, deviation))
    return round(_LABELS + _PLOT * (bounded + _EDGE) / (2 * _EDGE), 1)


def _tick(mark: int, bottom: int) -> str:
    x = _x(mark)
    line = tag("line", x1=x, y1=_TOP, x2=x, y2=bottom, stroke="#bbbbbb")
    return line + label(x, _TOP - 8, f"{mark} SE", text_anchor="middle")


def _row(index: int, row: Row) -> str:
    y = _TOP + _LINE * index + _LINE // 2
    colour = _GOOD if row.within else _BAD
    name = label(_LABELS - 8, y + 4, f"{row.case}: {row.quantity}", text_anchor="end")
    return name + tag("circle", cx=_x(row.deviation), cy=y, r=4, fill=colour)
