"""Transport racks, and consignments between the sites."""

from __future__ import annotations

from labtrust_core.hospital_lab.documents.floor import Route
from labtrust_core.hospital_lab.handlers.transport import DISPATCHABLE, has_excursion
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.things import Agent, Consignment, Rack, Specimen

from labtrust_env.verbs.proposal import Proposal, unused, within_reach


def rack_build(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Pack what waits here, where an open route begins: into the open rack here, or a new one.

    A leaking tube is left out.
    """
    if _route_from(ctx, agent.zone) is None:
        return None
    waiting = within_reach(ctx, agent, "arrived_at_reception")
    loose = [item.specimen_id for item in waiting if item.rack_id is None and not item.leak]
    most = ctx.tables.rack_capacity
    racks = (item for item in _racks_here(ctx, agent) if item.sealed_by is None)
    rack = next((item for item in racks if len(item.specimen_ids) < most), None)
    if rack is None:
        rack_id, room = unused(f"RACK_{len(ctx.world.consignments) + 1}", ctx.world.racks), most
    else:
        rack_id, room = rack.rack_id, most - len(rack.specimen_ids)
    return ("RACK_BUILD", {"rack_id": rack_id, "specimen_ids": loose[:room]}) if loose else None


def not_fit_to_travel(ctx: LabContext, agent: Agent) -> list[Specimen]:
    """Return the leaking tubes that wait here, where an open route begins."""
    if _route_from(ctx, agent.zone) is None:
        return []
    return [item for item in within_reach(ctx, agent, "arrived_at_reception") if item.leak]


def rack_seal(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Seal the first open rack here."""
    racks = (item for item in _racks_here(ctx, agent) if item.sealed_by is None)
    rack = next(racks, None)
    return None if rack is None else ("RACK_SEAL", {"rack_id": rack.rack_id})


def _racks_here(ctx: LabContext, agent: Agent) -> list[Rack]:
    place = f"zone:{agent.zone}"
    return [item for item in ctx.world.racks.values() if item.place == place]


def _route_from(ctx: LabContext, zone: str) -> Route | None:
    """Return the first open route that begins in a zone."""
    routes = ctx.tables.routes.values()
    return next((item for item in routes if item.enabled and item.origin_zone == zone), None)


def dispatch(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Send every sealed rack that waits here, where an open route begins."""
    route = _route_from(ctx, agent.zone)
    if route is None:
        return None
    ids = [
        specimen_id
        for rack in _racks_here(ctx, agent)
        if rack.sealed_by is not None and _may_travel(ctx, rack)
        for specimen_id in rack.specimen_ids
    ]
    if not ids:
        return None
    return "DISPATCH_TRANSPORT", {
        "specimen_ids": ids,
        "origin_site": route.origin_site,
        "dest_site": route.dest_site,
    }


def _may_travel(ctx: LabContext, rack: Rack) -> bool:
    found = (ctx.world.specimens[item] for item in rack.specimen_ids)
    return all(item.status in DISPATCHABLE for item in found)


def sign(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Sign for the first consignment that lacks the signature of this end."""
    for consignment_id in ctx.world.in_transit:
        consignment = ctx.world.consignments[consignment_id]
        if _lacks_signature_of(ctx, consignment, agent.zone):
            return "CHAIN_OF_CUSTODY_SIGN", {"consignment_id": consignment_id}
    return None


def _lacks_signature_of(ctx: LabContext, consignment: Consignment, zone: str) -> bool:
    route = ctx.tables.routes[consignment.route_id]
    if zone == route.origin_zone:
        return consignment.signed_origin_by is None
    arrived = consignment.arrives_s <= ctx.trust.now
    return zone == route.dest_zone and arrived and consignment.signed_dest_by is None


def receive(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Take in the first consignment here that is signed for at both ends and stayed cool."""
    for consignment_id in ctx.world.in_transit:
        consignment = ctx.world.consignments[consignment_id]
        here = agent.zone == ctx.tables.routes[consignment.route_id].dest_zone
        if here and _is_receivable(ctx, consignment):
            return "RECEIVE_TRANSPORT", {"consignment_id": consignment_id}
    return None


def _is_receivable(ctx: LabContext, consignment: Consignment) -> bool:
    return consignment.signed_dest_by is not None and _is_good(ctx, consignment)


def _is_good(ctx: LabContext, consignment: Consignment) -> bool:
    """Whether it has arrived, is signed for at its origin, and is fit to be received."""
    arrived = consignment.arrives_s <= ctx.trust.now
    signed = consignment.signed_origin_by is not None
    return signed and arrived and _unfit(ctx, consignment) is None


def _unfit(ctx: LabContext, consignment: Consignment) -> str | None:
    """Return the reason code for which a consignment cannot be received for good."""
    if not consignment.seal_intact:
        return "PKG_DAMAGED_OR_UNSEALED"
    return "TRANSPORT_TEMP_EXCURSION" if has_excursion(ctx, consignment) else None


def turn_away(ctx: LabContext, agent: Agent) -> Proposal | None:
    """Reject everything in the first consignment that arrived here and is not fit."""
    for consignment_id in ctx.world.in_transit:
        consignment = ctx.world.consignments[consignment_id]
        here = agent.zone == ctx.tables.routes[consignment.route_id].dest_zone
        if here and consignment.arrives_s <= ctx.trust.now:
            reason = _unfit(ctx, consignment)
            if reason is not None:
                ids = ctx.world.here(f"consignment:{consignment_id}", "in_transit")
                return "REJECT_SPECIMEN", {"specimen_ids": list(ids), "reason_code": reason}
    return None


def to_be_received(ctx: LabContext) -> list[tuple[int, str]]:
    """Return when and in which zone each consignment that can be taken in has arrived."""
    found = (ctx.world.consignments[item] for item in ctx.world.in_transit)
    return [
        (item.arrives_s, ctx.tables.routes[item.route_id].dest_zone)
        for item in found
        if _is_good(ctx, item)
    ]
