"""Draw the rows of a check as an SVG: how many standard errors each lies from theory."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

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
    width = _LABELS + _PLOT + _MARGIN
    bottom = height - _MARGIN
    band = _x(BAND) - _x(-BAND)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="11">'
    )
    area = f'y="{_TOP}" width="{band:g}" height="{bottom - _TOP}" fill="#eeeeee"'
    parts = [
        head,
        "<title>Deviation of the simulator from theory, in standard errors</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<rect x="{_x(-BAND):g}" {area}/>',
        *(_tick(mark, bottom) for mark in range(-BAND, BAND + 1, 2)),
        *(_row(index, row) for index, row in enumerate(rows)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(deviation: float) -> float:
    bounded = max(-_EDGE, min(_EDGE, deviation))
    return round(_LABELS + _PLOT * (bounded + _EDGE) / (2 * _EDGE), 1)


def _tick(mark: int, bottom: int) -> str:
    x = _x(mark)
    return (
        f'<line x1="{x:g}" y1="{_TOP}" x2="{x:g}" y2="{bottom}" stroke="#bbbbbb"/>'
        f'<text x="{x:g}" y="{_TOP - 8}" text-anchor="middle">{mark} SE</text>'
    )


def _row(index: int, row: Row) -> str:
    y = _TOP + _LINE * index + _LINE // 2
    label = escape(f"{row.case}: {row.quantity}")
    colour = _GOOD if row.within else _BAD
    return (
        f'<text x="{_LABELS - 8}" y="{y + 4}" text-anchor="end">{label}</text>'
        f'<circle cx="{_x(row.deviation):g}" cy="{y}" r="4" fill="{colour}"/>'
    )
