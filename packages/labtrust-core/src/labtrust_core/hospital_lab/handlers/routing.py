"""Which analyser a specimen goes to: lanes, and leaving a queue whose device stands still."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.handlers.preanalytics import ready_status
from labtrust_core.hospital_lab.logistics import is_up
from labtrust_core.hospital_lab.lookup import LabContext, device, specimens


def lane_fits(ctx: LabContext, event: Event) -> None:
    """Is the lane an analyser that runs the panels of the specimens?"""
    table = ctx.tables.devices.get(event.text("lane"))
    panels = frozenset() if table is None else table.panels
    for specimen in specimens(ctx, event):
        if table is None or table.type.kind != "analyser" or specimen.panel_id not in panels:
            raise Blocked(
                "ROUTE_LANE_INCOMPATIBLE",
                f"{event.args.get('lane')} is no analyser that runs {specimen.panel_id}",
            )


def lane_up(ctx: LabContext, event: Event) -> None:
    """Is the lane another device than the one that is left, and does it work?"""
    lane = event.text("lane")
    if lane == event.text("device_id") or not is_up(ctx, ctx.tables.devices[lane]):
        raise Blocked("ROUTE_DEVICE_UNAVAILABLE", f"{lane} is no working alternative")


def waits_here(ctx: LabContext, event: Event) -> None:
    """Do the specimens wait in the queue of the device?"""
    machine = device(ctx, event)
    for specimen in specimens(ctx, event):
        if machine is None or specimen.specimen_id not in machine.queue.waiting:
            raise Blocked(
                "RC_QUEUE_NOT_WAITING",
                f"{specimen.specimen_id} does not wait for {event.args.get('device_id')}",
            )


def assign_lane(ctx: LabContext, event: Event) -> None:
    """Say which analyser specimens go to; without a lane the laboratory's default rule does."""
    for specimen in specimens(ctx, event):
        specimen.lane = event.text("lane")
        ctx.world.changes.note(specimen.place)
    ctx.emit("ASSIGN_LANE")


def reroute(ctx: LabContext, event: Event) -> None:
    """Take specimens out of a device's queue and send them to another."""
    machine = ctx.world.devices[event.text("device_id")]
    for specimen in specimens(ctx, event):
        machine.queue.remove(specimen.specimen_id)
        specimen.lane = event.text("lane")
        ctx.world.set_status(specimen, ready_status(ctx, specimen))
    ctx.emit("REROUTE_TO_ALT_DEVICE")


GUARDS: Final[dict[str, Guard]] = {
    "lane_fits": lane_fits,
    "lane_up": lane_up,
    "waits_here": waits_here,
}

HANDLERS: Final[dict[str, Handler]] = {
    "ASSIGN_LANE": assign_lane,
    "REROUTE_TO_ALT_DEVICE": reroute,
}

CODES: Final = frozenset(
    {"ROUTE_LANE_INCOMPATIBLE", "ROUTE_DEVICE_UNAVAILABLE", "RC_QUEUE_NOT_WAITING"}
)

EMITS: Final = frozenset(HANDLERS)
