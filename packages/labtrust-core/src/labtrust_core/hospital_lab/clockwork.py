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
from labtrust_core.event import SYSTEM_AGENT, Event
from labtrust_core.hospital_lab.handlers.analysis import end_run
from labtrust_core.hospital_lab.handlers.movement import check_doors
from labtrust_core.hospital_lab.handlers.results import generate_result, release
from labtrust_core.hospital_lab.handlers.transport import transport_drift
from labtrust_core.hospital_lab.lookup import LabContext, unused
from labtrust_core.hospital_lab.policy_model import ArrivalStream
from labtrust_core.hospital_lab.tables import AnalyteTable, LabTables
from labtrust_core.hospital_lab.world import Due, LabWorld, Specimen
from labtrust_core.randomness import stream

_MILLION: Final = 1_000_000


def schedule_clockwork(tables: LabTables, world: LabWorld, *, faults: bool) -> None:
    """Put what starts the clockwork on a new world's agenda.

    The first arrival of each stream, the first faults.
    """
    if world.workload is not None:
        for name in tables.workloads[world.workload].streams:
            world.arrivals[name] = 0
            _schedule_arrival(tables, world, name, 0, 0)
    if faults:
        for device_id, table in tables.devices.items():
            if table.mtbf_s is not None:
                wait = stream(world.seed, "fault").exponential_s(table.mtbf_s, device_id, 0)
                world.schedule(wait, "SYS_DEVICE_FAULT", device_id)


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
    if ctx.world.stands_still(run, due.t_s):
        ctx.world.schedule(run.ends_s, due.action, due.entity)
        return None
    return None if run.unloaded else {"device_id": run.device_id, "run_id": run.run_id}


def _result_args(ctx: LabContext, due: Due) -> dict[str, Any] | None:
    run_id, specimen_id, code = msgspec.json.decode(due.entity, type=tuple[str, str, str])
    specimen = ctx.world.specimens[specimen_id]
    table = ctx.tables.analytes[code]
    wanted = f"{specimen_id}_{code}" + (f"_r{specimen.reruns}" if specimen.reruns else "")
    return {
        "result_id": unused(wanted, ctx.world.results),
        "run_id": run_id,
        "specimen_id": specimen_id,
        "analyte_code": code,
        "value": decimal_text(draw_value(ctx.world.seed, table, specimen), table.decimals),
        "units": table.unit,
    }


def _autoverify_args(_ctx: LabContext, due: Due) -> dict[str, Any] | None:
    return {"specimen_id": due.entity}


def _device_args(_ctx: LabContext, due: Due) -> dict[str, Any] | None:
    return {"device_id": due.entity}


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
    "SYS_DEVICE_FAULT": _device_args,
    "SYS_DEVICE_REPAIR": _device_args,
    "SYS_DOOR_ALARM": _door_args,
    "SYS_CRITICAL_TIMEOUT": _critical_args,
    "TRANSPORT_TICK": _tick_args,
    "SYS_CONSIGNMENT_ARRIVAL": _consignment_args,
}


# What the events do.


def arrival(ctx: LabContext, event: Event) -> None:
    """A specimen arrives at a site's reception, and the next one of its stream is scheduled."""
    world = ctx.world
    name = event.args["stream"]
    number = world.arrivals[name]
    world.arrivals[name] = number + 1
    rules = ctx.tables.workloads[world.workload or ""].streams[name]
    specimen = draw_specimen(ctx, rules, name, number)
    specimen.specimen_id = unused(specimen.specimen_id, world.specimens)
    world.add_specimen(specimen)
    _schedule_arrival(ctx.tables, world, name, number + 1, ctx.now)
    ctx.data["specimen_id"] = specimen.specimen_id
    ctx.data["priority"] = specimen.priority
    ctx.emit("RECEIVE_BATCH")


def _schedule_arrival(
    tables: LabTables, world: LabWorld, name: str, number: int, now_s: int
) -> None:
    rules = tables.workloads[world.workload or ""].streams[name]
    wait = stream(world.seed, f"arrival/{name}").exponential_s(rules.mean_interval_s, number)
    if now_s + wait <= world.arrivals_until_s:
        world.schedule(now_s + wait, "SYS_ARRIVAL", name)


def draw_specimen(ctx: LabContext, rules: ArrivalStream, name: str, number: int) -> Specimen:
    """Draw the ``number``-th specimen of a stream.

    Panel, priority, age and what is wrong with it.
    """
    draws = stream(ctx.world.seed, f"specimen/{name}")
    panel_id = list(rules.panels)[
        draws.pick([mix.weight for mix in rules.panels.values()], number, 0)
    ]
    mix = rules.panels[panel_id]
    panel = ctx.tables.panels[panel_id]
    priority_draw = draws.below(_MILLION, number, 1)
    urgent = priority_draw < rules.stat_ppm + rules.urgent_ppm
    site = ctx.tables.sites[rules.site]
    half_age = rules.collection_age_s // 2
    return Specimen(
        specimen_id=f"S_{name}_{number:05d}",
        panel_id=panel_id,
        container_type=mix.container,
        specimen_type=panel.specimen_type,
        priority="STAT" if priority_draw < rules.stat_ppm else "URGENT" if urgent else "ROUTINE",
        patient_id=f"pid:{draws.u64(number, 2):016x}",
        place=f"zone:{site.arrival_zone}",
        collected_s=ctx.now - half_age - draws.exponential_s(half_age, number, 3),
        arrived_s=ctx.now,
        fill_ratio_ok=not draws.chance_ppm(mix.citrate_underfill_ppm, number, 4)
        if panel.needs_citrate_fill
        else None,
        identity_ok=not draws.chance_ppm(rules.id_mismatch_ppm, number, 5),
        label_issue=draws.chance_ppm(rules.label_error_ppm, number, 6),
        leak=draws.chance_ppm(mix.leak_ppm, number, 7),
        clot=draws.chance_ppm(mix.clot_ppm, number, 8),
        hemolysis=draws.chance_ppm(mix.hemolysis_ppm, number, 9),
        insufficient_volume=draws.chance_ppm(mix.insufficient_volume_ppm, number, 10),
    )


def draw_value(seed: int, table: AnalyteTable, specimen: Specimen) -> int:
    """Draw the value of an analyte in a specimen, as an integer of ``10**-decimals``.

    Never below zero.
    """
    draws = stream(seed, f"value/{table.code}")
    if table.distribution == "normal":
        value = draws.normal_milli(table.median, table.sd, specimen.specimen_id, specimen.reruns)
    else:
        value = draws.lognormal_milli(
            table.median, table.sigma_milli, specimen.specimen_id, specimen.reruns
        )
    return max(0, value)


def decimal_text(value: int, decimals: int) -> str:
    """Return a scaled integer as a decimal string with exactly ``decimals`` places."""
    if decimals == 0:
        return str(value)
    whole, rest = divmod(value, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


def run_end(ctx: LabContext, event: Event) -> None:
    """An analyser's run ends: its specimens come out, and their results follow at once."""
    end_run(ctx, event)
    run = ctx.world.runs[event.args["run_id"]]
    for specimen_id in run.specimen_ids:
        specimen = ctx.world.specimens[specimen_id]
        for code in ctx.tables.panels[specimen.panel_id].analytes:
            # Callers choose run ids, so no separator is safe.
            entity = msgspec.json.encode((run.run_id, specimen_id, code)).decode()
            ctx.world.schedule(ctx.now, "GENERATE_RESULT", entity)
        ctx.world.schedule(ctx.now, "SYS_AUTOVERIFY", specimen_id)


def autoverify(ctx: LabContext, event: Event) -> None:
    """Release a specimen's results without a person, where policy lets it and all is well."""
    world = ctx.world
    specimen = world.specimens[event.args["specimen_id"]]
    found = [
        world.results[item]
        for item in specimen.results
        if world.results[item].status != "superseded"
    ]
    ctx.emit("AUTO_VERIFICATION_CHECK")
    clean = all(
        result.status == "generated"
        and result.criticality == "NONE"
        and world.devices[result.device_id or ""].qc_state == "pass"
        for result in found
    )
    if not (ctx.tables.panels[specimen.panel_id].autoverify and clean and found):
        world.releasable[specimen.specimen_id] = None
        return
    for result in found:
        result.autoverified = True
        release(ctx, result, SYSTEM_AGENT)
    ctx.emit("RELEASE_RESULT")


def device_fault(ctx: LabContext, event: Event) -> None:
    """A device breaks down; when it will be repaired is drawn."""
    machine = ctx.world.devices[event.args["device_id"]]
    table = ctx.tables.devices[machine.device_id]
    machine.faults += 1
    repair = stream(ctx.world.seed, "repair").exponential_s(
        table.mttr_s, machine.device_id, machine.faults
    )
    machine.fault_until = ctx.now + repair
    ctx.world.schedule(machine.fault_until, "SYS_DEVICE_REPAIR", machine.device_id)
    ctx.emit("ALARM")


def device_repair(ctx: LabContext, event: Event) -> None:
    """A device works again; its next fault is drawn."""
    machine = ctx.world.devices[event.args["device_id"]]
    mtbf = ctx.tables.devices[machine.device_id].mtbf_s
    if mtbf is not None:
        wait = stream(ctx.world.seed, "fault").exponential_s(
            mtbf, machine.device_id, machine.faults
        )
        ctx.world.schedule(ctx.now + wait, "SYS_DEVICE_FAULT", machine.device_id)


def critical_timeout(ctx: LabContext, event: Event) -> None:
    """Nobody has acknowledged a critical result in time."""
    ctx.data["reason_code"] = "CRIT_ACK_TIMEOUT"
    ctx.data["result_id"] = event.args["result_id"]
    ctx.emit("ALARM")


def consignment_arrival(ctx: LabContext, event: Event) -> None:
    """A consignment arrives and waits to be received."""
    consignment = ctx.world.consignments[event.args["consignment_id"]]
    consignment.status = "arrived"


SYSTEM_HANDLERS: Final[dict[str, Handler]] = {
    "SYS_ARRIVAL": arrival,
    "SYS_RUN_END": run_end,
    "GENERATE_RESULT": generate_result,
    "SYS_AUTOVERIFY": autoverify,
    "SYS_DEVICE_FAULT": device_fault,
    "SYS_DEVICE_REPAIR": device_repair,
    "SYS_DOOR_ALARM": check_doors,
    "SYS_CRITICAL_TIMEOUT": critical_timeout,
    "TRANSPORT_TICK": transport_drift,
    "SYS_CONSIGNMENT_ARRIVAL": consignment_arrival,
}

CODES: Final = frozenset({"CRIT_ACK_TIMEOUT"})

EMITS: Final = frozenset({"RECEIVE_BATCH", "AUTO_VERIFICATION_CHECK", "RELEASE_RESULT", "ALARM"})
