"""Results: entering, holding, rerunning and releasing them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab import deltas
from labtrust_core.hospital_lab.handlers.critical import announce_critical
from labtrust_core.hospital_lab.handlers.preanalytics import ready_status
from labtrust_core.hospital_lab.lookup import LabContext, note_fate, results
from labtrust_core.hospital_lab.quality_cascade import attribution, note_measured, suspicion
from labtrust_core.hospital_lab.things import REPLACED, Result, Run, Specimen
from labtrust_core.randomness import stream

DRIFT_FLAG: Final = "QC_DRIFT_DISCLAIMER_REQUIRED"
_UNRELEASED: Final = frozenset({"generated", "held"})
_MEASURED: Final = frozenset({"in_analysis", "analysed", "released"})
_MAX_DIGITS: Final = 15


def result_payload(_ctx: LabContext, event: Event) -> None:
    """Is there a result id, and is the value, where there is one, a number?"""
    if not event.text("result_id"):
        raise Blocked("RC_RESULT_BAD_PAYLOAD", "a result has a result_id")
    if "value" in event.args and read_quantity(event.args["value"]) is None:
        raise Blocked(
            "RC_RESULT_BAD_PAYLOAD", f"the value {str(event.args['value'])[:40]!r} is not a number"
        )


def result_measured(ctx: LabContext, event: Event) -> None:
    """Does the result state a known analyte and a value?"""
    if event.text("analyte_code") not in ctx.tables.analytes or "value" not in event.args:
        raise Blocked(
            "RC_RESULT_BAD_PAYLOAD", "a result states an analyte_code of the catalogue and a value"
        )


def result_new(ctx: LabContext, event: Event) -> None:
    """Is there no such result yet? A result is never entered twice."""
    if event.text("result_id") in ctx.world.results:
        raise Blocked("RC_RESULT_DUPLICATE", f"result {event.text('result_id')} exists already")


def result_of_run(ctx: LabContext, event: Event) -> None:
    """Was the analyte measured in that run, of an analyser, and not entered yet?

    Nothing comes of a run once its specimen is to be measured again; in simulated time nothing is
    there before the analyser gives it.
    """
    run = ctx.world.runs[event.text("run_id")]
    analyte = event.text("analyte_code")
    pending = ctx.world.simulated and run.results_s > ctx.now
    measures = ctx.tables.devices[run.device_id].type.kind == "analyser" and not pending
    for specimen_id in run.specimen_ids if measures else ():
        specimen = ctx.world.specimens[specimen_id]
        measured = analyte in ctx.tables.panels[specimen.panel_id].analytes
        named = event.text("specimen_id") in ("", specimen_id)
        current = was_measured(specimen, run.run_id)
        if measured and named and current and not has_result(ctx, specimen, analyte, run.run_id):
            return
    raise Blocked("RC_RESULT_NOT_OF_RUN", f"run {run.run_id} has no open result for {analyte}")


def was_measured(specimen: Specimen, run_id: str) -> bool:
    """Whether a run is the last that measured the specimen, and no other is to follow."""
    return specimen.run_id == run_id and specimen.status in _MEASURED


def has_result(ctx: LabContext, specimen: Specimen, analyte: str, run_id: str) -> bool:
    """Whether there is an open result, or one of this run: a run measures everything once."""
    results_by_id = ctx.world.results
    for result_id in specimen.results:
        found = results_by_id[result_id]
        if found.analyte == analyte and (found.run_id == run_id or is_open(found)):
            return True
    return False


def is_open(result: Result) -> bool:
    """Whether a result is neither released nor replaced."""
    return result.status in _UNRELEASED


def result_known(ctx: LabContext, event: Event) -> None:
    """Are there such results?"""
    if not results(ctx, event):
        named = event.args.get("result_id", event.args.get("specimen_id"))
        raise Blocked("RC_RESULT_UNKNOWN", f"there is no result for {named}")


def result_status(ctx: LabContext, event: Event) -> None:
    """Are the results still unreleased?"""
    for result in results(ctx, event):
        if not is_open(result):
            raise Blocked("RC_RESULT_STATUS", f"result {result.result_id} is {result.status}")


def result_not_held(ctx: LabContext, event: Event) -> None:
    """Is none of the results held?"""
    for result in results(ctx, event):
        if result.status == "held":
            by = attribution(ctx.world, result)
            raise _refused("RC_RESULT_HELD", result, f"is held: {result.hold_reason}{by}")


def critical_acknowledged(ctx: LabContext, event: Event) -> None:
    """Has somebody acknowledged each critical result?"""
    for result in results(ctx, event):
        if result.awaits_call():
            raise _refused(
                "CRIT_NO_ACK", result, f"is {result.criticality} and nobody has acknowledged it"
            )


def qc_not_failed(ctx: LabContext, event: Event) -> None:
    """Is quality control of the device that measured not failed?"""
    for result in results(ctx, event):
        if _qc_state(ctx, result) == "fail":
            raise _refused(
                "QC_FAIL_ACTIVE",
                result,
                f"comes from {result.device_id}, whose quality control has failed"
                + attribution(ctx.world, result),
            )


def no_qc_drift(ctx: LabContext, event: Event) -> None:
    """Is the device that measured not suspected of drift?"""
    for result in results(ctx, event):
        if _qc_state(ctx, result) == "drift":
            raise _refused(
                "QC_DRIFT_SUSPECTED",
                result,
                f"comes from {result.device_id}, which may have drifted",
            )


def _qc_state(ctx: LabContext, result: Result) -> str:
    return suspicion(ctx.world.devices.get(result.device_id or ""), result.analyte)


def _refused(code: str, result: Result, what: str) -> Blocked:
    return Blocked(code, f"result {result.result_id} {what}", subject=("result", result.result_id))


def read_quantity(value: object) -> Decimal | None:
    """Return a number, or a decimal string, as an exact decimal; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        quantity = Decimal(str(value))
    except InvalidOperation:
        return None
    return quantity if quantity.is_finite() and abs(quantity.adjusted()) < _MAX_DIGITS else None


def generate_result(ctx: LabContext, event: Event) -> None:
    """Enter a result.

    Held while quality control has failed or its unit is unknown, else open; classified at once.
    """
    world = ctx.world
    run = world.runs.get(event.text("run_id"))
    specimen = None if run is None else _specimen_of(ctx, run, event)
    device_id = run.device_id if run is not None else event.text("device_id") or None
    result = Result(
        result_id=event.text("result_id"),
        specimen_id=None if specimen is None else specimen.specimen_id,
        run_id=None if run is None else run.run_id,
        device_id=device_id,
        analyte=event.text("analyte_code") or None,
        value=None,
        unit=event.text("units") or None,
        generated_s=ctx.now,
        panel_id=None if specimen is None else specimen.panel_id,
        hemolysis_index_mg_l=0 if specimen is None else specimen.free_hb_mg_l,
    )
    world.results[result.result_id] = result
    if specimen is not None:
        specimen.results.append(result.result_id)
    ctx.emit("GENERATE_RESULT")
    if result.analyte is not None:
        _classify(ctx, result, specimen, event.args.get("value"))
        ctx.emit("CLASSIFY_RESULT")
    note_measured(ctx, result)
    if result.status == "held":
        note_fate(ctx, "held_results", result.result_id)
    if result.hold_reason is not None:
        ctx.data["reason_code"] = result.hold_reason
    if result.criticality != "NONE":
        announce_critical(ctx, result)


def _specimen_of(ctx: LabContext, run: Run, event: Event) -> Specimen | None:
    """Return the specimen of a run that a result belongs to.

    That is the one named, else the first that has no such result yet.
    """
    known = ctx.world.specimens
    named = event.text("specimen_id")
    if named:
        return known[named] if named in run.specimen_ids else None
    analyte = event.text("analyte_code")
    batch = (known[item] for item in run.specimen_ids)
    return next((item for item in batch if not has_result(ctx, item, analyte, run.run_id)), None)


def _classify(ctx: LabContext, result: Result, specimen: Specimen | None, value: object) -> None:
    table = ctx.tables.analytes.get(result.analyte or "")
    quantity = read_quantity(value)
    if table is None or quantity is None or result.unit != table.unit:
        _hold(result, "RC_UNIT_UNKNOWN")
        return
    result.value = table.scaled(quantity)
    result.criticality = table.classify(result.value)
    flag = table.reference_flag(result.value)
    if flag is not None:
        result.flags.append(flag)
    if specimen is not None:
        deltas.compare(ctx, specimen, table, result)


def _hold(result: Result, reason: str) -> None:
    result.status = "held"
    result.hold_reason = reason


def release_result(ctx: LabContext, event: Event) -> None:
    """Release a result, or all results of a specimen.

    A specimen whose results are all out is released.
    """
    for result in results(ctx, event):
        if any(
            "QC_DRIFT_SUSPECTED" in ctx.policy.tokens[token.token_type].lifts
            for token in ctx.lifting
        ):
            result.flags.append(DRIFT_FLAG)
        release(ctx, result, event.agent_id)
    ctx.emit("RELEASE_RESULT")


def release(ctx: LabContext, result: Result, by: str) -> None:
    """Make one result public."""
    world = ctx.world
    result.status = "released"
    result.released_s = ctx.now
    result.released_by = by
    note_fate(ctx, "released_results", result.result_id)
    specimen = world.specimens.get(result.specimen_id or "")
    if specimen is None:
        return
    deltas.remember(ctx, specimen, result)
    found = (world.results[item] for item in specimen.results)
    if all(item.status == "released" for item in found if item.status not in REPLACED):
        world.releasable.pop(specimen.specimen_id, None)
        world.set_status(specimen, "released")
        if specimen.released_s is None:  # an amendment or an add-on is no second release
            specimen.released_s = ctx.now
            note_fate(ctx, "released_specimens", specimen.specimen_id)
            _draw_add_on(ctx, specimen)


def _draw_add_on(ctx: LabContext, specimen: Specimen) -> None:
    """Draw whether somebody will want a further panel on the tube, and when."""
    panel_id = ctx.tables.add_ons.get(specimen.panel_id)
    demand = None if panel_id is None else ctx.tables.panels[panel_id].add_on
    if demand is None or panel_id is None or not ctx.world.simulated:
        return
    draws = stream(ctx.world.seed, "add_on")
    if draws.chance_ppm(demand.rate_ppm, specimen.specimen_id, 0):
        wait = draws.exponential_s(demand.mean_delay_s, specimen.specimen_id, 1)
        ctx.world.schedule(ctx.now + wait, "SYS_ADD_ON_REQUEST", specimen.specimen_id)


def hold_result(ctx: LabContext, event: Event) -> None:
    """Hold results back."""
    for result in results(ctx, event):
        _hold(result, _reason(event) or "HOLD_RESULT")
        note_fate(ctx, "held_results", result.result_id)
    ctx.emit("HOLD_RESULT")


def rerun_request(ctx: LabContext, event: Event) -> None:
    """Ask for a specimen to be measured again.

    Its unreleased results are superseded, what is out stays out, and it is ready for a queue.
    """
    named = {result.specimen_id: result.panel_id for result in reversed(results(ctx, event))}
    for specimen_id, panel_id in named.items():
        specimen = ctx.world.specimens.get(specimen_id or "")
        if specimen is None:
            continue
        for item in specimen.results:
            if is_open(ctx.world.results[item]):
                ctx.world.results[item].status = "superseded"
                note_fate(ctx, "superseded_results", item)
                ctx.world.critical_open.pop(item, None)
        ctx.world.releasable.pop(specimen.specimen_id, None)
        ctx.world.repeats.pop(specimen.specimen_id, None)
        specimen.panel_id = panel_id or specimen.panel_id
        ctx.world.set_status(specimen, ready_status(ctx, specimen), _reason(event))
        specimen.reruns += 1
    ctx.emit("RERUN_REQUEST")


def _reason(event: Event) -> str | None:
    value: Any = event.reason_code or event.text("reason_code")
    return value or None


GUARDS: Final[dict[str, Guard]] = {
    "result_payload": result_payload,
    "result_measured": result_measured,
    "result_new": result_new,
    "result_of_run": result_of_run,
    "result_known": result_known,
    "result_status": result_status,
    "result_not_held": result_not_held,
    "critical_acknowledged": critical_acknowledged,
    "qc_not_failed": qc_not_failed,
    "no_qc_drift": no_qc_drift,
}

HANDLERS: Final[dict[str, Handler]] = {
    "GENERATE_RESULT": generate_result,
    "RELEASE_RESULT": release_result,
    "RELEASE_RESULT_OVERRIDE": release_result,
    "HOLD_RESULT": hold_result,
    "RERUN_REQUEST": rerun_request,
}

CODES: Final = frozenset(
    {
        "RC_RESULT_BAD_PAYLOAD",
        "RC_RESULT_DUPLICATE",
        "RC_RESULT_NOT_OF_RUN",
        "RC_RESULT_UNKNOWN",
        "RC_RESULT_STATUS",
        "RC_RESULT_HELD",
        "CRIT_NO_ACK",
        "QC_FAIL_ACTIVE",
        "QC_DRIFT_SUSPECTED",
        "RC_UNIT_UNKNOWN",
        "RC_DELTA_CHECK",
    }
)

EMITS: Final = frozenset(
    {
        "GENERATE_RESULT",
        "CLASSIFY_RESULT",
        "NOTIFY_CRITICAL_RESULT",
        "RELEASE_RESULT",
        "HOLD_RESULT",
        "RERUN_REQUEST",
    }
)
