"""Specimens that runtime control brings in from outside."""

from __future__ import annotations

from typing import Any, Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.errors import ScenarioError
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.intake import read_specimen
from labtrust_core.hospital_lab.lookup import LabContext, note_new
from labtrust_core.hospital_lab.things import Specimen

_BROUGHT: Final = frozenset(
    {
        *("arrived_at_reception", "accessioning", "accepted", "held", "rejected"),
        *("separated", "aliquoted"),
    }
)
"""Statuses that a specimen can have by itself: the others are of a device, a queue, a road."""


def injectable(ctx: LabContext, event: Event) -> None:
    """Is the specimen complete, and where it can be, and are it and its aliquot new?"""
    specimen = _specimen(ctx, event)
    if specimen.status not in _BROUGHT or not _has_a_place(ctx, specimen):
        raise Blocked(
            "RC_INJECT_SPECIMEN_INVALID",
            f"nothing that is {specimen.status} can be brought to {specimen.place}",
        )
    taken = ctx.world.aliquots.keys() | ctx.world.specimens.keys()
    if specimen.aliquot_id in taken or specimen.aliquot_id == specimen.specimen_id:
        raise Blocked(
            "RC_INJECT_SPECIMEN_DUPLICATE", f"aliquot {specimen.aliquot_id} exists already"
        )
    if specimen.specimen_id in taken:
        raise Blocked(
            "RC_INJECT_SPECIMEN_DUPLICATE", f"specimen {specimen.specimen_id} exists already"
        )


def _has_a_place(ctx: LabContext, specimen: Specimen) -> bool:
    kind, _, name = specimen.place.partition(":")
    if kind != "agent":
        return True
    return name in ctx.world.agents and ctx.world.carried(name) < ctx.tables.carry_limit


def inject_specimen(ctx: LabContext, event: Event) -> None:
    """Bring a specimen into the laboratory."""
    specimen = _specimen(ctx, event)
    ctx.world.add_specimen(specimen)
    note_new(ctx, [specimen])
    ctx.emit("INJECT_SPECIMEN")


def _specimen(ctx: LabContext, event: Event) -> Specimen:
    nested: Any = event.args.get("specimen", event.args)
    try:
        return read_specimen(ctx.tables, nested, "args", now_s=ctx.now)
    except ScenarioError as error:
        raise Blocked("RC_INJECT_SPECIMEN_INVALID", str(error)[:200]) from error


GUARDS: Final[dict[str, Guard]] = {"injectable": injectable}

HANDLERS: Final[dict[str, Handler]] = {"INJECT_SPECIMEN": inject_specimen}

CODES: Final = frozenset({"RC_INJECT_SPECIMEN_DUPLICATE", "RC_INJECT_SPECIMEN_INVALID"})

EMITS: Final = frozenset({"INJECT_SPECIMEN"})
