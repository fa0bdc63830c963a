"""Draws the box of one zone: what does not change, and what is in it at one moment.

A box has the same height all the time, so that frames of an episode fit together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from labtrust_core.hospital_lab.tables import DeviceTable, LabTables
from labtrust_core.render.floor_geometry import CARD, Box
from labtrust_core.render.floor_symbols import ALERT, ARRIVAL, ZONE_COLOURS, zone_class
from labtrust_core.render.svg import FAINT, INK

from labtrust_env.render_picture.canvas import Canvas, Point, fitting
from labtrust_env.render_picture.scene import DeviceScene, PersonScene, Tube, ZoneScene
from labtrust_env.render_picture.symbols import (
    DEVICES,
    FREE,
    PERSON,
    PRIORITIES,
    QC_COLOURS,
    STATE_COLOURS,
    TUBE,
    WORK,
    draw_person,
    draw_tube,
    draw_vial,
)

_LEFT: Final = 10
_WIDE: Final = CARD - 2 * _LEFT
_HEAD: Final = 24
_TUBES: Final = 38  # two rows
_PEOPLE: Final = 30
_DEVICE: Final = 37
_PITCH: Final = 9.2  # from tube to tube
_ROW: Final = int(_WIDE / _PITCH)
_UNITS: Final = 84  # pixels for the units of a device, the rest is for its queue
_FROZEN: Final = "#2f6fb3"


def card_height(tables: LabTables, zone: str) -> float:
    """Return the height of a zone's box."""
    devices = sum(table.zone == zone for table in tables.devices.values())
    return _HEAD + _TUBES + _PEOPLE + _DEVICE * devices + 4


def draw_empty_card(canvas: Canvas, tables: LabTables, zone: str, box: Box) -> None:
    """Draw what does not change."""
    fill, stroke, _ = ZONE_COLOURS[zone_class(tables.zones[zone])]
    canvas.rect((box.x, box.y), CARD, box.height, fill, edge=stroke, edge_width=1.5, radius=5)
    if any(site.arrival_zone == zone for site in tables.sites.values()):
        canvas.rect((box.x + 1, box.y + 1), CARD - 2, 4, ARRIVAL, radius=2)
    title, size = fitting(tables.zones[zone].title, (18, 16, 15, 14), _WIDE - 28)
    canvas.words((box.x + _LEFT, box.y + 15), title, size, INK)
    devices = [table for table in tables.devices.values() if table.zone == zone]
    for number, table in enumerate(devices):
        _draw_empty_device(canvas, table, (box.x + _LEFT, _device_top(box, number)))


def _device_top(box: Box, number: int) -> float:
    return box.y + _HEAD + _TUBES + _PEOPLE + number * _DEVICE


def _draw_empty_device(canvas: Canvas, table: DeviceTable, corner: Point) -> None:
    x, y = corner
    canvas.line((x - 4, y), (x + _WIDE + 4, y), "#d9dfe4")
    DEVICES[table.type.kind](canvas, x, y + 4)
    name = table.device_id.removeprefix("DEV_").replace("_", " ")
    room = 84 if table.type.qc is not None else 104
    name, size = fitting(name, (15, 14, 13), room)
    canvas.words((x + 20, y + 11), name, size, INK)


def draw_contents(canvas: Canvas, box: Box, zone: ZoneScene, colours: Mapping[str, str]) -> None:
    """Draw what is in a zone.

    Args:
        canvas: Has the empty box already.
        box: Where it is.
        zone: What is in it.
        colours: Role to its colour.
    """
    if zone.tubes:
        canvas.words((box.x + CARD - _LEFT, box.y + 15), str(len(zone.tubes)), 18, FAINT, "right")
    _draw_tubes(canvas, (box.x + _LEFT, box.y + _HEAD), zone.tubes)
    _draw_people(canvas, (box.x + _LEFT, box.y + _HEAD + _TUBES), zone.people, colours)
    for number, device in enumerate(zone.devices):
        _draw_device(canvas, (box.x + _LEFT, _device_top(box, number)), device)
    if zone.frozen:
        canvas.rect((box.x, box.y), CARD, 7, _FROZEN, radius=3)
        canvas.rect((box.x + 60, box.y - 8), 84, 16, _FROZEN, radius=8)
        canvas.words((box.x + CARD / 2, box.y), "FROZEN", 16, "#ffffff", "middle")


def _draw_tubes(canvas: Canvas, corner: Point, tubes: Sequence[Tube]) -> None:
    most = 2 * _ROW
    shown = tubes if len(tubes) <= most else tubes[: most - 4]
    for number, tube in enumerate(shown):
        row, column = divmod(number, _ROW)
        place = (corner[0] + column * _PITCH, corner[1] + row * (TUBE[1] + 2.5))
        draw_tube(canvas, place, tube)
    left = len(tubes) - len(shown)
    if left:
        canvas.words((corner[0] + _WIDE, corner[1] + TUBE[1] + 11), f"+{left}", 16, INK, "right")


def _draw_people(
    canvas: Canvas, corner: Point, people: Sequence[PersonScene], colours: Mapping[str, str]
) -> None:
    first = corner[0] + PERSON + 2
    room = _WIDE - 2 * PERSON - 14
    pitch = min(38.0, room / max(1, len(people) - 1))
    for number, person in enumerate(people):
        middle = (first + number * pitch, corner[1] + 15)
        draw_person(canvas, middle, person, colours[person.role])


def _draw_device(canvas: Canvas, corner: Point, device: DeviceScene) -> None:
    x, y = corner
    ground, words = STATE_COLOURS[device.state]
    canvas.rect((x + _WIDE - 58, y + 4), 58, 14, ground, radius=7)
    canvas.words((x + _WIDE - 29, y + 11.5), device.state, 14, words, "middle")
    if device.qc:
        canvas.circle((x + _WIDE - 68, y + 11), 5, QC_COLOURS[device.qc])
        canvas.words((x + _WIDE - 68, y + 11.5), "Q", 12, "#ffffff", "middle")
    _draw_units(canvas, (x, y + 23), device)
    if device.state == "FAULT":
        canvas.rect((x - 5, y + 1.5), _WIDE + 10, _DEVICE - 3, None, edge=ALERT, radius=4)
    _draw_queue(canvas, (x + _UNITS + 8, y + 20), device.queue)


def _draw_units(canvas: Canvas, corner: Point, device: DeviceScene) -> None:
    room = _UNITS - 16
    width = room / len(device.units) - 3
    for number, share in enumerate(device.units):
        at = (corner[0] + number * (width + 3), corner[1])
        canvas.rect(at, width, 8, FREE, radius=3)
        if share is not None:
            canvas.rect(at, max(5.0, width * share), 8, WORK, radius=3)
    if device.inside:
        canvas.words((corner[0] + room + 2, corner[1] + 4.5), str(device.inside), 15, INK)


def _draw_queue(canvas: Canvas, corner: Point, queue: Sequence[int]) -> None:
    most = 14
    shown = queue if len(queue) <= most else queue[: most - 4]
    for number, rank in enumerate(shown):
        at = (corner[0] + number * 6.6, corner[1])
        draw_vial(canvas, at, PRIORITIES[rank][1], "#ffffff", 0.82)
    if len(queue) > len(shown):
        text = f"+{len(queue) - len(shown)}"
        canvas.words((corner[0] + _WIDE - _UNITS - 8, corner[1] + 8), text, 15, INK, "right")
