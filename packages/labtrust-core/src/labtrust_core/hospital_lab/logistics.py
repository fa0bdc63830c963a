"""Where a specimen has to go next, and what waits where.

The questions that everybody who carries or plans must ask.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Final

from labtrust_core.hospital_lab.handlers.preanalytics import ready_status
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.queueing import PRIORITY_RANK
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import Specimen
from labtrust_core.randomness import name_u64

STORAGE_ZONE: Final = "Z_COLD_FRIDGE"
MOVABLE: Final = ("arrived_at_reception", "accepted", "separated", "aliquoted", "released")
"""Statuses in which a specimen waits to be taken somewhere."""

_by_arrival: Final = operator.attrgetter("arrived_s", "specimen_id")
_TO_SORT: Final = 2
_NOBODY: Final[list[Specimen]] = []


def by_urgency(items: Iterable[Specimen]) -> list[Specimen]:
    """Return specimens in the order in which work is done by default.

    STAT, URGENT, ROUTINE; then by arrival; then by id.
    """
    found = list(items)
    if len(found) < _TO_SORT:
        return found
    lots: dict[str, list[Specimen]] = {priority: [] for priority in PRIORITY_RANK}
    for item in found:
        lots[item.priority].append(item)
    return [item for lot in lots.values() for item in sorted(lot, key=_by_arrival)]


def most_urgent(ctx: LabContext, ids: Iterable[str]) -> list[Specimen]:
    """Return specimens by urgency."""
    return by_urgency(map(ctx.world.specimens.__getitem__, ids))


def lying(ctx: LabContext, place: str, status: str) -> list[Specimen]:
    """Return the specimens of a status at a place, by urgency; not to be changed.

    The list is kept until something at the place changes: several verbs of several agents ask.
    """
    key = f"{place}|{status}"
    ids = ctx.world.at.get(key)
    if ids is None:
        return _NOBODY
    change = ctx.world.changes.of(place)
    kept: tuple[int, list[Specimen]] | None = ctx.kept.get(key)
    if kept is None or kept[0] != change:
        kept = ctx.kept[key] = (change, most_urgent(ctx, ids))
    return kept[1]


def devices_of_kind(ctx: LabContext, kind: str) -> Iterator[DeviceTable]:
    """Yield the devices of a kind, in policy's order."""
    return (table for table in ctx.tables.devices.values() if table.type.kind == kind)


def is_up(ctx: LabContext, table: DeviceTable) -> bool:
    """Whether a device is neither stopped nor broken nor in maintenance now."""
    return devices_up(ctx)[table.device_id]


def devices_up(ctx: LabContext) -> dict[str, bool]:
    """Return, for each device in policy's order, whether it is up; kept like ``pickups``."""
    key = f"up@{ctx.trust.now}"
    found: dict[str, bool] | None = ctx.scratch.get(key)
    if found is None:
        tables = ctx.tables.devices.items()
        found = ctx.scratch[key] = {name: _is_up(ctx, table) for name, table in tables}
    return found


def _is_up(ctx: LabContext, table: DeviceTable) -> bool:
    now, held = ctx.trust.now, ctx.trust.containment
    if ctx.world.devices[table.device_id].fault_until > now:
        return False
    if held.devices and held.is_device_stopped(table.device_id, now):
        return False
    if not table.maintenance:
        return True
    return table.maintenance_until(now, ctx.world.starts_at_s) is None


def next_zone(ctx: LabContext, specimen: Specimen) -> str | None:
    """Return the zone where the next stage of a specimen takes place.

    ``None`` where it waits for nothing.
    """
    status = specimen.status
    if status in _GOAL_BY_PLACE:
        return _GOAL_BY_PLACE[status](ctx, specimen.place.removeprefix("zone:"))
    if status not in MOVABLE:
        return None
    if status == ready_status(ctx, specimen):
        return _analyser_zone(ctx, specimen)
    panel = ctx.tables.panels[specimen.panel_id]
    kind = "centrifuge" if panel.needs_separation and status == "accepted" else "aliquoter"
    return ctx.tables.first_of_kind.get(kind)


def _reception(ctx: LabContext, place: str) -> str:
    """A specimen at another site waits where its route begins.

    Everywhere else reception is the hub's.
    """
    return place if place in ctx.tables.outposts else ctx.tables.arrival_zone


def _storage(_ctx: LabContext, _place: str) -> str:
    return STORAGE_ZONE


_GOAL_BY_PLACE: Final = {"arrived_at_reception": _reception, "released": _storage}
"""Statuses whose specimens all go to one zone from where they are."""


def _analyser_zone(ctx: LabContext, specimen: Specimen) -> str | None:
    """Return the zone of an analyser that runs the panel.

    The one that was chosen for the specimen, or where it is, else by turns those that are up.

    The choice is the specimen's own (by its id, since a batch arrives in one second), so that its
    goal does not change while it is carried there.
    """
    chosen = ctx.tables.devices.get(specimen.lane or "")
    if chosen is not None:
        return chosen.zone
    fitting = ctx.tables.analysers_of[specimen.panel_id]
    if not fitting:
        return None
    here = specimen.place.removeprefix("zone:")
    if any(table.zone == here for table in fitting):
        return here
    up = devices_up(ctx)
    usable = [table for table in fitting if up[table.device_id]] or fitting
    return usable[name_u64(specimen.specimen_id) % len(usable)].zone


def pickups(ctx: LabContext) -> dict[str, list[Specimen]]:
    """Return, by zone, the specimens that have to go elsewhere, by urgency; not to be changed.

    Work in progress before storage.

    The answer holds until the next event or the next second, and is kept until then: everybody
    asks. What a zone's specimens wait for depends on them and on which devices are up, so a zone's
    part is kept for as long as neither has changed.
    """
    key = f"pickups@{ctx.trust.now}"
    found: dict[str, list[Specimen]] | None = ctx.scratch.get(key)
    if found is None:
        found = ctx.scratch[key] = _pickups(ctx)
    return found


def load(ctx: LabContext, zone: str) -> list[str]:
    """Return the first specimen that has to leave a zone, and those that go where it goes.

    Not to be changed; kept for as long as ``pickups`` names the same ones.
    """
    here = pickups(ctx).get(zone)
    if here is None:
        return []
    key = f"load:{zone}"
    kept: tuple[list[Specimen], list[str]] | None = ctx.kept.get(key)
    if kept is None or kept[0] is not here:
        goal = next_zone(ctx, here[0])
        ids = [item.specimen_id for item in here if next_zone(ctx, item) == goal]
        kept = ctx.kept[key] = (here, ids)
    return kept[1]


def _pickups(ctx: LabContext) -> dict[str, list[Specimen]]:
    up = devices_up(ctx)
    changes = ctx.world.changes
    everywhere = ctx.kept.get("pickups")
    if everywhere is not None and everywhere[:2] == (changes.latest, up):
        return everywhere[2]  # type: ignore[no-any-return] # it was put there below
    found: dict[str, list[Specimen]] = {}
    for zone in ctx.tables.zones:
        key = f"zone:{zone}"
        change = changes.of(key)
        kept = ctx.kept.get(key)
        if kept is None or kept[0] != change or kept[1] != up:
            kept = ctx.kept[key] = (change, up, _waiting_in(ctx, zone))
        if kept[2]:
            found[zone] = kept[2]
    ctx.kept["pickups"] = (changes.latest, up, found)
    return found


def _waiting_in(ctx: LabContext, zone: str) -> list[Specimen]:
    """Return the specimens of one zone that have to go elsewhere, by urgency.

    What is in store, and by the evening most of what there is, is not even looked at.
    """
    in_work: list[Specimen] = []
    to_store: list[Specimen] = []
    for status in MOVABLE:
        ids = ctx.world.here(f"zone:{zone}", status)
        goal_here = _GOAL_BY_PLACE.get(status)
        if not ids or (goal_here is not None and goal_here(ctx, zone) == zone):
            continue
        found = map(ctx.world.specimens.__getitem__, ids)
        if status == "released":
            to_store += found
        elif goal_here is not None:
            in_work += found
        else:
            in_work += [item for item in found if next_zone(ctx, item) not in (None, zone)]
    return by_urgency(in_work) + by_urgency(to_store)
