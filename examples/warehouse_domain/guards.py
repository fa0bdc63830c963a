"""The guards: each answers one question about an action and changes nothing."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard
from labtrust_core.event import Blocked, Event

from warehouse_domain.world import Pallet, WarehouseContext


def pallet_of(ctx: WarehouseContext, event: Event) -> Pallet:
    """Return the pallet that the event names.

    Raises:
        Blocked: ``WH_PALLET_UNKNOWN``: there is none.
    """
    pallet = ctx.world.pallets.get(event.text("pallet_id"))
    if pallet is None:
        raise Blocked("WH_PALLET_UNKNOWN", f"no pallet {event.args.get('pallet_id')} is known")
    return pallet


def _pallet_known(ctx: WarehouseContext, event: Event) -> None:
    pallet_of(ctx, event)


def _pallet_announced(ctx: WarehouseContext, event: Event) -> None:
    _require_status(pallet_of(ctx, event), "ANNOUNCED")


def _pallet_in_store(ctx: WarehouseContext, event: Event) -> None:
    _require_status(pallet_of(ctx, event), "RECEIVED", "QUARANTINED")


def _pallet_quarantined(ctx: WarehouseContext, event: Event) -> None:
    _require_status(pallet_of(ctx, event), "QUARANTINED")


def _require_status(pallet: Pallet, *expected: str) -> None:
    if pallet.status not in expected:
        raise Blocked(
            "WH_PALLET_STATUS",
            f"pallet {pallet.pallet_id} is {pallet.status}, expected {' or '.join(expected)}",
        )


def _not_quarantined(ctx: WarehouseContext, event: Event) -> None:
    pallet = pallet_of(ctx, event)
    if pallet.status == "QUARANTINED":
        raise Blocked(
            "WH_QUARANTINED",
            f"pallet {pallet.pallet_id} is in quarantine",
            subject=("pallet", pallet.pallet_id),
        )


def _zone_known(ctx: WarehouseContext, event: Event) -> None:
    if event.text("to_zone") not in ctx.tables.zones:
        raise Blocked("WH_ZONE_UNKNOWN", f"no zone {event.args.get('to_zone')} exists")


def _dock_zone(ctx: WarehouseContext, event: Event) -> None:
    _zone_known(ctx, event)
    if ctx.tables.zones[event.text("to_zone")].kind != "dock":
        raise Blocked("WH_ZONE_UNSUITABLE", "pallets are received at a dock")


def _zone_not_frozen(ctx: WarehouseContext, event: Event) -> None:
    pallet = ctx.world.pallets.get(event.text("pallet_id"))
    for zone_id in (event.text("to_zone"), pallet.zone_id if pallet else ""):
        if zone_id and ctx.is_zone_frozen(zone_id):
            raise Blocked("WH_ZONE_FROZEN", f"enforcement has frozen {zone_id}")


def _zone_suits_status(ctx: WarehouseContext, event: Event) -> None:
    pallet = pallet_of(ctx, event)
    is_cage = ctx.tables.zones[event.text("to_zone")].kind == "cage"
    if is_cage != (pallet.status == "QUARANTINED"):
        raise Blocked(
            "WH_ZONE_UNSUITABLE",
            "the cage is for quarantined pallets, and they for the cage",
            subject=("pallet", pallet.pallet_id),
        )


def _band_fits(ctx: WarehouseContext, event: Event) -> None:
    pallet, zone_id = pallet_of(ctx, event), event.text("to_zone")
    temperature = ctx.world.temperatures[zone_id]
    if ctx.tables.zones[zone_id].kind == "room" and not ctx.tables.fits(pallet.sku, temperature):
        raise Blocked(
            "WH_BAND_MISMATCH",
            f"{zone_id} is at {temperature} mC, outside the band of {pallet.sku}",
            subject=("pallet", pallet.pallet_id),
        )


def _zone_has_room(ctx: WarehouseContext, event: Event) -> None:
    zone_id = event.text("to_zone")
    capacity = ctx.tables.zones[zone_id].capacity
    others = [p for p in ctx.world.on_hand(zone_id) if p.pallet_id != event.text("pallet_id")]
    if len(others) >= capacity:
        raise Blocked("WH_ZONE_FULL", f"{zone_id} holds {capacity} pallets already")


def _reading_given(_ctx: WarehouseContext, event: Event) -> None:
    reading = event.args.get("reading_mc")
    if type(reading) is not int or not -60_000 <= reading <= 60_000:  # noqa: PLR2004 - a probe's range
        raise Blocked("WH_READING_INVALID", "reading_mc is a whole number in -60000..60000")


def _cases_available(ctx: WarehouseContext, event: Event) -> None:
    cases, pallet = event.args.get("cases"), pallet_of(ctx, event)
    if type(cases) is not int or not 1 <= cases <= pallet.cases:
        raise Blocked("WH_STOCK_SHORT", f"pallet {pallet.pallet_id} holds {pallet.cases} cases")


def _reason_given(_ctx: WarehouseContext, event: Event) -> None:
    if not event.reason_code:
        raise Blocked("WH_REASON_MISSING", "quarantine needs a reason code")


def _door_known(ctx: WarehouseContext, event: Event) -> None:
    if event.text("door_id") not in ctx.tables.doors:
        raise Blocked("WH_DOOR_UNKNOWN", f"no door {event.args.get('door_id')} exists")


def _door_open(ctx: WarehouseContext, event: Event) -> None:
    if event.text("door_id") not in ctx.world.open_doors:
        raise Blocked("WH_DOOR_STATE", f"door {event.text('door_id')} is closed")


def _door_closed(ctx: WarehouseContext, event: Event) -> None:
    if event.text("door_id") in ctx.world.open_doors:
        raise Blocked("WH_DOOR_STATE", f"door {event.text('door_id')} is open already")


def _pallet_at_door(ctx: WarehouseContext, event: Event) -> None:
    dock = ctx.tables.doors[event.text("door_id")]
    if pallet_of(ctx, event).zone_id != dock:
        raise Blocked("WH_NOT_AT_DOCK", f"the pallet is not at {dock}, behind the door")


def _dock_time(ctx: WarehouseContext, event: Event) -> None:
    pallet = pallet_of(ctx, event)
    since = pallet.at_dock_since_s
    limit = ctx.tables.products[pallet.sku].dock_limit_s
    if since is not None and ctx.now - since > limit:
        raise Blocked(
            "WH_DOCK_TIME_EXCEEDED",
            f"pallet {pallet.pallet_id} has stood at the dock for over {limit} s",
            subject=("pallet", pallet.pallet_id),
        )


GUARDS: Final[dict[str, Guard]] = {
    "pallet_known": _pallet_known,
    "pallet_announced": _pallet_announced,
    "pallet_in_store": _pallet_in_store,
    "pallet_quarantined": _pallet_quarantined,
    "not_quarantined": _not_quarantined,
    "zone_known": _zone_known,
    "dock_zone": _dock_zone,
    "zone_not_frozen": _zone_not_frozen,
    "zone_suits_status": _zone_suits_status,
    "band_fits": _band_fits,
    "zone_has_room": _zone_has_room,
    "reading_given": _reading_given,
    "cases_available": _cases_available,
    "reason_given": _reason_given,
    "door_known": _door_known,
    "door_open": _door_open,
    "door_closed": _door_closed,
    "pallet_at_door": _pallet_at_door,
    "dock_time": _dock_time,
}
