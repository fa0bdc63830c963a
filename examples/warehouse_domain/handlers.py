"""What agents can do. The guards have answered when a handler runs, so none of these refuses."""

from __future__ import annotations

import bisect
from typing import Final

from labtrust_core.engine.domain import Handler
from labtrust_core.event import Event

from warehouse_domain.guards import pallet_of
from warehouse_domain.world import Due, Pallet, WarehouseContext


def _put(ctx: WarehouseContext, pallet: Pallet, zone_id: str) -> None:
    pallet.zone_id = zone_id
    at_dock = bool(zone_id) and ctx.tables.zones[zone_id].kind == "dock"
    pallet.at_dock_since_s = ctx.now if at_dock else None


def _duty(pallet: Pallet, agent_id: str, duty: str) -> None:
    duties = pallet.handlers.setdefault(agent_id, [])
    if duty not in duties:
        duties.append(duty)


def schedule(ctx: WarehouseContext, due: Due) -> None:
    """Put something on the agenda, at its place in the order."""
    bisect.insort(ctx.world.due, due)


def _receive(ctx: WarehouseContext, event: Event) -> None:
    """Take in an announced pallet; one that was carried too warm or cold goes into quarantine."""
    pallet = pallet_of(ctx, event)
    pallet.status = "RECEIVED"
    ctx.world.stock[pallet.sku].received += pallet.cases
    _put(ctx, pallet, event.text("to_zone"))
    _duty(pallet, event.agent_id, "RECEIVER")
    ctx.emit("RECEIVE_PALLET")
    if not ctx.tables.fits(pallet.sku, event.args["reading_mc"]):
        pallet.status = "QUARANTINED"
        ctx.emit("QUARANTINE_PALLET")
    ctx.data["status"] = pallet.status


def _move(ctx: WarehouseContext, event: Event) -> None:
    _put(ctx, pallet_of(ctx, event), event.text("to_zone"))
    ctx.emit("MOVE_PALLET")


def _pick(ctx: WarehouseContext, event: Event) -> None:
    pallet, cases = pallet_of(ctx, event), event.args["cases"]
    pallet.cases -= cases
    ctx.world.stock[pallet.sku].picked += cases
    ctx.data["cases_left"] = pallet.cases
    ctx.emit("PICK")


def _record_temperature(ctx: WarehouseContext, event: Event) -> None:
    zone_id, reading = event.text("to_zone"), event.args["reading_mc"]
    ctx.world.temperatures[zone_id] = reading
    ctx.emit("RECORD_TEMPERATURE")
    zone = ctx.tables.zones[zone_id]
    if not zone.low_mc <= reading <= zone.high_mc:
        ctx.emit("ALARM")


def _quarantine(ctx: WarehouseContext, event: Event) -> None:
    pallet = pallet_of(ctx, event)
    pallet.status = "QUARANTINED"
    _duty(pallet, event.agent_id, "QUARANTINER")
    ctx.emit("QUARANTINE_PALLET")


def _release(ctx: WarehouseContext, event: Event) -> None:
    pallet_of(ctx, event).status = "RECEIVED"
    ctx.emit("RELEASE_QUARANTINE")


def _open_door(ctx: WarehouseContext, event: Event) -> None:
    door_id = event.text("door_id")
    ctx.world.open_doors[door_id] = ctx.now
    if ctx.config.simulated:
        schedule(ctx, Due(ctx.now + ctx.tables.door_alarm_s, "SYS_DOOR_ALARM", door_id))
    ctx.emit("OPEN_DOOR")


def _close_door(ctx: WarehouseContext, event: Event) -> None:
    door_id = event.text("door_id")
    del ctx.world.open_doors[door_id]
    ctx.world.due = [
        due
        for due in ctx.world.due
        if (due.action_type, due.subject) != ("SYS_DOOR_ALARM", door_id)
    ]
    ctx.emit("CLOSE_DOOR")


def _dispatch(ctx: WarehouseContext, event: Event) -> None:
    pallet = pallet_of(ctx, event)
    ctx.data["was"] = pallet.status
    pallet.status = "DISPATCHED"
    ctx.world.stock[pallet.sku].dispatched += pallet.cases
    _put(ctx, pallet, "")
    ctx.emit("DISPATCH_PALLET")


HANDLERS: Final[dict[str, Handler]] = {
    "RECEIVE_PALLET": _receive,
    "MOVE_PALLET": _move,
    "PICK": _pick,
    "RECORD_TEMPERATURE": _record_temperature,
    "QUARANTINE_PALLET": _quarantine,
    "RELEASE_QUARANTINE": _release,
    "OPEN_DOOR": _open_door,
    "CLOSE_DOOR": _close_door,
    "DISPATCH_PALLET": _dispatch,
}
