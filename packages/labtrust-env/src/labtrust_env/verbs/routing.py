"""Which analyser a specimen goes to: lanes, and leaving a queue whose device stands still."""

from __future__ import annotations

from typing import Final

from labtrust_core.hospital_lab.handlers.reception import ALLOWED_FROM
from labtrust_core.hospital_lab.logistics import devices_of_kind, is_up
from labtrust_core.hospital_lab.lookup import LabContext, is_within_reach
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import Agent, Specimen

from labtrust_env.verbs.proposal import Proposal, at_device, within_reach

_STATUSES: Final = tuple(sorted(ALLOWED_FROM["ASSIGN_LANE"]))


def assign_lane(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Send the most urgent specimen here that could go elsewhere to this analyser."""
    table = ctx.tables.devices[target]
    for status in _STATUSES:
        for specimen in within_reach(ctx, agent, status):
            if specimen.panel_id in table.panels and specimen.lane != target:
                return "ASSIGN_LANE", {"specimen_id": specimen.specimen_id, "lane": target}
    return None


def reroute(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Take the head of this analyser's queue to the shortest queue of another that works.

    Only when this one stands still or its controls have failed.
    """
    table = at_device(ctx, agent, target)
    machine = ctx.world.devices[target]
    if table is None or (is_up(ctx, table) and machine.qc_state != "fail"):
        return None
    head = machine.queue.head(ctx.tables.stat_share_percent)
    specimen = None if head is None else ctx.world.specimens.get(head)
    if specimen is None or specimen.status != "queued" or not is_within_reach(specimen, agent):
        return None
    others = _alternatives(ctx, table, specimen)
    if not others:
        return None
    lane = min(others, key=lambda item: len(ctx.world.devices[item].queue))
    args = {"device_id": target, "specimen_id": specimen.specimen_id, "lane": lane}
    return "REROUTE_TO_ALT_DEVICE", args


def _alternatives(ctx: LabContext, table: DeviceTable, specimen: Specimen) -> list[str]:
    return [
        other.device_id
        for other in devices_of_kind(ctx, "analyser")
        if other is not table
        and specimen.panel_id in other.panels
        and is_up(ctx, other)
        and ctx.world.devices[other.device_id].qc_state != "fail"
    ]
