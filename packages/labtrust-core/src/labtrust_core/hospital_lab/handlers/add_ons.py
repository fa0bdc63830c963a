"""Tests that are added to a tube in store, as long as it keeps."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.handlers.amendments import breach_as
from labtrust_core.hospital_lab.handlers.preanalytics import ready_status
from labtrust_core.hospital_lab.lookup import LabContext, specimens
from labtrust_core.hospital_lab.things import REPLACED, Specimen

SPOILT: Final = "TIME_EXPIRED"


def add_on_panel(ctx: LabContext, event: Event) -> None:
    """Is it one tube and a panel of the catalogue?"""
    count = len(specimens(ctx, event))
    panel = event.args.get("panel_id")
    if event.text("panel_id") not in ctx.tables.panels or count != 1:
        raise Blocked(
            "REQ_MISSING_OR_INCOMPATIBLE",
            f"one tube and a panel of the catalogue, found {count} and {panel}",
        )


def add_on_released(ctx: LabContext, event: Event) -> None:
    """Is everything that was asked for before out?"""
    for specimen in specimens(ctx, event):
        if specimen.status != "released":
            raise Blocked(
                "RC_SPECIMEN_STATUS",
                f"specimen {specimen.specimen_id} is {specimen.status}, not released",
            )


def add_on_container(ctx: LabContext, event: Event) -> None:
    """Does the panel take this tube?"""
    for specimen in specimens(ctx, event):
        if specimen.container_type not in ctx.tables.panels[event.text("panel_id")].containers:
            raise Blocked(
                "CNT_WRONG_CONTAINER",
                f"{event.text('panel_id')} does not take {specimen.container_type}",
            )


def add_on_stable(ctx: LabContext, event: Event) -> None:
    """Does the tube still keep for the panel?"""
    for specimen in specimens(ctx, event):
        breach = breach_as(ctx, specimen, event.text("panel_id"), ctx.now)
        if breach is not None:
            raise Blocked(breach[0], f"specimen {specimen.specimen_id}: {breach[1]}")


def add_on_new(ctx: LabContext, event: Event) -> None:
    """Has nothing of the panel been measured in the tube?"""
    for specimen in specimens(ctx, event):
        if _has_results(ctx, specimen, event.text("panel_id")):
            raise Blocked(
                "RC_RESULT_DUPLICATE",
                f"specimen {specimen.specimen_id} has results of {event.text('panel_id')}",
            )


def _has_results(ctx: LabContext, specimen: Specimen, panel_id: str) -> bool:
    analytes = ctx.tables.panels[panel_id].analytes
    found = (ctx.world.results[item] for item in specimen.results)
    return any(item.analyte in analytes and item.status not in REPLACED for item in found)


def add_on_test(ctx: LabContext, event: Event) -> None:
    """Book a further panel on a tube: it goes to be measured again, what is out stays out."""
    for specimen in specimens(ctx, event):
        specimen.panel_id = event.text("panel_id")
        ctx.world.add_ons.pop(specimen.specimen_id, None)
        ctx.world.set_status(specimen, ready_status(ctx, specimen))
    ctx.emit("CREATE_ACCESSION")


def can_add_on(ctx: LabContext, specimen: Specimen, panel_id: str) -> bool:
    """Whether the panel can be booked on the tube now."""
    return (
        specimen.status == "released"
        and specimen.container_type in ctx.tables.panels[panel_id].containers
        and not _has_results(ctx, specimen, panel_id)
        and breach_as(ctx, specimen, panel_id, ctx.trust.now) is None
    )


def add_on_request(ctx: LabContext, event: Event) -> None:
    """Somebody asks for a further panel on a tube that was released.

    The request waits until it is booked. One whose tube no longer keeps is dropped, this or any
    that waits.
    """
    asked = ctx.world.add_ons
    specimen_id = event.args["specimen_id"]
    asked[specimen_id] = ctx.data["panel_id"] = event.args["panel_id"]
    dropped = [
        item
        for item, panel_id in asked.items()
        if breach_as(ctx, ctx.world.specimens[item], panel_id, ctx.now) is not None
    ]
    for item in dropped:
        del asked[item]
    if dropped:
        ctx.data["reason_code"] = SPOILT
        ctx.data["dropped"] = dropped


GUARDS: Final[dict[str, Guard]] = {
    "add_on_panel": add_on_panel,
    "add_on_released": add_on_released,
    "add_on_container": add_on_container,
    "add_on_stable": add_on_stable,
    "add_on_new": add_on_new,
}

HANDLERS: Final[dict[str, Handler]] = {"ADD_ON_TEST": add_on_test}

CODES: Final = frozenset(
    {
        "REQ_MISSING_OR_INCOMPATIBLE",
        "RC_SPECIMEN_STATUS",
        "CNT_WRONG_CONTAINER",
        "RC_RESULT_DUPLICATE",
        SPOILT,
    }
)

EMITS: Final = frozenset({"CREATE_ACCESSION"})
