"""Queues, runs and quality control of the analysers."""

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
from labtrust_core.hospital_lab.world import Device
from labtrust_core.randomness import stream

QC_OUTCOMES: Final = ("pass", "fail", "drift")
_DRIFT_SHARE_PPM: Final = 200_000


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
    """Is there such a run?"""
    if event.text("run_id") not in ctx.world.runs:
        raise Blocked("RC_RUN_UNKNOWN", f"there is no run {event.args.get('run_id')}")


def run_finished(ctx: LabContext, event: Event) -> None:
    """Has the run ended?"""
    run = ctx.world.runs[event.text("run_id")]
    if run.ends_s > ctx.now:
        raise Blocked("RC_RUN_NOT_FINISHED", f"run {run.run_id} goes on until {run.ends_s} s")


def qc_usable(ctx: LabContext, event: Event) -> None:
    """Is the device's quality control good and recent enough?"""
    machine = ctx.world.devices[event.text("device_id")]
    if machine.qc_state == "fail":
        raise Blocked("QC_FAIL_ACTIVE", f"quality control of {machine.device_id} has failed")
    if qc_due_in(ctx, machine) < 0:
        raise Blocked("QC_OVERDUE", f"quality control of {machine.device_id} is overdue")


def qc_due_in(ctx: LabContext, machine: Device) -> int:
    """Return the seconds until a device's quality control is due.

    Negative when it is overdue by time or by runs.
    """
    model = ctx.tables.devices[machine.device_id].type.qc
    if model is None:
        return 2**31
    if machine.runs_since_qc >= model.max_runs:
        return -1
    return machine.qc_at_s + model.interval_s - ctx.now


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


def qc_outcome(ctx: LabContext, event: Event) -> None:
    """Is the outcome stated in explicit time, and left to the measurement in simulated time?"""
    stated = event.args.get("qc_outcome")
    if ctx.world.simulated and stated is not None:
        raise Blocked("RC_QC_OUTCOME_INVALID", "the outcome is measured, it cannot be stated")
    if not ctx.world.simulated and stated not in QC_OUTCOMES:
        raise Blocked("RC_QC_OUTCOME_INVALID", f"the outcome is one of {', '.join(QC_OUTCOMES)}")


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


def qc_event(ctx: LabContext, event: Event) -> None:
    """Run controls: their outcome becomes the state of the device."""
    machine = device(ctx, event)
    outcome = event.text("qc_outcome")
    if machine is not None:
        if ctx.world.simulated:
            outcome = _measured(ctx, machine)
            _occupy(ctx, machine)
        machine.qc_state = outcome  # type: ignore[assignment] # qc_outcome or the measurement has made it one of the three
        machine.qc_at_s = ctx.now
        machine.runs_since_qc = 0
        if event.agent_id not in machine.qc_agents:
            machine.qc_agents.append(event.agent_id)
        ctx.data["qc_outcome"] = outcome
    ctx.emit("QC_EVENT")
    if outcome == "fail":
        ctx.emit("OPEN_QC_INVESTIGATION_LOG")


def _measured(ctx: LabContext, machine: Device) -> str:
    """Measure controls.

    In control with the device type's probability; of the rest, some only drift.
    """
    model = ctx.tables.devices[machine.device_id].type.qc
    machine.controls += 1
    draw = stream(ctx.world.seed, "qc")
    if model is None or draw.chance_ppm(model.pass_ppm, machine.device_id, machine.controls):
        return "pass"
    return (
        "drift"
        if draw.chance_ppm(_DRIFT_SHARE_PPM, machine.device_id, -machine.controls)
        else "fail"
    )


def _occupy(ctx: LabContext, machine: Device) -> None:
    model = ctx.tables.devices[machine.device_id].type.qc
    unit = machine.idle_unit(ctx.now)
    if model is not None and unit is not None:
        machine.unit_free_s[unit] = ctx.now + model.duration_s
        machine.busy_s += model.duration_s


GUARDS: Final[dict[str, Guard]] = {
    "queue_payload": queue_payload,
    "queue_new": queue_new,
    "queue_room": queue_room,
    "queue_order": queue_order,
    "work_queued": work_queued,
    "run_new": run_new,
    "run_known": run_known,
    "run_finished": run_finished,
    "qc_usable": qc_usable,
    "stability": stability,
    "temperature": temperature,
    "reagent_stock": reagent_stock,
    "qc_outcome": qc_outcome,
}

HANDLERS: Final[dict[str, Handler]] = {
    "QUEUE_RUN": queue_run,
    "START_RUN": start_run,
    "START_RUN_OVERRIDE": start_run,
    "END_RUN": end_run,
    "QC_EVENT": qc_event,
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
        "QC_FAIL_ACTIVE",
        "QC_OVERDUE",
        "TIME_EXPIRED",
        "TEMP_OUT_OF_BAND",
        "RC_REAGENT_STOCKOUT",
        "RC_QC_OUTCOME_INVALID",
    }
)

EMITS: Final = frozenset(
    {"QUEUE_RUN", "START_RUN", "END_RUN", "QC_EVENT", "OPEN_QC_INVESTIGATION_LOG"}
)
