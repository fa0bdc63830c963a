"""Draws a learning curve: reward an episode over agent-steps, with other crews as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10
from typing import Final

from labtrust_core.render.svg import FAINT, INK, document, label, tag

from labtrust_bench.learning.run_files import CurveRow

_LEFT: Final = 64
_TOP: Final = 34
_WIDTH: Final = 640
_HEIGHT: Final = 300
_KEY: Final = 140
_FONT: Final = 11
_GRID: Final = "#eeeeee"
_TRAINING: Final = "#9ec5e3"
_VALIDATION: Final = "#1a6faf"
_COLOURS: Final = ("#8e44ad", "#c0392b", "#e08e0b", "#2c7a4b", "#555555")
_TICKS: Final = 6
_MILLION: Final = 1_000_000


class _Axes:
    """Turns steps and points into pixels."""

    def __init__(self, rows: Sequence[CurveRow], lines: Mapping[str, float]) -> None:
        values = [row.reward for row in rows]
        values += [row.validation_reward for row in rows if row.validation_reward is not None]
        values += lines.values()
        self.step = _round_step((max(values) - min(values)) or 1.0)
        self.low = floor(min(values) / self.step) * self.step
        self.high = max(ceil(max(values) / self.step) * self.step, self.low + self.step)
        self.most = max(row.agent_steps for row in rows)

    def x(self, steps: float) -> float:
        return _LEFT + _WIDTH * steps / self.most

    def y(self, points: float) -> float:
        return _TOP + _HEIGHT * (self.high - points) / (self.high - self.low)

    def grid(self) -> list[str]:
        parts = []
        for number in range(round((self.high - self.low) / self.step) + 1):
            value = self.low + number * self.step
            y = self.y(value)
            parts.append(tag("line", x1=_LEFT, y1=y, x2=_LEFT + _WIDTH, y2=y, stroke=_GRID))
            text = f"{value:g}"
            parts.append(label(_LEFT - 6, y + 4, text, text_anchor="end", fill=FAINT))
        for number in range(5):
            steps = self.most * number / 4
            text = f"{steps / _MILLION:.2g} M"
            at = _TOP + _HEIGHT + 16
            parts.append(label(self.x(steps), at, text, text_anchor="middle", fill=FAINT))
        parts.append(
            label(
                _LEFT + _WIDTH / 2,
                _TOP + _HEIGHT + 34,
                "agent-steps",
                text_anchor="middle",
                fill=FAINT,
            )
        )
        return parts


def _round_step(span: float) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that cuts a span into a few."""
    rough = span / _TICKS
    power: float = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def curve_svg(rows: Sequence[CurveRow], lines: Mapping[str, float], title: str) -> str:
    """Return an SVG of a run.

    Args:
        rows: Its updates, at least one.
        lines: Crew to mean reward on the validation episodes; each is a dashed line.
        title: What the picture shows.
    """
    axes = _Axes(rows, lines)
    validated = [
        (row.agent_steps, row.validation_reward)
        for row in rows
        if row.validation_reward is not None
    ]
    parts = [
        label(_LEFT, 20, "mean reward of an episode, in points", fill=FAINT),
        *axes.grid(),
        _line(axes, [(row.agent_steps, row.reward) for row in rows], _TRAINING, 1.5),
        _line(axes, validated, _VALIDATION, 2),
        *(tag("circle", cx=axes.x(x), cy=axes.y(y), r=2.5, fill=_VALIDATION) for x, y in validated),
    ]
    ends = [("training episodes", rows[-1].reward, _TRAINING)]
    if validated:
        ends.append(("validation episodes", validated[-1][1], _VALIDATION))
    for number, (name, value) in enumerate(sorted(lines.items())):
        colour = _COLOURS[number % len(_COLOURS)]
        y = axes.y(value)
        parts.append(
            tag(
                "line",
                x1=_LEFT,
                y1=y,
                x2=_LEFT + _WIDTH,
                y2=y,
                stroke=colour,
                stroke_width=1.5,
                stroke_dasharray="6 4",
            )
        )
        ends.append((name, value, colour))
    parts += _names(axes, ends)
    return document(_LEFT + _WIDTH + _KEY, _TOP + _HEIGHT + 44, title, parts, _FONT)


def _names(axes: _Axes, ends: list[tuple[str, float, str]]) -> list[str]:
    """Return the names of the lines at their right ends, none upon another."""
    parts = []
    free = 0.0
    for name, value, colour in sorted(ends, key=lambda end: -end[1]):
        y = max(axes.y(value) + 4, free)
        free = y + _FONT + 2
        parts.append(label(_LEFT + _WIDTH + 8, y, name, fill=colour or INK))
    return parts


def _line(
    axes: _Axes, points: Sequence[tuple[int, float | None]], colour: str, width: float
) -> str:
    at = " ".join(f"{axes.x(x):.1f},{axes.y(y):.1f}" for x, y in points if y is not None)
    return tag("polyline", points=at, fill="none", stroke=colour, stroke_width=width)
