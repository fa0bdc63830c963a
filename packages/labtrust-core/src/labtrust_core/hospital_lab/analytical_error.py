"""The error with which a device measures: bias and scatter, of controls and of patients alike.

Each analyte of a device goes wrong for itself: shifts come as a Poisson process, drift and scatter
begin an exponential time after a calibration. Draws are counter-based, by device, analyte,
calibration and number, so the error at a time does not depend on who asks when; it is brought up
to date when something is measured, so nothing is on the agenda and a measurement costs the same
whatever has happened before. A calibration wipes it out but for a small residue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from labtrust_core.hospital_lab.documents.quality import Drift, ErrorProcess, Imprecision, Shift
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.quality_things import AnalyteError
from labtrust_core.hospital_lab.tables import AnalyteTable, LabTables
from labtrust_core.hospital_lab.things import Device, Specimen
from labtrust_core.hospital_lab.units import HOUR_S
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.randomness import stream

_NEVER: Final = 2**52
_MILLION: Final = 1_000_000
_AS_STATED: Final = 100
_SHIFTS: Final = 2**16
"""Numbers that each calibration has for its shifts, before those of the next begin."""


@dataclass(frozen=True, slots=True)
class _Draws:
    """Draws about one analyte of one device since one calibration."""

    seed: int
    entity: str
    number: int

    def begin(self, name: str, now_s: int, process: Shift | Drift | Imprecision | None) -> int:
        """Return when something begins, from now on; never without a process."""
        if process is None:
            return _NEVER
        draws = stream(self.seed, f"error/{name}")
        return now_s + draws.exponential_s(process.mean_interval_s, self.entity, self.number)

    def signed(self, name: str, size: int) -> int:
        """Return a size, or as likely its negative."""
        up = stream(self.seed, f"error/{name}/side").below(2, self.entity, self.number)
        return size if up else -size

    def residue(self, deviation: int) -> int:
        """Return what a calibration leaves."""
        return stream(self.seed, "error/residue").normal_milli(
            0, deviation, self.entity, self.number
        )

    def shift(self, process: Shift) -> int:
        """Return the size of a shift, with its sign."""
        span = process.max_milli_sd - process.min_milli_sd
        more = stream(self.seed, "error/size").below(span + 1, self.entity, self.number)
        return self.signed("shift", process.min_milli_sd + more)


def calibrated(
    seed: int, process: ErrorProcess, entity: str, now_s: int, calibrations: int = 0
) -> AnalyteError:
    """Return the error of an analyte right after a calibration.

    Args:
        seed: The episode's.
        process: How it will go wrong.
        entity: Whose draws they are: device and analyte.
        now_s: When it is calibrated.
        calibrations: How many calibrations came before.
    """
    draws = _Draws(seed, entity, calibrations)
    shifts = _Draws(seed, entity, calibrations * _SHIFTS)
    slope = 0 if process.drift is None else process.drift.milli_sd_per_h
    return AnalyteError(
        calibrations=calibrations,
        bias_milli=draws.residue(process.residual_milli_sd),
        shifts=0,
        next_shift_s=shifts.begin("shift", now_s, process.shift),
        drift_from_s=draws.begin("drift", now_s, process.drift),
        drift_milli_per_h=draws.signed("drift", slope),
        imprecise_from_s=draws.begin("scatter", now_s, process.imprecision),
    )


def error_at(
    seed: int, process: ErrorProcess, entity: str, error: AnalyteError, now_s: int
) -> tuple[int, int]:
    """Bring an error up to date and return it.

    Returns:
        The bias in thousandths of a standard deviation, and the deviation in percent of the stated
        one.
    """
    while process.shift is not None and error.next_shift_s <= now_s:
        number = error.calibrations * _SHIFTS + error.shifts
        error.bias_milli += _Draws(seed, entity, number).shift(process.shift)
        error.shifts += 1
        following = _Draws(seed, entity, number + 1)
        error.next_shift_s = following.begin("shift", error.next_shift_s, process.shift)
    bias = error.bias_milli
    if now_s > error.drift_from_s:
        bias += error.drift_milli_per_h * (now_s - error.drift_from_s) // HOUR_S
    scattered = process.imprecision is not None and now_s >= error.imprecise_from_s
    return bias, process.imprecision.sd_percent if scattered and process.imprecision else _AS_STATED


def device_error(
    tables: LabTables, world: LabWorld, machine: Device, code: str, now_s: int
) -> tuple[int, int]:
    """Return bias (milli-SD) and deviation (percent) of a device for an analyte.

    A device whose type states no errors measures without bias and with the stated deviation.
    """
    process = tables.quality.errors.get(machine.device_id)
    if process is None:
        return 0, _AS_STATED
    entity = f"{machine.device_id}/{code}"
    error = machine.errors.get(code)
    if error is None:
        error = machine.errors[code] = calibrated(world.seed, process, entity, 0)
    return error_at(world.seed, process, entity, error, now_s)


def recalibrate(
    tables: LabTables, world: LabWorld, machine: Device, codes: Iterable[str], now_s: int
) -> None:
    """Calibrate analytes of a device anew."""
    process = tables.quality.errors.get(machine.device_id)
    if process is None:
        return
    for code in codes:
        old = machine.errors.get(code)
        number = 1 if old is None else old.calibrations + 1
        entity = f"{machine.device_id}/{code}"
        machine.errors[code] = calibrated(world.seed, process, entity, now_s, number)
        machine.control_runs.pop(code, None)


def begin_with_bias(
    tables: LabTables, world: LabWorld, machine: Device, biases: Mapping[str, int]
) -> None:
    """Let a device begin with a bias (milli-SD) for some analytes, on top of what it has."""
    for code, bias in biases.items():
        device_error(tables, world, machine, code, 0)
        if code in machine.errors:
            machine.errors[code].bias_milli += bias


def measure_controls(
    tables: LabTables, world: LabWorld, machine: Device, code: str, now_s: int
) -> list[int]:
    """Measure both levels of an analyte's control: a z-score each, in thousandths.

    The machine counts its controls; each count draws its own noise.
    """
    error = device_error(tables, world, machine, code, now_s)
    levels = len(tables.quality.controls[code].targets)
    return control_run(world.seed, f"{machine.device_id}/{code}", machine.controls, error, levels)


def control_run(
    seed: int, entity: str, number: int, error: tuple[int, int], levels: int
) -> list[int]:
    """Draw one run of a control: a z-score in thousandths for each level.

    Args:
        seed: The episode's.
        entity: Whose draws they are: device and analyte.
        number: Number of the run.
        error: Bias in thousandths of the stated deviation, and deviation in percent of it.
        levels: How many levels the control has.
    """
    bias, percent = error
    return [
        stream(seed, f"control/{level}").normal_milli(bias, 10 * percent, entity, number)
        for level in range(levels)
    ]


def as_measured(
    ctx: LabContext,
    machine: Device,
    specimen: Specimen,
    table: AnalyteTable,
    value: int,
    now_s: int,
) -> int:
    """Return what a device reads where ``value`` (both in the last digit) is true; never below 0.

    The error is that of the controls at the same time, in deviations at the value's height.
    """
    control = ctx.tables.quality.controls.get(table.code)
    if control is None:
        return value
    bias, percent = device_error(ctx.tables, ctx.world, machine, table.code, now_s)
    noise = stream(ctx.world.seed, f"noise/{table.code}")
    error = noise.normal_milli(bias, 10 * percent, specimen.specimen_id, specimen.reruns)
    return max(0, value + _nearest(error * control.sd_at(1_000 * value), _MILLION))


def _nearest(number: int, divisor: int) -> int:
    """Divide, to the nearest integer; halves go up."""
    return (2 * number + divisor) // (2 * divisor)
