"""Walking, carrying and doors."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.documents.floor import Door
from labtrust_core.hospital_lab.lookup import (
    LabContext,
    acting_agent,
    agent_zone,
    is_within_reach,
    named_specimens,
    specimens,
    zone_band,
)
from labtrust_core.trust.enforcement import FOREVER


def agent_free(ctx: LabContext, event: Event) -> None:
    """Is the agent somewhere, and neither on the way nor at work on something?"""
    agent = acting_agent(ctx, event)
    if agent is None:
        raise Blocked("RC_AGENT_NOT_PLACED", f"{event.agent_id} is nowhere in the laboratory")
    if agent.busy_until > ctx.now:
        raise Blocked("RC_AGENT_BUSY", f"{event.agent_id} is busy until {agent.busy_until} s")


def move_adjacent(ctx: LabContext, event: Event) -> None:
    """Does a way lead from where the agent is to where it wants to be?"""
    origin, target = event.text("from_zone"), event.text("to_zone")
    stands_there = event.text("entity_type") == "Specimen" or agent_zone(ctx, event) == origin
    if not stands_there or (origin, target) not in ctx.tables.ways:
        also = (
            ("INV-ZONE-004",)
            if _is_restricted(ctx, target) and not _may_enter(ctx, event, target)
            else ()
        )
        raise Blocked(
            "RC_ILLEGAL_MOVE",
            f"no way leads {event.agent_id} from {origin} to {target}",
            invariants=also,
        )


def zone_access(ctx: LabContext, event: Event) -> None:
    """Does the zone admit the agent's role?"""
    zone = ctx.tables.zones[event.text("to_zone")]
    if zone.roles is not None and (ctx.role is None or ctx.role.role_id not in zone.roles):
        raise Blocked(
            "RBAC_ZONE_DENY", f"{event.text('to_zone')} does not admit {event.agent_id}'s role"
        )


def zone_not_frozen(ctx: LabContext, event: Event) -> None:
    """Is the zone that the action concerns free of a freeze?"""
    if not ctx.trust.containment.zones:
        return
    for zone in (event.text("to_zone"), agent_zone(ctx, event)):
        if (
            zone
            and ctx.is_zone_frozen(zone)
            and not (event.action_type == "MOVE" and zone != event.text("to_zone"))
        ):
            raise Blocked("ZONE_FROZEN", f"zone {zone} is frozen")


def restricted_entry(ctx: LabContext, event: Event) -> None:
    """Has the agent been let in, where entry is restricted?"""
    target = event.text("to_zone")
    if _is_restricted(ctx, target) and not _may_enter(ctx, event, target):
        raise _entry_denied(event, target)


def door_open(ctx: LabContext, event: Event) -> None:
    """Is the door on the way open?"""
    door = ctx.tables.ways[event.text("from_zone"), event.text("to_zone")].door
    if door is not None and ctx.world.doors[door].open_since is None:
        raise Blocked("RC_DOOR_CLOSED", f"door {door} is closed")


def moved_specimen_here(ctx: LabContext, event: Event) -> None:
    """Where a specimen is moved: are the agent and the specimen where it is to be taken from?"""
    if event.text("entity_type") != "Specimen":
        return
    agent = acting_agent(ctx, event)
    specimen = ctx.world.specimens.get(event.text("entity_id"))
    together = agent is not None and specimen is not None and is_within_reach(specimen, agent)
    if not together or agent_zone(ctx, event) != event.text("from_zone"):
        raise Blocked(
            "RC_SPECIMEN_NOT_HERE",
            f"specimen {event.args.get('entity_id')} is not with {event.agent_id}",
        )


def door_known(ctx: LabContext, event: Event) -> None:
    """Is there such a door?"""
    if event.text("door_id") not in ctx.tables.doors:
        raise Blocked("RC_DOOR_UNKNOWN", f"there is no door {event.args.get('door_id')}")


def door_adjacent(ctx: LabContext, event: Event) -> None:
    """Does the agent stand at the door?"""
    if agent_zone(ctx, event) not in _door(ctx, event).between:
        raise Blocked(
            "RC_DOOR_NOT_ADJACENT", f"{event.agent_id} does not stand at {event.text('door_id')}"
        )


def door_role(ctx: LabContext, event: Event) -> None:
    """May the agent's role open the door?"""
    roles = _door(ctx, event).roles
    if roles is not None and (ctx.role is None or ctx.role.role_id not in roles):
        raise Blocked(
            "RBAC_ZONE_DENY", f"door {event.text('door_id')} is not for {event.agent_id}'s role"
        )


def restricted_door(ctx: LabContext, event: Event) -> None:
    """Is the door free to open? A restricted one opens only for a token bound to the agent."""
    door = ctx.tables.doors.get(event.text("door_id"))
    if door is not None and door.token_type is not None:
        raise _entry_denied(event, event.text("door_id"))


def specimen_in_zone(ctx: LabContext, event: Event) -> None:
    """Do the specimens lie in the agent's zone?"""
    place = f"zone:{agent_zone(ctx, event)}"
    _require_place(ctx, event, place)


def specimen_carried(ctx: LabContext, event: Event) -> None:
    """Does the agent carry the specimens?"""
    _require_place(ctx, event, f"agent:{event.agent_id}")


def carry_limit(ctx: LabContext, event: Event) -> None:
    """Can the agent carry that many?"""
    wanted = ctx.world.carried(event.agent_id) + len(named_specimens(ctx, event))
    if wanted > ctx.tables.carry_limit:
        raise Blocked(
            "RC_CARRY_LIMIT", f"{wanted} specimens, at most {ctx.tables.carry_limit} can be carried"
        )


def move(ctx: LabContext, event: Event) -> None:
    """Walk, with whatever is carried, or with the one specimen that is named."""
    origin, target = event.text("from_zone"), event.text("to_zone")
    if event.text("entity_type") == "Specimen":
        specimen = ctx.world.specimens.get(event.text("entity_id"))
        if specimen is not None:
            ctx.world.put(specimen, f"zone:{target}", ctx.now, zone_band(ctx, target))
    agent = acting_agent(ctx, event)
    if agent is not None and agent.zone == origin:
        agent.zone = target
        agent.busy_until = ctx.now + ctx.tables.ways[origin, target].travel_s
    ctx.emit("MOVE")


def open_door(ctx: LabContext, event: Event) -> None:
    """Open a door; it will raise an alarm if it stays open."""
    name = event.text("door_id")
    door = ctx.world.doors[name]
    if door.open_since is None:
        door.open_since = ctx.now
        rules = ctx.tables.doors[name]
        if rules.alarm and ctx.world.simulated:
            ctx.world.schedule(ctx.now + rules.max_open_s + 1, "SYS_DOOR_ALARM", name)
    door.granted_to = event.agent_id if ctx.lifting else door.granted_to
    ctx.emit("OPEN_DOOR")


def close_door(ctx: LabContext, event: Event) -> None:
    """Close a door."""
    door = ctx.world.doors[event.text("door_id")]
    door.open_since = None
    door.granted_to = None
    ctx.emit("CLOSE_DOOR")


def retrieve(ctx: LabContext, event: Event) -> None:
    """Pick specimens up."""
    for specimen in specimens(ctx, event):
        ctx.world.put(specimen, f"agent:{event.agent_id}", ctx.now, None)
    ctx.emit("RETRIEVE")


def store(ctx: LabContext, event: Event) -> None:
    """Put specimens down."""
    zone = agent_zone(ctx, event)
    if zone is not None:
        for specimen in specimens(ctx, event):
            ctx.world.put(specimen, f"zone:{zone}", ctx.now, zone_band(ctx, zone))
    ctx.emit("STORE")


def check_doors(ctx: LabContext, _event: Event) -> None:
    """Close every door that has been open for too long, with an alarm.

    A restricted zone behind it is frozen.
    """
    breaches = [
        name
        for name, state in ctx.world.doors.items()
        if state.open_since is not None
        and ctx.tables.doors[name].alarm
        and ctx.now - state.open_since > ctx.tables.doors[name].max_open_s
    ]
    for name in breaches:
        ctx.world.doors[name].open_since = None
        ctx.world.doors[name].granted_to = None
        ctx.emit("ALARM")
        frozen = [zone for zone in ctx.tables.doors[name].between if _is_restricted(ctx, zone)]
        for zone in frozen:
            ctx.trust.containment.zones[zone] = FOREVER
        if frozen:
            ctx.emit("KILL_SWITCH_ZONE")
    if breaches:
        ctx.data["door_breaches"] = breaches


def _door(ctx: LabContext, event: Event) -> Door:
    return ctx.tables.doors[event.text("door_id")]


def _is_restricted(ctx: LabContext, zone_id: str) -> bool:
    zone = ctx.tables.zones.get(zone_id)
    return zone is not None and zone.token_type is not None


def _may_enter(ctx: LabContext, event: Event, target: str) -> bool:
    """Whether the door on the way was opened for this agent."""
    way = ctx.tables.ways.get((event.text("from_zone"), target))
    if way is None or way.door is None:
        return False
    state = ctx.world.doors[way.door]
    return state.open_since is not None and state.granted_to == event.agent_id


def _entry_denied(event: Event, what: str) -> Blocked:
    return Blocked(
        "RBAC_RESTRICTED_ENTRY_DENY",
        f"{what} is restricted; a token bound to {event.agent_id} is needed",
        subject=("agent", event.agent_id),
        invariants=("INV-ZONE-004", "INV-TOK-003"),
    )


def _require_place(ctx: LabContext, event: Event, place: str) -> None:
    for specimen in specimens(ctx, event):
        if specimen.place != place:
            raise Blocked(
                "RC_SPECIMEN_NOT_HERE",
                f"specimen {specimen.specimen_id} is at {specimen.place}, not {place}",
            )


GUARDS: Final[dict[str, Guard]] = {
    "agent_free": agent_free,
    "move_adjacent": move_adjacent,
    "zone_access": zone_access,
    "zone_not_frozen": zone_not_frozen,
    "restricted_entry": restricted_entry,
    "door_open": door_open,
    "moved_specimen_here": moved_specimen_here,
    "door_known": door_known,
    "door_adjacent": door_adjacent,
    "door_role": door_role,
    "restricted_door": restricted_door,
    "specimen_in_zone": specimen_in_zone,
    "specimen_carried": specimen_carried,
    "carry_limit": carry_limit,
}

HANDLERS: Final[dict[str, Handler]] = {
    "TICK": check_doors,
    "MOVE": move,
    "OPEN_DOOR": open_door,
    "CLOSE_DOOR": close_door,
    "RETRIEVE": retrieve,
    "STORE": store,
}

CODES: Final = frozenset(
    {
        "RC_AGENT_NOT_PLACED",
        "RC_AGENT_BUSY",
        "RC_ILLEGAL_MOVE",
        "RBAC_ZONE_DENY",
        "ZONE_FROZEN",
        "RBAC_RESTRICTED_ENTRY_DENY",
        "RC_DOOR_CLOSED",
        "RC_SPECIMEN_NOT_HERE",
        "RC_DOOR_UNKNOWN",
        "RC_DOOR_NOT_ADJACENT",
        "RC_CARRY_LIMIT",
    }
)

EMITS: Final = frozenset(
    {"MOVE", "OPEN_DOOR", "CLOSE_DOOR", "RETRIEVE", "STORE", "ALARM", "KILL_SWITCH_ZONE"}
)
