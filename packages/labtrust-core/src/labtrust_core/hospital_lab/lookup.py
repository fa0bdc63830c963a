"""What guards and handlers look up about an event.

The acting agent, the specimens, the device, the results it names.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TypeAlias

from labtrust_core.engine.context import Context
from labtrust_core.event import Event
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import REPLACED, Agent, Device, Result, Specimen
from labtrust_core.hospital_lab.world import LabWorld

LabContext: TypeAlias = Context[LabWorld, LabTables]


def acting_agent(ctx: LabContext, event: Event) -> Agent | None:
    """Return the acting agent as the world knows it."""
    return ctx.world.agents.get(event.agent_id)


def agent_zone(ctx: LabContext, event: Event) -> str | None:
    """Return the zone of the acting agent; ``None`` for one who has no place."""
    agent = ctx.world.agents.get(event.agent_id)
    return None if agent is None else agent.zone


def named_specimens(ctx: LabContext, event: Event) -> tuple[str, ...]:
    """Return the specimen ids that an event names; an aliquot id stands for its specimen.

    The first argument that is there counts: ``specimen_ids``, ``specimen_id``, ``aliquot_ids``,
    ``work_id``, ``accession_ids``.
    """
    found: tuple[str, ...] | None = ctx.scratch.get("specimens")
    if found is None:
        found = ctx.scratch["specimens"] = _named_specimens(ctx, event)
    return found


def _named_specimens(ctx: LabContext, event: Event) -> tuple[str, ...]:
    aliquots, known = ctx.world.aliquots, ctx.world.specimens
    for name in ("specimen_ids", "specimen_id", "aliquot_ids", "work_id", "accession_ids"):
        if name in event.args:
            one = event.text(name)
            if one:
                return (one if one in known else aliquots.get(one, one),)
            ids = event.texts(name)
            return tuple(
                dict.fromkeys(item if item in known else aliquots.get(item, item) for item in ids)
            )
    return ()


def specimens(ctx: LabContext, event: Event) -> list[Specimen]:
    """Return the specimens that an event names, as far as they exist; not to be changed."""
    found: list[Specimen] | None = ctx.scratch.get("found")
    if found is None:
        known = ctx.world.specimens
        named = named_specimens(ctx, event)
        found = ctx.scratch["found"] = [known[item] for item in named if item in known]
    return found


def mean_specimens(ctx: LabContext, ids: tuple[str, ...]) -> None:
    """Let an event that names no specimens mean ``ids`` from now on."""
    ctx.scratch["specimens"] = ids
    ctx.scratch.pop("found", None)


def device(ctx: LabContext, event: Event) -> Device | None:
    """Return the device that an event names."""
    return ctx.world.devices.get(event.text("device_id"))


def results(ctx: LabContext, event: Event) -> list[Result]:
    """Return the results that an event names: one, or all current ones of a specimen."""
    found: list[Result] | None = ctx.scratch.get("results")
    if found is None:
        found = ctx.scratch["results"] = _results(ctx, event)
    return found


def _results(ctx: LabContext, event: Event) -> list[Result]:
    world = ctx.world
    if "result_id" in event.args:
        result = world.results.get(event.text("result_id"))
        return [] if result is None else [result]
    specimen = world.specimens.get(event.text("specimen_id"))
    if specimen is None:
        return []
    return [
        world.results[item]
        for item in specimen.results
        if world.results[item].status not in REPLACED
    ]


def result_out(world: LabWorld, result: Result) -> Result | None:
    """Return another result of the same specimen and analyte that is released."""
    specimen = world.specimens.get(result.specimen_id or "")
    if specimen is None or result.analyte is None:
        return None
    for item in specimen.results:
        other = world.results[item]
        if other.analyte == result.analyte and other.status == "released" and other is not result:
            return other
    return None


def is_within_reach(specimen: Specimen, agent: Agent) -> bool:
    """Whether ``agent`` has ``specimen`` in hand or in the same zone."""
    return specimen.place in (f"zone:{agent.zone}", f"agent:{agent.agent_id}")


def note_fate(ctx: LabContext, what: str, item_id: str) -> None:
    """Let the outcome say what became of a specimen or a result.

    The ledger then tells it without the world: receipts are made from the log alone.

    Args:
        ctx: The step.
        what: Name of a list in the outcome's data, such as ``released_results``.
        item_id: What is added to it.
    """
    ctx.data.setdefault(what, []).append(item_id)


def note_new(ctx: LabContext, tubes: Sequence[Specimen]) -> None:
    """Let the outcome say which specimens have come, as their labels and requests state them."""
    ctx.data["specimen_ids"] = [tube.specimen_id for tube in tubes]
    ctx.data["priorities"] = [tube.priority for tube in tubes]
    ctx.data["panels"] = [tube.panel_id for tube in tubes]
    ctx.data["patients"] = [tube.patient_id for tube in tubes]
    ctx.data["request_ids"] = [tube.request_id for tube in tubes]
    ctx.data["specimen_types"] = [tube.specimen_type for tube in tubes]
    ctx.data["collected_s"] = [tube.collected_s for tube in tubes]


def zone_band(ctx: LabContext, zone: str) -> str:
    """Return the temperature band of a zone."""
    return ctx.tables.zones[zone].temp_band


def unused(wanted: str, taken: Container[str]) -> str:
    """Return ``wanted``, or where it is taken the first free one of ``wanted_2``, ``wanted_3``….

    Agents and scenarios choose ids too; what the laboratory names itself must not replace theirs.
    """
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}_{number}"
    return name
