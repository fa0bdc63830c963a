"""Draws the floor plan: sites side by side, their zones in layers, ways and doors between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from labtrust_core.hospital_lab.tables import LabTables, Way
from labtrust_core.render.floor_cards import CARD, Card, framed, plural, zone_card
from labtrust_core.render.floor_layout import Spot, homeless_spots, site_spots
from labtrust_core.render.floor_symbols import DOOR, DOORS, LEGEND_HEIGHT, ROAD, legend
from labtrust_core.render.svg import FAINT, Value, document, label, shortened, tag, tooltip
from labtrust_core.render.whereabouts import Snapshot

_MARGIN: Final = 20
_TITLE: Final = 58
_PITCH: Final = 250  # from box to box in a row
_ROW_GAP: Final = 64
_PADDING: Final = 18
_HEAD: Final = 34
_BETWEEN_SITES: Final = 110
_NEAR: Final = 0.28  # share of a way at which its label stands: crossing ways keep theirs apart
_DOOR_NEAR: Final = 0.45
_FAN: Final = 0.3  # how far ways spread along the edge of a box, as a share of its width
_WIDEST: Final = 110  # characters of the subtitle
_GROUND: Final = "#f2f5f7"  # of a site
_HALO: Final[dict[str, Value]] = {"stroke": _GROUND, "stroke_width": 4, "paint_order": "stroke"}


@dataclass(frozen=True, slots=True)
class _Box:
    """Where the box of a zone stands, in pixels."""

    x: float
    y: float
    height: float
    site: str
    row: int

    @property
    def middle(self) -> float:
        return self.x + CARD / 2

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a site stands, in pixels."""

    title: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class _Line:
    """The course of a way, and the point of it where its label stands."""

    course: str
    x: float
    y: float


def floor_plan(tables: LabTables, subtitle: str, snapshot: Snapshot) -> str:
    """Return an SVG document with every zone, device, way and door of the laboratory.

    Args:
        tables: The laboratory's policy.
        subtitle: Which moment is shown.
        snapshot: Who and what is where in it.
    """
    cards = {zone: zone_card(tables, zone, snapshot) for zone in tables.zones}
    plan = _Plan(tables, cards)
    bottom = max(frame.y + frame.height for frame in plan.frames)
    right = max(frame.x + frame.width for frame in plan.frames)
    lost = _unplaced(snapshot)
    title = "Floor plan of the laboratory"
    parts = [
        label(_MARGIN, 28, title, font_size=18, font_weight="bold"),
        label(_MARGIN, 46, shortened(subtitle, _WIDEST), fill=FAINT),
        *map(_framed_site, plan.frames),
        *_ways(tables, plan.boxes),
        *_roads(tables, plan.boxes, snapshot),
        *(
            framed(tables, zone, cards[zone], plan.boxes[zone].x, plan.boxes[zone].y)
            for zone in tables.zones
        ),
    ]
    if lost:
        bottom += 20
        parts.append(label(_MARGIN, bottom + 2, shortened(lost, _WIDEST + 50), fill=FAINT))
    parts.extend(legend(_MARGIN, bottom + 18))
    return document(right + _MARGIN, bottom + 18 + LEGEND_HEIGHT, title, parts, 11)


class _Plan:
    """Boxes and frames: the first site on the right, every other on the left of it.

    A site that sends consignments to the first one stands beside the zone that receives them.
    """

    def __init__(self, tables: LabTables, cards: Mapping[str, Card]) -> None:
        self.frames: list[_Frame] = []
        self.boxes: dict[str, _Box] = {}
        self._cards = cards
        first, *others = tables.sites
        spots = {site: site_spots(tables, site) for site in others}
        titles = {site: f"{tables.sites[site].title} ({site})" for site in tables.sites}
        homeless = homeless_spots(tables)
        if homeless:
            spots[""], titles[""] = homeless, "In no site"
        widths = {site: _width(item) for site, item in spots.items()}
        left = max(widths.values(), default=-_BETWEEN_SITES) + _BETWEEN_SITES
        self._place(first, titles[first], site_spots(tables, first), _MARGIN + left, _TITLE)
        below: float = _TITLE
        for site, item in spots.items():
            y = max(below, self._beside(tables, site))
            self._place(site, titles[site], item, _MARGIN + left - _BETWEEN_SITES - widths[site], y)
            below = self.frames[-1].y + self.frames[-1].height + _MARGIN

    def _place(self, site: str, title: str, spots: Mapping[str, Spot], x: float, y: float) -> None:
        rows = range(max(spot.row for spot in spots.values()) + 1)
        tops, top = [], y + _HEAD
        for row in rows:
            tops.append(top)
            heights = [self._cards[zone].height for zone, spot in spots.items() if spot.row == row]
            top += max(heights, default=0) + _ROW_GAP
        for zone, spot in spots.items():
            self.boxes[zone] = _Box(
                x + _PADDING + _PITCH * spot.column,
                tops[spot.row],
                self._cards[zone].height,
                site,
                spot.row,
            )
        height = top - _ROW_GAP + _PADDING - y
        self.frames.append(_Frame(title, x, y, _width(spots), height))

    def _beside(self, tables: LabTables, site: str) -> float:
        for route in tables.routes.values():
            if route.enabled and route.origin_site == site and route.dest_zone in self.boxes:
                return self.boxes[route.dest_zone].y - _HEAD
        return _TITLE


def _width(spots: Mapping[str, Spot]) -> float:
    return 2 * _PADDING + CARD + _PITCH * max(spot.column for spot in spots.values())


def _framed_site(frame: _Frame) -> str:
    return tag(
        "g",
        tag(
            "rect",
            x=frame.x,
            y=frame.y,
            width=frame.width,
            height=frame.height,
            rx=8,
            fill=_GROUND,
            stroke="#b6c2cc",
        ),
        label(frame.x + _PADDING, frame.y + 22, frame.title, font_size=13, fill=FAINT),
    )


def _ways(tables: LabTables, boxes: Mapping[str, _Box]) -> Iterator[str]:
    for (origin, target), way in tables.ways.items():
        if list(boxes).index(origin) < list(boxes).index(target):  # ways are stored both ways round
            near = _NEAR if way.door is None else _DOOR_NEAR
            yield _way(tables, (origin, target), way, _line(boxes, origin, target, near))


def _way(tables: LabTables, ends: tuple[str, str], way: Way, line: _Line) -> str:
    parts = [
        tooltip(f"{ends[0]} \u2013 {ends[1]}: {way.travel_s} s"),
        tag("path", d=line.course, fill="none", stroke=FAINT, stroke_width=2),
    ]
    time = f"{way.travel_s} s"
    if way.door is None:
        parts.append(label(line.x, line.y + 4, time, text_anchor="middle", **_HALO))
    else:
        parts.append(_door(tables, way.door, line, time))
    return tag("g", *parts, data_way=" ".join(ends))


def _door(tables: LabTables, name: str, line: _Line, time: str) -> str:
    door = tables.doors[name]
    draw, meaning = DOORS[door.kind]
    needs = "" if door.token_type is None else f"; opens for {door.token_type}"
    return tag(
        "g",
        tooltip(f"{name}: {meaning}, open for at most {door.max_open_s} s{needs}"),
        draw(line.x - DOOR / 2, line.y - DOOR / 2),
        label(line.x + DOOR / 2 + 5, line.y - 1, time, **_HALO),
        label(
            line.x + DOOR / 2 + 5,
            line.y + 10,
            shortened(name, 24),
            font_size=9,
            fill=FAINT,
            **_HALO,
        ),
        data_door=name,
    )


def _line(boxes: Mapping[str, _Box], origin: str, target: str, near: float) -> _Line:
    a, b = boxes[origin], boxes[target]
    if a.site != b.site:
        return _sideways(*sorted((a, b), key=lambda box: box.x))
    if a.row == b.row:
        left, right = sorted((a, b), key=lambda box: box.x)
        is_free = not any(
            box.site == a.site and box.row == a.row and left.x < box.x < right.x
            for box in boxes.values()
        )
        return _sideways(left, right) if is_free else _below(left, right)
    upper, lower = sorted((a, b), key=lambda box: box.row)
    lean = max(-_FAN * CARD, min(_FAN * CARD, (lower.middle - upper.middle) * _FAN))
    start, end = (upper.middle + lean, upper.bottom), (lower.middle - lean, lower.y)
    x, y = (one + (other - one) * near for one, other in zip(start, end, strict=True))
    return _Line(f"M{start[0]:g} {start[1]:g}L{end[0]:g} {end[1]:g}", x, y)


def _sideways(left: _Box, right: _Box) -> _Line:
    """A line from side to side, at the height of what both have in common if anything."""
    top, bottom = max(left.y, right.y), min(left.bottom, right.bottom)
    shared = (top + bottom) / 2
    starts = shared if top < bottom else (left.y + left.bottom) / 2
    ends = shared if top < bottom else (right.y + right.bottom) / 2
    start, end = left.x + CARD, right.x
    return _Line(f"M{start:g} {starts:g}L{end:g} {ends:g}", (start + end) / 2, (starts + ends) / 2)


def _below(left: _Box, right: _Box) -> _Line:
    """A bow below the boxes that stand between two of one row."""
    low = max(left.bottom, right.bottom) + _ROW_GAP * 0.8
    course = (
        f"M{left.middle:g} {left.bottom:g}C{left.middle:g} {low:g} {right.middle:g} {low:g} "
        f"{right.middle:g} {right.bottom:g}"
    )
    depth = (left.bottom + right.bottom + 6 * low) / 8  # of the bow in its middle
    return _Line(course, (left.middle + right.middle) / 2, depth)


def _roads(tables: LabTables, boxes: Mapping[str, _Box], snapshot: Snapshot) -> Iterator[str]:
    for name, route in tables.routes.items():
        if not route.enabled:
            continue
        a, b = boxes[route.origin_zone], boxes[route.dest_zone]
        line = _sideways(*sorted((a, b), key=lambda box: box.x))
        travelling = snapshot.on_the_road.get(name, 0)
        head = b.x - 1 if a.x < b.x else b.x + CARD + 1
        back = -9 if a.x < b.x else 9
        tip = float(line.course.rpartition("L")[2].split()[1])
        yield tag(
            "g",
            tooltip(f"{name}: {route.mean_s} s on average, standard deviation {route.sd_s} s"),
            tag("path", d=line.course, stroke=ROAD, stroke_width=2.5, stroke_dasharray="6 3"),
            tag("path", d=f"M{head:g} {tip:g}l{back} -5v10z", fill=ROAD),
            label(
                line.x,
                line.y - 8,
                f"about {round(route.mean_s / 60)} min",
                text_anchor="middle",
                fill=ROAD,
                **_HALO,
            ),
            label(line.x, line.y + 17, _load(travelling), text_anchor="middle", fill=ROAD, **_HALO),
            data_route=name,
        )


def _load(travelling: int) -> str:
    return plural(travelling, "specimen") if travelling else ""


def _unplaced(snapshot: Snapshot) -> str:
    """Return whose place is not told, in words."""
    names = [person.name for person in snapshot.people if person.zone is None]
    return f"Where they are is not told: {', '.join(names)}" if names else ""
