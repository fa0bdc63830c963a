"""What the devices show at one moment, read once for everybody who looks at them."""

from __future__ import annotations

from typing import NamedTuple

from labtrust_core.hospital_lab.handlers.quality import qc_due_in
from labtrust_core.hospital_lab.logistics import devices_up
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import Device


class DeviceReading(NamedTuple):
    """One device at one moment.

    Attributes:
        table: What policy says of it.
        machine: Its state.
        up: Whether it is neither stopped nor broken nor in maintenance.
        idle: How many units are free.
        qc_due_in_s: Seconds until its controls are due; negative when they are overdue.
    """

    table: DeviceTable
    machine: Device
    up: bool
    idle: int
    qc_due_in_s: int


def read_devices(ctx: LabContext) -> list[DeviceReading]:
    """Return a reading of each device, in policy's order."""
    now, machines = ctx.trust.now, ctx.world.devices
    found = []
    up = devices_up(ctx)
    for table in ctx.tables.devices.values():
        machine = machines[table.device_id]
        idle = len(machine.idle_units(now))
        found.append(
            DeviceReading(table, machine, up[table.device_id], idle, qc_due_in(ctx, machine))
        )
    return found
