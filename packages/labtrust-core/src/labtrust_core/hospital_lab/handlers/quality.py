"""Quality control of the analysers."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.analytical_error import measure_controls, recalibrate
from labtrust_core.hospital_lab.lookup import LabContext, device
from labtrust_core.hospital_lab.quality_cascade import investigate, settle_good
from labtrust_core.hospital_lab.quality_things import QcState, Suspect
from labtrust_core.hospital_lab.things import Device
from labtrust_core.hospital_lab.westgard import RUNS_KEPT, broken_rules

QC_OUTCOMES: Final[tuple[QcState, ...]] = ("pass", "fail", "drift")
_BY_GRAVITY: Final[tuple[QcState, ...]] = ("fail", "drift")


def qc_usable(ctx: LabContext, event: Event) -> None:
    """Is the device's quality control good and recent enough?"""
    machine = ctx.world.devices[event.text("device_id")]
    if machine.qc_state == "fail":
        raise Blocked(
            "QC_FAIL_ACTIVE",
            f"quality control of {machine.device_id} has failed",
            subject=("device", machine.device_id),
        )
    if qc_due_in(ctx, machine) < 0:
        raise Blocked("QC_OVERDUE", f"quality control of {machine.device_id} is overdue")


def qc_due_in(ctx: LabContext, machine: Device) -> int:
    """Return the seconds until a device's quality control is due.

    Negative when it is overdue by time or by runs.
    """
    model = ctx.tables.devices[machine.device_id].type.qc
    if model is None:
        return 2**31
    if machine.runs_since_qc >= model.max_runs:
        return -1
    return machine.qc_at_s + model.interval_s - ctx.now


def qc_outcome(ctx: LabContext, event: Event) -> None:
    """Is the outcome stated in explicit time, and left to the measurement in simulated time?"""
    stated = event.args.get("qc_outcome")
    if ctx.world.simulated and stated is not None:
        raise Blocked("RC_QC_OUTCOME_INVALID", "the outcome is measured, it cannot be stated")
    if not ctx.world.simulated and stated not in QC_OUTCOMES:
        raise Blocked("RC_QC_OUTCOME_INVALID", f"the outcome is one of {', '.join(QC_OUTCOMES)}")


def qc_event(ctx: LabContext, event: Event) -> None:
    """Run controls, after a recalibration where the last ones were not good.

    Their outcome becomes the state of the device, and what hangs on it is held or set right.
    """
    machine = device(ctx, event)
    outcome = event.text("qc_outcome")
    if machine is not None:
        if ctx.world.simulated:
            _correct(ctx, machine)
            machine.suspects = _measured(ctx, machine)
            outcome = _gravest(machine.suspects)
        else:
            machine.suspects = {}
        _conclude(ctx, machine, outcome)
        if event.agent_id not in machine.qc_agents:
            machine.qc_agents.append(event.agent_id)
    ctx.emit("QC_EVENT")
    if outcome == "fail":
        ctx.emit("OPEN_QC_INVESTIGATION_LOG")


def _conclude(ctx: LabContext, machine: Device, outcome: str) -> None:
    machine.qc_state = outcome  # type: ignore[assignment] # qc_outcome or the measurement has made it one of the three
    machine.qc_at_s = ctx.now
    machine.runs_since_qc = 0
    ctx.data["qc_outcome"] = outcome
    if outcome == "pass":
        settle_good(ctx.world, machine, ctx.now)
    elif outcome == "fail":
        found = investigate(ctx, machine)
        ctx.data["investigation_id"] = found.investigation_id


def _correct(ctx: LabContext, machine: Device) -> None:
    """Occupy a unit for the controls, and before them for a recalibration where one is needed."""
    model = ctx.tables.devices[machine.device_id].type.qc
    process = ctx.tables.quality.errors.get(machine.device_id)
    duration = 0 if model is None else model.duration_s
    if machine.qc_state != "pass":
        measured = ctx.tables.quality.analytes.get(machine.device_id, ())
        codes = list(machine.suspects) or list(measured)
        recalibrate(ctx.tables, ctx.world, machine, codes, ctx.now)
        duration += 0 if process is None else process.recalibration_s
        ctx.data["recalibrated"] = codes
    machine.occupy(ctx.now, duration)


def _measured(ctx: LabContext, machine: Device) -> dict[str, Suspect]:
    """Measure the controls of everything that the device measures; return who broke a rule."""
    outcomes = ctx.tables.quality.rules
    machine.controls += 1
    suspects: dict[str, Suspect] = {}
    controls: dict[str, list[int]] = {}
    noted: dict[str, list[str]] = {}
    for code in ctx.tables.quality.analytes.get(machine.device_id, ()):
        run = controls[code] = measure_controls(ctx.tables, ctx.world, machine, code, ctx.now)
        history = machine.control_runs.setdefault(code, [])
        history.append(run)
        del history[:-RUNS_KEPT]
        broken = broken_rules(history, outcomes)
        if broken:
            noted[code] = broken
        for state in _BY_GRAVITY:
            rules = [rule for rule in broken if outcomes[rule] == state]
            if rules:
                suspects[code] = Suspect(state, rules)
                break
    ctx.data["controls"] = controls
    ctx.data["rules"] = noted
    return suspects


def _gravest(suspects: dict[str, Suspect]) -> QcState:
    states = {suspect.state for suspect in suspects.values()}
    return next((state for state in _BY_GRAVITY if state in states), "pass")


GUARDS: Final[dict[str, Guard]] = {"qc_usable": qc_usable, "qc_outcome": qc_outcome}

HANDLERS: Final[dict[str, Handler]] = {"QC_EVENT": qc_event}

CODES: Final = frozenset({"QC_FAIL_ACTIVE", "QC_OVERDUE", "RC_QC_OUTCOME_INVALID"})

EMITS: Final = frozenset({"QC_EVENT", "OPEN_QC_INVESTIGATION_LOG"})
