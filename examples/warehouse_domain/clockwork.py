"""What happens by itself: pallets are announced, temperatures drift, open doors alarm."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Handler, SystemEvent
from labtrust_core.event import Event
from labtrust_core.randomness import Stream, name_u64

from warehouse_domain.handlers import schedule
from warehouse_domain.tables import Tables
from warehouse_domain.world import Due, Start, WarehouseContext, World

ANNOUNCE: Final = "SYS_ANNOUNCE"
DRIFT: Final = "SYS_DRIFT"
DOOR_ALARM: Final = "SYS_DOOR_ALARM"

_DRIFT_STREAM: Final = name_u64("cold_chain_warehouse.drift")


def plan(world: World, start: Start, tables: Tables) -> None:
    """Put what a scenario brings along on the agenda of a new world."""
    world.due = sorted(Due(item.t_s, ANNOUNCE, item.pallet_id) for item in start.arrivals)
    if start.drift:
        world.due = sorted([*world.due, Due(tables.drift_period_s, DRIFT, "")])


def due(ctx: WarehouseContext, until_s: int) -> SystemEvent | None:
    """Take the next entry up to ``until_s`` off the agenda."""
    agenda = ctx.world.due
    if not agenda or agenda[0].t_s > until_s:
        return None
    item = agenda.pop(0)
    return SystemEvent(item.t_s, item.action_type, {"subject": item.subject})


def _announce(ctx: WarehouseContext, event: Event) -> None:
    ctx.world.pallets[event.text("subject")].status = "ANNOUNCED"
    ctx.emit("ANNOUNCE_PALLET")


def _drift(ctx: WarehouseContext, _event: Event) -> None:
    """Let every temperature take one random step, drawn by seed, zone and number of the step."""
    world, tables = ctx.world, ctx.tables
    stream = Stream(ctx.config.seed, _DRIFT_STREAM)
    for zone_id in sorted(tables.zones):
        step = stream.below(2 * tables.drift_mc + 1, zone_id, world.drifts) - tables.drift_mc
        world.temperatures[zone_id] += step
    world.drifts += 1
    schedule(ctx, Due(ctx.now + tables.drift_period_s, DRIFT, ""))
    ctx.emit("DRIFT")
    outside = [
        zone_id
        for zone_id, zone in sorted(tables.zones.items())
        if not zone.low_mc <= world.temperatures[zone_id] <= zone.high_mc
    ]
    if outside:
        ctx.data["outside_band"] = outside
        ctx.emit("ALARM")


def _door_alarm(ctx: WarehouseContext, event: Event) -> None:
    ctx.data["door_id"] = event.text("subject")
    ctx.emit("ALARM")


SYSTEM_HANDLERS: Final[dict[str, Handler]] = {
    ANNOUNCE: _announce,
    DRIFT: _drift,
    DOOR_ALARM: _door_alarm,
}
