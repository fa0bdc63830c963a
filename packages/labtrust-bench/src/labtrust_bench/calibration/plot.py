"""Draws a comparison: rows against published ranges, turnaround curves, and arrivals by hour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log2
from statistics import fmean
from typing import Final

from labtrust_core.render.svg import FAINT, INK, document, label, shortened, tag

from labtrust_bench.calibration.study import CURVES, HOURS, POINTS, DayFigures, Row

_FITTED: Final = "#8e44ad"
_HELD_OUT: Final = "#1a6faf"
_OFF: Final = "#c0392b"
_GREY: Final = "#dddddd"
_GRID: Final = "#eeeeee"
_FONT: Final = 11

_LINE: Final = 16
_TOP: Final = 54
_LABELS: Final = 400
_WIDTH: Final = 420
_MARGIN: Final = 24
_TICKS: Final = ("1/8", "1/4", "1/2", "1", "2", "4", "8")
_EDGE: Final = 3.0
"""Doublings from the middle to the edge of the forest; what lies beyond is drawn there."""


def forest_svg(rows: Sequence[Row]) -> str:
    """Return an SVG with a line a row: published range in grey, simulated interval in colour.

    Every row is divided by its published value, so that all units fit on one axis of doublings. A
    fitted row is a square and a held-out one a dot; red ones are off.
    """
    shown = [row for row in rows if row.simulated is not None]
    bottom = _TOP + _LINE * len(shown)
    parts = [
        label(_LABELS, 18, "simulated / published; grey: published range", fill=FAINT),
        *_key(),
        *(_tick(text, index - len(_TICKS) // 2, bottom) for index, text in enumerate(_TICKS)),
        *(_row(index, row) for index, row in enumerate(shown)),
    ]
    title = "Simulated figures against published ones"
    return document(_LABELS + _WIDTH + _MARGIN, bottom + _MARGIN, title, parts, _FONT)


def _key() -> Iterable[str]:
    for x, colour, text in (
        (8, _FITTED, "fitted"),
        (70, _HELD_OUT, "held-out"),
        (148, _OFF, "off"),
    ):
        yield tag("rect", x=x, y=10, width=9, height=9, fill=colour)
        yield label(x + 14, 18, text, fill=INK)


def _x(ratio: float) -> float:
    doublings = log2(ratio) if ratio > 0 else -_EDGE
    return _LABELS + _WIDTH * (max(-_EDGE, min(_EDGE, doublings)) + _EDGE) / (2 * _EDGE)


def _tick(text: str, doublings: int, bottom: int) -> str:
    x = _x(2.0**doublings)
    line = tag("line", x1=x, y1=_TOP - 4, x2=x, y2=bottom, stroke=FAINT if text == "1" else _GRID)
    return line + label(x, _TOP - 10, text, text_anchor="middle", fill=FAINT)


def _row(index: int, row: Row) -> str:
    y = _TOP + _LINE * index + _LINE / 2
    kind = _FITTED if row.kind == "fitted" else _HELD_OUT
    colour = kind if row.agrees else _OFF
    low, high = _x(row.published_low / row.published), _x(row.published_high / row.published)
    band = tag("rect", x=low, y=y - 5, width=max(1.0, high - low), height=10, fill=_GREY)
    name = label(_LABELS - 8, y + 4, shortened(row.quantity, 66), text_anchor="end", fill=colour)
    middle = _x((row.simulated or 0.0) / row.published)
    whisker = ""
    if row.ci_low is not None and row.ci_high is not None:
        ends = [_x(end / row.published) for end in (row.ci_low, row.ci_high)]
        whisker = tag("line", x1=ends[0], y1=y, x2=ends[1], y2=y, stroke=colour, stroke_width=1.5)
    mark = (
        tag("rect", x=middle - 3, y=y - 3, width=6, height=6, fill=colour)
        if row.kind == "fitted"
        else tag("circle", cx=middle, cy=y, r=3.2, fill=colour)
    )
    return name + band + whisker + mark


_PLOT: Final = (64, 30, 700, 320)  # left, top, width, height of the plain plots
_MOST_MIN: Final = 180
NAMES: Final = {"HAEM": "blood count", "COAG": "coagulation", "BIOCHEM": "chemistry"}
_COLOURS: Final = {"HAEM": "#c0392b", "COAG": "#e08e0b", "BIOCHEM": "#1a6faf"}
_MEDIANS: Final = {
    (priority, code): f"median_{priority.lower()}_{name}"
    for priority in ("STAT", "ROUTINE")
    for code, name in (
        ("HAEM", "haematology"),
        ("COAG", "coagulation"),
        ("BIOCHEM", "chemistry"),
    )
}


def turnaround_svg(days: Sequence[DayFigures], rows: Sequence[Row]) -> str:
    """Return an SVG of the share of tubes that are out, over minutes since receipt.

    Curves are means over days of each day's percentiles; STAT is solid and ROUTINE dashed. A
    diamond is the published median, with the spread of the laboratories' medians as a line.
    """
    left, top, width, height = _PLOT

    def x(minutes: float) -> float:
        return left + width * min(minutes, _MOST_MIN) / _MOST_MIN

    def y(share: float) -> float:
        return top + height * (1 - share / 100)

    published = {row.id: row for row in rows}
    parts = [_grid(x, y)]
    for number, (priority, code) in enumerate(CURVES):
        colour, dash = _COLOURS[code], None if priority == "STAT" else "6 4"
        parts.append(_curve(days, (priority, code), (x, y), colour, dash))
        row = published.get(_MEDIANS[priority, code])
        if row is not None:
            parts.append(_diamond(row, (x, y), number, colour, dash))
        at = top + height - 14 - 16 * (len(CURVES) - number)
        line_x = left + width - 170
        parts.append(
            tag(
                "line",
                x1=line_x,
                y1=at - 4,
                x2=line_x + 26,
                y2=at - 4,
                stroke=colour,
                stroke_width=2,
                stroke_dasharray=dash,
            )
        )
        parts.append(label(line_x + 32, at, f"{priority} {NAMES[code]}", fill=INK))
    title = "Turnaround from receipt to release: share of tubes that are out"
    return document(left + width + _MARGIN, top + height + 44, title, parts, _FONT)


def _grid(x: Callable[[float], float], y: Callable[[float], float]) -> str:
    parts = []
    for share in range(0, 101, 25):
        parts.append(tag("line", x1=x(0), y1=y(share), x2=x(_MOST_MIN), y2=y(share), stroke=_GRID))
        parts.append(label(x(0) - 6, y(share) + 4, f"{share} %", text_anchor="end", fill=FAINT))
    for minutes in range(0, _MOST_MIN + 1, 30):
        text = f"{minutes} min" if minutes else "0"
        parts.append(label(x(minutes), y(0) + 16, text, text_anchor="middle", fill=FAINT))
    return "".join(parts)


_Axes = tuple[Callable[[float], float], Callable[[float], float]]


def _curve(
    days: Sequence[DayFigures], which: tuple[str, str], axes: _Axes, colour: str, dash: str | None
) -> str:
    x, y = axes
    corners = []
    for index, point in enumerate(POINTS):
        known = [minutes for day in days if (minutes := day.curves[which][index]) is not None]
        if len(known) == len(days):
            corners.append(f"{x(fmean(known)):.1f},{y(point):.1f}")
    return tag(
        "polyline",
        points=" ".join(corners),
        fill="none",
        stroke=colour,
        stroke_width=2,
        stroke_dasharray=dash,
    )


def _diamond(row: Row, axes: _Axes, number: int, colour: str, dash: str | None) -> str:
    x, y = axes
    at = y(50) + 7 * (number - len(CURVES) / 2)  # beside each other, around the middle
    middle = x(row.published)
    corners = f"{middle},{at - 5} {middle + 5},{at} {middle},{at + 5} {middle - 5},{at}"
    spread = tag(
        "line",
        x1=x(row.published_low),
        y1=at,
        x2=x(row.published_high),
        y2=at,
        stroke=colour,
        stroke_opacity="0.45",
        stroke_dasharray=dash,
    )
    return spread + tag("polygon", points=corners, fill="white", stroke=colour)


_SOURCES: Final[Mapping[str, str]] = {
    "ed": "#c0392b",
    "acute": "#e67e73",
    "inpatient": "#1a6faf",
    "gp": "#7fb069",
    "mixed": "#8e8e8e",
}
_OTHER: Final = "#555555"
_STEPS: Final = 4


def arrivals_svg(days: Sequence[DayFigures]) -> str:
    """Return an SVG of the mean number of requests in each hour of the day, by source."""
    left, top, width, height = _PLOT
    sources = sorted({source for day in days for source in day.arrivals})
    nothing = [0] * HOURS
    means = {
        source: [
            fmean(day.arrivals.get(source, nothing)[hour] for day in days) for hour in range(HOURS)
        ]
        for source in sources
    }
    most = (
        max((sum(item[hour] for item in means.values()) for hour in range(HOURS)), default=0) or 1
    )
    slot = width / HOURS
    parts = []
    for step in range(_STEPS + 1):
        at = top + height * (1 - step / _STEPS)
        parts.append(tag("line", x1=left, y1=at, x2=left + width, y2=at, stroke=_GRID))
        count = f"{most * step / _STEPS:.0f}"
        parts.append(label(left - 6, at + 4, count, text_anchor="end", fill=FAINT))
    for hour in range(HOURS):
        foot = float(top + height)
        for source in sources:
            tall = height * means[source][hour] / most
            foot -= tall
            colour = _SOURCES.get(source, _OTHER)
            parts.append(
                tag(
                    "rect",
                    x=left + slot * hour + 2,
                    y=foot,
                    width=slot - 4,
                    height=tall,
                    fill=colour,
                )
            )
        name = f"{hour:02d}"
        parts.append(
            label(
                left + slot * (hour + 0.5),
                top + height + 16,
                name,
                text_anchor="middle",
                fill=FAINT,
            )
        )
    for number, source in enumerate(sources):
        parts.append(
            tag(
                "rect",
                x=left + 8 + 90 * number,
                y=8,
                width=9,
                height=9,
                fill=_SOURCES.get(source, _OTHER),
            )
        )
        parts.append(label(left + 22 + 90 * number, 16, source, fill=INK))
    title = "Requests by hour of the day, mean over days, by source"
    return document(left + width + _MARGIN, top + height + 44, title, parts, _FONT)
