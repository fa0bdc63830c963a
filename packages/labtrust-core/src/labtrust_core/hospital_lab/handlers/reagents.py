"""Reagents: deliveries that are taken in, and orders that take their time."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.lookup import LabContext


def reagent_known(ctx: LabContext, event: Event) -> None:
    """Is there such a reagent?"""
    if event.text("reagent_id") not in ctx.tables.reagents:
        raise Blocked("RC_REAGENT_UNKNOWN", f"there is no reagent {event.args.get('reagent_id')}")


def restock(ctx: LabContext, event: Event) -> None:
    """Take one delivery of a reagent in; where that takes its time, order it."""
    reagent_id = event.text("reagent_id")
    amount = ctx.tables.reagents[reagent_id].delivery
    lead_s = ctx.world.reagent_lead_s.get(reagent_id, 0)
    if not lead_s:
        ctx.world.stock[reagent_id] += amount
        ctx.emit("STORE")
        return
    ctx.world.on_order[reagent_id] = ctx.world.on_order.get(reagent_id, 0) + amount
    ctx.world.schedule(ctx.now + lead_s, "SYS_REAGENT_DELIVERY", reagent_id)
    ctx.data["delivery_s"] = ctx.now + lead_s


def deliver(ctx: LabContext, event: Event) -> None:
    """An order of a reagent comes in."""
    reagent_id = event.args["reagent_id"]
    amount = ctx.tables.reagents[reagent_id].delivery
    ctx.world.on_order[reagent_id] -= amount
    ctx.world.stock[reagent_id] += amount
    ctx.emit("STORE")


GUARDS: Final[dict[str, Guard]] = {"reagent_known": reagent_known}

HANDLERS: Final[dict[str, Handler]] = {"RESTOCK_REAGENT": restock}

CODES: Final = frozenset({"RC_REAGENT_UNKNOWN"})

EMITS: Final = frozenset({"STORE"})
