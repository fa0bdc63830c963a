"""What happens by itself in simulated time.

Arrivals, runs that end, results, faults, alarms, consignments.

Each is an entry of the world's agenda; when it is due it becomes a SYSTEM event, through the same
engine as any other. What has become moot meanwhile (a door that was closed) is dropped silently.
Draws are counter-based: the n-th specimen of a stream is the same whatever else happens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from labtrust_core.engine.domain import Handler, SystemEvent
from labtrust_core.event import Event
from labtrust_core.hospital_lab.analytical_error import as_measured
from labtrust_core.hospital_lab.arrivals import arrival, schedule_first_arrivals
from labtrust_core.hospital_lab.breakdowns import (
    device_fault,
    device_repair,
    schedule_first_faults,
)
from labtrust_core.hospital_lab.deadlines import CODES as DEADLINE_CODES
from labtrust_core.hospital_lab.deadlines import (
    consignment_arrival,
    critical_deadline,
    critical_timeout,
    downtime_begin,
    downtime_end,
)
from labtrust_core.hospital_lab.handlers.add_ons import add_on_request
from labtrust_core.hospital_lab.handlers.analysis import end_run
from labtrust_core.hospital_lab.handlers.movement import check_doors
from labtrust_core.hospital_lab.handlers.reagents import deliver
from labtrust_core.hospital_lab.handlers.results import generate_result, has_result, was_measured
from labtrust_core.hospital_lab.handlers.transport import transport_drift
from labtrust_core.hospital_lab.lookup import LabContext, unused
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Due
from labtrust_core.hospital_lab.values import decimal_text, draw_value
from labtrust_core.hospital_lab.verification import CODES as VERIFICATION_CODES
from labtrust_core.hospital_lab.verification import autoverify
from labtrust_core.hospital_lab.world import LabWorld

_write: Final = msgspec.json.Encoder().encode
_read_two: Final = msgspec.json.Decoder(tuple[str, str]).decode
_read_three: Final = msgspec.json.Decoder(tuple[str, str, str]).decode
# Callers choose run ids, so no separator is safe between the parts of an entry's entity.


def schedule_clockwork(tables: LabTables, world: LabWorld, *, faults: bool) -> None:
    """Put what starts the clockwork on a new world's agenda."""
    schedule_first_arrivals(tables, world)
    if faults:
        schedule_first_faults(tables, world)


def next_system_event(ctx: LabContext, until_s: int) -> SystemEvent | None:
    """Take the next thing that is due and still matters off the agenda, as an event."""
    while (due := ctx.world.next_due(until_s)) is not None:
        args = _ARGUMENTS[due.action](ctx, due)
        if args is not None:
            return SystemEvent(due.t_s, due.action, args)
    return None


# What an entry means when it is due: the event's arguments, or none when it is moot.


def _arrival_args(_ctx: LabContext, due: Due) -> dict[str, Any] | None:
    return {"stream": due.entity}


def _run_end_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    run = ctx.world.runs[due.entity]
    if _is_put_off(ctx, due, run.ends_s):
        return None
    return None if run.unloaded else {"device_id": run.device_id, "run_id": run.run_id}


def _result_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    run_id, specimen_id, code = _read_three(due.entity)
    if _is_put_off(ctx, due, ctx.world.runs[run_id].results_s):
        return None
    specimen = ctx.world.specimens[specimen_id]
    if not was_measured(specimen, run_id) or has_result(ctx, specimen, code, run_id):
        return None
    table = ctx.tables.analytes[code]
    machine = ctx.world.devices[ctx.world.runs[run_id].device_id]
    true = draw_value(ctx.world.seed, table, specimen)
    value = as_measured(ctx, machine, specimen, table, true, due.t_s)
    wanted = f"{specimen_id}_{code}" + (f"_r{specimen.reruns}" if specimen.reruns else "")
    return {
        "result_id": unused(wanted, ctx.world.results),
        "run_id": run_id,
        "specimen_id": specimen_id,
        "analyte_code": code,
        "value": decimal_text(value, table.decimals),
        "units": table.unit,
    }


def _autoverify_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    run_id, specimen_id = _read_two(due.entity)
    run = ctx.world.runs[run_id]
    if _is_put_off(ctx, due, run.results_s):
        return None
    current = was_measured(ctx.world.specimens[specimen_id], run_id)
    if not current:
        ctx.world.finish(run)
    return {"specimen_id": specimen_id} if current else None


def _add_on_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    panel_id = ctx.tables.add_ons.get(ctx.world.specimens[due.entity].panel_id)
    return None if panel_id is None else {"specimen_id": due.entity, "panel_id": panel_id}


def _is_put_off(ctx: LabContext, due: Due, until_s: int) -> bool:
    """Whether what is due now has been put off by a fault; it is then due at ``until_s``."""
    if until_s <= due.t_s:
        return False
    ctx.world.schedule(until_s, due.action, due.entity)
    return True


def _fault_args(_ctx: LabContext, due: Due) -> dict[str, Any] | None:
    device_id, kind, *stated = due.entity.split("|")
    args: dict[str, Any] = {"device_id": device_id, "fault": kind}
    return {**args, "repair_s": int(stated[0])} if stated else args


def _repair_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    device_id, _, kind = due.entity.partition("|")
    until_s = ctx.world.devices[device_id].fault_until
    return None if _is_put_off(ctx, due, until_s) else {"device_id": device_id, "fault": kind}


def _door_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    opened = ctx.world.doors[due.entity].open_since
    late = opened is not None and due.t_s - opened > ctx.tables.doors[due.entity].max_open_s
    return {"door_id": due.entity} if late else None


def _critical_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    return {"result_id": due.entity} if due.entity in ctx.world.critical_open else None


def _tick_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    consignment = ctx.world.consignments[due.entity]
    if consignment.status != "in_transit":
        return None
    ctx.world.schedule(due.t_s + ctx.tables.transport_tick_s, due.action, due.entity)
    return {"consignment_id": due.entity}


def _consignment_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    consignment = ctx.world.consignments[due.entity]
    return {"consignment_id": due.entity} if consignment.status == "in_transit" else None


_ARGUMENTS: Final[dict[str, Callable[[LabContext, Due], dict[str, Any] | None]]] = {
    "SYS_ARRIVAL": _arrival_args,
    "SYS_RUN_END": _run_end_args,
    "GENERATE_RESULT": _result_args,
    "SYS_AUTOVERIFY": _autoverify_args,
    "SYS_ADD_ON_REQUEST": _add_on_args,
    "SYS_DEVICE_FAULT": _fault_args,
    "SYS_DEVICE_REPAIR": _repair_args,
    "SYS_DOOR_ALARM": _door_args,
    "SYS_CRITICAL_TIMEOUT": _critical_args,
    "SYS_CRITICAL_DEADLINE": _critical_args,
    "SYS_DOWNTIME_BEGIN": lambda _ctx, _due: {},
    "SYS_DOWNTIME_END": lambda _ctx, _due: {},
    "SYS_REAGENT_DELIVERY": lambda _ctx, due: {"reagent_id": due.entity},
    "TRANSPORT_TICK": _tick_args,
    "SYS_CONSIGNMENT_ARRIVAL": _consignment_args,
}


# What the events do.


def run_end(ctx: LabContext, event: Event) -> None:
    """An analyser has taken a run in: its specimens come out, and their results follow later."""
    end_run(ctx, event)
    run = ctx.world.runs[event.args["run_id"]]
    for specimen_id in run.specimen_ids:
        specimen = ctx.world.specimens[specimen_id]
        for code in ctx.tables.panels[specimen.panel_id].analytes:
            entity = _write((run.run_id, specimen_id, code)).decode()
            ctx.world.schedule(run.results_s, "GENERATE_RESULT", entity)
        entity = _write((run.run_id, specimen_id)).decode()
        ctx.world.schedule(run.results_s, "SYS_AUTOVERIFY", entity)


SYSTEM_HANDLERS: Final[dict[str, Handler]] = {
    "SYS_ARRIVAL": arrival,
    "SYS_RUN_END": run_end,
    "GENERATE_RESULT": generate_result,
    "SYS_AUTOVERIFY": autoverify,
    "SYS_ADD_ON_REQUEST": add_on_request,
    "SYS_DEVICE_FAULT": device_fault,
    "SYS_DEVICE_REPAIR": device_repair,
    "SYS_DOOR_ALARM": check_doors,
    "SYS_CRITICAL_TIMEOUT": critical_timeout,
    "SYS_CRITICAL_DEADLINE": critical_deadline,
    "SYS_DOWNTIME_BEGIN": downtime_begin,
    "SYS_DOWNTIME_END": downtime_end,
    "SYS_REAGENT_DELIVERY": deliver,
    "TRANSPORT_TICK": transport_drift,
    "SYS_CONSIGNMENT_ARRIVAL": consignment_arrival,
}

CODES: Final = DEADLINE_CODES | VERIFICATION_CODES

EMITS: Final = frozenset(
    {"RECEIVE_BATCH", "AUTO_VERIFICATION_CHECK", "RELEASE_RESULT", "ALARM", "STORE"}
)
