"""Specimens that arrive by themselves.

Draws are counter-based: the n-th specimen of a stream is the same whatever else happens.
"""

from __future__ import annotations

from typing import Final

from labtrust_core.event import Event
from labtrust_core.hospital_lab.documents.workload import ArrivalStream
from labtrust_core.hospital_lab.lookup import LabContext, unused
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Specimen
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.randomness import stream

_MILLION: Final = 1_000_000


def schedule_first_arrivals(tables: LabTables, world: LabWorld) -> None:
    """Put the first arrival of each stream of the workload on a new world's agenda."""
    if world.workload is not None:
        for name in tables.workloads[world.workload].streams:
            world.arrivals[name] = 0
            _schedule_arrival(tables, world, name, 0, 0)


def arrival(ctx: LabContext, event: Event) -> None:
    """A specimen arrives at a site's reception, and the next one of its stream is scheduled."""
    world = ctx.world
    name = event.args["stream"]
    number = world.arrivals[name]
    world.arrivals[name] = number + 1
    rules = ctx.tables.workloads[world.workload or ""].streams[name]
    specimen = draw_specimen(ctx, rules, name, number)
    specimen.specimen_id = unused(specimen.specimen_id, world.specimens)
    world.add_specimen(specimen)
    _schedule_arrival(ctx.tables, world, name, number + 1, ctx.now)
    ctx.data["specimen_id"] = specimen.specimen_id
    ctx.data["priority"] = specimen.priority
    ctx.emit("RECEIVE_BATCH")


def _schedule_arrival(
    tables: LabTables, world: LabWorld, name: str, number: int, now_s: int
) -> None:
    rules = tables.workloads[world.workload or ""].streams[name]
    wait = stream(world.seed, f"arrival/{name}").exponential_s(rules.mean_interval_s, number)
    if now_s + wait <= world.arrivals_until_s:
        world.schedule(now_s + wait, "SYS_ARRIVAL", name)


def draw_specimen(ctx: LabContext, rules: ArrivalStream, name: str, number: int) -> Specimen:
    """Draw the ``number``-th specimen of a stream.

    Panel, priority, age and what is wrong with it.
    """
    draws = stream(ctx.world.seed, f"specimen/{name}")
    panel_id = list(rules.panels)[
        draws.pick([mix.weight for mix in rules.panels.values()], number, 0)
    ]
    mix = rules.panels[panel_id]
    panel = ctx.tables.panels[panel_id]
    priority_draw = draws.below(_MILLION, number, 1)
    urgent = priority_draw < rules.stat_ppm + rules.urgent_ppm
    site = ctx.tables.sites[rules.site]
    half_age = rules.collection_age_s // 2
    return Specimen(
        specimen_id=f"S_{name}_{number:05d}",
        panel_id=panel_id,
        container_type=mix.container,
        specimen_type=panel.specimen_type,
        priority="STAT" if priority_draw < rules.stat_ppm else "URGENT" if urgent else "ROUTINE",
        patient_id=f"pid:{draws.u64(number, 2):016x}",
        place=f"zone:{site.arrival_zone}",
        collected_s=ctx.now - half_age - draws.exponential_s(half_age, number, 3),
        arrived_s=ctx.now,
        fill_ratio_ok=not draws.chance_ppm(mix.citrate_underfill_ppm, number, 4)
        if panel.needs_citrate_fill
        else None,
        identity_ok=not draws.chance_ppm(rules.id_mismatch_ppm, number, 5),
        label_issue=draws.chance_ppm(rules.label_error_ppm, number, 6),
        leak=draws.chance_ppm(mix.leak_ppm, number, 7),
        clot=draws.chance_ppm(mix.clot_ppm, number, 8),
        hemolysis=draws.chance_ppm(mix.hemolysis_ppm, number, 9),
        insufficient_volume=draws.chance_ppm(mix.insufficient_volume_ppm, number, 10),
    )
