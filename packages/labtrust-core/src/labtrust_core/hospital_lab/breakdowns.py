"""Devices that break down and are repaired by themselves."""

from __future__ import annotations

from typing import Final

from labtrust_core.event import Event
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.randomness import stream

STATED: Final = "stated"
"""Kind of a fault that the initial state lays down; it strikes once, and asks for controls."""


def schedule_first_faults(tables: LabTables, world: LabWorld) -> None:
    """Put the first fault of each kind of each device on a new world's agenda."""
    for device_id, table in tables.devices.items():
        for kind in table.faults:
            _schedule_fault(tables, world, device_id, kind, 0)


def _schedule_fault(
    tables: LabTables, world: LabWorld, device_id: str, kind: str, now_s: int
) -> None:
    model = tables.devices[device_id].faults[kind]
    number = world.counts.get(f"fault:{device_id}|{kind}", 0)
    wait = stream(world.seed, f"fault/{kind}").exponential_s(model.mtbf_s, device_id, number)
    world.schedule(now_s + wait, "SYS_DEVICE_FAULT", f"{device_id}|{kind}")


def schedule_outage(world: LabWorld, device_id: str, begins_s: int, lasts_s: int) -> None:
    """Put a fault that is known beforehand on a new world's agenda."""
    world.schedule(begins_s, "SYS_DEVICE_FAULT", f"{device_id}|{STATED}|{lasts_s}")


def device_fault(ctx: LabContext, event: Event) -> None:
    """A device breaks down; how long its repair takes is drawn, unless it was stated."""
    world = ctx.world
    machine = world.devices[event.args["device_id"]]
    kind = event.args["fault"]
    key = f"fault:{machine.device_id}|{kind}"
    world.counts[key] = number = world.counts.get(key, 0) + 1
    machine.faults += 1
    repair_s: int | None = event.args.get("repair_s")
    if repair_s is None:
        repair_s = stream(world.seed, f"repair/{kind}").exponential_s(
            ctx.tables.devices[machine.device_id].faults[kind].mttr_s, machine.device_id, number
        )
    world.break_down(machine, ctx.now, repair_s)
    world.schedule(machine.fault_until, "SYS_DEVICE_REPAIR", f"{machine.device_id}|{kind}")
    ctx.data["repair_until_s"] = machine.fault_until
    ctx.emit("ALARM")


def device_repair(ctx: LabContext, event: Event) -> None:
    """A fault is repaired, and the next one of its kind is drawn; some ask for controls."""
    machine = ctx.world.devices[event.args["device_id"]]
    table = ctx.tables.devices[machine.device_id]
    kind = event.args["fault"]
    stated = kind == STATED
    if table.type.qc is not None and (stated or table.faults[kind].needs_qc):
        machine.runs_since_qc = table.type.qc.max_runs
    if not stated:
        _schedule_fault(ctx.tables, ctx.world, machine.device_id, kind, ctx.now)
