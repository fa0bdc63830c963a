"""Reception and the preanalytical bench: booking in, deciding, spinning, aliquoting."""

from __future__ import annotations

from typing import Final

from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.stability import stability_breach, temperature_breach
from labtrust_core.hospital_lab.things import Agent, Specimen

from labtrust_env.verbs import transport
from labtrust_env.verbs.proposal import (
    Proposal,
    at_device,
    first_here,
    unused,
    usable,
    within_reach,
)

_LABELLED: Final = ("arrived_at_reception", "accessioning", "accepted", "separated", "aliquoted")


def accession(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Book the most urgent arrived specimen here in."""
    return _on("CREATE_ACCESSION", first_here(ctx, agent, "arrived_at_reception"))


def check(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Check the most urgent specimen here that was booked in and not checked."""
    return _on("CHECK_ACCEPTANCE_RULES", first_here(ctx, agent, "accessioning", checked=False))


def accept(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Decide about the most urgent checked specimen here: the rules accept, hold or reject it."""
    return _on("ACCEPT_SPECIMEN", first_here(ctx, agent, "accessioning", checked=True))


def scan(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Read the label of the most urgent specimen here whose label nobody has scanned yet."""
    for status in _LABELLED:
        for specimen in within_reach(ctx, agent, status):
            if specimen.scanned_s is None:
                return _on("SCAN_LABEL", specimen)
    return None


def _on(action_type: str, specimen: Specimen | None) -> Proposal | None:
    return None if specimen is None else (action_type, {"specimen_id": specimen.specimen_id})


def reject(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Reject the most urgent held specimen here, or one that has spoilt in a queue here.

    Else a leaking one that would have to travel, or all of a consignment that is not fit.
    """
    held = first_here(ctx, agent, "held")
    if held is not None:
        return _rejection(held, held.reason or "ID_UNATTRIBUTABLE")
    for specimen in within_reach(ctx, agent, "queued"):
        reason = spoilt(ctx, specimen)
        if reason is not None:
            return _rejection(specimen, reason)
    for specimen in transport.not_fit_to_travel(ctx, agent):
        return _rejection(specimen, "RC_LEAKING_CONTAINER")
    return transport.turn_away(ctx, agent)


def _rejection(specimen: Specimen, reason: str) -> Proposal:
    return "REJECT_SPECIMEN", {"specimen_id": specimen.specimen_id, "reason_code": reason}


def spoilt(ctx: LabContext, specimen: Specimen) -> str | None:
    """Return the reason code for which a specimen may no longer be analysed."""
    breach = stability_breach(ctx.tables, specimen, ctx.trust.now)
    if breach is not None:
        return breach[0]
    warm = temperature_breach(ctx.tables, specimen, ctx.trust.now)
    return None if warm is None else "TEMP_OUT_OF_BAND"


def centrifuge_start(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Spin the most urgent specimens here that need it, as many as fit."""
    table = usable(ctx, agent, target)
    if table is None:
        return None
    panels = ctx.tables.panels
    accepted = within_reach(ctx, agent, "accepted")
    ids = [item.specimen_id for item in accepted if panels[item.panel_id].needs_separation]
    batch = ids[: table.type.batch_max]
    return ("CENTRIFUGE_START", {"device_id": target, "specimen_ids": batch}) if batch else None


def centrifuge_end(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Unload the first spin of this centrifuge that has ended."""
    if at_device(ctx, agent, target) is None:
        return None
    world = ctx.world
    inside = world.here(f"device:{target}", "in_centrifuge")
    beside = world.here(f"zone:{agent.zone}", "in_centrifuge")
    for specimen_id in (*inside, *beside):
        run = world.runs[world.specimens[specimen_id].run_id or ""]
        if run.device_id == target and run.ends_s <= ctx.trust.now:
            left = [item for item in run.specimen_ids if item in inside or item in beside]
            return "CENTRIFUGE_END", {"device_id": target, "specimen_ids": left}
    return None


def aliquot(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Draw an aliquot of the most urgent specimen here that is to have one."""
    if usable(ctx, agent, target) is None:
        return None
    for status in ("separated", "accepted"):
        for specimen in within_reach(ctx, agent, status):
            panel = ctx.tables.panels[specimen.panel_id]
            if panel.needs_aliquot and panel.needs_separation is (status == "separated"):
                return "ALIQUOT_CREATE", {
                    "device_id": target,
                    "specimen_id": specimen.specimen_id,
                    "aliquot_id": unused(f"{specimen.specimen_id}_A", ctx.world.aliquots),
                }
    return None
