"""Waiting, walking, doors and carrying."""

from __future__ import annotations

from typing import Final

from labtrust_core.hospital_lab.logistics import load, lying, next_zone, pickups
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.things import Agent, Specimen

from labtrust_env.verbs.proposal import Proposal
from labtrust_env.verbs.transport import to_be_received

_HANDED: Final = (
    "arrived_at_reception",
    "accessioning",
    "held",
    "accepted",
    "separated",
    "aliquoted",
    "queued",
    "analysed",
    "released",
    "rejected",
)
"""Statuses in which a specimen can be in somebody's hands."""


def noop(_ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Wait. Never an event when chosen by index."""
    return "NOOP", {}


def tick(_ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Look at the doors; possible even when busy."""
    return "TICK", {}


def move_to(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Go to the neighbouring zone, if the way, the door, a freeze and the agent's role allow it."""
    way = ctx.tables.ways.get((agent.zone, target))
    if way is None:
        return None
    door = None if way.door is None else ctx.world.doors[way.door]
    if door is not None and door.open_since is None:
        return None
    zone = ctx.tables.zones[target]
    if zone.token_type is not None and (door is None or door.granted_to != agent.agent_id):
        return None
    admitted = _admits(ctx, agent, target)
    if not admitted or ctx.trust.containment.is_zone_frozen(target, ctx.trust.now):
        return None
    return "MOVE", {"from_zone": agent.zone, "to_zone": target}


def _admits(ctx: LabContext, agent: Agent, target: str) -> bool:
    """Whether the zone and the role policy let the agent's role in."""
    role = ctx.role_of(agent.agent_id)
    if role is None or (role.zones is not None and target not in role.zones):
        return False
    roles = ctx.tables.zones[target].roles
    return roles is None or role.role_id in roles


def move_to_work(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Go one zone towards where the carried belongs, else towards what waits longest elsewhere.

    That is a specimen to be taken on, or a consignment to be received by a role that may; specimens
    to be stored come last.
    """
    held = carried(ctx, agent)
    goal = next_zone(ctx, held[0]) if held else _work_elsewhere(ctx, agent)
    hop = None if goal is None else ctx.tables.next_hop[agent.zone].get(goal)
    return None if hop is None else move_to(ctx, agent, hop)


def _work_elsewhere(ctx: LabContext, agent: Agent) -> str | None:
    waiting = _first_pickups(ctx)
    role = ctx.role_of(agent.agent_id)
    if ctx.world.in_transit and role is not None and "RECEIVE_TRANSPORT" in role.actions:
        waiting += [(False, since, zone) for since, zone in to_be_received(ctx)]
    elsewhere = [item for item in waiting if item[2] != agent.zone]
    return min(elsewhere)[2] if elsewhere else None


def _first_pickups(ctx: LabContext) -> list[tuple[bool, int, str]]:
    """Return whether it is for storage, when it arrived, and the zone, of each zone's first."""
    firsts = ((zone, found[0]) for zone, found in pickups(ctx).items())
    return [(item.status == "released", item.arrived_s, zone) for zone, item in firsts]


def calls_for_work(ctx: LabContext) -> list[str]:
    """Return the zones with something to be taken on, in the order in which they call.

    As long as ``pickups`` gives the same answer, so does this.
    """
    waiting = pickups(ctx)
    kept: tuple[object, list[str]] | None = ctx.kept.get("calls")
    if kept is None or kept[0] is not waiting:
        order = [zone for _, _, zone in sorted(_first_pickups(ctx))]
        kept = ctx.kept["calls"] = (waiting, order)
    return kept[1]


def open_door(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Open the door if the agent stands at it, it is shut, and the role needs no token for it."""
    door = ctx.tables.doors[target]
    if agent.zone not in door.between or door.token_type is not None or door_stands(ctx, target):
        return None
    role = ctx.role_of(agent.agent_id)
    admitted = door.roles is None or (role is not None and role.role_id in door.roles)
    return ("OPEN_DOOR", {"door_id": target}) if admitted else None


def open_any_door(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Open the first door here that can be opened."""
    found = (open_door(ctx, agent, door) for door in ctx.tables.doors)
    return next((item for item in found if item is not None), None)


def close_door(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Close the door if it is open and the agent stands at it."""
    at_door = agent.zone in ctx.tables.doors[target].between
    return ("CLOSE_DOOR", {"door_id": target}) if at_door and door_stands(ctx, target) else None


def door_stands(ctx: LabContext, target: str) -> bool:
    """Whether a door stands open."""
    return ctx.world.doors[target].open_since is not None


def carried(ctx: LabContext, agent: Agent) -> list[Specimen]:
    """Return what an agent carries: by stage of work, then by urgency; not to be changed."""
    if not ctx.world.carried(agent.agent_id):
        return []
    place = f"agent:{agent.agent_id}"
    change = ctx.world.changes.of(place)
    kept: tuple[int, list[Specimen]] | None = ctx.kept.get(place)
    if kept is None or kept[0] != change:
        found = [item for status in _HANDED for item in lying(ctx, place, status)]
        kept = ctx.kept[place] = (change, found)
    return kept[1]


def retrieve(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Pick up the most urgent specimen that has to go elsewhere, and others with its goal."""
    room = ctx.tables.carry_limit - ctx.world.carried(agent.agent_id)
    ids = load(ctx, agent.zone)[:room] if room > 0 else []
    return ("RETRIEVE", {"specimen_ids": ids}) if ids else None


def store(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Put down what belongs here; where nothing does, everything."""
    held = carried(ctx, agent)
    ids = [item.specimen_id for item in held if next_zone(ctx, item) == agent.zone]
    ids = ids or [item.specimen_id for item in held]
    return ("STORE", {"specimen_ids": ids}) if ids else None
