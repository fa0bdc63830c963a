"""Where a specimen has to go next, and what waits where.

The questions that everybody who carries or plans must ask.
"""

from __future__ import annotations

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


def urgency(specimen: Specimen) -> tuple[int, int, str]:
    """Return the order in which work is done by default.

    STAT, URGENT, ROUTINE; then by arrival; then by id.
    """
    return PRIORITY_RANK[specimen.priority], specimen.arrived_s, specimen.specimen_id


def most_urgent(ctx: LabContext, ids: Iterable[str]) -> list[Specimen]:
    """Return specimens by urgency."""
    return sorted((ctx.world.specimens[item] for item in ids), key=urgency)


def devices_of_kind(ctx: LabContext, kind: str) -> Iterator[DeviceTable]:
    """Yield the devices of a kind, in policy's order."""
    return (table for table in ctx.tables.devices.values() if table.type.kind == kind)


def is_up(ctx: LabContext, table: DeviceTable) -> bool:
    """Whether a device is neither stopped nor broken nor in maintenance now."""
    machine = ctx.world.devices[table.device_id]
    now = ctx.trust.now
    held = ctx.trust.containment
    if machine.fault_until > now or (held.devices and held.is_device_stopped(table.device_id, now)):
        return False
    if not table.maintenance:
        return True
    return table.maintenance_until(now, ctx.world.starts_at_s) is None


def devices_up(ctx: LabContext) -> tuple[bool, ...]:
    """Return, for each device in policy's order, whether it is up; kept like ``pickups``."""
    key = f"up@{ctx.trust.now}"
    found: tuple[bool, ...] | None = ctx.scratch.get(key)
    if found is None:
        devices = ctx.tables.devices.values()
        found = ctx.scratch[key] = tuple([is_up(ctx, table) for table in devices])
    return found


def next_zone(ctx: LabContext, specimen: Specimen) -> str | None:
    """Return the zone where the next stage of a specimen takes place.

    ``None`` where it waits for nothing.
    """
    if specimen.status == "arrived_at_reception":
        return _reception(ctx, specimen)
    if specimen.status == "released":
        return STORAGE_ZONE
    if specimen.status not in MOVABLE:
        return None
    panel = ctx.tables.panels[specimen.panel_id]
    if specimen.status == ready_status(ctx, specimen):
        return _analyser_zone(ctx, specimen)
    kind = "centrifuge" if panel.needs_separation and specimen.status == "accepted" else "aliquoter"
    return next((table.zone for table in devices_of_kind(ctx, kind)), None)


def _reception(ctx: LabContext, specimen: Specimen) -> str:
    """A specimen at another site waits where its route begins.

    Everywhere else reception is the hub's.
    """
    place = specimen.place.removeprefix("zone:")
    routes = ctx.tables.routes.values()
    if any(route.enabled and route.origin_zone == place for route in routes):
        return place
    return next(iter(ctx.tables.sites.values())).arrival_zone


def _analyser_zone(ctx: LabContext, specimen: Specimen) -> str | None:
    """Return the zone of an analyser that runs the panel.

    The one that was chosen for the specimen, or where it is, else by turns those that are up.

    The choice is the specimen's own (by its id, since a batch arrives in one second), so that its
    goal does not change while it is carried there.
    """
    chosen = ctx.tables.devices.get(specimen.lane or "")
    if chosen is not None:
        return chosen.zone
    fitting = [
        table for table in devices_of_kind(ctx, "analyser") if specimen.panel_id in table.panels
    ]
    if not fitting:
        return None
    if any(specimen.place == f"zone:{table.zone}" for table in fitting):
        return specimen.place.removeprefix("zone:")
    usable = [table for table in fitting if is_up(ctx, table)] or fitting
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
    """Return the specimens of one zone that have to go elsewhere, by urgency."""
    found: list[Specimen] = []
    for status in MOVABLE:
        if status == "released" and zone == STORAGE_ZONE:
            continue  # stored for good, and by the evening most of what there is
        ids = ctx.world.here(f"zone:{zone}", status)
        found += [
            item
            for item in map(ctx.world.specimens.__getitem__, ids)
            if next_zone(ctx, item) not in (None, zone)
        ]
    found.sort(key=lambda specimen: (specimen.status == "released", urgency(specimen)))
    return found
