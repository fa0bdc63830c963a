"""How devices go wrong: the same whoever asks, as often as policy says, until a calibration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.hospital_lab.analytical_error import (
    as_measured,
    calibrated,
    control_run,
    error_at,
)
from labtrust_core.hospital_lab.documents.quality import (
    Drift,
    ErrorProcess,
    Imprecision,
    Shift,
)
from labtrust_core.hospital_lab.quality_tables import ControlTable
from labtrust_core.testing.laboratory import Laboratory

HOUR = 3_600
SHIFTS = Shift(mean_interval_s=10 * HOUR, min_milli_sd=1_000, max_milli_sd=4_000)
ALL = ErrorProcess(
    shift=SHIFTS,
    drift=Drift(mean_interval_s=20 * HOUR, milli_sd_per_h=250),
    imprecision=Imprecision(mean_interval_s=20 * HOUR, sd_percent=200),
    residual_milli_sd=150,
    recalibration_s=600,
)
NONE = ErrorProcess(residual_milli_sd=0, recalibration_s=0)


def at(process, now_s, seed=1, entity="D/A", number=0, since=0):
    return error_at(seed, process, entity, calibrated(seed, process, entity, since, number), now_s)


@given(st.lists(st.integers(0, 200 * HOUR), min_size=1, max_size=10), st.integers(0, 50))
def test_the_error_at_a_time_does_not_depend_on_who_asked_before(times, seed):
    error = calibrated(seed, ALL, "D/A", 0)
    for now_s in sorted(times):
        found = error_at(seed, ALL, "D/A", error, now_s)
    assert found == at(ALL, max(times), seed)


def test_a_device_without_processes_is_never_wrong():
    assert at(NONE, 10**9) == (0, 100)


def test_shifts_come_as_often_as_policy_says():
    process = ErrorProcess(shift=SHIFTS, residual_milli_sd=0, recalibration_s=0)
    counts = []
    for seed in range(400):
        error = calibrated(seed, process, "D/A", 0)
        error_at(seed, process, "D/A", error, 100 * HOUR)
        counts.append(error.shifts)
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / len(counts)
    assert mean == pytest.approx(10, abs=4 * (10 / 400) ** 0.5)
    assert variance == pytest.approx(10, rel=0.3)


def test_a_shift_has_a_size_in_its_range_and_either_side():
    sizes = []
    for seed in range(200):
        error = calibrated(
            seed, ErrorProcess(shift=SHIFTS, residual_milli_sd=0, recalibration_s=0), "D/A", 0
        )
        first = error.next_shift_s
        assert at(NONE, first) == (0, 100)
        process = ErrorProcess(shift=SHIFTS, residual_milli_sd=0, recalibration_s=0)
        assert error_at(seed, process, "D/A", error, first - 1)[0] == 0
        sizes.append(error_at(seed, process, "D/A", error, first)[0])
    assert all(1_000 <= abs(size) <= 4_000 for size in sizes)
    assert 70 <= sum(size > 0 for size in sizes) <= 130


def test_drift_grows_by_the_hour_once_it_has_begun():
    process = ErrorProcess(drift=ALL.drift, residual_milli_sd=0, recalibration_s=0)
    error = calibrated(3, process, "D/A", 0)
    begun = error.drift_from_s
    biases = [error_at(3, process, "D/A", error, begun + hours * HOUR)[0] for hours in range(5)]
    assert [abs(bias) for bias in biases] == [0, 250, 500, 750, 1_000]
    assert error_at(3, process, "D/A", error, begun - 1) == (0, 100)


def test_scatter_grows_once():
    process = ErrorProcess(imprecision=ALL.imprecision, residual_milli_sd=0, recalibration_s=0)
    error = calibrated(3, process, "D/A", 0)
    before, after = error.imprecise_from_s - 1, error.imprecise_from_s
    assert error_at(3, process, "D/A", error, before) == (0, 100)
    assert error_at(3, process, "D/A", error, after) == (0, 200)


def test_a_calibration_leaves_a_small_residue():
    residues = [at(ALL, 0, seed)[0] for seed in range(500)]
    deviation = (sum(bias**2 for bias in residues) / len(residues)) ** 0.5
    assert deviation == pytest.approx(150, rel=0.13)


def test_analytes_and_calibrations_draw_their_own():
    found = {
        at(ALL, 0, entity=entity, number=number) for entity in ("D/A", "D/B") for number in (0, 1)
    }
    assert len(found) == 4


def test_a_control_lies_off_by_the_bias_and_scatters_as_it_should():
    runs = [control_run(1, "D/A", number, (2_000, 200), 2) for number in range(4_000)]
    for level in zip(*runs, strict=True):
        mean = sum(level) / len(level)
        sd = (sum((z - mean) ** 2 for z in level) / len(level)) ** 0.5
        assert mean == pytest.approx(2_000, abs=4 * 2_000 / len(level) ** 0.5)
        assert sd == pytest.approx(2_000, rel=4 / (2 * len(level)) ** 0.5)


@pytest.mark.parametrize(
    ("value", "sd"), [(0, 50), (3_000, 50), (4_750, 75), (6_500, 100), (13_000, 200)]
)
def test_the_deviation_between_and_beyond_the_levels(value, sd):
    assert ControlTable((3_000, 6_500), (50, 100)).sd_at(value) == sd


def lab_with(bias):
    lab = Laboratory(
        {
            "crew": "standard",
            "faults": False,
            "specimens": [
                {
                    "specimen_id": f"S{number}",
                    "panel_id": "HAEM_PANEL_CORE",
                    "container_type": "WHOLE_BLOOD_EDTA",
                }
                for number in range(300)
            ],
            "devices": [{"device_id": "DEV_HAEM_01", "bias_milli_sd": {"HAEM_HB": bias}}],
        },
        simulated=True,
    )
    machine = lab.world.devices["DEV_HAEM_01"]
    machine.errors["HAEM_HB"].bias_milli = bias
    table = lab.engine.ctx.tables.analytes["HAEM_HB"]
    return [
        as_measured(lab.engine.ctx, machine, specimen, table, 150, 0)
        for specimen in lab.world.specimens.values()
    ]


@pytest.mark.parametrize("bias", [0, 4_000, -4_000])
def test_patients_share_the_bias_of_the_controls(bias):
    values = lab_with(bias)
    mean = sum(values) / len(values)
    sd = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
    assert mean == pytest.approx(150 + bias * 1.5 / 1_000, abs=0.4)
    assert sd == pytest.approx(1.5, rel=0.2)


def test_nothing_measures_below_zero():
    assert min(lab_with(-200_000)) == 0
