"""The discrete actions of the laboratory: what each index means, and what it becomes.

Indices 0 to 5 are a frozen contract (NOOP, TICK, QUEUE_RUN, MOVE, OPEN_DOOR, START_RUN), with the
target chosen by the default rule that each verb documents. From 6 on each index is one verb with
one target. A verb proposes the event's action type and arguments, or nothing when it cannot be done
by that agent there and then: that is the mask, and it is structural (another agent may still be
quicker within the same step). The default order of work is STAT, URGENT, ROUTINE, then arrival.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Agent

from labtrust_env.verbs import analysis, bench, moving, reporting, routing, transport
from labtrust_env.verbs.proposal import Proposal, Verb

CONTRACT: Final = ("NOOP", "TICK", "QUEUE_RUN", "MOVE", "OPEN_DOOR", "START_RUN")
"""Names of the indices 0 to 5, which never change."""

NOOP: Final = 0
TICK: Final = 1
MOVE_TO_WORK: Final = 3

_BY_DEFAULT_RULE: Final[tuple[tuple[str, Verb], ...]] = (
    ("NOOP", moving.noop),
    ("TICK", moving.tick),
    ("QUEUE_RUN", analysis.queue_anywhere),
    ("MOVE", moving.move_to_work),
    ("OPEN_DOOR", moving.open_any_door),
    ("START_RUN", analysis.start_anywhere),
    ("RETRIEVE", moving.retrieve),
    ("STORE", moving.store),
    ("CREATE_ACCESSION", bench.accession),
    ("CHECK_ACCEPTANCE_RULES", bench.check),
    ("ACCEPT_SPECIMEN", bench.accept),
    ("REJECT_SPECIMEN", bench.reject),
    ("SCAN_LABEL", bench.scan),
    ("RELEASE_RESULT", reporting.release),
    ("AMEND_RESULT", reporting.amend),
    ("RERUN_REQUEST", reporting.rerun),
    ("ADD_ON_TEST", reporting.add_on),
    ("NOTIFY_CRITICAL_RESULT", reporting.notify),
    ("ACK_CRITICAL_RESULT", reporting.acknowledge),
    ("ESCALATE_CRITICAL_RESULT", reporting.escalate),
    ("DISPATCH_TRANSPORT", transport.dispatch),
    ("CHAIN_OF_CUSTODY_SIGN", transport.sign),
    ("RECEIVE_TRANSPORT", transport.receive),
    ("RACK_BUILD", transport.rack_build),
    ("RACK_SEAL", transport.rack_seal),
)

_OF_DEVICES: Final[dict[str, tuple[tuple[str, Verb], ...]]] = {
    "centrifuge": (
        ("CENTRIFUGE_START", bench.centrifuge_start),
        ("CENTRIFUGE_END", bench.centrifuge_end),
    ),
    "aliquoter": (("ALIQUOT_CREATE", bench.aliquot),),
    "analyser": (
        ("QUEUE_RUN", analysis.queue),
        ("START_RUN", analysis.start),
        ("QC_EVENT", analysis.quality_control),
        ("REROUTE_TO_ALT_DEVICE", routing.reroute),
    ),
}


@dataclass(frozen=True, slots=True)
class ActionDef:
    """One index of the action space.

    Attributes:
        index: Its number.
        name: Its name, ``VERB`` or ``VERB:TARGET``.
        action_type: The engine's action that it becomes; a role without it has the index masked for
            good.
        target: Zone, device, door or reagent; empty where the default rule chooses.
        propose: What it comes to for an agent now.
        zones: The zones in which it can be possible; ``None`` means everywhere.
    """

    index: int
    name: str
    action_type: str
    target: str
    propose: Verb
    zones: frozenset[str] | None


def action_table(tables: LabTables) -> tuple[ActionDef, ...]:
    """Return the discrete actions for a laboratory's policy, by index."""
    found: list[tuple[str, str, Verb, frozenset[str] | None]] = [
        (name, "", verb, None) for name, verb in _BY_DEFAULT_RULE
    ]
    found += [
        ("MOVE", zone, moving.move_to, frozenset(tables.neighbours[zone])) for zone in tables.zones
    ]
    for door_id, door in tables.doors.items():
        beside = frozenset(door.between)
        found.append(("OPEN_DOOR", door_id, moving.open_door, beside))
        found.append(("CLOSE_DOOR", door_id, moving.close_door, beside))
    found += [
        (name, device.device_id, verb, frozenset({device.zone}))
        for device in tables.devices.values()
        for name, verb in _OF_DEVICES[device.type.kind]
    ]
    found += [
        ("ASSIGN_LANE", device.device_id, routing.assign_lane, None)
        for device in tables.devices.values()
        if device.type.kind == "analyser"
    ]
    found += [("RESTOCK_REAGENT", item, analysis.restock, None) for item in tables.reagents]
    return tuple(
        ActionDef(index, f"{name}:{target}" if target else name, name, target, verb, zones)
        for index, (name, target, verb, zones) in enumerate(found)
    )


_ARGUMENT: Final = {
    "OPEN_DOOR": "door_id",
    "CLOSE_DOOR": "door_id",
    "RESTOCK_REAGENT": "reagent_id",
    "ASSIGN_LANE": "lane",
}
"""The argument in which an action names its target; ``device_id`` where it is not listed."""

_IDLE: Final[dict[str, Callable[[LabContext, str], bool]]] = {
    "OPEN_DOOR": moving.door_stands,
    "CLOSE_DOOR": lambda ctx, target: not moving.door_stands(ctx, target),
    "QC_EVENT": lambda ctx, target: not analysis.needs_qc(ctx, target),
    "RESTOCK_REAGENT": lambda ctx, target: not analysis.needs_stock(ctx, target),
}
"""When an action has no use for its target, though no rule of the laboratory forbids it."""


def fallback(ctx: LabContext, action: ActionDef, agent: Agent) -> Proposal:
    """Return the event that a masked-out action becomes when it is sent anyway; it is BLOCKED.

    It names its target, so that the refusal says what stands in the way. Where nothing does but
    that there is no use for it (a door that stands open already, controls that are not due, enough
    stock), it names none, and is refused for that.
    """
    if action.action_type == "MOVE":
        return "MOVE", {"from_zone": agent.zone, "to_zone": action.target}
    idle = _IDLE.get(action.action_type)
    if not action.target or (idle is not None and idle(ctx, action.target)):
        return action.action_type, {}
    return action.action_type, {_ARGUMENT.get(action.action_type, "device_id"): action.target}
