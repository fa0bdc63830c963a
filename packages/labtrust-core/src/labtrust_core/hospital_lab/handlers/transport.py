"""Consignments between sites: dispatch, custody, temperature on the way, receipt."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.documents.floor import Route
from labtrust_core.hospital_lab.lookup import (
    LabContext,
    agent_zone,
    named_specimens,
    specimens,
    zone_band,
)
from labtrust_core.hospital_lab.things import Consignment
from labtrust_core.randomness import stream

_DISPATCHABLE: Final = frozenset({"arrived_at_reception", "accessioning", "accepted"})


def route_allowed(ctx: LabContext, event: Event) -> None:
    """Is there an open route between the sites?"""
    route = ctx.tables.routes.get(_route_id(ctx, event) or "")
    if route is None or not route.enabled:
        ends = f"{event.args.get('origin_site')} to {event.args.get('dest_site')}"
        raise Blocked("TRANSPORT_ROUTE_FORBIDDEN", f"no open route leads from {ends}")


def dispatch_place(ctx: LabContext, event: Event) -> None:
    """Does the agent stand where the route begins?"""
    _require_zone(ctx, event, ctx.tables.routes[_route_id(ctx, event) or ""].origin_zone)


def dispatchable(ctx: LabContext, event: Event) -> None:
    """May the specimens travel?"""
    for specimen in specimens(ctx, event):
        if specimen.status not in _DISPATCHABLE:
            raise Blocked(
                "RC_SPECIMEN_STATUS", f"specimen {specimen.specimen_id} is {specimen.status}"
            )


def consignment_known(ctx: LabContext, event: Event) -> None:
    """Is there such a consignment, not received yet?"""
    consignment = ctx.world.consignments.get(event.text("consignment_id"))
    if consignment is None or consignment.status == "received":
        raise Blocked(
            "TRANSPORT_CHAIN_OF_CUSTODY_BROKEN",
            f"there is no open consignment {event.args.get('consignment_id')}",
            invariants=("INV-COC-001",),
        )


def consignment_arrived(ctx: LabContext, event: Event) -> None:
    """Has it arrived?"""
    expected = _consignment(ctx, event).expected_s
    if ctx.now < expected:
        raise Blocked("RC_TRANSPORT_NOT_ARRIVED", f"the consignment arrives at {expected} s")


def receipt_place(ctx: LabContext, event: Event) -> None:
    """Does the agent stand where the route ends?"""
    _require_zone(ctx, event, _route(ctx, event).dest_zone)


def custody_signed(ctx: LabContext, event: Event) -> None:
    """Has custody been signed for at both ends?"""
    consignment = _consignment(ctx, event)
    if consignment.signed_origin_by is None or consignment.signed_dest_by is None:
        raise Blocked(
            "TRANSPORT_CHAIN_OF_CUSTODY_BROKEN",
            "custody must be signed for at the origin and at the destination",
            invariants=("INV-COC-001",),
        )


def transport_temperature(ctx: LabContext, event: Event) -> None:
    """Has the consignment stayed within the route's drift?"""
    consignment = _consignment(ctx, event)
    limit = _route(ctx, event).max_drift_milli_c
    if ctx.world.force_excursion or consignment.worst_milli_c >= limit:
        raise Blocked("TRANSPORT_TEMP_EXCURSION", f"the temperature drifted by {limit} m°C or more")


def custody_place(ctx: LabContext, event: Event) -> None:
    """Does the agent stand at one end of the route, and at its far end only after arrival?"""
    route = _route(ctx, event)
    zone = agent_zone(ctx, event)
    at_origin = zone == route.origin_zone
    at_dest = zone == route.dest_zone and ctx.now >= _consignment(ctx, event).expected_s
    if not (at_origin or at_dest):
        raise Blocked(
            "RC_NOT_AT_ROUTE_END",
            f"custody is signed for in {route.origin_zone} or {route.dest_zone}",
        )


def dispatch(ctx: LabContext, event: Event) -> None:
    """Send specimens on their way."""
    world = ctx.world
    route_id = _route_id(ctx, event) or ""
    route = ctx.tables.routes[route_id]
    number = len(world.consignments) + 1
    travel = route.mean_s
    if world.simulated:
        travel = max(
            1, stream(world.seed, "transport").normal_milli(route.mean_s, route.sd_s, number)
        )
    consignment = Consignment(
        f"CONS_{number}",
        route_id,
        list(named_specimens(ctx, event)),
        ctx.now,
        event.agent_id,
        ctx.now + travel,
    )
    world.consignments[consignment.consignment_id] = consignment
    world.in_transit[consignment.consignment_id] = None
    for specimen in specimens(ctx, event):
        world.put(specimen, f"consignment:{consignment.consignment_id}", ctx.now, route.temp_band)
        world.set_status(specimen, "in_transit")
    if world.simulated:
        world.schedule(
            consignment.expected_s, "SYS_CONSIGNMENT_ARRIVAL", consignment.consignment_id
        )
        world.schedule(
            ctx.now + ctx.tables.transport_tick_s, "TRANSPORT_TICK", consignment.consignment_id
        )
    ctx.data["consignment_id"] = consignment.consignment_id
    ctx.emit("DISPATCH_TRANSPORT")


def transport_tick(ctx: LabContext, event: Event) -> None:
    """Log the temperature of what is on its way: of the consignment that is named, or of all.

    Looking at it does not change it.
    """
    named = event.text("consignment_id")
    excursions: list[str] = []
    for consignment_id in (named,) if named else tuple(ctx.world.in_transit):
        consignment = ctx.world.consignments.get(consignment_id)
        if consignment is not None and consignment.status == "in_transit":
            limit = ctx.tables.routes[consignment.route_id].max_drift_milli_c
            if consignment.worst_milli_c >= limit:
                excursions.append(consignment_id)
    if excursions:
        ctx.data["excursions"] = excursions
    ctx.emit("TRANSPORT_TICK")


def transport_drift(ctx: LabContext, event: Event) -> None:
    """Let the temperature of a consignment wander by one step and log it (clockwork)."""
    _drift(ctx, _consignment(ctx, event))
    transport_tick(ctx, event)


def _drift(ctx: LabContext, consignment: Consignment) -> None:
    """Let the temperature of a consignment wander by one step, within twice the route's limit."""
    route = ctx.tables.routes[consignment.route_id]
    consignment.ticks += 1
    step = route.drift_step_milli_c
    draw = stream(ctx.world.seed, "drift").below(
        2 * step + 1, consignment.consignment_id, consignment.ticks
    )
    bound = 2 * route.max_drift_milli_c
    consignment.drift_milli_c = min(bound, max(-bound, consignment.drift_milli_c + draw - step))
    consignment.worst_milli_c = max(consignment.worst_milli_c, abs(consignment.drift_milli_c))


def sign_custody(ctx: LabContext, event: Event) -> None:
    """Sign for a consignment at the end at which the agent stands.

    Elsewhere (an overlay allows it) at the origin.
    """
    consignment = _consignment(ctx, event)
    if agent_zone(ctx, event) == _route(ctx, event).dest_zone:
        consignment.signed_dest_by = event.agent_id
    else:
        consignment.signed_origin_by = event.agent_id
    ctx.emit("CHAIN_OF_CUSTODY_SIGN")


def receive(ctx: LabContext, event: Event) -> None:
    """Take a consignment in."""
    consignment = _consignment(ctx, event)
    route = _route(ctx, event)
    consignment.status = "received"
    consignment.received_s = ctx.now
    consignment.received_by = event.agent_id
    ctx.world.in_transit.pop(consignment.consignment_id, None)
    for specimen in (ctx.world.specimens.get(item) for item in consignment.specimen_ids):
        if specimen is not None:
            ctx.world.put(
                specimen, f"zone:{route.dest_zone}", ctx.now, zone_band(ctx, route.dest_zone)
            )
            ctx.world.set_status(specimen, "arrived_at_reception")
    ctx.emit("RECEIVE_TRANSPORT")


def _route_id(ctx: LabContext, event: Event) -> str | None:
    ends = (event.text("origin_site"), event.text("dest_site"))
    return next(
        (
            name
            for name, route in ctx.tables.routes.items()
            if (route.origin_site, route.dest_site) == ends
        ),
        None,
    )


def _consignment(ctx: LabContext, event: Event) -> Consignment:
    return ctx.world.consignments[event.text("consignment_id")]


def _route(ctx: LabContext, event: Event) -> Route:
    return ctx.tables.routes[_consignment(ctx, event).route_id]


def _require_zone(ctx: LabContext, event: Event, zone: str) -> None:
    if agent_zone(ctx, event) != zone:
        raise Blocked("RC_NOT_AT_ROUTE_END", f"{event.agent_id} is not in {zone}")


GUARDS: Final[dict[str, Guard]] = {
    "route_allowed": route_allowed,
    "dispatch_place": dispatch_place,
    "dispatchable": dispatchable,
    "consignment_known": consignment_known,
    "consignment_arrived": consignment_arrived,
    "receipt_place": receipt_place,
    "custody_signed": custody_signed,
    "transport_temperature": transport_temperature,
    "custody_place": custody_place,
}

HANDLERS: Final[dict[str, Handler]] = {
    "DISPATCH_TRANSPORT": dispatch,
    "TRANSPORT_TICK": transport_tick,
    "RECEIVE_TRANSPORT": receive,
    "CHAIN_OF_CUSTODY_SIGN": sign_custody,
}

CODES: Final = frozenset(
    {
        "TRANSPORT_ROUTE_FORBIDDEN",
        "RC_NOT_AT_ROUTE_END",
        "RC_SPECIMEN_STATUS",
        "TRANSPORT_CHAIN_OF_CUSTODY_BROKEN",
        "RC_TRANSPORT_NOT_ARRIVED",
        "TRANSPORT_TEMP_EXCURSION",
    }
)

EMITS: Final = frozenset(HANDLERS)
