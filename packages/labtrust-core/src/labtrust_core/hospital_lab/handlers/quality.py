"""Quality control of the analysers."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Guard, Handler
from labtrust_core.event import Blocked, Event
from labtrust_core.hospital_lab.lookup import LabContext, device
from labtrust_core.hospital_lab.things import Device
from labtrust_core.randomness import stream

QC_OUTCOMES: Final = ("pass", "fail", "drift")
_DRIFT_SHARE_PPM: Final = 200_000


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
    """Run controls: their outcome becomes the state of the device."""
    machine = device(ctx, event)
    outcome = event.text("qc_outcome")
    if machine is not None:
        if ctx.world.simulated:
            outcome = _measured(ctx, machine)
            _occupy(ctx, machine)
        machine.qc_state = outcome  # type: ignore[assignment] # qc_outcome or the measurement has made it one of the three
        machine.qc_at_s = ctx.now
        machine.runs_since_qc = 0
        if event.agent_id not in machine.qc_agents:
            machine.qc_agents.append(event.agent_id)
        ctx.data["qc_outcome"] = outcome
    ctx.emit("QC_EVENT")
    if outcome == "fail":
        ctx.emit("OPEN_QC_INVESTIGATION_LOG")


def _measured(ctx: LabContext, machine: Device) -> str:
    """Measure controls.

    In control with the device type's probability; of the rest, some only drift.
    """
    model = ctx.tables.devices[machine.device_id].type.qc
    machine.controls += 1
    draw = stream(ctx.world.seed, "qc")
    if model is None or draw.chance_ppm(model.pass_ppm, machine.device_id, machine.controls):
        return "pass"
    return (
        "drift"
        if draw.chance_ppm(_DRIFT_SHARE_PPM, machine.device_id, -machine.controls)
        else "fail"
    )


def _occupy(ctx: LabContext, machine: Device) -> None:
    model = ctx.tables.devices[machine.device_id].type.qc
    if model is not None:
        machine.occupy(ctx.now, model.duration_s)


GUARDS: Final[dict[str, Guard]] = {"qc_usable": qc_usable, "qc_outcome": qc_outcome}

HANDLERS: Final[dict[str, Handler]] = {"QC_EVENT": qc_event}

CODES: Final = frozenset({"QC_FAIL_ACTIVE", "QC_OVERDUE", "RC_QC_OUTCOME_INVALID"})

EMITS: Final = frozenset({"QC_EVENT", "OPEN_QC_INVESTIGATION_LOG"})
