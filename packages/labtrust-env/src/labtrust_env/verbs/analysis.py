"""The analysers: queues, runs, quality control, reagents."""

from __future__ import annotations

from typing import Final

from labtrust_core.hospital_lab.handlers.preanalytics import ready_status
from labtrust_core.hospital_lab.handlers.quality import qc_due_in
from labtrust_core.hospital_lab.logistics import lying
from labtrust_core.hospital_lab.lookup import LabContext, is_within_reach
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import Agent, Specimen

from labtrust_env.verbs.bench import spoilt
from labtrust_env.verbs.proposal import Proposal, Verb, at_device, unused, usable

_READY: Final = ("aliquoted", "separated", "accepted")
QC_LEAD_S: Final = 3_600
"""Controls are run when they fall due within this many seconds."""
RESTOCK_SHARE: Final = 4
"""A delivery is taken in when less than one part in so many of it is left."""


def queue(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Queue the most urgent specimen lying here that this analyser runs and that is ready."""
    table = at_device(ctx, agent, target)
    if table is None or len(ctx.world.devices[target].queue) >= table.type.queue_capacity:
        return None
    for status in _READY:
        for specimen in lying(ctx, f"zone:{agent.zone}", status):
            if specimen.panel_id in table.panels and _is_to_queue(ctx, specimen):
                return "QUEUE_RUN", {"device_id": target, "specimen_id": specimen.specimen_id}
    return None


def _is_to_queue(ctx: LabContext, specimen: Specimen) -> bool:
    if ready_status(ctx, specimen) != specimen.status:
        return False
    machines = ctx.world.devices.values()
    return all(specimen.specimen_id not in machine.queue.waiting for machine in machines)


def queue_anywhere(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Queue at the first analyser here that has something to queue."""
    return _anywhere(ctx, agent, queue)


def start(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Start the head of this analyser's queue."""
    table = usable(ctx, agent, target)
    machine = ctx.world.devices[target]
    if table is None or machine.qc_state == "fail" or qc_due_in(ctx, machine) < 0:
        return None
    head = machine.queue.head(ctx.tables.stat_share_percent)
    specimen = None if head is None else ctx.world.specimens.get(head)
    if specimen is None or not _is_to_run(ctx, agent, table, specimen):
        return None
    run_id = unused(f"RUN_{target}_{len(ctx.world.runs) + 1}", ctx.world.runs)
    return "START_RUN", {"device_id": target, "run_id": run_id, "specimen_ids": [head]}


def _is_to_run(ctx: LabContext, agent: Agent, table: DeviceTable, specimen: Specimen) -> bool:
    if specimen.status != "queued" or specimen.panel_id not in table.panels:
        return False
    use = ctx.tables.panel_reagents.get(specimen.panel_id)
    if use is not None and ctx.world.stock[use.reagent] < use.units:
        return False
    return is_within_reach(specimen, agent) and spoilt(ctx, specimen) is None


def start_anywhere(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Start at the first analyser here that can start."""
    return _anywhere(ctx, agent, start)


def _anywhere(ctx: LabContext, agent: Agent, verb: Verb) -> Proposal | None:
    role = ctx.role_of(agent.agent_id)
    if role is None:
        return None
    for table in ctx.tables.devices.values():
        allowed = role.devices is None or table.device_id in role.devices
        if table.zone == agent.zone and table.type.kind == "analyser" and allowed:
            found = verb(ctx, agent, table.device_id)
            if found is not None:
                return found
    return None


def quality_control(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Run controls when they are needed."""
    if usable(ctx, agent, target) is None or not needs_qc(ctx, target):
        return None
    return "QC_EVENT", {"device_id": target}


def needs_qc(ctx: LabContext, target: str) -> bool:
    """Whether controls have failed, drifted or fall due within the hour."""
    machine = ctx.world.devices[target]
    return machine.qc_state != "pass" or qc_due_in(ctx, machine) < QC_LEAD_S


def restock(ctx: LabContext, _agent: Agent, target: str) -> Proposal | None:
    """Take a delivery in when it is needed."""
    return ("RESTOCK_REAGENT", {"reagent_id": target}) if needs_stock(ctx, target) else None


def needs_stock(ctx: LabContext, target: str) -> bool:
    """Whether less than a quarter of a delivery is left.

    Where deliveries take time, whether less than a whole one is left or on its way.
    """
    world = ctx.world
    left = world.stock[target] + world.on_order.get(target, 0)
    share = 1 if world.reagent_lead_s.get(target, 0) else RESTOCK_SHARE
    return share * left < ctx.tables.reagents[target].delivery
