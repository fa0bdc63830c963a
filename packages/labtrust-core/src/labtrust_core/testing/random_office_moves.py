"""Sensible moves of the office: results, calls, transport, tokens, and runtime control."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final, get_args

from labtrust_core.engine.engine import Engine
from labtrust_core.event import SYSTEM_AGENT
from labtrust_core.hospital_lab.handlers.critical import answered_attempt, escalation_from
from labtrust_core.hospital_lab.handlers.results import has_result, was_measured
from labtrust_core.hospital_lab.lookup import result_out
from labtrust_core.hospital_lab.quality_cascade import suspicion
from labtrust_core.hospital_lab.stability import stability_breach
from labtrust_core.hospital_lab.things import Result, Specimen, SpecimenStatus
from labtrust_core.testing.random_moves import BENCH_MOVES, NOTHING, REASON, Choice
from labtrust_core.testing.random_shift import PEOPLE, Move

ROUTE: Final = ("SITE_ACUTE", "SITE_HUB")
_RACK: Final = 4
_MOSTLY, _HALF = 0.8, 0.5
_LONG_S: Final = 10_000
_TRIES: Final = 3


def _result(
    *statuses: str, out: bool | None = None, reason: bool = False
) -> Callable[[Choice], Move]:
    """Return a recipe for an action on one result.

    Args:
        statuses: The statuses of the results that fit.
        out: Whether an earlier result of the same analyte must be out, or must not be.
        reason: Whether a reason is stated.
    """

    def recipe(choice: Choice) -> Move:
        found = [
            item
            for item in choice.results(*statuses)
            if out is None or (result_out(choice.world, item) is not None) == out
        ]
        result = choice.one(found)
        name = choice.name(choice.world.results) if result is None else result.result_id
        return choice.move(
            _stranger(choice, result), {"result_id": name, **(REASON if reason else {})}
        )

    return recipe


def _stranger(choice: Choice, result: Result | None) -> str:
    """Return somebody who may do the action and has not measured the result."""
    run = choice.world.runs.get("" if result is None else result.run_id or "")
    found = [
        item.agent_id for item in choice.people() if run is None or item.agent_id != run.started_by
    ]
    return choice.one(found) or choice.person()


def _release(choice: Choice) -> Move:
    waiting = [item for item in choice.world.releasable if item in choice.world.specimens]
    specimen_id = choice.one(waiting)
    if specimen_id is None or choice.rng.random() < _HALF:
        return _result("generated", out=False)(choice)
    results = choice.world.specimens[specimen_id].results
    first = choice.world.results[results[0]] if results else None
    return choice.move(_stranger(choice, first), {"specimen_id": specimen_id})


def _release_by_token(choice: Choice) -> Move:
    good = [
        (name, token)
        for name, token in choice.ctx.trust.tokens.items()
        if token.subject_type == "result" and token.state == "ACTIVE"
    ]
    found = choice.one(good)
    if found is None:
        reason = {"reason_code": "RC_RESULT_HELD", "rationale": "the patient is bleeding"}
        return _result("held")(choice)._replace(fields=reason)
    name, token = found
    result = choice.world.results.get(token.subject_id)
    return choice.move(
        _stranger(choice, result),
        {"result_id": token.subject_id},
        token_refs=[name],
        reason_code=token.reason_code or "RC_RESULT_HELD",
        rationale="the patient is bleeding",
    )


def _repeat(choice: Choice) -> Move:
    statuses = ("released",) if choice.rng.random() < _HALF else ("generated", "held")
    return _result(*statuses, reason=True)(choice)


def _add_on(choice: Choice) -> Move:
    agent_id, specimen = choice.at_tube(
        ("released",), lambda item: item.panel_id in choice.tables.add_ons and not _is_old(item)
    )
    name = NOTHING if specimen is None else specimen.specimen_id
    panel = "" if specimen is None else choice.tables.add_ons.get(specimen.panel_id, "")
    return choice.move(agent_id, {"specimen_id": name, "panel_id": panel or NOTHING})


def _is_old(specimen: Specimen) -> bool:
    return specimen.separated_s is None or specimen.collected_s < -_LONG_S


def _enter(choice: Choice) -> Move:
    """Enter a value, a critical one now and then."""
    world, tables = choice.world, choice.tables
    open_analytes = [
        (run, specimen_id, code)
        for run in world.runs.values()
        if run.ends_s <= choice.now and tables.devices[run.device_id].type.kind == "analyser"
        for specimen_id in run.specimen_ids
        if was_measured(world.specimens[specimen_id], run.run_id)
        for code in tables.panels[world.specimens[specimen_id].panel_id].analytes
        if not has_result(choice.ctx, world.specimens[specimen_id], code, run.run_id)
    ]
    found = choice.one(open_analytes)
    if found is None:
        return choice.move(choice.person(), {"result_id": f"R{choice.mark}", "run_id": NOTHING})
    run, specimen_id, code = found
    table = tables.analytes[code]
    factor = choice.rng.choice([50, 98, 99, 100, 101, 102, 103, 400])
    args = {
        "result_id": f"R{choice.mark}",
        "run_id": run.run_id,
        "specimen_id": specimen_id,
        "analyte_code": code,
        "value": str(table.median * factor // 100 * 10.0**-table.decimals),
        "units": table.unit,
    }
    return choice.move(choice.person(), args)


def _call(choice: Choice) -> Move:
    results = [choice.world.results[item] for item in choice.world.critical_open]
    result = choice.one([item for item in results if not item.attempts] or results)
    args = {
        "result_id": choice.name(choice.world.results) if result is None else result.result_id,
        "channel": choice.rng.choice(["phone", "bleep", "electronic"]),
        "receiver_role": choice.tables.ladder.tiers[0].role,
    }
    return choice.move(choice.person(), args)


def _acknowledge(choice: Choice) -> Move:
    called = [item for item in choice.world.results.values() if item.attempts]
    waiting = [item for item in called if item.awaits_call()]
    reached = [item for item in waiting if answered_attempt(choice.ctx, item) is not None]
    result = choice.one(reached or waiting or called)
    attempt = None if result is None else answered_attempt(choice.ctx, result)
    if result is not None and attempt is None:
        attempt = result.attempts[-1]
    args = {
        "result_id": NOTHING if result is None else result.result_id,
        "attempt_id": NOTHING if attempt is None else attempt.attempt_id,
        "channel": "phone",
        "receiver_role": "primary_contact",
        "receiver_name_or_id": "DR_ON_CALL",
        "receiver_location_or_org": "WARD",
        "read_back_confirmed": choice.rng.random() < _MOSTLY,
        "outcome": "reached",
    }
    return choice.move(choice.person(), args)


def _escalate(choice: Choice) -> Move:
    tiers = choice.tables.ladder.tiers
    called = [choice.world.results[item] for item in choice.world.critical_open]
    called = [item for item in called if item.attempts]
    late = [item for item in called if escalation_from(choice.ctx, item) <= choice.now]
    result = choice.one(late or called)
    tier = 1 if result is None else 1 + max(item.tier for item in result.attempts)
    args = {
        "result_id": NOTHING if result is None else result.result_id,
        "next_role": tiers[min(tier, len(tiers) - 1)].role,
    }
    return choice.move(choice.person(), args)


def _pack(choice: Choice) -> Move:
    route = choice.one(choice.tables.routes.values())
    zone = "" if route is None else route.origin_zone
    lying = choice.lying(zone, ("arrived_at_reception", "accessioning", "accepted"))
    names = [item.specimen_id for item in lying if item.rack_id is None and not item.leak]
    opened = [
        item.rack_id
        for item in choice.world.racks.values()
        if item.sealed_by is None and item.place == f"zone:{zone}"
    ]
    args = {
        "rack_id": choice.one(opened) or f"RACK{choice.mark}",
        "specimen_ids": names[:_RACK] or [choice.name(choice.world.specimens)],
    }
    return choice.move(choice.person(zone), args)


def _seal(choice: Choice) -> Move:
    rack = choice.one(item for item in choice.world.racks.values() if item.sealed_by is None)
    if rack is None:
        return choice.move(choice.person(), {"rack_id": NOTHING})
    return choice.move(choice.person(rack.place.removeprefix("zone:")), {"rack_id": rack.rack_id})


def _dispatch(choice: Choice) -> Move:
    sealed = [item for item in choice.world.racks.values() if item.sealed_by is not None]
    rack = choice.one(item for item in sealed if item.place.startswith("zone:"))
    zone = "Z_ACUTE_RECEPTION" if rack is None else rack.place.removeprefix("zone:")
    args: dict[str, Any] = {
        "origin_site": ROUTE[0],
        "dest_site": ROUTE[1],
        "specimen_ids": [NOTHING] if rack is None else list(rack.specimen_ids),
    }
    return choice.move(choice.person(zone), args)


def _sign(choice: Choice) -> Move:
    world = choice.world
    unsigned = [
        (name, zone)
        for name in world.in_transit
        for item in (world.consignments[name],)
        for zone, by in (
            (choice.tables.routes[item.route_id].origin_zone, item.signed_origin_by),
            (choice.tables.routes[item.route_id].dest_zone, item.signed_dest_by),
        )
        if by is None
    ]
    name, zone = choice.one(unsigned) or (choice.name(world.consignments), "Z_INGRESS_DOCK")
    return choice.move(choice.person(zone), {"consignment_id": name})


def _receive(choice: Choice) -> Move:
    waiting = [choice.world.consignments[name] for name in choice.world.in_transit]
    signed = [item for item in waiting if item.signed_dest_by is not None]
    found = choice.one(signed or waiting)
    name = NOTHING if found is None else found.consignment_id
    return choice.move(choice.person("Z_INGRESS_DOCK"), {"consignment_id": name})


def _mint(choice: Choice) -> Move:
    kind, subject, reason = choice.one(_wishes(choice)) or ("TOKEN_NONE", ("agent", NOTHING), "")
    minter = choice.person()
    rules = choice.ctx.policy.tokens.get(kind)
    approvers = [
        name
        for name in PEOPLE
        if rules is not None
        and name != minter
        and choice.ctx.trust.roster.get(name) in rules.approver_roles
    ]
    choice.rng.shuffle(approvers)
    args: dict[str, Any] = {
        "token_type": kind,
        "subject_type": subject[0],
        "subject_id": subject[1],
        "reason_code": reason,
        "approvals": [
            {"approver_agent_id": name, "approver_key_id": f"K_{name}"}
            for name in approvers[: 0 if rules is None else rules.approvals]
        ],
    }
    return choice.move(minter, args)


def _wishes(choice: Choice) -> list[tuple[str, tuple[str, str], str]]:
    """Return the tokens that would help now: type, subject and reason."""
    world, risk = choice.world, "OVERRIDE_RISK_ACCEPTANCE"
    near = [name for name, item in world.agents.items() if item.zone == "Z_SRA_RECEPTION"]
    found = [
        ("TOKEN_RESTRICTED_ENTRY", ("agent", choice.name(near)), "RBAC_RESTRICTED_ENTRY_DENY"),
        ("TOKEN_EMERGENCY_ACCESS", ("agent", choice.name(near)), "ZONE_FROZEN"),
        ("TOKEN_MAINTENANCE_MODE", ("agent", choice.name(near)), "ZONE_FROZEN"),
    ]
    for machine in choice.devices("analyser"):
        head = machine.queue.head(choice.tables.stat_share_percent)
        specimen = world.specimens.get(head or "")
        breach = None if specimen is None else stability_breach(choice.tables, specimen, choice.now)
        if breach is not None and head is not None:
            found += [(risk, ("specimen", head), breach[0])] * 3
    for result in choice.results("held"):
        state = suspicion(world.devices.get(result.device_id or ""), result.analyte)
        if state != "fail" and not result.awaits_call():
            found.append((risk, ("result", result.result_id), "RC_RESULT_HELD"))
    for result in choice.results("generated"):
        if suspicion(world.devices.get(result.device_id or ""), result.analyte) == "drift":
            drift = ("TOKEN_QC_DRIFT_OVERRIDE", ("result", result.result_id), "QC_DRIFT_SUSPECTED")
            found += [drift] * 2
    return found


def _revoke(choice: Choice) -> Move:
    tokens = choice.ctx.trust.tokens
    active = [name for name, token in tokens.items() if token.state == "ACTIVE"]
    return choice.move(choice.person(), {"token_id": choice.name(active or tokens)})


def _ask_tool(choice: Choice) -> Move:
    agent_id = choice.person()
    role = choice.ctx.role_of(agent_id)
    args = {
        "read_lims_v1": {"accession_id": choice.name(choice.world.specimens)},
        "query_queue_v1": {"device_id": choice.name(choice.tables.devices)},
    }
    tool = choice.name(sorted(role.tools) if role is not None else args)
    return choice.move(agent_id, args.get(tool, {}), tool_id=tool)


def _lift(choice: Choice) -> Move:
    held = choice.ctx.trust.containment
    stores = {
        "agent": {**held.throttled, **held.killed},
        "zone": held.zones,
        "device": held.devices,
    }
    found = [
        (kind, name)
        for kind, store in stores.items()
        for name, until_s in store.items()
        if until_s > choice.now
    ]
    kind, name = choice.one(found) or ("agent", NOTHING)
    return choice.move(choice.person(), {"target_type": kind, "target_id": name})


def _roster(choice: Choice) -> Move:
    role = choice.rng.choice(
        ["ROLE_RUNNER", "ROLE_PREANALYTICS", "ROLE_SUPERVISOR", "ROLE_SECURITY_OFFICER"]
    )
    return Move(SYSTEM_AGENT, choice.action, {"roster": {"P_SPARE": role}})


def _inject(choice: Choice) -> Move:
    panel = choice.name(name for name, item in choice.tables.panels.items() if item.add_on is None)
    status, zone = choice.rng.choice(
        [
            ("arrived_at_reception", "Z_SRA_RECEPTION"),
            ("accepted", "Z_ACUTE_RECEPTION"),
            ("accepted", "Z_CENTRIFUGE_BAY"),
            ("separated", "Z_ALIQUOT_LABEL"),
        ]
    )
    specimen = {
        "specimen_id": f"INJECTED{choice.mark}",
        "panel_id": panel,
        "container_type": choice.tables.panels[panel].containers[0],
        "status": status,
        "zone_id": zone,
        "collection_ts_s": choice.now - 600,
        "separated_ts_s": choice.now if status == "separated" else None,
    }
    if choice.rng.random() > _MOSTLY:  # something that may not be possible
        names = [*PEOPLE, *choice.world.specimens, *choice.world.aliquots, "NOBODY"]
        odd = {
            "status": choice.rng.choice(get_args(SpecimenStatus)),
            "carried_by": choice.rng.choice(names),
            "aliquot_id": choice.rng.choice(names),
        }
        key = choice.rng.choice(list(odd))
        specimen[key] = odd[key]
    return Move(SYSTEM_AGENT, choice.action, {"specimen": specimen})


OFFICE_MOVES: Final[dict[str, Callable[[Choice], Move]]] = {
    "GENERATE_RESULT": _enter,
    "RELEASE_RESULT": _release,
    "RELEASE_RESULT_OVERRIDE": _release_by_token,
    "AMEND_RESULT": _result("generated", out=True, reason=True),
    "HOLD_RESULT": _result("generated", "held", reason=True),
    "RERUN_REQUEST": _repeat,
    "ADD_ON_TEST": _add_on,
    "NOTIFY_CRITICAL_RESULT": _call,
    "ACK_CRITICAL_RESULT": _acknowledge,
    "ESCALATE_CRITICAL_RESULT": _escalate,
    "RACK_BUILD": _pack,
    "RACK_SEAL": _seal,
    "DISPATCH_TRANSPORT": _dispatch,
    "CHAIN_OF_CUSTODY_SIGN": _sign,
    "RECEIVE_TRANSPORT": _receive,
    "MINT_TOKEN": _mint,
    "REVOKE_TOKEN": _revoke,
    "INVOKE_TOOL": _ask_tool,
    "LIFT_ENFORCEMENT": _lift,
    "UPDATE_ROSTER": _roster,
    "INJECT_SPECIMEN": _inject,
}
"""Action of the office to what somebody could mean by it now."""

MOVES: Final = {**BENCH_MOVES, **OFFICE_MOVES}
"""Every action of the shipped workflow to a recipe for a sensible move."""

_OFTEN: Final = {
    "MOVE": 6,
    "RETRIEVE": 3,
    "STORE": 4,
    "OPEN_DOOR": 3,
    "QUEUE_RUN": 4,
    "START_RUN": 5,
    "GENERATE_RESULT": 6,
    "RELEASE_RESULT": 4,
    "AMEND_RESULT": 3,
    "CENTRIFUGE_END": 3,
    "ALIQUOT_CREATE": 3,
    "MINT_TOKEN": 4,
    "START_RUN_OVERRIDE": 3,
    "RELEASE_RESULT_OVERRIDE": 3,
    "DISPATCH_TRANSPORT": 3,
    "CHAIN_OF_CUSTODY_SIGN": 4,
    "RECEIVE_TRANSPORT": 3,
    "NOTIFY_CRITICAL_RESULT": 3,
    "ESCALATE_CRITICAL_RESULT": 3,
    "CREATE_ACCESSION": 2,
    "CHECK_ACCEPTANCE_RULES": 3,
    "ACCEPT_SPECIMEN": 3,
}
WEIGHTED: Final = tuple(action for action in MOVES for _ in range(_OFTEN.get(action, 1)))
"""Every action, those that drive the work more than once."""


def sensible(engine: Engine, action: str, rng: random.Random) -> Move:
    """Return a move that somebody could mean to make now.

    Args:
        engine: Runs the episode.
        action: What is to be done.
        rng: Where choices are drawn from.

    Raises:
        KeyError: There is no recipe for the action.
    """
    return MOVES[action](Choice(engine, action, rng))


def some_move(engine: Engine, rng: random.Random) -> Move:
    """Return a sensible move of some kind, if need be after a few that come to nothing.

    Args:
        engine: Runs the episode.
        rng: Where choices are drawn from.
    """
    move = sensible(engine, rng.choice(WEIGHTED), rng)
    for _ in range(_TRIES):
        if NOTHING not in move.args.values() and [NOTHING] not in move.args.values():
            break
        move = sensible(engine, rng.choice(WEIGHTED), rng)
    return move
