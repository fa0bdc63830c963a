"""Autoverification: results that leave without a person."""

from __future__ import annotations

from labtrust_core.event import SYSTEM_AGENT, Event
from labtrust_core.hospital_lab.handlers.results import release
from labtrust_core.hospital_lab.lookup import LabContext


def autoverify(ctx: LabContext, event: Event) -> None:
    """Release a specimen's results without a person, where policy lets it and all is well."""
    world = ctx.world
    run = world.runs.get(world.specimens[event.args["specimen_id"]].run_id or "")
    if run is not None:
        world.finish(run)
    specimen = world.specimens[event.args["specimen_id"]]
    found = [
        world.results[item]
        for item in specimen.results
        if world.results[item].status != "superseded"
    ]
    ctx.emit("AUTO_VERIFICATION_CHECK")
    clean = all(
        result.status == "generated"
        and result.criticality == "NONE"
        and world.devices[result.device_id or ""].qc_state == "pass"
        for result in found
    )
    if not (ctx.tables.panels[specimen.panel_id].autoverify and clean and found):
        world.releasable[specimen.specimen_id] = None
        return
    for result in found:
        result.autoverified = True
        release(ctx, result, SYSTEM_AGENT)
    ctx.emit("RELEASE_RESULT")
