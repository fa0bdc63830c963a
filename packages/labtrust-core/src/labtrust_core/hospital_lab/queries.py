"""Questions about the laboratory, by name: what golden scenarios assert and tools show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.quality_cascade import investigation_record, suspected_analytes
from labtrust_core.hospital_lab.things import Result, Specimen


def _of_specimen(ctx: LabContext, specimen_id: str, read: Callable[[Specimen], Any]) -> Any:  # noqa: ANN401 - an answer of any type
    specimen = ctx.world.specimens.get(specimen_id)
    return None if specimen is None else read(specimen)


def _of_result(ctx: LabContext, result_id: str, read: Callable[[Result], Any]) -> Any:  # noqa: ANN401 - an answer of any type
    result = ctx.world.results.get(result_id)
    return None if result is None else read(result)


def _door_state(ctx: LabContext, door_id: str) -> dict[str, Any]:
    since = ctx.world.doors[door_id].open_since
    return {
        "open": since is not None,
        "open_since_ts": since,
        "open_duration_s": 0 if since is None else ctx.trust.now - since,
    }


def device_state(ctx: LabContext, device_id: str) -> str:
    """Return ``FAULT``, ``MAINT``, ``RUNNING`` (no unit free) or ``IDLE``."""
    machine = ctx.world.devices[device_id]
    if machine.fault_until > ctx.trust.now:
        return "FAULT"
    table = ctx.tables.devices[device_id]
    if table.maintenance_until(ctx.trust.now, ctx.world.starts_at_s) is not None:
        return "MAINT"
    return "RUNNING" if machine.idle_unit(ctx.trust.now) is None else "IDLE"


def _agent_zone(ctx: LabContext, agent_id: str) -> str | None:
    agent = ctx.world.agents.get(agent_id)
    return None if agent is None else agent.zone


def _specimen_counts(ctx: LabContext) -> dict[str, int]:
    return dict(
        sorted(Counter(specimen.status for specimen in ctx.world.specimens.values()).items())
    )


def _waiting_for_a_queue(ctx: LabContext) -> list[str]:
    return sorted(
        item.specimen_id for item in ctx.world.specimens.values() if item.status == "accepted"
    )


def _releasable(ctx: LabContext) -> list[str]:
    return sorted(
        result.result_id
        for result in ctx.world.results.values()
        if result.status == "generated" and not result.awaits_call()
    )


def _consignments(ctx: LabContext) -> list[dict[str, Any]]:
    return [
        {
            "consignment_id": item.consignment_id,
            "specimen_ids": list(item.specimen_ids),
            "route_id": item.route_id,
            "expected_arrival_ts": item.expected_s,
            "status": item.status,
            "signed_origin_by": item.signed_origin_by,
            "signed_dest_by": item.signed_dest_by,
        }
        for item in ctx.world.consignments.values()
    ]


QUERIES: Final[dict[str, Callable[..., Any]]] = {
    "door_state": _door_state,
    "door_open": lambda ctx, door_id: ctx.world.doors[door_id].open_since is not None,
    "agent_zone": _agent_zone,
    "agent_busy_until": lambda ctx, agent_id: ctx.world.agents[agent_id].busy_until,
    "specimen_status": lambda ctx, item: _of_specimen(ctx, item, lambda found: found.status),
    "specimen_place": lambda ctx, item: _of_specimen(ctx, item, lambda found: found.place),
    "specimen_lane": lambda ctx, item: _of_specimen(ctx, item, lambda found: found.lane),
    "separated_ts": lambda ctx, item: _of_specimen(ctx, item, lambda found: found.separated_s),
    "last_reason_code": lambda ctx, item: _of_specimen(ctx, item, lambda found: found.reason),
    "specimen_counts": _specimen_counts,
    "accepted_specimen_ids_not_in_queue": _waiting_for_a_queue,
    "result_status": lambda ctx, item: _of_result(ctx, item, lambda found: found.status),
    "result_flags": lambda ctx, item: _of_result(ctx, item, lambda found: list(found.flags)),
    "result_hold_reason": lambda ctx, item: _of_result(ctx, item, lambda found: found.hold_reason),
    "result_criticality": lambda ctx, item: _of_result(ctx, item, lambda found: found.criticality),
    "result_delta": lambda ctx, item: _of_result(ctx, item, lambda found: found.delta),
    "result_amends": lambda ctx, item: _of_result(ctx, item, lambda found: found.amends),
    "result_hemolysis_index": lambda ctx, item: _of_result(
        ctx, item, lambda found: found.hemolysis_index_mg_l
    ),
    "specimen_panel": lambda ctx, item: _of_specimen(ctx, item, lambda found: found.panel_id),
    "result_value": lambda ctx, item: _of_result(ctx, item, lambda found: found.value),
    "releasable_result_ids": _releasable,
    "comm_record_exists": lambda ctx, item: _of_result(
        ctx, item, lambda found: bool(found.attempts)
    ),
    "notification_mode_required": lambda ctx, item: _of_result(
        ctx, item, lambda found: found.notification_mode
    ),
    "queue_head": lambda ctx, device_id: ctx.world.devices[device_id].queue.head(
        ctx.tables.stat_share_percent
    ),
    "queue_length": lambda ctx, device_id: len(ctx.world.devices[device_id].queue),
    "device_qc_state": lambda ctx, device_id: ctx.world.devices[device_id].qc_state,
    "device_qc_suspects": lambda ctx, device_id: suspected_analytes(
        ctx, ctx.world.devices[device_id]
    ),
    "qc_investigation": lambda ctx, item: investigation_record(ctx.world.investigations[item]),
    "qc_investigations": lambda ctx: [
        item.investigation_id for item in ctx.world.investigations.values() if item.closed_s is None
    ],
    "device_state": device_state,
    "reagent_stock": lambda ctx, reagent_id: ctx.world.stock[reagent_id],
    "transport_consignments": _consignments,
    "consignment_status": lambda ctx, item: ctx.world.consignments[item].status,
    "rack_of": lambda ctx, item: _of_specimen(ctx, item, lambda found: found.rack_id),
    "call_required": lambda ctx, item: _of_result(ctx, item, lambda found: found.call_required),
}


def answer(ctx: LabContext, name: str, arguments: tuple[str, ...]) -> Any:  # noqa: ANN401 - an answer of any type
    """Answer a question about the laboratory.

    Raises:
        UsageError: There is no such question, it was given the wrong number of arguments, or they
            name nothing.
    """
    question = QUERIES.get(name)
    if question is None:
        raise UnknownNameError("query", name, QUERIES)
    try:
        return question(ctx, *arguments)
    except KeyError as error:
        raise UsageError(f"{name}: there is no {error.args[0]}") from error
    except TypeError as error:
        raise UsageError(f"{name} was given {len(arguments)} arguments") from error
