"""What the floor plan is made of: colours, symbols of things, and the legend that explains them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from labtrust_core.hospital_lab.documents.floor import Zone
from labtrust_core.render.svg import FAINT, INK, label, tag

DOOR: Final = 16  # pixels, the side of a door's symbol
ICON: Final = 12
ARRIVAL: Final = "#2e9e5b"
ALERT: Final = "#c0392b"
ROAD: Final = "#7a4fa3"
GROUND: Final = "#f2f5f7"  # of a site

ZONE_COLOURS: Final[dict[str, tuple[str, str, str]]] = {
    "open": ("#ffffff", "#8795a1", "open to everybody"),
    "roles": ("#fdf6e0", "#c9a227", "for some roles only"),
    "cold": ("#e3f1fc", "#3f8fcc", "cold storage"),
    "restricted": ("#fbe3e0", ALERT, "restricted: only with a token"),
}
"""Class of a zone to fill, stroke and meaning."""


def zone_class(zone: Zone) -> str:
    """Return the class of a zone; who may enter counts more than the cold."""
    if zone.token_type is not None:
        return "restricted"
    if zone.kind == "COLD_STORAGE":
        return "cold"
    return "open" if zone.roles is None else "roles"


def _centrifuge(x: float, y: float) -> str:
    middle, top = x + ICON / 2, y + ICON / 2
    return tag(
        "g",
        tag("circle", cx=middle, cy=top, r=5.5),
        tag("path", d=f"M{middle} {top - 5.5}v11M{middle - 5.5} {top}h11"),
        fill="#cfe3d6",
        stroke=INK,
    )


def _aliquoter(x: float, y: float) -> str:
    return tag("path", d=f"M{x} {y}h12l-6 12z", fill="#f3d9b1", stroke=INK)


def _analyser(x: float, y: float) -> str:
    return tag(
        "g",
        tag("rect", x=x, y=y, width=12, height=12, rx=2),
        tag("path", d=f"M{x + 2} {y + 8}l3 -4l2 3l3 -4", fill="none"),
        fill="#c9d8f0",
        stroke=INK,
    )


DEVICES: Final[dict[str, Callable[[float, float], str]]] = {
    "centrifuge": _centrifuge,
    "aliquoter": _aliquoter,
    "analyser": _analyser,
}
"""Kind of a device to its symbol with the upper left corner at a point."""


def _standard(x: float, y: float) -> str:
    return tag("rect", x=x, y=y + 4, width=16, height=8, rx=1, fill="#d9b98a", stroke=INK)


def _restricted(x: float, y: float) -> str:
    return tag(
        "g",
        tag("rect", x=x, y=y + 3, width=16, height=10, rx=1, fill=ALERT, stroke=INK),
        tag("path", d=f"M{x + 4} {y + 8}h8", stroke="white", stroke_width=2),
    )


def _airlock(x: float, y: float) -> str:
    return tag(
        "g",
        tag("rect", x=x, y=y, width=16, height=6, rx=1),
        tag("rect", x=x, y=y + 10, width=16, height=6, rx=1),
        tag("path", d=f"M{x + 3} {y + 6}v4M{x + 13} {y + 6}v4"),
        fill=ALERT,
        stroke=INK,
    )


DOORS: Final[dict[str, tuple[Callable[[float, float], str], str]]] = {
    "STANDARD": (_standard, "door"),
    "RESTRICTED": (_restricted, "restricted door"),
    "RESTRICTED_AIRLOCK": (_airlock, "restricted airlock"),
}
"""Kind of a door to its symbol, with the upper left corner at a point, and its meaning."""


def person_symbol(x: float, y: float, *, walking: bool = False) -> str:
    """Return a person; an empty one is still on the way."""
    return tag(
        "g",
        tag("circle", cx=x + 6, cy=y + 3, r=3),
        tag("path", d=f"M{x + 1} {y + 12}c0 -7 10 -7 10 0z"),
        fill="white" if walking else "#4a6b8a",
        stroke="#4a6b8a",
    )


def specimen_symbol(x: float, y: float) -> str:
    """Return a tube."""
    return tag(
        "g",
        tag("path", d=f"M{x + 3} {y}v9a3 3 0 0 0 6 0v-9z", fill="white"),
        tag("path", d=f"M{x + 3} {y + 5}v4a3 3 0 0 0 6 0v-4z", fill="#b8323f"),
        stroke=INK,
    )


def _zone_sample(name: str) -> Callable[[float, float], str]:
    fill, stroke, _ = ZONE_COLOURS[name]
    return lambda x, y: tag("rect", x=x, y=y, width=18, height=12, rx=2, fill=fill, stroke=stroke)


def _arrival_sample(x: float, y: float) -> str:
    return tag("rect", x=x, y=y + 3, width=18, height=5, fill=ARRIVAL)


def _road_sample(x: float, y: float) -> str:
    return tag("path", d=f"M{x} {y + 6}h18", stroke=ROAD, stroke_width=2.5, stroke_dasharray="6 3")


def _way_sample(x: float, y: float) -> str:
    return tag("path", d=f"M{x} {y + 6}h18", stroke=FAINT, stroke_width=2)


def _walking_sample(x: float, y: float) -> str:
    return person_symbol(x, y, walking=True)


_LEGEND: Final[tuple[tuple[tuple[Callable[[float, float], str], str], ...], ...]] = (
    (
        *((_zone_sample(name), item[2]) for name, item in ZONE_COLOURS.items()),
        (_arrival_sample, "specimens arrive here"),
    ),
    (
        (_way_sample, "way, with walking time"),
        *DOORS.values(),
        (_road_sample, "transport between sites"),
    ),
    (
        *((draw, kind) for kind, draw in DEVICES.items()),
        (person_symbol, "person"),
        (_walking_sample, "person on the way there"),
        (specimen_symbol, "specimens"),
    ),
)
LEGEND_HEIGHT: Final = 20 * len(_LEGEND) + 10


def legend(x: float, y: float) -> Iterator[str]:
    """Yield the legend, a line for zones, one for ways and doors, one for what stands in zones."""
    for number, line in enumerate(_LEGEND):
        at, top = x, y + 20 * number
        for draw, meaning in line:
            yield draw(at, top)
            yield label(at + 24, top + 10, meaning)
            at += 24 + 5.8 * len(meaning) + 24
