"""Where everything of a floor plan stands, in pixels: sites, boxes of zones, ways and roads.

Every picture of the laboratory takes its places from here. Nothing is drawn here.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from labtrust_core.hospital_lab.documents.floor import Route
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.render.floor_layout import Spot, homeless_spots, site_spots

Point = tuple[float, float]

CARD: Final = 204  # pixels, the width of a box
MARGIN: Final = 20
PADDING: Final = 18  # between a site's edge and its boxes
ROW_GAP: Final = 64
TITLE: Final = 58  # what is left free above the sites
_PITCH: Final = 250  # from box to box in a row
_HEAD: Final = 34
_BETWEEN_SITES: Final = 110
_NEAR: Final = 0.28  # share of a way at which its label stands: crossing ways keep theirs apart
_DOOR_NEAR: Final = 0.45
_FAN: Final = 0.3  # how far ways spread along the edge of a box, as a share of its width


@dataclass(frozen=True, slots=True)
class Box:
    """Where the box of a zone stands."""

    x: float
    y: float
    height: float
    site: str
    row: int

    @property
    def middle(self) -> float:
        """Return the x of its middle."""
        return self.x + CARD / 2

    @property
    def bottom(self) -> float:
        """Return the y of its lower edge."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a site stands."""

    title: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """The course of a way, and the point of it where its label stands.

    Attributes:
        points: Both ends of a straight line, or the four points of a cubic curve.
    """

    points: tuple[Point, ...]
    x: float
    y: float

    @property
    def course(self) -> str:
        """Return it as the data of an SVG path."""
        first, *others = (f"{x:g} {y:g}" for x, y in self.points)
        return f"M{first}{'C' if len(others) > 1 else 'L'}{' '.join(others)}"

    def at(self, share: float) -> Point:
        """Return the point at a share of it, from 0 to 1."""
        points = list(self.points)
        while len(points) > 1:
            points = [_between(*ends, share) for ends in itertools.pairwise(points)]
        return points[0]


class FloorGeometry:
    """Boxes and frames: the first site on the right, every other on the left of it.

    A site that sends consignments to the first one stands beside the zone that receives them.

    Attributes:
        frames: Of the sites, the first one first.
        boxes: Zone to its box.
    """

    def __init__(
        self, tables: LabTables, heights: Mapping[str, float], row_gap: float = ROW_GAP
    ) -> None:
        """Place every zone of the laboratory.

        Args:
            tables: The laboratory's policy.
            heights: Zone to the height of its box.
            row_gap: What is free between the rows of boxes.
        """
        self.frames: list[Frame] = []
        self.boxes: dict[str, Box] = {}
        self._tables = tables
        self._heights = heights
        self._row_gap = row_gap
        first, *others = tables.sites
        spots = {site: site_spots(tables, site) for site in others}
        titles = {site: f"{tables.sites[site].title} ({site})" for site in tables.sites}
        homeless = homeless_spots(tables)
        if homeless:
            spots[""], titles[""] = homeless, "In no site"
        widths = {site: _width(item) for site, item in spots.items()}
        left = max(widths.values(), default=-_BETWEEN_SITES) + _BETWEEN_SITES
        self._place(first, titles[first], site_spots(tables, first), (MARGIN + left, TITLE))
        below: float = TITLE
        for site, item in spots.items():
            y = max(below, self._beside(site))
            x = MARGIN + left - _BETWEEN_SITES - widths[site]
            self._place(site, titles[site], item, (x, y))
            below = self.frames[-1].y + self.frames[-1].height + MARGIN

    @property
    def right(self) -> float:
        """Return the x at which the rightmost site ends."""
        return max(frame.x + frame.width for frame in self.frames)

    @property
    def bottom(self) -> float:
        """Return the y at which the lowest site ends."""
        return max(frame.y + frame.height for frame in self.frames)

    def _place(self, site: str, title: str, spots: Mapping[str, Spot], corner: Point) -> None:
        x, y = corner
        rows = range(max(spot.row for spot in spots.values()) + 1)
        tops, top = [], y + _HEAD
        for row in rows:
            tops.append(top)
            heights = [self._heights[zone] for zone, spot in spots.items() if spot.row == row]
            top += max(heights, default=0) + self._row_gap
        for zone, spot in spots.items():
            self.boxes[zone] = Box(
                x + PADDING + _PITCH * spot.column,
                tops[spot.row],
                self._heights[zone],
                site,
                spot.row,
            )
        height = top - self._row_gap + PADDING - y
        self.frames.append(Frame(title, x, y, _width(spots), height))

    def _beside(self, site: str) -> float:
        for route in self._tables.routes.values():
            if route.enabled and route.origin_site == site and route.dest_zone in self.boxes:
                return self.boxes[route.dest_zone].y - _HEAD
        return TITLE

    def ways(self) -> list[tuple[str, str]]:
        """Return the ends of each way once; policy stores ways both ways round."""
        order = {zone: number for number, zone in enumerate(self.boxes)}
        return [(a, b) for a, b in self._tables.ways if order[a] < order[b]]

    def way(self, origin: str, target: str) -> Line:
        """Return the course of a way; its label stands nearer to ``origin``."""
        door = self._tables.ways[origin, target].door
        near = _NEAR if door is None else _DOOR_NEAR
        a, b = self.boxes[origin], self.boxes[target]
        if a.site != b.site:
            return _sideways(*sorted((a, b), key=lambda box: box.x))
        if a.row == b.row:
            left, right = sorted((a, b), key=lambda box: box.x)
            is_free = not any(
                box.site == a.site and box.row == a.row and left.x < box.x < right.x
                for box in self.boxes.values()
            )
            return _sideways(left, right) if is_free else self._below(left, right)
        upper, lower = sorted((a, b), key=lambda box: box.row)
        lean = max(-_FAN * CARD, min(_FAN * CARD, (lower.middle - upper.middle) * _FAN))
        start, end = (upper.middle + lean, upper.bottom), (lower.middle - lean, lower.y)
        return Line((start, end), *_between(start, end, near))

    def road(self, route: Route) -> Line:
        """Return the course of a route, from left to right."""
        ends = self.boxes[route.origin_zone], self.boxes[route.dest_zone]
        return _sideways(*sorted(ends, key=lambda box: box.x))

    def _below(self, left: Box, right: Box) -> Line:
        """A bow below the boxes that stand between two of one row."""
        low = max(left.bottom, right.bottom) + self._row_gap * 0.8
        depth = (left.bottom + right.bottom + 6 * low) / 8  # of the bow in its middle
        points = (
            (left.middle, left.bottom),
            (left.middle, low),
            (right.middle, low),
            (right.middle, right.bottom),
        )
        return Line(points, (left.middle + right.middle) / 2, depth)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _width(spots: Mapping[str, Spot]) -> float:
    return 2 * PADDING + CARD + _PITCH * max(spot.column for spot in spots.values())


def _sideways(left: Box, right: Box) -> Line:
    """A line from side to side, at the height of what both have in common if anything."""
    top, bottom = max(left.y, right.y), min(left.bottom, right.bottom)
    shared = (top + bottom) / 2
    starts = shared if top < bottom else (left.y + left.bottom) / 2
    ends = shared if top < bottom else (right.y + right.bottom) / 2
    start, end = (left.x + CARD, starts), (right.x, ends)
    return Line((start, end), *_between(start, end, 0.5))
