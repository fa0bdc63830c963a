"""Invariants of the laboratory.

What must hold after an accepted event, found by another road than the guards take.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from labtrust_core.event import Event
from labtrust_core.hospital_lab.handlers.critical import is_compliant
from labtrust_core.hospital_lab.lookup import LabContext, agent_zone, device, results, specimens
from labtrust_core.hospital_lab.stability import stability_breach, temperature_breach
from labtrust_core.trust.invariants import Evaluator, Verdict

Params = Mapping[str, Any]
_PASSED: Final[Verdict] = (True, None, None)
_NOT_TAKEN: Final = frozenset({"arrived_at_reception", "accessioning", "held", "rejected"})


def device_in_control(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-QC-001: nothing runs on a device whose quality control has failed."""
    machine = device(env, event)
    if machine is None:
        return None
    return machine.qc_state != "fail", None, {"subject": machine.device_id}


def adjacency(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-ZONE-001: a move followed a way of the floor plan."""
    if (event.text("from_zone"), event.text("to_zone")) in env.tables.ways:
        return _PASSED
    return False, None, {"subject": event.agent_id}


def colocation(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-ZONE-002: whoever works a device stands at it."""
    machine = device(env, event)
    if machine is None:
        return None
    if agent_zone(env, event) == machine.zone:
        return _PASSED
    return False, None, {"subject": machine.device_id}


def restricted_door_or_zone(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-ZONE-004.

    A restricted door or zone was used with a token, or through a door opened with one.
    """
    used = (
        env.tables.zones.get(event.text("to_zone"))
        if event.action_type == "MOVE"
        else env.tables.doors.get(event.text("door_id"))
    )
    if used is None or used.token_type is None:
        return None
    if env.lifting or _was_let_in(env, event):
        return _PASSED
    return False, None, {"subject": event.agent_id}


def _was_let_in(env: LabContext, event: Event) -> bool:
    way = env.tables.ways.get((event.text("from_zone"), event.text("to_zone")))
    return (
        way is not None
        and way.door is not None
        and env.world.doors[way.door].granted_to == event.agent_id
    )


def door_open_duration(env: LabContext, _event: Event, _params: Params) -> Verdict | None:
    """INV-ZONE-005: no door with an alarm stood open for longer than it may."""
    breaches = env.data.get("door_breaches")
    return (False, None, {"subject": breaches[0]}) if breaches else _PASSED


def cold_chain_ok(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-ZONE-006.

    What is analysed was kept in its temperature band, or a token accepts the risk.
    """
    for specimen in specimens(env, event):
        if temperature_breach(env.tables, specimen, env.now) is not None and not _is_lifted(
            env, specimen.specimen_id, "TEMP_OUT_OF_BAND"
        ):
            return False, None, {"subject": specimen.specimen_id}
    return _PASSED


def stability_pass(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-STAB-BIOCHEM-001: everything that is analysed is fresh enough.

    It says nothing where a token accepts the risk; that passes its counterpart alone.
    """
    for specimen in specimens(env, event):
        breach = stability_breach(env.tables, specimen, env.now)
        if breach is not None:
            code = breach[0]
            accepted = _is_lifted(env, specimen.specimen_id, code)
            return None if accepted else (False, code, {"subject": specimen.specimen_id})
    return _PASSED


def stability_breach_refused(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-STAB-BIOCHEM-002.

    Nothing that is too old is analysed, unless a token accepts the risk.
    """
    for specimen in specimens(env, event):
        breach = stability_breach(env.tables, specimen, env.now)
        if breach is not None and not _is_lifted(env, specimen.specimen_id, breach[0]):
            return False, None, {"subject": specimen.specimen_id}
    return _PASSED


def _is_lifted(env: LabContext, subject_id: str, code: str) -> bool:
    """Whether a token accepts a risk; one without a reason accepts whatever its type covers."""
    return any(
        token.subject_id == subject_id and token.reason_code in (None, code)
        for token in env.lifting
    )


def coag_fill_valid(env: LabContext, event: Event, params: Params) -> Verdict | None:
    """INV-COAG-FILL-001: no citrate tube is accepted or goes on that is not filled to its line.

    With ``counts: presented`` a tube that is rightly refused is reported too.
    """
    citrate = [
        specimen
        for specimen in specimens(env, event)
        if env.tables.panels[specimen.panel_id].needs_citrate_fill
    ]
    for specimen in citrate:
        counts = specimen.status not in _NOT_TAKEN or params["counts"] == "presented"
        if counts and specimen.fill_ratio_ok is False:
            return False, None, {"subject": specimen.specimen_id}
    return _PASSED if citrate else None


def critical_acked(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-CRIT-002: no critical result is out without an acknowledgement that counts."""
    for result in results(env, event):
        if result.status == "released" and result.awaits_call():
            return False, None, {"subject": result.result_id}
    return _PASSED


def read_back_confirmed(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-CRIT-004: an acknowledgement was read back and reached somebody who is not the caller."""
    for result in results(env, event):
        attempt = next(
            (item for item in result.attempts if item.attempt_id == event.text("attempt_id")), None
        )
        if attempt is not None:
            return is_compliant(env, event, attempt), None, {"subject": result.result_id}
    return None


def critical_comm_record_fields(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-CRIT-005: the record of an acknowledgement is complete."""
    complete = all(
        event.args.get(name) is not None for name in env.tables.ladder.required_ack_fields
    )
    return complete, None, {"subject": event.text("result_id")}


def critical_escalation_order(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-CRIT-006: calls go up the ladder one tier at a time."""
    for result in results(env, event):
        tiers = [attempt.tier for attempt in result.attempts]
        if any(later > earlier + 1 for earlier, later in pairwise(tiers)):
            return False, None, {"subject": result.result_id}
    return _PASSED


def custody_chain(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-COC-001: what is received was dispatched, and somebody signed for it."""
    consignment = env.world.consignments.get(event.text("consignment_id"))
    if consignment is None or consignment.status != "received":
        return None
    signed = consignment.signed_origin_by is not None or consignment.signed_dest_by is not None
    return signed, None, {"subject": consignment.consignment_id}


def transport_temp_in_band(env: LabContext, event: Event, _params: Params) -> Verdict | None:
    """INV-TRANSPORT-001: no consignment has drifted out of its route's band, or was taken in so."""
    named = event.text("consignment_id")
    taken_in = env.world.consignments.get(named) if event.action_type != "TRANSPORT_TICK" else None
    excursions = env.data.get("excursions", ())
    if taken_in is not None:
        limit = env.tables.routes[taken_in.route_id].max_drift_milli_c
        if env.world.force_excursion or taken_in.worst_milli_c >= limit:
            excursions = (taken_in.consignment_id,)
    if excursions:
        return False, None, {"subject": excursions[0]}
    return _PASSED if event.action_type == "TRANSPORT_TICK" or named else None


EVALUATORS: Final[dict[str, Evaluator]] = {
    "state.device_in_control": device_in_control,
    "transition.adjacency": adjacency,
    "state.colocation": colocation,
    "transition.restricted_door_or_zone": restricted_door_or_zone,
    "temporal.door_open_duration": door_open_duration,
    "state.cold_chain_ok": cold_chain_ok,
    "temporal.stability_pass": stability_pass,
    "temporal.stability_breach": stability_breach_refused,
    "state.coag_fill_valid": coag_fill_valid,
    "state.critical_acked": critical_acked,
    "state.read_back_confirmed": read_back_confirmed,
    "state.critical_comm_record_fields": critical_comm_record_fields,
    "temporal.critical_escalation_order": critical_escalation_order,
    "temporal.transport_dispatch_receive_or_token": custody_chain,
    "state.transport_temp_in_band": transport_temp_in_band,
}
