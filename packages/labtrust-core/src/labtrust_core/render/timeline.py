"""Draws a shift as a Gantt chart: a lane for each unit of a device and for each person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from labtrust_core.errors import UsageError
from labtrust_core.render.episode_log import clock
from labtrust_core.render.shift import (
    ALARM,
    BLOCKED,
    CALL,
    CONTROL,
    FAMILIES,
    FAULT,
    PRIORITIES,
    SERVICE,
    UNKNOWN,
    Bar,
    Lane,
    Mark,
    Shift,
    merged,
)
from labtrust_core.render.svg import FAINT, INK, document, label, shortened, tag, tooltip

_LABELS: Final = 226  # pixels, left of the chart
_BUSY: Final = 70  # right of it
_TOP: Final = 76
_LANE: Final = 24
_BAR: Final = 16
_SECTION: Final = 26
_NAME: Final = 24  # characters of the name of a lane
_NAME_AND_DETAIL: Final = 32
_MARGIN: Final = 20
_PIXELS_AN_HOUR: Final = 120
_NARROWEST: Final = 720
_WIDEST: Final = 6000
_THINNEST: Final = 0.8  # a shorter bar is drawn this wide
_LABEL_APART: Final = 56  # pixels between the times of the axis, at least
_STEPS_S: Final = (10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_DAY_S: Final = 86400

COLOURS: Final[dict[str, str]] = {
    "STAT": "#d1372c",
    "URGENT": "#ee9b28",
    "ROUTINE": "#3d7fc1",
    UNKNOWN: "#8b98a5",
    CONTROL: "#3a9d6e",
    FAULT: "url(#fault)",
    SERVICE: "#c9d0d6",
    "moving": "#b9c4ce",
    "reception": "#4a9ad4",
    "bench": "#57b59a",
    "analysis": "#8c6fc2",
    "release": "#e0a526",
    "calls": "#d8568f",
    "other": "#7d6b5d",
    BLOCKED: "#c0392b",
    CALL: "#9c1f5f",
    ALARM: "#c0392b",
}
_SHAPES: Final[dict[str, str]] = {
    BLOCKED: "m-3 -3l6 6m-6 0l6 -6",
    CALL: "m0 -5l4 5l-4 5l-4 -5z",
    ALARM: "m0 -6l6 11h-12z",
}
_TICK: Final = "m0 -7v14"


@dataclass(frozen=True, slots=True)
class _Axis:
    """Which seconds are drawn, and where."""

    from_s: int
    to_s: int
    starts_at_s: int
    width: float

    def x(self, t_s: float) -> float:
        """Return where a second lies in the chart, counted from its left edge."""
        inside = min(max(t_s, self.from_s), self.to_s) - self.from_s
        return inside * self.width / (self.to_s - self.from_s)

    def shows(self, mark: Mark) -> bool:
        """Whether a mark lies in it."""
        return self.from_s <= mark.t_s <= self.to_s

    def clock(self, t_s: int) -> str:
        """Return a second as a time of day."""
        return clock(t_s, self.starts_at_s)


def timeline(
    shift: Shift,
    subtitle: str,
    *,
    from_s: int = 0,
    to_s: int | None = None,
    starts_at_s: int | None = None,
) -> str:
    """Return an SVG document of a shift, or of a part of it.

    Args:
        shift: The shift.
        subtitle: Which one it is.
        from_s: Where the part begins, in seconds since the start.
        to_s: Where it ends; with the shift by default.
        starts_at_s: Time of day at which it started, in seconds since midnight; by default the axis
            counts from the start.

    Raises:
        UsageError: There is no such part, or no such time of day.
    """
    axis = _axis(shift, from_s, shift.end_s if to_s is None else to_s, starts_at_s)
    counted = "time of day" if starts_at_s is not None else "hours and minutes since the start"
    title = "Timeline of a shift"
    sections = (
        ("Specimens and alarms", shift.happenings),
        ("Devices", shift.devices),
        ("People", shift.people),
    )
    parts = [
        _PATTERN,
        label(_MARGIN, 28, title, font_size=18, font_weight="bold"),
        label(_MARGIN, 46, f"{shortened(subtitle, 90)} \u00b7 axis: {counted}", fill=FAINT),
    ]
    y: float = _TOP
    body: list[str] = []
    for name, lanes in sections:
        body.append(label(_MARGIN, y + 17, name, font_size=12, font_weight="bold", fill=FAINT))
        busy = "busy" if any(lane.bars for lane in lanes) else ""
        body.append(label(_LABELS + axis.width + 8, y + 17, busy, fill=FAINT))
        y += _SECTION
        for lane in lanes:
            body.append(_lane(axis, lane, y))
            y += _LANE
    parts.extend(_grid(axis, y))
    parts.extend(body)
    parts.extend(_legend(y + 30))
    return document(_LABELS + axis.width + _BUSY, y + 30 + 3 * 20 + 4, title, parts, 11)


def _axis(shift: Shift, from_s: int, to_s: int, starts_at_s: int | None) -> _Axis:
    if not 0 <= from_s < to_s <= shift.end_s:
        raise UsageError(
            f"a part from second {from_s} to {to_s} is not in the log, which goes from 0 to "
            f"{shift.end_s}"
        )
    if starts_at_s is not None and not 0 <= starts_at_s < _DAY_S:
        raise UsageError(f"a time of day is 0 to {_DAY_S - 1} s, found {starts_at_s}")
    wanted = (to_s - from_s) / 3600 * _PIXELS_AN_HOUR
    width = min(max(wanted, _NARROWEST), _WIDEST)
    return _Axis(from_s, to_s, starts_at_s or 0, width)


_PATTERN: Final = tag(
    "defs",
    tag(
        "pattern",
        tag("rect", width=6, height=6, fill="#f3d6d2"),
        tag("rect", width=3, height=6, fill="#8d3b33"),
        id="fault",
        width=6,
        height=6,
        patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    ),
)


def _grid(axis: _Axis, bottom: float) -> Iterator[str]:
    """Yield a line and a time for each full step of the axis."""
    pixel_s = (axis.to_s - axis.from_s) / axis.width
    step = next((item for item in _STEPS_S if item >= _LABEL_APART * pixel_s), _STEPS_S[-1])
    shown = 5 if step % 60 == 0 else 8  # characters of hh:mm:ss
    first = -(-(axis.from_s + axis.starts_at_s) // step) * step - axis.starts_at_s
    for t_s in range(first, axis.to_s + 1, step):
        x = _LABELS + axis.x(t_s)
        yield tag("path", d=f"M{x:.1f} {_TOP - 4}V{bottom + 4}", stroke="#dfe5ea")
        text = axis.clock(t_s)[:shown]
        yield label(x, _TOP - 9, text, text_anchor="middle", fill=FAINT)
        yield label(x, bottom + 16, text, text_anchor="middle", fill=FAINT)


def _lane(axis: _Axis, lane: Lane, y: float) -> str:
    bars = [bar for bar in lane.bars if bar.start_s < axis.to_s and bar.end_s > axis.from_s]
    marks = [mark for mark in lane.marks if axis.shows(mark)]
    name = shortened(lane.name, _NAME)
    plain = lane.detail.removeprefix("ROLE_").replace("_", " ").lower()
    detail = shortened(plain, max(_NAME_AND_DETAIL - len(name), 4))
    return tag(
        "g",
        tag("path", d=f"M0 {_LANE / 2:g}h{axis.width:.1f}", stroke="#eef1f4"),
        tag(
            "g",
            tooltip(f"{lane.name} {lane.detail}"),
            label(8 - _LABELS + _MARGIN, 16, name, font_size=10),
            label(-8, 16, detail, font_size=9, fill=FAINT, text_anchor="end"),
        ),
        *_bars(axis, _joined(axis, bars)),
        *_marks(axis, marks),
        label(axis.width + 8, 16, _busy(axis, bars), fill=FAINT),
        transform=f"translate({_LABELS} {y:g})",
        data_lane=f"{lane.name} {lane.detail}".strip(),
    )


def _joined(axis: _Axis, bars: list[Bar]) -> list[Bar]:
    """Return a lane's bars; those of a person joined where the eye could not see a gap."""
    pixel_s = (axis.to_s - axis.from_s) / axis.width
    if all(bar.kind in FAMILIES for bar in bars):
        return merged(bars, pixel_s)
    return sorted(bars, key=lambda bar: bar.kind in {FAULT, SERVICE}, reverse=True)


def _bars(axis: _Axis, bars: Iterable[Bar]) -> Iterator[str]:
    """Yield the bars, those of one colour together."""
    for kind, colour in COLOURS.items():
        drawn = [_bar(axis, bar) for bar in bars if bar.kind == kind]
        if drawn:
            yield tag("g", *drawn, fill=colour, data_kind=kind)


def _bar(axis: _Axis, bar: Bar) -> str:
    x = axis.x(bar.start_s)
    end = "still going on at the end" if bar.open_end else f"to {axis.clock(bar.end_s)}"
    stopped = bar.kind in {FAULT, SERVICE}
    return tag(
        "rect",
        tooltip(f"{axis.clock(bar.start_s)} {end}: {bar.text}"),
        x=x,
        y=(_LANE - _BAR) / 2 - (2 if stopped else 0),
        width=max(axis.x(bar.end_s) - x, _THINNEST),
        height=_BAR + (4 if stopped else 0),
    )


def _marks(axis: _Axis, marks: Iterable[Mark]) -> Iterator[str]:
    for kind, colour in COLOURS.items():
        drawn = [_mark(axis, mark) for mark in marks if mark.kind == kind]
        if drawn:
            filled = colour if kind in {CALL, ALARM} else "none"
            yield tag("g", *drawn, stroke=colour, fill=filled, stroke_width=1.6, data_marks=kind)


def _mark(axis: _Axis, mark: Mark) -> str:
    y = {BLOCKED: _LANE - 8, CALL: 5}.get(mark.kind, _LANE // 2)
    shape = _SHAPES.get(mark.kind, _TICK)
    course = f"M{axis.x(mark.t_s):.1f} {y}{shape}"
    return tag("path", tooltip(f"{axis.clock(mark.t_s)}: {mark.text}"), d=course)


def _busy(axis: _Axis, bars: Iterable[Bar]) -> str:
    """Return the share of the time shown in which something is done, in percent."""
    spans = sorted(
        (max(bar.start_s, axis.from_s), min(bar.end_s, axis.to_s))
        for bar in bars
        if bar.kind not in {FAULT, SERVICE}
    )
    if not spans:
        return ""
    busy_s, reached = 0, axis.from_s
    for start, end in spans:
        busy_s += max(0, end - max(start, reached))
        reached = max(reached, end)
    return f"{100 * busy_s / (axis.to_s - axis.from_s):.0f} %"


def _legend(y: float) -> Iterator[str]:
    lines = (
        ("runs by priority:", (*PRIORITIES, UNKNOWN, CONTROL, FAULT, SERVICE)),
        ("people handle:", FAMILIES),
        ("marks:", (BLOCKED, CALL, ALARM)),
    )
    for number, (heading, kinds) in enumerate(lines):
        x, top = float(_MARGIN), y + 20 * number
        yield label(x, top + 10, heading, fill=FAINT)
        x += 108
        for kind in kinds:
            yield _sample(x, top, kind)
            yield label(x + 22, top + 10, kind)
            x += 22 + 6.2 * len(kind) + 20
        if number == len(lines) - 1:
            yield tag("path", d=f"M{x + 8:g} {top + 6:g}{_TICK}", stroke=INK, stroke_width=1.6)
            yield label(x + 22, top + 10, "arrival or release of a specimen, by priority")


def _sample(x: float, y: float, kind: str) -> str:
    colour = COLOURS[kind]
    if kind not in _SHAPES:
        return tag("rect", x=x, y=y, width=16, height=12, fill=colour)
    filled = "none" if kind == BLOCKED else colour
    course = f"M{x + 8:g} {y + 6:g}{_SHAPES[kind]}"
    return tag("path", d=course, stroke=colour, fill=filled, stroke_width=1.6)
