"""Draws the floor plan: sites side by side, their zones in layers, ways and doors between them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from labtrust_core.hospital_lab.tables import LabTables, Way
from labtrust_core.render.floor_cards import framed, plural, zone_card
from labtrust_core.render.floor_geometry import (
    CARD,
    MARGIN,
    PADDING,
    FloorGeometry,
    Frame,
    Line,
)
from labtrust_core.render.floor_symbols import DOOR, DOORS, GROUND, LEGEND_HEIGHT, ROAD, legend
from labtrust_core.render.svg import FAINT, Value, document, label, shortened, tag, tooltip
from labtrust_core.render.whereabouts import Snapshot

_WIDEST: Final = 110  # characters of the subtitle
_HALO: Final[dict[str, Value]] = {"stroke": GROUND, "stroke_width": 4, "paint_order": "stroke"}


def floor_plan(tables: LabTables, subtitle: str, snapshot: Snapshot) -> str:
    """Return an SVG document with every zone, device, way and door of the laboratory.

    Args:
        tables: The laboratory's policy.
        subtitle: Which moment is shown.
        snapshot: Who and what is where in it.
    """
    cards = {zone: zone_card(tables, zone, snapshot) for zone in tables.zones}
    plan = FloorGeometry(tables, {zone: card.height for zone, card in cards.items()})
    bottom = plan.bottom
    lost = _unplaced(snapshot)
    title = "Floor plan of the laboratory"
    parts = [
        label(MARGIN, 28, title, font_size=18, font_weight="bold"),
        label(MARGIN, 46, shortened(subtitle, _WIDEST), fill=FAINT),
        *map(_framed_site, plan.frames),
        *_ways(tables, plan),
        *_roads(tables, plan, snapshot),
        *(
            framed(tables, zone, cards[zone], plan.boxes[zone].x, plan.boxes[zone].y)
            for zone in tables.zones
        ),
    ]
    if lost:
        bottom += 20
        parts.append(label(MARGIN, bottom + 2, shortened(lost, _WIDEST + 50), fill=FAINT))
    parts.extend(legend(MARGIN, bottom + 18))
    return document(plan.right + MARGIN, bottom + 18 + LEGEND_HEIGHT, title, parts, 11)


def _framed_site(frame: Frame) -> str:
    return tag(
        "g",
        tag(
            "rect",
            x=frame.x,
            y=frame.y,
            width=frame.width,
            height=frame.height,
            rx=8,
            fill=GROUND,
            stroke="#b6c2cc",
        ),
        label(frame.x + PADDING, frame.y + 22, frame.title, font_size=13, fill=FAINT),
    )


def _ways(tables: LabTables, plan: FloorGeometry) -> Iterator[str]:
    for ends in plan.ways():
        yield _way(tables, ends, tables.ways[ends], plan.way(*ends))


def _way(tables: LabTables, ends: tuple[str, str], way: Way, line: Line) -> str:
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


def _door(tables: LabTables, name: str, line: Line, time: str) -> str:
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


def _roads(tables: LabTables, plan: FloorGeometry, snapshot: Snapshot) -> Iterator[str]:
    for name, route in tables.routes.items():
        if not route.enabled:
            continue
        a, b = plan.boxes[route.origin_zone], plan.boxes[route.dest_zone]
        line = plan.road(route)
        travelling = snapshot.on_the_road.get(name, 0)
        head = b.x - 1 if a.x < b.x else b.x + CARD + 1
        back = -9 if a.x < b.x else 9
        tip = line.points[-1][1]
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
