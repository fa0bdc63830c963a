"""Measures on days made by hand."""

import pytest
from labtrust_bench.calibration.day import CriticalCall, Day, Machine, Reading, Tube, Verified
from labtrust_bench.calibration.measures import MEASURES

HOUR = 3_600
NOON = 12 * HOUR


@pytest.fixture
def measure():
    """Measure a day that consists of what is given."""

    def call(name, *tubes, **parts):
        return MEASURES[name](Day(seed=1, tubes=tubes, verified={}, **parts))

    return call


def tube(minutes=None, **fields):
    """Return a tube of noon that is out after some minutes."""
    fields.setdefault("arrived_s", NOON)
    released = None if minutes is None else fields["arrived_s"] + 60 * minutes
    return Tube(released_s=released, **fields)


def test_a_measure_of_an_empty_day_is_nothing_or_nought(measure):
    assert {measure(name) for name in MEASURES} <= {None, 0.0}


def test_the_median_is_of_its_priority_and_discipline_alone(measure):
    mine = [tube(minutes, priority="STAT", discipline="HAEM") for minutes in (4, 5, 30)]
    others = [tube(90, priority="ROUTINE", discipline="HAEM"), tube(90, priority="STAT")]
    assert measure("median_stat_haematology", *mine, *others) == 5


def test_a_tube_that_is_not_out_counts_as_longer_than_any_other(measure):
    assert measure("median_routine_chemistry", tube(10), tube(20), tube()) == 20
    assert measure("median_routine_chemistry", tube(10), tube(), tube()) is None


def test_rejected_tubes_have_no_turnaround_but_spoilt_ones_are_late(measure):
    tubes = [tube(10), tube(rejected=True), tube(spoilt=True)]
    assert measure("all_60", *tubes) == 50
    assert measure("rejected_all", *tubes) == pytest.approx(100 / 3)
    assert measure("spoilt", *tubes) == pytest.approx(100 / 3)


@pytest.mark.parametrize("arrived_s", [1_799, 22 * HOUR])
def test_the_edges_of_the_day_do_not_count_in_turnarounds(measure, arrived_s):
    assert measure("all_60", tube(500, arrived_s=arrived_s)) is None


def test_stat_over_70_counts_from_collection(measure):
    late = tube(60, priority="STAT", collected_s=NOON - 660)
    assert measure("stat_over_70", late, tube(60, priority="STAT", collected_s=NOON - 600)) == 50


def test_the_gap_is_chemistry_less_haematology(measure):
    tubes = [tube(40, priority="STAT"), tube(15, priority="STAT", discipline="HAEM")]
    assert measure("gap_stat", *tubes) == 25
    assert measure("gap_stat", tubes[0]) is None


def test_the_morning_round_is_the_wards_before_ten(measure):
    early = tube(30, source="inpatient", arrived_s=8 * HOUR, collected_s=7 * HOUR)
    late = tube(90, source="inpatient", arrived_s=10 * HOUR)
    assert measure("round_analysis", early, late, tube(1, arrived_s=8 * HOUR)) == 30
    assert measure("round_total", early) == 90


def test_tests_are_counted_per_request_and_per_tube(measure):
    tubes = [tube(tests=8), tube(tests=5, discipline="HAEM"), tube(tests=2, request_id="R2")]
    assert measure("requests", *tubes) == 2
    assert measure("tests_per_request", *tubes) == 7.5
    assert measure("tests_per_tube", *tubes) == 5


def test_shares_of_requests_count_each_request_once(measure):
    tubes = [tube(source="gp"), tube(source="gp"), tube(source="ed", request_id="R2")]
    assert measure("primary_care_share", *tubes) == 50


def test_label_errors_are_per_thousand_tubes(measure):
    assert measure("label_errors", tube(label_error=True), *[tube()] * 3) == 250


def test_the_make_up_of_rejections_is_of_rejected_tubes(measure):
    tubes = [tube(rejected=True, clotted=True), tube(rejected=True), tube(clotted=True)]
    assert measure("rejected_clotted", *tubes) == 50


def test_potassium_rises_along_a_line(measure):
    tubes = [tube(free_hb_mg_l=mg, potassium=4 + 0.33 * mg / 1_000) for mg in (0, 500, 2_000)]
    assert measure("potassium_bias", *tubes, tube()) == pytest.approx(0.33)
    assert measure("potassium_bias", tubes[0]) is None


def test_changes_are_absolute_and_of_compared_pairs(measure):
    readings = [
        Reading(analyte="HAEM_MCV", change=-4.0, flagged=True),
        Reading(analyte="HAEM_MCV", change=3.0),
        Reading(analyte="HAEM_MCV"),
        Reading(analyte="BIOCHEM_POTASSIUM_K", change=-0.4),
    ]
    assert measure("delta_mcv", readings=tuple(readings)) == 50
    assert measure("delta_flags", readings=tuple(readings)) == pytest.approx(100 / 3)
    assert measure("potassium_change", readings=tuple(readings)) == 0.4


def test_critical_shares_are_of_all_readings_or_of_one_analyte(measure):
    readings = (Reading(analyte="BIOCHEM_SODIUM_NA", critical=True), Reading(analyte="HAEM_HB"))
    assert measure("critical_share", readings=readings) == 50
    assert measure("critical_sodium", readings=readings) == 100


def test_calls_are_timed_from_the_result_and_from_collection(measure):
    calls = (
        CriticalCall(collected_s=0, generated_s=3_000, called_s=3_240, acknowledged_s=3_600),
        CriticalCall(collected_s=0, generated_s=3_000),
    )
    assert measure("call_median", calls=calls) == 4
    assert measure("call_from_collection", calls=calls) == 54
    assert measure("call_90", calls=calls[:1]) == 10
    assert measure("call_90", calls=calls) is None


def test_read_back_is_of_answered_calls(measure):
    calls = (CriticalCall(collected_s=0, generated_s=0, read_back=(True, False, True)),)
    assert measure("read_back", calls=calls) == pytest.approx(200 / 3)


def test_uptime_is_of_analysers_alone(measure):
    machines = (
        Machine(device_id="DEV_COAG_01", kind="analyser", down_s=8_640, tests_per_h=160.0),
        Machine(device_id="DEV_HAEM_01", kind="analyser"),
        Machine(device_id="DEV_CENTRIFUGE_BANK_01", kind="centrifuge", down_s=86_400),
    )
    assert measure("analyser_uptime", machines=machines) == 95
    assert measure("coagulation_rate", machines=machines) == 160


def test_controls_that_reject_are_a_share_of_all(measure):
    assert measure("control_rejections", controls=200, controls_rejected=3) == 1.5


def test_autoverification_is_by_specimen_or_by_result():
    verified = {"COAG": Verified(specimens=4, released=3), "BIOCHEM": Verified(tests=8, passed=6)}
    day = Day(seed=1, verified=verified)
    assert MEASURES["autoverified_coagulation"](day) == 75
    assert MEASURES["autoverified_chemistry"](day) == 75
