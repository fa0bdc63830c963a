"""A canvas with smooth edges: everything is drawn large and shrunk at the end.

Only the font that pygame brings is used, so that a picture does not depend on the machine.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final, Literal, Self

import pygame

Point = tuple[float, float]
Anchor = Literal["left", "middle", "right"]

_LARGE: Final = 2  # how much larger shapes are drawn


class Canvas:
    """Shapes and words; coordinates are in pixels of the finished picture, y grows downwards."""

    def __init__(self, size: tuple[int, int], shapes: pygame.Surface) -> None:
        self.size = size
        self._shapes = shapes

    @classmethod
    def empty(cls, width: float, height: float, ground: str) -> Self:
        """Return a canvas with nothing on it but ``ground``, a colour."""
        size = (round(width), round(height))
        shapes = pygame.Surface((size[0] * _LARGE, size[1] * _LARGE))
        shapes.fill(ground)
        return cls(size, shapes)

    def copy(self) -> Self:
        """Return another canvas with the same on it."""
        return type(self)(self.size, self._shapes.copy())

    def rect(  # noqa: PLR0913 - a rectangle has as many sides to it
        self,
        corner: Point,
        width: float,
        height: float,
        fill: str | None,
        *,
        edge: str | None = None,
        edge_width: float = 1.0,
        radius: float = 0,
    ) -> None:
        """Draw a rectangle from its upper left corner: filled, its edge, or both."""
        area = pygame.Rect(*_large(corner), _length(width), _length(height))
        if fill is not None:
            pygame.draw.rect(self._shapes, fill, area, border_radius=_length(radius))
        if edge is not None:
            line = max(1, _length(edge_width))
            pygame.draw.rect(self._shapes, edge, area, line, border_radius=_length(radius))

    def circle(
        self, middle: Point, radius: float, fill: str | None, *, edge: str | None = None
    ) -> None:
        """Draw a disc, its edge, or both."""
        if fill is not None:
            pygame.draw.aacircle(self._shapes, fill, _large(middle), _length(radius))
        if edge is not None:
            pygame.draw.aacircle(self._shapes, edge, _large(middle), _length(radius), 3)

    def polygon(self, points: Sequence[Point], fill: str, edge: str | None = None) -> None:
        """Draw a filled polygon."""
        large = [_large(point) for point in points]
        pygame.draw.polygon(self._shapes, fill, large)
        if edge is not None:
            pygame.draw.polygon(self._shapes, edge, large, _LARGE)

    def line(self, start: Point, end: Point, colour: str, width: float = 1.0) -> None:
        """Draw a straight line."""
        pygame.draw.line(self._shapes, colour, _large(start), _large(end), max(1, _length(width)))

    def path(self, points: Sequence[Point], colour: str, width: float = 1.0) -> None:
        """Draw lines from point to point."""
        large = [_large(item) for item in points]
        pygame.draw.lines(self._shapes, colour, closed=False, points=large, width=_length(width))

    def dashed(self, start: Point, end: Point, colour: str, width: float) -> None:
        """Draw a dashed line."""
        length = max(1.0, ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5)
        step = (end[0] - start[0]) / length, (end[1] - start[1]) / length
        for begin in range(0, int(length), 9):
            stop = min(begin + 6, length)
            self.line(
                (start[0] + step[0] * begin, start[1] + step[1] * begin),
                (start[0] + step[0] * stop, start[1] + step[1] * stop),
                colour,
                width,
            )

    def words(self, at: Point, text: str, size: int, colour: str, anchor: Anchor = "left") -> None:
        """Write a line; ``at`` is its left end, middle or right end, at half of its height."""
        written = font(size * _LARGE).render(text, True, colour)  # noqa: FBT003 - as pygame has it
        x, y = _large(at)
        left = x - {"left": 0.0, "middle": 0.5, "right": 1.0}[anchor] * written.get_width()
        self._shapes.blit(written, (round(left), round(y - written.get_height() / 2)))

    def finished(self) -> pygame.Surface:
        """Return the picture."""
        return pygame.transform.smoothscale(self._shapes, self.size)


def font(size: int) -> pygame.font.Font:
    """Return pygame's own font in a size."""
    if not pygame.font.get_init():
        pygame.font.init()
        _font.cache_clear()
    return _font(size)


@functools.cache
def _font(size: int) -> pygame.font.Font:
    return pygame.font.Font(None, size)


def fitting(text: str, sizes: Sequence[int], width: float) -> tuple[str, int]:
    """Return a text in the first size in which it is narrow enough, shortened in the last one."""
    for size in sizes:
        if words_width(text, size) <= width:
            return text, size
    return fitted(text, sizes[-1], width), sizes[-1]


def fitted(text: str, size: int, width: float) -> str:
    """Return as much of a text as is at most so many pixels wide, with dots where more is left."""
    if words_width(text, size) <= width:
        return text
    while text and words_width(text + "...", size) > width:
        text = text[:-1]
    return text.rstrip() + "..."


def words_width(text: str, size: int) -> float:
    """Return how wide a line is, in pixels of the finished picture."""
    return font(size * _LARGE).size(text)[0] / _LARGE


def _large(point: Point) -> tuple[int, int]:
    return round(point[0] * _LARGE), round(point[1] * _LARGE)


def _length(value: float) -> int:
    return round(value * _LARGE)
