"""Released results that are measured again, and amended; the original stays as it was.

A repeat does not touch what is out. Only an amendment, with its reason, puts the new result in its
place, and the original can be read for good.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.handlers.results import is_open, release
from labtrust_core.hospital_lab.lookup import LabContext, note_fate, result_out, results
from labtrust_core.hospital_lab.stability import stability_breach
from labtrust_core.hospital_lab.things import REPLACED, Device, Result, Specimen

AMENDED_FLAG: Final = "AMENDED"


def nothing_out(ctx: LabContext, event: Event) -> None:
    """Is no earlier result of the same specimen and analyte out?"""
    for result in results(ctx, event):
        earlier = result_out(ctx.world, result)
        if earlier is not None:
            raise Blocked(
                "RC_AMENDMENT_REQUIRED",
                f"result {earlier.result_id} is out; {result.result_id} can only amend it",
            )


def amends_released(ctx: LabContext, event: Event) -> None:
    """Is an earlier result of the same specimen and analyte out, which this one amends?"""
    for result in results(ctx, event):
        if result_out(ctx.world, result) is None:
            raise Blocked(
                "RC_RESULT_NOT_AMENDABLE",
                f"nothing is out that {result.result_id} could amend; it is to be released",
            )


def repeatable(ctx: LabContext, event: Event) -> None:
    """Are the results still unreleased, or out and their specimen in no work?"""
    for result in results(ctx, event):
        specimen = ctx.world.specimens.get(result.specimen_id or "")
        if result.status in REPLACED or (result.status == "released" and specimen is None):
            raise Blocked("RC_RESULT_STATUS", f"result {result.result_id} is {result.status}")
        if result.status == "released" and specimen is not None and specimen.status != "released":
            raise Blocked(
                "RC_SPECIMEN_STATUS",
                f"specimen {specimen.specimen_id} is {specimen.status}, not released",
            )


def repeat_stable(ctx: LabContext, event: Event) -> None:
    """Are specimens whose results are out still young enough to be measured again?"""
    for result in results(ctx, event):
        specimen = ctx.world.specimens.get(result.specimen_id or "")
        if result.status == "released" and specimen is not None:
            breach = breach_as(ctx, specimen, result.panel_id or specimen.panel_id, ctx.now)
            if breach is not None:
                raise Blocked(breach[0], f"specimen {specimen.specimen_id}: {breach[1]}")


def breach_as(
    ctx: LabContext, specimen: Specimen, panel_id: str, now_s: int
) -> tuple[str, str] | None:
    """Return the reason code and why a specimen is too old to be measured for a panel."""
    tube = msgspec.structs.replace(specimen, panel_id=panel_id)
    return stability_breach(ctx.tables, tube, now_s)


def amend_result(ctx: LabContext, event: Event) -> None:
    """Put a new result in the place of the one that is out, which stays readable."""
    for result in results(ctx, event):
        earlier = result_out(ctx.world, result)
        if earlier is None:
            continue
        earlier.status = "amended"
        note_fate(ctx, "amended_results", earlier.result_id)
        result.amends = earlier.result_id
        result.flags.append(AMENDED_FLAG)
        release(ctx, result, event.agent_id)
        ctx.data["amends"] = earlier.result_id
    ctx.emit("AMEND_RESULT")


def look_back(ctx: LabContext, machine: Device) -> None:
    """After failed controls: what was measured last before them and is out is to be repeated."""
    found = ctx.world.investigations.get(machine.investigation or "")
    if found is None or machine.qc_state != "fail":
        return
    specimens = dict.fromkeys(ctx.world.results[item].specimen_id for item in found.released)
    for specimen_id in deque(specimens, maxlen=ctx.tables.lookback_specimens):
        specimen = ctx.world.specimens.get(specimen_id or "")
        if specimen is not None and specimen.status == "released":
            ctx.world.repeats[specimen.specimen_id] = None


def to_repeat(ctx: LabContext) -> Result | None:
    """Return the next released result that is to be repeated and can be."""
    for specimen_id in ctx.world.repeats:
        specimen = ctx.world.specimens[specimen_id]
        found = (ctx.world.results[item] for item in specimen.results)
        first = next((item for item in found if item.status == "released"), None)
        if first is None or specimen.status != "released":
            continue
        panel_id = first.panel_id or specimen.panel_id
        if breach_as(ctx, specimen, panel_id, ctx.trust.now) is None:
            return first
    return None


def amendable(ctx: LabContext, specimen: Specimen) -> list[Result]:
    """Return a specimen's open results that can only amend what is out."""
    found = (ctx.world.results[item] for item in specimen.results)
    return [item for item in found if is_open(item) and result_out(ctx.world, item) is not None]


GUARDS: Final[dict[str, Guard]] = {
    "nothing_out": nothing_out,
    "amends_released": amends_released,
    "repeatable": repeatable,
    "repeat_stable": repeat_stable,
}

HANDLERS: Final[dict[str, Handler]] = {"AMEND_RESULT": amend_result}

CODES: Final = frozenset(
    {
        "RC_AMENDMENT_REQUIRED",
        "RC_RESULT_NOT_AMENDABLE",
        "RC_RESULT_STATUS",
        "RC_SPECIMEN_STATUS",
        "TIME_EXPIRED",
    }
)

EMITS: Final = frozenset({"AMEND_RESULT"})
"""What the handlers emit."""
