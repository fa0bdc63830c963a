"""Consignments between the sites."""

from __future__ import annotations

from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.things import Agent, Consignment

from labtrust_env.verbs.proposal import Proposal, within_reach


def dispatch(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Send everything that waits here, where an open route begins."""
    for route in ctx.tables.routes.values():
        if route.enabled and route.origin_zone == agent.zone:
            waiting = within_reach(ctx, agent, "arrived_at_reception")
            if not waiting:
                return None
            return "DISPATCH_TRANSPORT", {
                "specimen_ids": [item.specimen_id for item in waiting],
                "origin_site": route.origin_site,
                "dest_site": route.dest_site,
            }
    return None


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
    arrived = consignment.expected_s <= ctx.trust.now
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
    """Whether it has arrived, is signed for at its origin and stayed within the route's drift."""
    arrived = consignment.expected_s <= ctx.trust.now
    limit = ctx.tables.routes[consignment.route_id].max_drift_milli_c
    within = consignment.worst_milli_c < limit and not ctx.world.force_excursion
    return consignment.signed_origin_by is not None and arrived and within


def to_be_received(ctx: LabContext) -> list[tuple[int, str]]:
    """Return when and in which zone each consignment that can be taken in has arrived."""
    found = (ctx.world.consignments[item] for item in ctx.world.in_transit)
    return [
        (item.expected_s, ctx.tables.routes[item.route_id].dest_zone)
        for item in found
        if _is_good(ctx, item)
    ]
