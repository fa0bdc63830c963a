"""Queues and runs of the analysers."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.handlers.preanalytics import begin_run, unload
from labtrust_core.hospital_lab.lookup import (
    LabContext,
    device,
    mean_specimens,
    named_specimens,
    specimens,
    unused,
)
from labtrust_core.hospital_lab.queueing import PRIORITY_RANK
from labtrust_core.hospital_lab.stability import stability_breach, temperature_breach


def queue_payload(ctx: LabContext, event: Event) -> None:
    """Does the event name a device and one work item?"""
    if not event.text("device_id") or len(named_specimens(ctx, event)) != 1:
        raise Blocked("RC_QUEUE_BAD_PAYLOAD", "a queue entry names a device_id and one work item")


def queue_new(ctx: LabContext, event: Event) -> None:
    """Is the work item in no queue yet?"""
    work_id = named_specimens(ctx, event)[0]
    if any(work_id in machine.queue.waiting for machine in ctx.world.devices.values()):
        raise Blocked("RC_QUEUE_DUPLICATE_WORK_ID", f"{work_id} is queued already")


def queue_room(ctx: LabContext, event: Event) -> None:
    """Is there room in the queue?"""
    capacity = ctx.tables.devices[event.text("device_id")].type.queue_capacity
    if len(ctx.world.devices[event.text("device_id")].queue) >= capacity:
        raise Blocked(
            "ROUTE_QUEUE_FULL", f"the queue of {event.text('device_id')} holds {capacity} items"
        )


def queue_order(ctx: LabContext, event: Event) -> None:
    """Is what is asked for the head of the queue? With nothing named, the head is meant."""
    machine = device(ctx, event)
    head = None if machine is None else machine.queue.head(ctx.tables.stat_share_percent)
    named = named_specimens(ctx, event)
    if head is None and not named:
        raise Blocked("RC_QUEUE_EMPTY", f"the queue of {event.args.get('device_id')} is empty")
    if head is not None and named and named[0] != head:
        raise Blocked("RC_QUEUE_HEAD_MISMATCH", f"the head of the queue is {head}, not {named[0]}")


def work_queued(ctx: LabContext, event: Event) -> None:
    """Does the run take queued work, one item, and name it?"""
    named = named_specimens(ctx, event)
    machine = device(ctx, event)
    if machine is None or len(named) != 1 or named[0] not in machine.queue.waiting:
        raise Blocked(
            "RC_QUEUE_HEAD_MISMATCH",
            "a run takes the one work item at the head of the device's queue",
        )


def run_new(ctx: LabContext, event: Event) -> None:
    """Is the run id given, and not used yet?"""
    run_id = event.text("run_id")
    if not run_id or run_id in ctx.world.runs:
        raise Blocked("RC_RUN_DUPLICATE", f"run id {run_id or '(none)'} is missing or taken")


def run_known(ctx: LabContext, event: Event) -> None:
    """Is there such a run, of the device where one is named?"""
    run = ctx.world.runs.get(event.text("run_id"))
    if run is None or event.args.get("device_id", run.device_id) != run.device_id:
        raise Blocked("RC_RUN_UNKNOWN", f"there is no run {event.args.get('run_id')}")


def run_finished(ctx: LabContext, event: Event) -> None:
    """Has the run ended?"""
    run = ctx.world.runs[event.text("run_id")]
    if run.ends_s > ctx.now:
        raise Blocked("RC_RUN_NOT_FINISHED", f"run {run.run_id} goes on until {run.ends_s} s")


def stability(ctx: LabContext, event: Event) -> None:
    """Are the specimens young enough?"""
    for specimen in specimens(ctx, event):
        breach = stability_breach(ctx.tables, specimen, ctx.now)
        if breach is not None:
            code, detail = breach
            raise Blocked(
                code,
                f"specimen {specimen.specimen_id}: {detail}",
                subject=("specimen", specimen.specimen_id),
            )


def temperature(ctx: LabContext, event: Event) -> None:
    """Have the specimens been kept in their temperature band?"""
    for specimen in specimens(ctx, event):
        detail = temperature_breach(ctx.tables, specimen, ctx.now)
        if detail is not None:
            raise Blocked(
                "TEMP_OUT_OF_BAND",
                f"specimen {specimen.specimen_id}: {detail}",
                subject=("specimen", specimen.specimen_id),
            )


def reagent_stock(ctx: LabContext, event: Event) -> None:
    """Is there reagent for the run?"""
    for reagent, units in _reagents_needed(ctx, event).items():
        if ctx.world.stock[reagent] < units:
            raise Blocked(
                "RC_REAGENT_STOCKOUT",
                f"{units} of {reagent} are needed, {ctx.world.stock[reagent]} are left",
            )


def _reagents_needed(ctx: LabContext, event: Event) -> dict[str, int]:
    needed: dict[str, int] = {}
    for specimen in specimens(ctx, event):
        use = ctx.tables.panel_reagents.get(specimen.panel_id)
        if use is not None:
            needed[use.reagent] = needed.get(use.reagent, 0) + use.units
    return needed


def queue_run(ctx: LabContext, event: Event) -> None:
    """Put a specimen into a device's queue."""
    machine = ctx.world.devices[event.text("device_id")]
    work_id = named_specimens(ctx, event)[0]
    specimen = ctx.world.specimens.get(work_id)
    wanted = event.text("priority") or event.text("priority_class")
    if specimen is not None:
        wanted = wanted if wanted in PRIORITY_RANK else specimen.priority
        ctx.world.set_status(specimen, "queued")
    machine.queue.push(work_id, PRIORITY_RANK.get(wanted, PRIORITY_RANK["ROUTINE"]), ctx.now)
    ctx.emit("QUEUE_RUN")


def start_run(ctx: LabContext, event: Event) -> None:
    """Take the head of the queue, use up reagent, and start."""
    machine = ctx.world.devices[event.text("device_id")]
    named = named_specimens(ctx, event)
    if not named:
        head = machine.queue.head(ctx.tables.stat_share_percent)
        named = () if head is None else (head,)
        mean_specimens(ctx, named)
    batch = specimens(ctx, event)
    for reagent, units in _reagents_needed(ctx, event).items():
        ctx.world.stock[reagent] = max(0, ctx.world.stock[reagent] - units)
    if named and named[0] in machine.queue.waiting:
        machine.queue.pop(named[0], ctx.tables.stat_share_window)
    machine.runs_since_qc += 1
    # Where the workflow does not ask for a new run id, no run may replace another all the same.
    run_id = unused(event.text("run_id") or "RUN", ctx.world.runs)
    begin_run(ctx, event, ctx.tables.devices[machine.device_id], batch, run_id)
    for specimen in batch:
        ctx.world.set_status(specimen, "in_analysis")
    ctx.emit("START_RUN")


def end_run(ctx: LabContext, event: Event) -> None:
    """Take the specimens out of an analyser."""
    run = ctx.world.runs[event.text("run_id")]
    unload(ctx, run)
    for specimen_id in run.specimen_ids:
        specimen = ctx.world.specimens[specimen_id]
        if specimen.status == "in_analysis" and specimen.run_id == run.run_id:
            ctx.world.set_status(specimen, "analysed")
    ctx.emit("END_RUN")


GUARDS: Final[dict[str, Guard]] = {
    "queue_payload": queue_payload,
    "queue_new": queue_new,
    "queue_room": queue_room,
    "queue_order": queue_order,
    "work_queued": work_queued,
    "run_new": run_new,
    "run_known": run_known,
    "run_finished": run_finished,
    "stability": stability,
    "temperature": temperature,
    "reagent_stock": reagent_stock,
}

HANDLERS: Final[dict[str, Handler]] = {
    "QUEUE_RUN": queue_run,
    "START_RUN": start_run,
    "START_RUN_OVERRIDE": start_run,
    "END_RUN": end_run,
}

CODES: Final = frozenset(
    {
        "RC_QUEUE_BAD_PAYLOAD",
        "RC_QUEUE_DUPLICATE_WORK_ID",
        "ROUTE_QUEUE_FULL",
        "RC_QUEUE_EMPTY",
        "RC_QUEUE_HEAD_MISMATCH",
        "RC_RUN_DUPLICATE",
        "RC_RUN_UNKNOWN",
        "RC_RUN_NOT_FINISHED",
        "TIME_EXPIRED",
        "TEMP_OUT_OF_BAND",
        "RC_REAGENT_STOCKOUT",
    }
)

EMITS: Final = frozenset({"QUEUE_RUN", "START_RUN", "END_RUN"})
