"""Consignments between sites: dispatch, custody, temperature on the way, receipt."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.documents.floor import Route
from labtrust_core.hospital_lab.journey import TickAt, drift, load, plan_trip
from labtrust_core.hospital_lab.lookup import (
    LabContext,
    agent_zone,
    named_specimens,
    specimens,
    zone_band,
)
from labtrust_core.hospital_lab.things import Consignment, Specimen

DISPATCHABLE: Final = frozenset({"arrived_at_reception", "accessioning", "accepted"})
"""Statuses in which a specimen may travel."""

_CLOSED: Final = frozenset({"received", "refused"})


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
        if specimen.status not in DISPATCHABLE:
            raise Blocked(
                "RC_SPECIMEN_STATUS", f"specimen {specimen.specimen_id} is {specimen.status}"
            )


def consignment_known(ctx: LabContext, event: Event) -> None:
    """Is there such a consignment, neither received nor refused yet?"""
    consignment = ctx.world.consignments.get(event.text("consignment_id"))
    if consignment is None or consignment.status in _CLOSED:
        raise Blocked(
            "TRANSPORT_CHAIN_OF_CUSTODY_BROKEN",
            f"there is no open consignment {event.args.get('consignment_id')}",
            invariants=("INV-COC-001",),
        )


def consignment_arrived(ctx: LabContext, event: Event) -> None:
    """Has it arrived?"""
    consignment = _consignment(ctx, event)
    if ctx.now < consignment.arrives_s:
        raise Blocked(
            "RC_TRANSPORT_NOT_ARRIVED", f"the consignment is expected at {consignment.expected_s} s"
        )


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
    if has_excursion(ctx, _consignment(ctx, event)):
        limit = _route(ctx, event).max_drift_milli_c
        raise Blocked("TRANSPORT_TEMP_EXCURSION", f"the temperature drifted by {limit} m°C or more")


def has_excursion(ctx: LabContext, consignment: Consignment) -> bool:
    """Whether a consignment has been outside its band by the route's drift or more."""
    limit = ctx.tables.routes[consignment.route_id].max_drift_milli_c
    return ctx.world.force_excursion or consignment.worst_milli_c >= limit


def seal_intact(ctx: LabContext, event: Event) -> None:
    """Is the seal as it was when the consignment left?"""
    if not _consignment(ctx, event).seal_intact:
        raise Blocked("PKG_DAMAGED_OR_UNSEALED", "a seal was broken on the way")


def custody_place(ctx: LabContext, event: Event) -> None:
    """Does the agent stand at one end of the route, and at its far end only after arrival?"""
    route = _route(ctx, event)
    zone = agent_zone(ctx, event)
    at_origin = zone == route.origin_zone
    at_dest = zone == route.dest_zone and ctx.now >= _consignment(ctx, event).arrives_s
    if not (at_origin or at_dest):
        raise Blocked(
            "RC_NOT_AT_ROUTE_END",
            f"custody is signed for in {route.origin_zone} or {route.dest_zone}",
        )


def dispatch(ctx: LabContext, event: Event) -> None:
    """Send specimens on their way, in their racks; in simulated time with the next departure."""
    world = ctx.world
    route_id = _route_id(ctx, event) or ""
    route = ctx.tables.routes[route_id]
    number = len(world.consignments) + 1
    consignment_id = f"CONS_{number}"
    trip = plan_trip(world, route, consignment_id, number, ctx.now)
    consignment = Consignment(
        consignment_id, route_id, list(named_specimens(ctx, event)), ctx.now, event.agent_id, *trip
    )
    load(world, route, ctx.tables.bands[route.temp_band], consignment)
    world.consignments[consignment_id] = consignment
    world.in_transit[consignment_id] = None
    place = f"consignment:{consignment_id}"
    for specimen in specimens(ctx, event):
        world.put(specimen, place, ctx.now, route.temp_band)
        world.set_status(specimen, "in_transit")
        if specimen.rack_id is not None:
            world.racks[specimen.rack_id].place = place
    if world.simulated:
        world.schedule(trip.arrives_s, "SYS_CONSIGNMENT_ARRIVAL", consignment_id)
        world.schedule(
            trip.departs_s + ctx.tables.transport_tick_s, "TRANSPORT_TICK", consignment_id
        )
    ctx.data["consignment_id"] = consignment_id
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
    """Let a box follow the outside temperature for one step and log it (clockwork).

    An excursion is reported once, when it begins.
    """
    consignment = _consignment(ctx, event)
    route = ctx.tables.routes[consignment.route_id]
    before = consignment.worst_milli_c
    tick = TickAt(ctx.now, ctx.tables.transport_tick_s)
    drift(ctx.world, route, ctx.tables.bands[route.temp_band], consignment, tick)
    ctx.data["box_milli_c"] = consignment.box_milli_c
    if before < route.max_drift_milli_c <= consignment.worst_milli_c:
        ctx.data["excursions"] = [consignment.consignment_id]
    ctx.emit("TRANSPORT_TICK")


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
    for specimen in _inside(ctx, consignment):
        ctx.world.put(specimen, f"zone:{route.dest_zone}", ctx.now, zone_band(ctx, route.dest_zone))
        ctx.world.set_status(specimen, "arrived_at_reception")
    ctx.emit("RECEIVE_TRANSPORT")


def _inside(ctx: LabContext, consignment: Consignment) -> list[Specimen]:
    """Return the specimens that are still in a consignment."""
    place = f"consignment:{consignment.consignment_id}"
    found = (ctx.world.specimens.get(item) for item in consignment.specimen_ids)
    return [item for item in found if item is not None and item.place == place]


def consignment_here(ctx: LabContext, specimen: Specimen, zone: str | None) -> Consignment | None:
    """Return the arrived consignment in which a specimen waits in ``zone``, if it does."""
    kind, _, name = specimen.place.partition(":")
    consignment = ctx.world.consignments.get(name) if kind == "consignment" else None
    if consignment is None or ctx.trust.now < consignment.arrives_s:
        return None
    return consignment if ctx.tables.routes[consignment.route_id].dest_zone == zone else None


def turn_away(ctx: LabContext, specimen: Specimen, consignment: Consignment) -> None:
    """Take one specimen out of a consignment that is not received; an empty one is closed."""
    zone = ctx.tables.routes[consignment.route_id].dest_zone
    ctx.world.put(specimen, f"zone:{zone}", ctx.now, zone_band(ctx, zone))
    if not _inside(ctx, consignment):
        consignment.status = "refused"
        ctx.world.in_transit.pop(consignment.consignment_id, None)
        ctx.data["refused"] = consignment.consignment_id


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
    "seal_intact": seal_intact,
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
        "PKG_DAMAGED_OR_UNSEALED",
    }
)

EMITS: Final = frozenset(HANDLERS)
