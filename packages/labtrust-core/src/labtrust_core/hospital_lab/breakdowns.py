"""Devices that break down and are repaired by themselves."""

from __future__ import annotations

from labtrust_core.event import Event
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.randomness import stream


def schedule_first_faults(tables: LabTables, world: LabWorld) -> None:
    """Put the first fault of each device that can fail on a new world's agenda."""
    for device_id, table in tables.devices.items():
        if table.mtbf_s is not None:
            wait = stream(world.seed, "fault").exponential_s(table.mtbf_s, device_id, 0)
            world.schedule(wait, "SYS_DEVICE_FAULT", device_id)


def device_fault(ctx: LabContext, event: Event) -> None:
    """A device breaks down; when it will be repaired is drawn."""
    machine = ctx.world.devices[event.args["device_id"]]
    table = ctx.tables.devices[machine.device_id]
    machine.faults += 1
    repair = stream(ctx.world.seed, "repair").exponential_s(
        table.mttr_s, machine.device_id, machine.faults
    )
    machine.fault_until = ctx.now + repair
    ctx.world.schedule(machine.fault_until, "SYS_DEVICE_REPAIR", machine.device_id)
    ctx.emit("ALARM")


def device_repair(ctx: LabContext, event: Event) -> None:
    """A device works again; its next fault is drawn."""
    machine = ctx.world.devices[event.args["device_id"]]
    mtbf = ctx.tables.devices[machine.device_id].mtbf_s
    if mtbf is not None:
        wait = stream(ctx.world.seed, "fault").exponential_s(
            mtbf, machine.device_id, machine.faults
        )
        ctx.world.schedule(ctx.now + wait, "SYS_DEVICE_FAULT", machine.device_id)
