"""Centrifuge and aliquoter, and the guards that every device has."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.changes import ALIQUOTS
from labtrust_core.hospital_lab.lookup import (
    LabContext,
    agent_zone,
    device,
    named_specimens,
    specimens,
    unused,
    zone_band,
)
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import Device, Run, Specimen, SpecimenStatus

KIND_OF_ACTION: Final = {
    "CENTRIFUGE_START": "centrifuge",
    "ALIQUOT_CREATE": "aliquoter",
    "QUEUE_RUN": "analyser",
    "START_RUN": "analyser",
    "START_RUN_OVERRIDE": "analyser",
    "END_RUN": "analyser",
    "QC_EVENT": "analyser",
}
"""Which kind of device each action needs."""


def device_known(ctx: LabContext, event: Event) -> None:
    """Is there such a device?"""
    if device(ctx, event) is None:
        raise Blocked("RC_DEVICE_UNKNOWN", f"there is no device {event.args.get('device_id')}")


def device_colocated(ctx: LabContext, event: Event) -> None:
    """Does the agent stand at the device?"""
    table = ctx.tables.devices.get(event.text("device_id"))
    if table is None or agent_zone(ctx, event) != table.zone:
        where = "an unknown place" if table is None else table.zone
        raise Blocked(
            "RC_DEVICE_NOT_COLOCATED", f"device {event.args.get('device_id')} is in {where}"
        )


def device_kind(ctx: LabContext, event: Event) -> None:
    """Is the device of the kind that the action needs?"""
    if _table(ctx, event).type.kind != KIND_OF_ACTION[event.action_type]:
        raise Blocked(
            "ROUTE_DEVICE_INCOMPATIBLE", f"{event.text('device_id')} cannot do {event.action_type}"
        )


def device_up(ctx: LabContext, event: Event) -> None:
    """Is the device neither stopped by enforcement, nor broken, nor in maintenance?"""
    machine = _device(ctx, event)
    if ctx.trust.containment.is_device_stopped(machine.device_id, ctx.now):
        raise Blocked("ROUTE_DEVICE_UNAVAILABLE", f"{machine.device_id} has been stopped")
    if machine.fault_until > ctx.now:
        raise Blocked(
            "RC_DEVICE_FAULT", f"{machine.device_id} is broken until {machine.fault_until} s"
        )
    until = _table(ctx, event).maintenance_until(ctx.now, ctx.world.starts_at_s)
    if until is not None:
        raise Blocked("RC_DEVICE_MAINT", f"{machine.device_id} is in maintenance until {until} s")


def device_idle(ctx: LabContext, event: Event) -> None:
    """Is a unit of the device free?"""
    machine = _device(ctx, event)
    if machine.idle_unit(ctx.now) is None:
        raise Blocked("RC_DEVICE_BUSY", f"no unit of {machine.device_id} is free")


def device_panel(ctx: LabContext, event: Event) -> None:
    """Can the device run the panels of the specimens?"""
    panels = _table(ctx, event).panels
    for specimen in specimens(ctx, event):
        if specimen.panel_id not in panels:
            raise Blocked(
                "ROUTE_DEVICE_INCOMPATIBLE",
                f"{event.text('device_id')} does not run {specimen.panel_id}",
            )


def batch_size(ctx: LabContext, event: Event) -> None:
    """Do the specimens fit into one run?"""
    count = len(named_specimens(ctx, event))
    most = _table(ctx, event).type.batch_max
    if not 1 <= count <= most:
        raise Blocked("RC_BATCH_SIZE", f"{count} specimens, a run takes 1 to {most}")


def stage_order(ctx: LabContext, event: Event) -> None:
    """Have the specimens been through the stages before this one, and not through it?"""
    for specimen in specimens(ctx, event):
        expected = _expected_status(ctx, event, specimen)
        if specimen.status != expected:
            raise Blocked(
                "RC_STAGE_ORDER",
                f"specimen {specimen.specimen_id} is {specimen.status}, expected {expected}",
            )


def ready_status(ctx: LabContext, specimen: Specimen) -> SpecimenStatus:
    """Return the status in which a specimen may be queued for analysis."""
    panel = ctx.tables.panels[specimen.panel_id]
    if panel.needs_aliquot:
        return "aliquoted"
    return "separated" if panel.needs_separation else "accepted"


def _expected_status(ctx: LabContext, event: Event, specimen: Specimen) -> str:
    panel = ctx.tables.panels[specimen.panel_id]
    if event.action_type == "CENTRIFUGE_START":
        return "accepted" if panel.needs_separation else "no panel for the centrifuge"
    if event.action_type == "ALIQUOT_CREATE":
        needed = "separated" if panel.needs_separation else "accepted"
        return needed if panel.needs_aliquot else "no panel for the aliquoter"
    return ready_status(ctx, specimen) if event.action_type == "QUEUE_RUN" else "queued"


def aliquot_new(ctx: LabContext, event: Event) -> None:
    """Is it one specimen, and is the aliquot's id given and no other tube's?"""
    aliquot_id = event.text("aliquot_id")
    count = len(named_specimens(ctx, event))
    if count != 1:
        raise Blocked("RC_BATCH_SIZE", f"{count} specimens, an aliquot is drawn from one")
    if not aliquot_id or aliquot_id in ctx.world.aliquots or aliquot_id in ctx.world.specimens:
        raise Blocked(
            "RC_ALIQUOT_DUPLICATE", f"aliquot id {aliquot_id or '(none)'} is missing or taken"
        )


def spin_finished(ctx: LabContext, event: Event) -> None:
    """Are the specimens in this centrifuge, and has it stopped?"""
    for specimen in specimens(ctx, event):
        run = ctx.world.runs.get(specimen.run_id or "")
        if (
            run is None
            or specimen.status != "in_centrifuge"
            or run.device_id != event.text("device_id")
        ):
            raise Blocked(
                "RC_RUN_NOT_FINISHED",
                f"specimen {specimen.specimen_id} is not in {event.text('device_id')}",
            )
        if run.ends_s > ctx.now:
            raise Blocked("RC_RUN_NOT_FINISHED", f"{run.device_id} spins until {run.ends_s} s")


def begin_run(
    ctx: LabContext, event: Event, table: DeviceTable, batch: list[Specimen], run_id: str
) -> Run:
    """Occupy a unit for the specimens and put them in.

    That a unit is free is a guard's business.
    """
    machine = ctx.world.devices[table.device_id]
    duration = max((table.run_s[item.panel_id] for item in batch), default=table.idle_run_s)
    latency = max((table.latency_s[item.panel_id] for item in batch), default=0)
    run = Run(
        run_id,
        table.device_id,
        machine.occupy(ctx.now, duration),
        [specimen.specimen_id for specimen in batch],
        ctx.now,
        ctx.now + duration,
        ctx.now + duration + latency,
        event.agent_id,
    )
    ctx.world.begin(run)
    if table.type.kind == "centrifuge":
        machine.loaded_units.append(run.unit)  # taken until somebody unloads it
    for specimen in batch:
        specimen.run_id = run_id
        ctx.world.put(specimen, f"device:{table.device_id}", ctx.now, None)
    if ctx.world.simulated and table.type.kind == "analyser":
        ctx.world.schedule(run.ends_s, "SYS_RUN_END", run_id)
    return run


def unload(ctx: LabContext, run: Run) -> None:
    """Take what is left of a run's specimens out of the device into its zone."""
    run.unloaded = True
    if run.results_s <= ctx.now or not ctx.world.simulated:
        ctx.world.finish(run)
    loaded = ctx.world.devices[run.device_id].loaded_units
    if run.unit in loaded:
        loaded.remove(run.unit)
    zone = ctx.tables.devices[run.device_id].zone
    for specimen_id in run.specimen_ids:
        specimen = ctx.world.specimens[specimen_id]
        if specimen.place == f"device:{run.device_id}" and specimen.run_id == run.run_id:
            ctx.world.put(specimen, f"zone:{zone}", ctx.now, zone_band(ctx, zone))


def centrifuge_start(ctx: LabContext, event: Event) -> None:
    """Load and start one unit of a centrifuge."""
    table = _table(ctx, event)
    batch = specimens(ctx, event)
    ctx.world.counts["spins"] = number = ctx.world.counts.get("spins", 0) + 1
    run = begin_run(ctx, event, table, batch, unused(f"SPIN_{number}", ctx.world.runs))
    for specimen in batch:
        ctx.world.set_status(specimen, "in_centrifuge")
    ctx.data["run_id"] = run.run_id
    ctx.emit("CENTRIFUGE_START")


def centrifuge_end(ctx: LabContext, event: Event) -> None:
    """Unload a centrifuge: the whole batch comes out, whichever of its specimens are named.

    When they were separated is what the machine did, whatever the event claims.
    """
    for specimen in specimens(ctx, event):
        run = ctx.world.runs.get(specimen.run_id or "")
        if run is None:
            _separate(ctx, specimen, ctx.now)
        elif not run.unloaded:
            for specimen_id in run.specimen_ids:
                member = ctx.world.specimens[specimen_id]
                if member.run_id == run.run_id:
                    _separate(ctx, member, min(run.ends_s, ctx.now))
            unload(ctx, run)
    ctx.emit("CENTRIFUGE_END")


def _separate(ctx: LabContext, specimen: Specimen, at_s: int) -> None:
    specimen.separated_s = at_s
    ctx.world.set_status(specimen, "separated")


def aliquot_create(ctx: LabContext, event: Event) -> None:
    """Draw an aliquot; it goes on as the specimen."""
    aliquot_id = event.text("aliquot_id")
    table = ctx.tables.devices.get(event.text("device_id"))
    for specimen in specimens(ctx, event):
        if table is not None:
            machine = ctx.world.devices[table.device_id]
            machine.occupy(ctx.now, table.run_s[specimen.panel_id])
        if specimen.aliquot_id is not None:
            ctx.world.aliquots.pop(specimen.aliquot_id, None)
        specimen.aliquot_id = aliquot_id
        ctx.world.aliquots[aliquot_id] = specimen.specimen_id
        ctx.world.changes.note(ALIQUOTS)
        ctx.world.set_status(specimen, "aliquoted")
    ctx.emit("ALIQUOT_CREATE")
    if table is not None and table.type.prints_labels:
        ctx.emit("ALIQUOT_LABEL")


def _table(ctx: LabContext, event: Event) -> DeviceTable:
    return ctx.tables.devices[event.text("device_id")]


def _device(ctx: LabContext, event: Event) -> Device:
    return ctx.world.devices[event.text("device_id")]


GUARDS: Final[dict[str, Guard]] = {
    "device_known": device_known,
    "device_colocated": device_colocated,
    "device_kind": device_kind,
    "device_up": device_up,
    "device_idle": device_idle,
    "device_panel": device_panel,
    "batch_size": batch_size,
    "stage_order": stage_order,
    "aliquot_new": aliquot_new,
    "spin_finished": spin_finished,
}

HANDLERS: Final[dict[str, Handler]] = {
    "CENTRIFUGE_START": centrifuge_start,
    "CENTRIFUGE_END": centrifuge_end,
    "ALIQUOT_CREATE": aliquot_create,
}

CODES: Final = frozenset(
    {
        "RC_DEVICE_UNKNOWN",
        "RC_DEVICE_NOT_COLOCATED",
        "ROUTE_DEVICE_INCOMPATIBLE",
        "RC_DEVICE_FAULT",
        "RC_DEVICE_MAINT",
        "ROUTE_DEVICE_UNAVAILABLE",
        "RC_DEVICE_BUSY",
        "RC_BATCH_SIZE",
        "RC_STAGE_ORDER",
        "RC_ALIQUOT_DUPLICATE",
        "RC_RUN_NOT_FINISHED",
    }
)

EMITS: Final = frozenset({*HANDLERS, "ALIQUOT_LABEL"})
