"""What one agent can see of the laboratory, as plain data.

The one source of what scripted, learned and LLM agents read.

A view is scoped to the agent's place and role: the zone it stands in with specimens and devices,
what it carries, the floor plan's next zones, and the work lists that its role may act on. Lists are
sorted by urgency and cut at ``LIST_LIMIT``; counts are whole. Patients' identities are not in it.

``work_s`` of a specimen is what the devices still need for it (see ``remaining_work``), and
``carry_room`` how many specimens the agent can take up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from labtrust_core.hospital_lab import deltas
from labtrust_core.hospital_lab.handlers.amendments import amendable
from labtrust_core.hospital_lab.handlers.critical import (
    answered_attempt,
    call_state,
    escalation_from,
    redial_from,
)
from labtrust_core.hospital_lab.handlers.quality import qc_due_in
from labtrust_core.hospital_lab.handlers.transport import has_excursion
from labtrust_core.hospital_lab.journey import departs_in_s
from labtrust_core.hospital_lab.logistics import is_up, most_urgent, next_zone, pickups
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.quality_cascade import investigation_record, suspected_analytes
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import REPLACED, Agent, Consignment, Result, Specimen

LIST_LIMIT: Final = 20
_VISIBLE: Final = (
    "arrived_at_reception",
    "accessioning",
    "held",
    "accepted",
    "separated",
    "aliquoted",
    "analysed",
    "released",
)
_RELEASING: Final = frozenset({"RELEASE_RESULT", "RELEASE_RESULT_OVERRIDE"})


def agent_view(
    ctx: LabContext, agent_id: str, shared: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what ``agent_id`` sees now.

    Args:
        ctx: The episode.
        agent_id: The engine's id of the agent.
        shared: Lists that are the same for everybody, kept here between the views of one and the
            same state.

    Raises:
        KeyError: No such agent has a place in the laboratory.
    """
    agent = ctx.world.agents[agent_id]
    role = ctx.role_of(agent_id)
    actions = frozenset() if role is None else role.actions
    view: dict[str, Any] = {
        "t_s": ctx.trust.now,
        "agent_id": agent_id,
        "role": None if role is None else role.role_id,
        "zone": agent.zone,
        "busy_for_s": max(0, agent.busy_until - ctx.trust.now),
        "carrying": _carried(ctx, agent),
        "carry_room": ctx.tables.carry_limit - ctx.world.carried(agent_id),
        "here": _here(ctx, agent),
        "devices": [
            _device(ctx, table) for table in ctx.tables.devices.values() if table.zone == agent.zone
        ],
        "ways": _ways(ctx, agent),
        "hops": dict(ctx.tables.next_hop[agent.zone]),
        "downtime": ctx.world.downtime,
    }
    if actions & _RELEASING:
        view["releasable"] = _releasable(ctx, agent_id)
    shared = {} if shared is None else shared
    for name, (needed, read) in _WORK_LISTS.items():
        if needed in actions:
            if name not in shared:
                shared[name] = read(ctx)
            view[name] = shared[name]
    return view


def _brief(ctx: LabContext, specimen: Specimen) -> dict[str, Any]:
    return {
        "specimen_id": specimen.specimen_id,
        "panel_id": specimen.panel_id,
        "status": specimen.status,
        "checked": specimen.checked,
        "next_zone": next_zone(ctx, specimen),
        "lane": specimen.lane,
        **_pressing(ctx, specimen),
    }


def _pressing(ctx: LabContext, specimen: Specimen) -> dict[str, Any]:
    """Return what rules of dispatch go by."""
    return {
        "priority": specimen.priority,
        "age_s": ctx.trust.now - specimen.arrived_s,
        "work_s": ctx.tables.work_s[specimen.panel_id].get(specimen.status, 0),
    }


def _carried(ctx: LabContext, agent: Agent) -> list[dict[str, Any]]:
    if not ctx.world.carried(agent.agent_id):
        return []
    place = f"agent:{agent.agent_id}"
    return [
        _brief(ctx, specimen)
        for status in _VISIBLE
        for specimen in most_urgent(ctx, ctx.world.here(place, status))[:LIST_LIMIT]
    ]


def _here(ctx: LabContext, agent: Agent) -> dict[str, dict[str, Any]]:
    """Return, by status, how many specimens lie in the zone and the most urgent of them."""
    place = f"zone:{agent.zone}"
    found: dict[str, dict[str, Any]] = {}
    for status in _VISIBLE:
        ids = ctx.world.here(place, status)
        if ids:
            first = most_urgent(ctx, ids)[:LIST_LIMIT]
            found[status] = {
                "count": len(ids),
                "first": [_brief(ctx, specimen) for specimen in first],
            }
    return found


def _device(ctx: LabContext, table: DeviceTable) -> dict[str, Any]:
    machine = ctx.world.devices[table.device_id]
    now = ctx.trust.now
    return {
        "device_id": table.device_id,
        "kind": table.type.kind,
        "panels": sorted(table.panels),
        "up": is_up(ctx, table),
        "idle_units": len(machine.idle_units(now)),
        "next_free_in_s": max(0, min(machine.unit_free_s) - now),
        "queue_length": len(machine.queue),
        "queue_head": machine.queue.head(ctx.tables.stat_share_percent),
        "qc_state": machine.qc_state,
        "qc_due_in_s": qc_due_in(ctx, machine),
        "loading": _loading(table),
        "qc_suspects": suspected_analytes(ctx, machine),
    }


def _loading(table: DeviceTable) -> dict[str, int] | None:
    """Return the bench's rule for a batch that is not full, where the device has one."""
    rule = table.type.loading
    return None if rule is None else {"min_batch": rule.min_batch, "max_wait_s": rule.max_wait_s}


def _ways(ctx: LabContext, agent: Agent) -> dict[str, dict[str, Any]]:
    ways: dict[str, dict[str, Any]] = {}
    for zone in ctx.tables.neighbours[agent.zone]:
        way = ctx.tables.ways[agent.zone, zone]
        opened = way.door is None or ctx.world.doors[way.door].open_since is not None
        ways[zone] = {
            "travel_s": way.travel_s,
            "door": way.door,
            "open": opened,
            "frozen": ctx.trust.containment.is_zone_frozen(zone, ctx.trust.now),
        }
    return ways


def _pickups(ctx: LabContext) -> dict[str, dict[str, Any]]:
    """Return, by zone, how many specimens wait to be taken on, and how many to be stored.

    ``waiting`` lists the first that are to be taken on.
    """
    found: dict[str, dict[str, Any]] = {}
    for zone, waiting in sorted(pickups(ctx).items()):
        storage = sum(specimen.status == "released" for specimen in waiting)
        found[zone] = {
            "count": len(waiting) - storage,
            "storage": storage,
            "priority": waiting[0].priority,
            "oldest_s": max(ctx.trust.now - specimen.arrived_s for specimen in waiting),
            "waiting": [
                _pressing(ctx, specimen)
                for specimen in waiting[: min(LIST_LIMIT, len(waiting) - storage)]
            ],
        }
    return found


def _quality(ctx: LabContext) -> list[dict[str, Any]]:
    return [_qc(ctx, table) for table in ctx.tables.devices.values() if table.type.qc is not None]


def _qc(ctx: LabContext, table: DeviceTable) -> dict[str, Any]:
    machine = ctx.world.devices[table.device_id]
    return {
        "device_id": table.device_id,
        "zone": table.zone,
        "up": is_up(ctx, table),
        "qc_state": machine.qc_state,
        "qc_due_in_s": qc_due_in(ctx, machine),
        "qc_suspects": suspected_analytes(ctx, machine),
        "investigation_id": machine.investigation,
    }


def _investigations(ctx: LabContext) -> list[dict[str, Any]]:
    """Return the open investigations: what failed, what is held, what is out already."""
    return [
        investigation_record(ctx.world.investigations[machine.investigation], LIST_LIMIT)
        for machine in ctx.world.devices.values()
        if machine.investigation is not None
    ]


def _releasable(ctx: LabContext, agent_id: str) -> list[dict[str, Any]]:
    """Return the specimens whose results wait for a person, by urgency."""
    world = ctx.world
    found = []
    for specimen in most_urgent(ctx, world.releasable)[:LIST_LIMIT]:
        current = [
            world.results[item]
            for item in specimen.results
            if world.results[item].status not in REPLACED
        ]
        run = world.runs.get(specimen.run_id or "")
        devices = [
            world.devices[item.device_id] for item in current if item.device_id in world.devices
        ]
        found.append(
            {
                "specimen_id": specimen.specimen_id,
                **_pressing(ctx, specimen),
                "results": [item.result_id for item in current],
                "out": [item.result_id for item in current if item.status == "released"],
                "critical_open": [
                    item.result_id for item in current if item.result_id in world.critical_open
                ],
                "amending": [item.result_id for item in amendable(ctx, specimen)],
                "delta": [item.result_id for item in current if deltas.failed(item)],
                "held": [item.result_id for item in current if item.status == "held"],
                "qc_state": devices[0].qc_state if devices else None,
                "own_work": run is not None and run.started_by == agent_id,
            }
        )
    return found


def _critical(ctx: LabContext) -> list[dict[str, Any]]:
    found = []
    for result_id in list(ctx.world.critical_open)[:LIST_LIMIT]:
        result = ctx.world.results[result_id]
        goal_s = ctx.tables.ladder.goals[result.criticality].acknowledged_s
        found.append(
            {
                "result_id": result_id,
                "criticality": result.criticality,
                "waiting_s": ctx.trust.now - result.generated_s,
                "due_in_s": result.generated_s + goal_s - ctx.trust.now,
                "calls": len(result.attempts),
                **_last_call(ctx, result),
            }
        )
    return found


def _last_call(ctx: LabContext, result: Result) -> dict[str, Any]:
    """Return what the caller knows of the last call, and when the next may be made.

    Whether a call will be answered is not in it before it is.
    """
    now = ctx.trust.now
    if not result.attempts:
        return dict.fromkeys(_CALL_FIELDS)
    last = result.attempts[-1]
    state = call_state(ctx, last)
    reached = answered_attempt(ctx, result)
    return {
        "last_attempt_id": last.attempt_id,
        "last_call_age_s": now - last.at_s,
        "tier": last.tier,
        "last_call": state,
        "read_back": last.read_back if state == "answered" else None,
        "reached_attempt_id": None if reached is None else reached.attempt_id,
        "redial_in_s": max(0, redial_from(ctx, result) - now),
        "escalate_in_s": max(0, escalation_from(ctx, result) - now),
    }


_CALL_FIELDS: Final = (
    "last_attempt_id",
    "last_call_age_s",
    "tier",
    "last_call",
    "read_back",
    "reached_attempt_id",
    "redial_in_s",
    "escalate_in_s",
)


def _consignments(ctx: LabContext) -> list[dict[str, Any]]:
    return [
        _consignment(ctx, item)
        for item in map(ctx.world.consignments.__getitem__, list(ctx.world.in_transit)[:LIST_LIMIT])
    ]


def _consignment(ctx: LabContext, item: Consignment) -> dict[str, Any]:
    """Return what is known of a consignment; how it fared is seen when it has arrived."""
    now = ctx.trust.now
    arrived = item.arrives_s <= now
    return {
        "consignment_id": item.consignment_id,
        "origin_zone": ctx.tables.routes[item.route_id].origin_zone,
        "dest_zone": ctx.tables.routes[item.route_id].dest_zone,
        "departs_in_s": max(0, item.departs_s - now),
        "arrives_in_s": 0 if arrived else max(1, item.expected_s - now),
        "late_s": max(0, (item.arrives_s if arrived else now) - item.expected_s),
        "arrived": arrived,
        "fit": item.seal_intact and not has_excursion(ctx, item) if arrived else None,
        "signed_origin": item.signed_origin_by is not None,
        "signed_dest": item.signed_dest_by is not None,
        "count": len(item.specimen_ids),
    }


def _routes(ctx: LabContext) -> list[dict[str, Any]]:
    time_of_day = ctx.world.time_of_day(ctx.trust.now)
    return [
        {
            "route_id": name,
            "origin_zone": route.origin_zone,
            "dest_zone": route.dest_zone,
            "on_call": route.departures is None,
            "departs_in_s": departs_in_s(route.departures, time_of_day),
        }
        for name, route in ctx.tables.routes.items()
        if route.enabled
    ]


def _racks(ctx: LabContext) -> list[dict[str, Any]]:
    return [
        {
            "rack_id": rack.rack_id,
            "place": rack.place,
            "count": len(rack.specimen_ids),
            "sealed": rack.sealed_by is not None,
        }
        for rack in list(ctx.world.racks.values())[:LIST_LIMIT]
    ]


_WORK_LISTS: Final[dict[str, tuple[str, Callable[[LabContext], Any]]]] = {
    "pickups": ("RETRIEVE", _pickups),
    "qc": ("QC_EVENT", _quality),
    "investigations": ("RERUN_REQUEST", _investigations),
    "critical": ("NOTIFY_CRITICAL_RESULT", _critical),
    "repeats": ("RERUN_REQUEST", lambda ctx: list(ctx.world.repeats)[:LIST_LIMIT]),
    "add_ons": ("ADD_ON_TEST", lambda ctx: dict(list(ctx.world.add_ons.items())[:LIST_LIMIT])),
    "consignments": ("RECEIVE_TRANSPORT", _consignments),
    "routes": ("DISPATCH_TRANSPORT", _routes),
    "racks": ("RACK_BUILD", _racks),
    "stock": ("RESTOCK_REAGENT", lambda ctx: dict(ctx.world.stock)),
}
"""Work lists that are the same for everybody who may do the action they serve."""
