"""Draws the box of one zone: its name, its devices, who is in it and what lies there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from labtrust_core.hospital_lab.tables import DeviceTable, LabTables
from labtrust_core.render.floor_geometry import CARD
from labtrust_core.render.floor_symbols import (
    ALERT,
    ARRIVAL,
    DEVICES,
    ZONE_COLOURS,
    person_symbol,
    specimen_symbol,
    zone_class,
)
from labtrust_core.render.svg import FAINT, label, shortened, tag, tooltip
from labtrust_core.render.whereabouts import DeviceState, Person, Snapshot

_LEFT: Final = 10
_LINE: Final = 17
_TITLE_CHARACTERS: Final = 27
_NAME_CHARACTERS: Final = 25


@dataclass(slots=True)
class Card:
    """The contents of a box, drawn from its upper left corner, and how high they are so far."""

    parts: list[str] = field(default_factory=list)
    height: float = 8

    def line(self, *parts: str, height: float = _LINE) -> None:
        """Add a line that was drawn at the present height."""
        self.parts.extend(parts)
        self.height += height


def zone_card(tables: LabTables, zone_id: str, snapshot: Snapshot) -> Card:
    """Return the contents of the box of a zone."""
    card = Card()
    if any(site.arrival_zone == zone_id for site in tables.sites.values()):
        card.line(tag("rect", x=0, y=0, width=CARD, height=6, fill=ARRIVAL), height=5)
    for line in _wrapped(tables.zones[zone_id].title):
        card.line(label(_LEFT, card.height + 10, line, font_weight="bold"), height=14)
    name = shortened(zone_id, _NAME_CHARACTERS + 5)
    card.line(label(_LEFT, card.height + 8, name, font_size=9, fill=FAINT), height=18)
    for device in tables.devices.values():
        if device.zone == zone_id:
            _add_device(card, device, snapshot.devices.get(device.device_id))
    for person in snapshot.people:
        if person.zone == zone_id:
            _add_person(card, person)
    lying = snapshot.lying.get(zone_id, 0)
    if lying:
        card.line(
            specimen_symbol(_LEFT, card.height),
            label(_LEFT + 18, card.height + 10, plural(lying, "specimen")),
        )
    card.height += 4
    return card


def framed(tables: LabTables, zone_id: str, card: Card, x: float, y: float) -> str:
    """Return the box of a zone with its upper left corner at a point."""
    zone = tables.zones[zone_id]
    fill, stroke, meaning = ZONE_COLOURS[zone_class(zone)]
    admitted = "every role" if zone.roles is None else ", ".join(zone.roles)
    return tag(
        "g",
        tooltip(f"{zone.title} ({zone_id}), {meaning}, {zone.temp_band}; admits {admitted}"),
        tag(
            "rect",
            width=CARD,
            height=card.height,
            rx=4,
            fill=fill,
            stroke=stroke,
            stroke_width=1.5,
        ),
        *card.parts,
        transform=f"translate({x:g} {y:g})",
        data_zone=zone_id,
    )


def plural(count: int, what: str) -> str:
    """Return a count with its noun."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _add_device(card: Card, device: DeviceTable, state: DeviceState | None) -> None:
    name = shortened(device.device_id, _NAME_CHARACTERS)
    units = f" \u00d7{device.type.units}" if device.type.units > 1 else ""
    draw = DEVICES[device.type.kind]
    parts = [
        tooltip(f"{device.device_id}: {device.type.kind}, {plural(device.type.units, 'unit')}"),
        draw(_LEFT, card.height),
        label(_LEFT + 18, card.height + 10, name + units, font_size=10),
    ]
    height = _LINE
    said, alert = ("", False) if state is None else _said(state)
    if said:
        colour = ALERT if alert else FAINT
        parts.append(label(_LEFT + 18, card.height + 23, said, font_size=10, fill=colour))
        height += 13
    card.line(tag("g", *parts, data_device=device.device_id), height=height)


def _said(state: DeviceState) -> tuple[str, bool]:
    """Return what is to be said of a device, and whether it is out of order."""
    told = [
        word
        for word, true in (
            ("broken", state.broken),
            ("in maintenance", state.serviced),
            (f"{state.waiting} waiting", state.waiting > 0),
            (f"{state.inside} inside", state.inside > 0),
        )
        if true
    ]
    return ", ".join(told), state.broken or state.serviced


def _add_person(card: Card, person: Person) -> None:
    load = f", carries {person.carried}" if person.carried else ""
    text = shortened(person.name, _NAME_CHARACTERS - len(load)) + load
    on_the_way = ", on the way there" if person.walking else ""
    card.line(
        tag(
            "g",
            tooltip(f"{person.name} {person.role}{load}{on_the_way}"),
            person_symbol(_LEFT, card.height, walking=person.walking),
            label(_LEFT + 18, card.height + 10, text, font_size=10),
            data_person=person.name,
        )
    )


def _wrapped(title: str) -> list[str]:
    """Return a title on at most two lines, broken at a space where there is one."""
    if len(title) <= _TITLE_CHARACTERS:
        return [title]
    cut = title.rfind(" ", 0, _TITLE_CHARACTERS + 1)
    cut = cut if cut > 0 else _TITLE_CHARACTERS
    return [title[:cut], shortened(title[cut:].strip(), _TITLE_CHARACTERS)]
