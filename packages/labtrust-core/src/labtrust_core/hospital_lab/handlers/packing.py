"""Transport racks: packed and sealed before the road, dissolved where they are unpacked."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.lookup import LabContext, agent_zone, named_specimens, specimens
from labtrust_core.hospital_lab.things import Rack


def not_leaking(ctx: LabContext, event: Event) -> None:
    """Is none of the tubes leaking? One that does never travels."""
    for specimen in specimens(ctx, event):
        if specimen.leak:
            raise Blocked("RC_LEAKING_CONTAINER", f"specimen {specimen.specimen_id} leaks")


def rack_open(ctx: LabContext, event: Event) -> None:
    """Is the rack new, or open in the agent's zone, and are the specimens in no rack yet?"""
    rack_id = event.text("rack_id")
    rack = ctx.world.racks.get(rack_id)
    if not rack_id or (rack is not None and not _is_open_here(ctx, event, rack)):
        raise Blocked("RC_RACK_INVALID", f"{rack_id or 'no rack'} cannot be packed here")
    for specimen in specimens(ctx, event):
        if specimen.rack_id is not None:
            raise Blocked(
                "RC_RACK_INVALID",
                f"specimen {specimen.specimen_id} is in rack {specimen.rack_id} already",
            )


def _is_open_here(ctx: LabContext, event: Event, rack: Rack) -> bool:
    return rack.sealed_by is None and rack.place == f"zone:{agent_zone(ctx, event)}"


def rack_room(ctx: LabContext, event: Event) -> None:
    """Do the specimens fit into the rack?"""
    rack = ctx.world.racks.get(event.text("rack_id"))
    count = len(named_specimens(ctx, event)) + (0 if rack is None else len(rack.specimen_ids))
    if count > ctx.tables.rack_capacity:
        most = ctx.tables.rack_capacity
        raise Blocked("RC_BATCH_SIZE", f"{count} specimens, a rack takes {most}")


def rack_sealable(ctx: LabContext, event: Event) -> None:
    """Is there such a rack, open, in the agent's zone?"""
    rack = ctx.world.racks.get(event.text("rack_id"))
    if rack is None or not _is_open_here(ctx, event, rack):
        raise Blocked(
            "RC_RACK_INVALID", f"there is no open rack {event.args.get('rack_id')} in the zone"
        )


def packed(ctx: LabContext, event: Event) -> None:
    """Is every specimen in a rack, and does every rack travel whole?"""
    named = named_specimens(ctx, event)
    for specimen in specimens(ctx, event):
        if specimen.rack_id is None:
            raise Blocked(
                "PKG_UN3373_NONCOMPLIANT", f"specimen {specimen.specimen_id} is in no rack"
            )
    for rack in _racks(ctx, event):
        left = [item for item in rack.specimen_ids if item not in named]
        if left:
            raise Blocked(
                "PKG_UN3373_NONCOMPLIANT", f"rack {rack.rack_id} would leave {left[0]} behind"
            )


def sealed(ctx: LabContext, event: Event) -> None:
    """Is every rack sealed?"""
    for rack in _racks(ctx, event):
        if rack.sealed_by is None:
            raise Blocked("PKG_DAMAGED_OR_UNSEALED", f"rack {rack.rack_id} is not sealed")


def _racks(ctx: LabContext, event: Event) -> list[Rack]:
    ids = dict.fromkeys(item.rack_id for item in specimens(ctx, event))
    return [ctx.world.racks[item] for item in ids if item is not None]


def build(ctx: LabContext, event: Event) -> None:
    """Put specimens into a rack, in the agent's zone."""
    world = ctx.world
    place = f"zone:{agent_zone(ctx, event)}"
    rack = world.racks.setdefault(event.text("rack_id"), Rack(event.text("rack_id"), place, {}))
    for specimen in specimens(ctx, event):
        if specimen.place != place:
            world.put(specimen, place, ctx.now, None)
        specimen.rack_id = rack.rack_id
        rack.specimen_ids[specimen.specimen_id] = None
    ctx.emit("RACK_BUILD")


def seal(ctx: LabContext, event: Event) -> None:
    """Seal a rack."""
    ctx.world.racks[event.text("rack_id")].sealed_by = event.agent_id
    ctx.emit("RACK_SEAL")


GUARDS: Final[dict[str, Guard]] = {
    "not_leaking": not_leaking,
    "rack_open": rack_open,
    "rack_room": rack_room,
    "rack_sealable": rack_sealable,
    "packed": packed,
    "sealed": sealed,
}

HANDLERS: Final[dict[str, Handler]] = {"RACK_BUILD": build, "RACK_SEAL": seal}

CODES: Final = frozenset(
    {
        "RC_LEAKING_CONTAINER",
        "RC_RACK_INVALID",
        "RC_BATCH_SIZE",
        "PKG_UN3373_NONCOMPLIANT",
        "PKG_DAMAGED_OR_UNSEALED",
    }
)

EMITS: Final = frozenset(HANDLERS)
