"""The discrete actions of the laboratory: what each index means, and when it can be done.

Indices 0 to 5 are a frozen contract (NOOP, TICK, QUEUE_RUN, MOVE, OPEN_DOOR, START_RUN), with the target chosen by the
default rule that each verb documents. From 6 on each index is one verb with one target. A verb proposes the event's action
type and arguments, or nothing when it cannot be done by that agent there and then: that is the mask, and it is structural
(another agent may still be quicker within the same step). The default order of work is STAT, URGENT, ROUTINE, then arrival.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from labtrust_core.hospital_lab.handlers.analysis import qc_due_in
from labtrust_core.hospital_lab.handlers.preanalytics import ready_status
from labtrust_core.hospital_lab.logistics import is_up, most_urgent, next_zone, pickups, waiting_to_move
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.stability import stability_breach, temperature_breach
from labtrust_core.hospital_lab.tables import DeviceTable, LabTables
from labtrust_core.hospital_lab.world import Agent, Specimen

Proposal = tuple[str, dict[str, Any]]
Verb = Callable[[LabContext, Agent, str], Proposal | None]

CONTRACT: Final = ("NOOP", "TICK", "QUEUE_RUN", "MOVE", "OPEN_DOOR", "START_RUN")
"""Names of the indices 0 to 5, which never change."""

_CALL_CHANNEL: Final = "phone"
_QC_LEAD_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class ActionDef:
    """One index of the action space.

    Attributes:
        index: Its number.
        name: Its name, ``VERB`` or ``VERB:TARGET``.
        action_type: The engine's action that it becomes; a role without it has the index masked for good.
        target: Zone, device, door or reagent; empty where the default rule chooses.
    """

    index: int
    name: str
    action_type: str
    target: str
    propose: Verb


def action_table(tables: LabTables) -> tuple[ActionDef, ...]:
    """Return the discrete actions for a laboratory's policy, by index."""
    devices = tables.devices.values()
    named: list[tuple[str, str, str, Verb]] = [
        ("NOOP", "NOOP", "", _noop),
        ("TICK", "TICK", "", _tick),
        ("QUEUE_RUN", "QUEUE_RUN", "", _queue_anywhere),
        ("MOVE", "MOVE", "", _move_to_work),
        ("OPEN_DOOR", "OPEN_DOOR", "", _open_any_door),
        ("START_RUN", "START_RUN", "", _start_anywhere),
        ("RETRIEVE", "RETRIEVE", "", _retrieve),
        ("STORE", "STORE", "", _store),
        ("CREATE_ACCESSION", "CREATE_ACCESSION", "", _on_first("CREATE_ACCESSION", "arrived_at_reception")),
        ("CHECK_ACCEPTANCE_RULES", "CHECK_ACCEPTANCE_RULES", "", _check),
        ("ACCEPT_SPECIMEN", "ACCEPT_SPECIMEN", "", _accept),
        ("REJECT_SPECIMEN", "REJECT_SPECIMEN", "", _reject),
        ("RELEASE_RESULT", "RELEASE_RESULT", "", _release),
        ("RERUN_REQUEST", "RERUN_REQUEST", "", _rerun),
        ("NOTIFY_CRITICAL_RESULT", "NOTIFY_CRITICAL_RESULT", "", _notify),
        ("ACK_CRITICAL_RESULT", "ACK_CRITICAL_RESULT", "", _acknowledge),
        ("ESCALATE_CRITICAL_RESULT", "ESCALATE_CRITICAL_RESULT", "", _escalate),
        ("DISPATCH_TRANSPORT", "DISPATCH_TRANSPORT", "", _dispatch),
        ("CHAIN_OF_CUSTODY_SIGN", "CHAIN_OF_CUSTODY_SIGN", "", _sign),
        ("RECEIVE_TRANSPORT", "RECEIVE_TRANSPORT", "", _receive),
    ]
    named += [(f"MOVE:{zone}", "MOVE", zone, _move_to) for zone in tables.zones]
    for door in tables.doors:
        named += [(f"OPEN_DOOR:{door}", "OPEN_DOOR", door, _open), (f"CLOSE_DOOR:{door}", "CLOSE_DOOR", door, _close)]
    for table in devices:
        named += [(f"{verb}:{table.device_id}", verb, table.device_id, act) for verb, act in _DEVICE_VERBS[table.type.kind]]
    named += [(f"RESTOCK_REAGENT:{reagent}", "RESTOCK_REAGENT", reagent, _restock) for reagent in tables.reagents]
    return tuple(ActionDef(index, *item) for index, item in enumerate(named))


def fallback(action: ActionDef, agent: Agent) -> Proposal:
    """Return the event that a masked-out action becomes when it is sent anyway: it names its target, and is BLOCKED."""
    targets = {
        "MOVE": {"from_zone": agent.zone, "to_zone": action.target},
        "OPEN_DOOR": {"door_id": action.target},
        "CLOSE_DOOR": {"door_id": action.target},
        "RESTOCK_REAGENT": {"reagent_id": action.target},
    }
    return action.action_type, targets.get(action.action_type, {"device_id": action.target} if action.target else {})


# --- nothing, time, moving -----------------------------------------------------------------------------------------------


def _noop(_ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    return "NOOP", {}


def _tick(_ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    return "TICK", {}


def _move_to(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Go to the neighbouring zone, if the way, the door, a freeze and the agent's role allow it."""
    way = ctx.tables.ways.get((agent.zone, target))
    if way is None or (way.door is not None and ctx.world.doors[way.door].open_since is None):
        return None
    zone = ctx.tables.zones[target]
    role = ctx.role_of(agent.agent_id)
    if zone.roles is not None and (role is None or role.role_id not in zone.roles):
        return None
    if zone.token_type is not None and (way.door is None or ctx.world.doors[way.door].granted_to != agent.agent_id):
        return None
    if ctx.trust.containment.is_zone_frozen(target, ctx.trust.now):
        return None
    return "MOVE", {"from_zone": agent.zone, "to_zone": target}


def _move_to_work(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Go one zone further towards where what is carried belongs, or else towards the most urgent thing to be fetched."""
    goal = None
    carried = _carried(ctx, agent)
    if carried:
        goal = next_zone(ctx, carried[0])
    else:
        waiting = [found[0] for zone, found in sorted(pickups(ctx).items()) if zone != agent.zone]
        if waiting:
            goal = min(waiting, key=lambda item: (item.status == "released", item.arrived_s)).place.removeprefix("zone:")
    hop = None if goal is None else ctx.tables.next_hop[agent.zone].get(goal)
    return None if hop is None else _move_to(ctx, agent, hop)


def _open(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Open the door, if the agent stands at it, it is shut, and neither a token nor another role is asked for."""
    door = ctx.tables.doors[target]
    role = ctx.role_of(agent.agent_id)
    admitted = door.roles is None or (role is not None and role.role_id in door.roles)
    if agent.zone not in door.between or door.token_type is not None or not admitted:
        return None
    return None if ctx.world.doors[target].open_since is not None else ("OPEN_DOOR", {"door_id": target})


def _open_any_door(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Open the first door here that can be opened."""
    return next((found for door in ctx.tables.doors if (found := _open(ctx, agent, door)) is not None), None)


def _close(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Close the door, if it is open and the agent stands at it."""
    at_door = agent.zone in ctx.tables.doors[target].between
    return ("CLOSE_DOOR", {"door_id": target}) if at_door and ctx.world.doors[target].open_since is not None else None


def _carried(ctx: LabContext, agent: Agent) -> list[Specimen]:
    place = f"agent:{agent.agent_id}"
    return [item for status in _CARRIED for item in most_urgent(ctx, ctx.world.here(place, status))]


_CARRIED: Final = ("arrived_at_reception", "accessioning", "accepted", "separated", "aliquoted", "analysed", "released")


def _retrieve(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Pick up the most urgent specimen here that has to go elsewhere, and all others with the same goal."""
    waiting = waiting_to_move(ctx, agent.zone)
    if not waiting:
        return None
    goal = next_zone(ctx, waiting[0])
    room = ctx.tables.carry_limit - ctx.world.carried(agent.agent_id)
    ids = [item.specimen_id for item in waiting if next_zone(ctx, item) == goal][:room]
    return ("RETRIEVE", {"specimen_ids": ids}) if ids else None


def _store(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Put down what belongs here; where nothing does, everything."""
    carried = _carried(ctx, agent)
    ids = [item.specimen_id for item in carried if next_zone(ctx, item) == agent.zone]
    ids = ids or [item.specimen_id for item in carried]
    return ("STORE", {"specimen_ids": ids}) if ids else None


# --- reception -----------------------------------------------------------------------------------------------------------


def _first(ctx: LabContext, agent: Agent, status: str, *, checked: bool | None = None) -> Specimen | None:
    ids = ctx.world.here(f"zone:{agent.zone}", status)
    found = [item for item in most_urgent(ctx, ids) if checked is None or item.checked is checked]
    return found[0] if found else None


def _on_first(action_type: str, status: str) -> Verb:
    def propose(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
        specimen = _first(ctx, agent, status)
        return None if specimen is None else (action_type, {"specimen_id": specimen.specimen_id})

    return propose


def _check(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Check the most urgent accessioned specimen here that has not been checked."""
    specimen = _first(ctx, agent, "accessioning", checked=False)
    return None if specimen is None else ("CHECK_ACCEPTANCE_RULES", {"specimen_id": specimen.specimen_id})


def _accept(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Decide about the most urgent specimen here that has been checked."""
    specimen = _first(ctx, agent, "accessioning", checked=True)
    return None if specimen is None else ("ACCEPT_SPECIMEN", {"specimen_id": specimen.specimen_id})


def _reject(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Reject the most urgent held specimen here, or one that has spoilt in a queue here (a new tube is asked for)."""
    specimen = _first(ctx, agent, "held")
    if specimen is not None:
        reason = specimen.reason or "ID_UNATTRIBUTABLE"
        return "REJECT_SPECIMEN", {"specimen_id": specimen.specimen_id, "reason_code": reason}
    for specimen in _within_reach(ctx, agent, "queued"):
        spoilt = _spoilt(ctx, specimen)
        if spoilt is not None:
            return "REJECT_SPECIMEN", {"specimen_id": specimen.specimen_id, "reason_code": spoilt}
    return None


# --- devices -------------------------------------------------------------------------------------------------------------


def _at_device(ctx: LabContext, agent: Agent, target: str) -> DeviceTable | None:
    table = ctx.tables.devices[target]
    return table if table.zone == agent.zone else None


def _usable(ctx: LabContext, agent: Agent, target: str) -> DeviceTable | None:
    """Return the device if the agent stands at it, it is up and a unit is idle."""
    table = _at_device(ctx, agent, target)
    if table is None or not is_up(ctx, table):
        return None
    return table if ctx.world.devices[target].idle_unit(ctx.trust.now) is not None else None


def _within_reach(ctx: LabContext, agent: Agent, status: str) -> list[Specimen]:
    world = ctx.world
    ids = [*world.here(f"zone:{agent.zone}", status), *world.here(f"agent:{agent.agent_id}", status)]
    return most_urgent(ctx, ids)


def _centrifuge_start(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Spin the most urgent specimens here that need it, as many as fit."""
    table = _usable(ctx, agent, target)
    if table is None:
        return None
    waiting = [
        item for item in _within_reach(ctx, agent, "accepted") if ctx.tables.panels[item.panel_id].needs_separation
    ]
    ids = [item.specimen_id for item in waiting[: table.type.batch_max]]
    return ("CENTRIFUGE_START", {"device_id": target, "specimen_ids": ids}) if ids else None


def _centrifuge_end(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Unload the first spin of this centrifuge that has ended."""
    if _at_device(ctx, agent, target) is None:
        return None
    for specimen_id in ctx.world.here(f"device:{target}", "in_centrifuge"):
        run = ctx.world.runs[ctx.world.specimens[specimen_id].run_id or ""]
        if run.ends_s <= ctx.trust.now:
            return "CENTRIFUGE_END", {"device_id": target, "specimen_ids": list(run.specimen_ids)}
    return None


def _aliquot(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Draw an aliquot of the most urgent separated specimen here."""
    if _usable(ctx, agent, target) is None:
        return None
    for specimen in _within_reach(ctx, agent, "separated"):
        if ctx.tables.panels[specimen.panel_id].needs_aliquot:
            arguments = {"device_id": target, "specimen_id": specimen.specimen_id, "aliquot_id": f"{specimen.specimen_id}_A"}
            return "ALIQUOT_CREATE", arguments
    return None


def _queue(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Queue the most urgent specimen here that this analyser can run and that is ready for it."""
    table = _at_device(ctx, agent, target)
    if table is None or len(ctx.world.devices[target].queue) >= table.type.queue_capacity:
        return None
    for status in ("aliquoted", "separated", "accepted"):
        for specimen in _within_reach(ctx, agent, status):
            if specimen.panel_id in table.panels and ready_status(ctx, specimen) == status:
                return "QUEUE_RUN", {"device_id": target, "specimen_id": specimen.specimen_id}
    return None


def _queue_anywhere(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Queue at the first analyser here that has something to queue."""
    return _anywhere(ctx, agent, _queue)


def _start(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Start the head of this analyser's queue."""
    table = _usable(ctx, agent, target)
    machine = ctx.world.devices[target]
    if table is None or machine.qc_state == "fail" or qc_due_in(ctx, machine) < 0:
        return None
    head = machine.queue.head(ctx.tables.stat_share_percent)
    if head is None or not _can_be_run(ctx, ctx.world.specimens[head]):
        return None
    run_id = f"RUN_{target}_{len(ctx.world.runs) + 1}"
    return "START_RUN", {"device_id": target, "run_id": run_id, "specimen_ids": [head]}


def _can_be_run(ctx: LabContext, specimen: Specimen) -> bool:
    use = ctx.tables.panel_reagents.get(specimen.panel_id)
    stocked = use is None or ctx.world.stock[use.reagent] >= use.units
    return stocked and _spoilt(ctx, specimen) is None


def _spoilt(ctx: LabContext, specimen: Specimen) -> str | None:
    """Return the reason code for which a specimen may no longer be analysed."""
    breach = stability_breach(ctx.tables, specimen, ctx.trust.now)
    if breach is not None:
        return breach[0]
    return "TEMP_OUT_OF_BAND" if temperature_breach(ctx.tables, specimen, ctx.trust.now) is not None else None


def _start_anywhere(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Start at the first analyser here that can start."""
    return _anywhere(ctx, agent, _start)


def _anywhere(ctx: LabContext, agent: Agent, verb: Verb) -> Proposal | None:
    analysers = (table.device_id for table in ctx.tables.devices.values() if table.type.kind == "analyser")
    return next((found for device_id in analysers if (found := verb(ctx, agent, device_id)) is not None), None)


def _qc(ctx: LabContext, agent: Agent, target: str) -> Proposal | None:
    """Run controls, when they have failed, drifted or fall due within the hour."""
    if _usable(ctx, agent, target) is None:
        return None
    machine = ctx.world.devices[target]
    needed = machine.qc_state != "pass" or qc_due_in(ctx, machine) < _QC_LEAD_S
    return ("QC_EVENT", {"device_id": target}) if needed else None


def _restock(ctx: LabContext, _agent: Agent, target: str) -> Proposal | None:
    """Take a delivery in, when less than a quarter of one is left."""
    low = 4 * ctx.world.stock[target] < ctx.tables.reagents[target].delivery
    return ("RESTOCK_REAGENT", {"reagent_id": target}) if low else None


_DEVICE_VERBS: Final[dict[str, tuple[tuple[str, Verb], ...]]] = {
    "centrifuge": (("CENTRIFUGE_START", _centrifuge_start), ("CENTRIFUGE_END", _centrifuge_end)),
    "aliquoter": (("ALIQUOT_CREATE", _aliquot),),
    "analyser": (("QUEUE_RUN", _queue), ("START_RUN", _start), ("QC_EVENT", _qc)),
}


# --- results and critical calls ------------------------------------------------------------------------------------------


def _release(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Release the most urgent specimen whose results nothing stands in the way of, if it is not the agent's own work."""
    world = ctx.world
    for specimen in most_urgent(ctx, world.releasable):
        found = [world.results[item] for item in specimen.results if world.results[item].status != "superseded"]
        run = world.runs.get(specimen.run_id or "")
        open_now = all(
            item.status == "generated"
            and item.result_id not in world.critical_open
            and (machine := world.devices[item.device_id or ""]).qc_state == "pass"
            and agent.agent_id not in machine.qc_agents
            for item in found
        )
        if open_now and (run is None or run.started_by != agent.agent_id):
            return "RELEASE_RESULT", {"specimen_id": specimen.specimen_id}
    return None


def _rerun(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Ask for the most urgent specimen with a held result to be measured again."""
    world = ctx.world
    for specimen in most_urgent(ctx, world.releasable):
        for item in specimen.results:
            if world.results[item].status == "held":
                return "RERUN_REQUEST", {"result_id": item, "reason_code": world.results[item].hold_reason or "QC_FAIL_ACTIVE"}
    return None


def _notify(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Call the first contact about the critical result that has waited longest without a call."""
    for result_id in ctx.world.critical_open:
        if not ctx.world.results[result_id].attempts:
            receiver = ctx.tables.ladder.tiers[0].role
            return "NOTIFY_CRITICAL_RESULT", {"result_id": result_id, "channel": _CALL_CHANNEL, "receiver_role": receiver}
    return None


def _acknowledge(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Note the answer to the last call about the critical result that has waited longest."""
    for result_id in ctx.world.critical_open:
        attempts = ctx.world.results[result_id].attempts
        if attempts:
            last = attempts[-1]
            return "ACK_CRITICAL_RESULT", {
                "result_id": result_id,
                "attempt_id": last.attempt_id,
                "channel": last.channel,
                "receiver_role": last.receiver_role,
                "receiver_name_or_id": f"on duty as {last.receiver_role}",
                "receiver_location_or_org": "ward",
                "read_back_confirmed": True,
                "outcome": ctx.tables.ladder.reached_outcomes[0],
            }
    return None


def _escalate(ctx: LabContext, _agent: Agent, _target: str) -> Proposal | None:
    """Call the next tier about the first critical result whose last call has waited out its time."""
    tiers = ctx.tables.ladder.tiers
    for result_id in ctx.world.critical_open:
        attempts = ctx.world.results[result_id].attempts
        if attempts and attempts[-1].tier + 1 < len(tiers):
            last = attempts[-1]
            if ctx.trust.now - last.at_s >= tiers[last.tier].max_ack_wait_s:
                return "ESCALATE_CRITICAL_RESULT", {"result_id": result_id, "next_role": tiers[last.tier + 1].role}
    return None


# --- transport -----------------------------------------------------------------------------------------------------------


def _dispatch(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Send everything that waits here, where an open route begins."""
    for route in ctx.tables.routes.values():
        if route.enabled and route.origin_zone == agent.zone:
            ids = [item.specimen_id for item in _within_reach(ctx, agent, "arrived_at_reception")]
            ends = {"origin_site": route.origin_site, "dest_site": route.dest_site}
            return ("DISPATCH_TRANSPORT", {"specimen_ids": ids, **ends}) if ids else None
    return None


def _sign(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Sign for the first consignment that lacks the signature of this end."""
    for consignment_id in ctx.world.in_transit:
        consignment = ctx.world.consignments[consignment_id]
        route = ctx.tables.routes[consignment.route_id]
        origin = agent.zone == route.origin_zone and consignment.signed_origin_by is None
        arrived = consignment.expected_s <= ctx.trust.now
        dest = agent.zone == route.dest_zone and arrived and consignment.signed_dest_by is None
        if origin or dest:
            return "CHAIN_OF_CUSTODY_SIGN", {"consignment_id": consignment_id}
    return None


def _receive(ctx: LabContext, agent: Agent, _target: str) -> Proposal | None:
    """Take in the first consignment here that both ends have signed for."""
    for consignment_id in ctx.world.in_transit:
        consignment = ctx.world.consignments[consignment_id]
        signed = consignment.signed_origin_by is not None and consignment.signed_dest_by is not None
        if signed and agent.zone == ctx.tables.routes[consignment.route_id].dest_zone:
            return "RECEIVE_TRANSPORT", {"consignment_id": consignment_id}
    return None
