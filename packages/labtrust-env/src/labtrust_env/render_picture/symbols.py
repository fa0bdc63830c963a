"""What the picture is made of: tubes, people, devices, doors, and their colours.

Colours that the floor plan in SVG has too are those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from labtrust_core.render.floor_symbols import ALERT
from labtrust_core.render.svg import FAINT, INK
from labtrust_core.render.timeline import COLOURS

from labtrust_env.render_picture.canvas import Canvas, Point
from labtrust_env.render_picture.scene import TUBE_STATUSES, PersonScene, Tube

PRIORITIES: Final = tuple((name, COLOURS[name]) for name in ("STAT", "URGENT", "ROUTINE"))
"""Priority and colour of a tube's cap, by rank."""

STATUS_COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "arrived_at_reception": ("#c3ccd4", "arrived"),
    "accessioning": ("#8fd0ee", "booked in"),
    "held": ("#e0569a", "held"),
    "accepted": ("#3f8fcc", "accepted"),
    "separated": ("#f2d24b", "separated"),
    "aliquoted": ("#b7d968", "aliquoted"),
    "analysed": ("#9a7bd0", "analysed"),
    "released": ("#4fae78", "released"),
    "rejected": (INK, "rejected"),
}
"""Status to the colour of a tube's body, and what the legend calls it."""

STATE_COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "IDLE": ("#e4e9ed", FAINT),
    "RUNNING": ("#cfe6d8", "#1f7a46"),
    "MAINT": ("#fbe7c2", "#9a6a08"),
    "FAULT": (ALERT, "#ffffff"),
}
"""State of a device to the colours of its label: ground and words."""

QC_COLOURS: Final[Mapping[str, str]] = {"pass": "#2e9e5b", "drift": "#ee9b28", "fail": ALERT}
BUSY: Final = "#ee9b28"
OPEN: Final = "#2e9e5b"
WORK: Final = "#3a9d6e"
FREE: Final = "#dfe5ea"

TUBE: Final = (7, 16)
PERSON: Final = 10  # radius
_ROLES: Final = (
    "#4a6b8a",
    "#2b8a99",
    "#5d8a2b",
    "#b06a2c",
    "#8c5fb8",
    "#b0487c",
    "#6b5b4b",
    "#3d5fb0",
)


def role_colours(roles: Sequence[str]) -> dict[str, str]:
    """Return a colour for each role, in the order in which they first appear."""
    return {role: _ROLES[number % len(_ROLES)] for number, role in enumerate(dict.fromkeys(roles))}


def draw_tube(canvas: Canvas, corner: Point, tube: Tube, scale: float = 1.0) -> None:
    """Draw a tube: its cap is the priority, its body the status."""
    body = STATUS_COLOURS[TUBE_STATUSES[tube.status]][0]
    draw_vial(canvas, corner, PRIORITIES[tube.priority][1], body, scale)


def draw_vial(canvas: Canvas, corner: Point, cap: str, body: str, scale: float = 1.0) -> None:
    """Draw a tube in two colours."""
    x, y = corner
    width, height = TUBE[0] * scale, TUBE[1] * scale
    inset = 0.7 * scale
    canvas.rect(
        (x + inset, y + 3 * scale),
        width - 2 * inset,
        height - 3 * scale,
        body,
        edge=INK,
        edge_width=0.6,
        radius=2.6 * scale,
    )
    canvas.rect((x, y), width, 5 * scale, cap, radius=1.5 * scale)


def draw_person(canvas: Canvas, middle: Point, person: PersonScene, colour: str) -> None:
    """Draw a member of the crew: who, whether busy or stopped, and how much it carries."""
    x, y = middle
    if person.busy or person.stopped:
        canvas.circle(middle, PERSON + 2.5, ALERT if person.stopped else BUSY)
    canvas.circle(middle, PERSON + 1, "#ffffff")
    canvas.circle(middle, PERSON, FAINT if person.stopped else colour)
    if person.stopped:
        canvas.line((x - 7, y + 7), (x + 7, y - 7), ALERT, 3)
    canvas.words(middle, person.mark, 14, "#ffffff", "middle")
    if person.carried:
        draw_tube(canvas, (x + 8, y - 13), person.carried[0], 0.75)
        if len(person.carried) > 1:
            canvas.words((x + 14, y - 7), str(len(person.carried)), 14, INK)


def _centrifuge(canvas: Canvas, x: float, y: float) -> None:
    canvas.circle((x + 7, y + 7), 7, "#cfe3d6", edge=INK)
    canvas.line((x + 7, y + 1), (x + 7, y + 13), INK)
    canvas.line((x + 1, y + 7), (x + 13, y + 7), INK)


def _aliquoter(canvas: Canvas, x: float, y: float) -> None:
    canvas.polygon(((x, y + 1), (x + 14, y + 1), (x + 7, y + 14)), "#f3d9b1", INK)


def _analyser(canvas: Canvas, x: float, y: float) -> None:
    canvas.rect((x, y), 14, 14, "#c9d8f0", edge=INK, radius=2)
    canvas.path(((x + 2.5, y + 9), (x + 6, y + 4.5), (x + 8, y + 8), (x + 11.5, y + 3.5)), INK)


DEVICES: Final[Mapping[str, Callable[[Canvas, float, float], None]]] = {
    "centrifuge": _centrifuge,
    "aliquoter": _aliquoter,
    "analyser": _analyser,
}
"""Kind of a device to its symbol with the upper left corner at a point."""


def draw_door(canvas: Canvas, middle: Point, kind: str, *, is_open: bool) -> None:
    """Draw a door in its frame: a leaf across the way, or one that stands aside."""
    x, y = middle
    leaf = "#b98a4a" if kind == "STANDARD" else ALERT
    canvas.rect((x - 11, y - 6), 22, 12, "#ffffff", edge=INK, radius=2)
    if is_open:
        canvas.rect((x - 9, y - 4), 4, 8, OPEN, radius=1)
        return
    canvas.rect((x - 9, y - 2.5), 18, 5, leaf, radius=1)
    if kind == "RESTRICTED_AIRLOCK":
        canvas.rect((x - 9, y - 5), 18, 2, leaf)
        canvas.rect((x - 9, y + 3), 18, 2, leaf)


def draw_alarm(canvas: Canvas, middle: Point) -> None:
    """Draw the sign of an alarm."""
    x, y = middle
    canvas.polygon(((x, y - 6), (x + 6.5, y + 5), (x - 6.5, y + 5)), ALERT)
    canvas.line((x, y - 2), (x, y + 1.5), "#ffffff", 1.5)
    canvas.line((x, y + 3), (x, y + 4), "#ffffff", 1.5)
