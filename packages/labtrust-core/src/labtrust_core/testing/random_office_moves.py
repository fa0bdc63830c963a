"""Sensible moves of the office: results, calls and transport."""

from __future__ import annotations

from typing import Any, Final

from labtrust_core.hospital_lab.handlers.critical import answered_attempt, escalation_from
from labtrust_core.hospital_lab.handlers.results import has_result, was_measured
from labtrust_core.hospital_lab.lookup import result_out
from labtrust_core.hospital_lab.things import Result, Specimen
from labtrust_core.testing.random_choice import NOTHING, REASON, Choice, Recipe
from labtrust_core.testing.random_shift import Move

ROUTE: Final = ("SITE_ACUTE", "SITE_HUB")
_RACK: Final = 4
_MOSTLY, _HALF = 0.8, 0.5
_LONG_S: Final = 10_000


def _result(*statuses: str, out: bool | None = None, reason: bool = False) -> Recipe:
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


OFFICE_MOVES: Final[dict[str, Recipe]] = {
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
}
"""Action of the office to what somebody could mean by it now."""
