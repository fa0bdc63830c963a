"""Results after the first: values of a patient, delta checks, verification, repeats, add-ons."""

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.event import Event
from labtrust_core.hospital_lab import verification
from labtrust_core.hospital_lab.handlers.add_ons import add_on_request
from labtrust_core.hospital_lab.handlers.amendments import to_repeat
from labtrust_core.hospital_lab.things import Specimen
from labtrust_core.hospital_lab.values import draw_value
from labtrust_core.hospital_lab.verification import autoverify
from labtrust_core.testing.laboratory import Laboratory, placed, shipped_policy

HAEM = "DEV_HAEM_01"
BLOOD = {
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
    "status": "accepted",
    "zone_id": "Z_ANALYZER_HALL_A",
    "patient_identifiers_hash": "pid:1",
}
WHY = {"reason_code": "QC_FAIL_ACTIVE"}
TABLES = shipped_policy().tables
MANY = 3000


def tube(patient, number, **changes):
    return Specimen(
        f"{patient}_{number}", "P", "C", "T", "ROUTINE", patient, "zone:Z", 0, 0, **changes
    )


def pairs(code, **second):
    """Return two values of each of many patients."""
    table = TABLES.analytes[code]
    return [
        (draw_value(7, table, tube(f"p{i}", 0)), draw_value(7, table, tube(f"p{i}", 1, **second)))
        for i in range(MANY)
    ]


def beyond(found, limit):
    return sum(abs(a - b) > limit for a, b in found) / len(found)


# Values


@pytest.mark.parametrize("code", sorted(TABLES.analytes))
def test_two_tubes_of_a_patient_agree_better_than_those_of_two_patients(code):
    own = sorted(abs(a - b) for a, b in pairs(code))
    mixed = sorted(abs(a - b) for a, b in pairs(code, wrong_blood=True))
    assert own[MANY * 9 // 10] < mixed[MANY * 9 // 10]


@pytest.mark.parametrize(
    ("code", "most", "percentile"),
    [("BIOCHEM_SODIUM_NA", (5, 7), 95), ("HAEM_MCV", (24, 34), 95), ("HAEM_HB", (17, 25), 95)],
)
def test_differences_of_consecutive_values_lie_where_published_ones_do(code, most, percentile):
    own = sorted(abs(a - b) for a, b in pairs(code))
    assert most[0] <= own[MANY * percentile // 100] <= most[1]


def test_a_limit_on_the_cell_volume_finds_swaps_and_one_on_sodium_does_not():
    shares = {}
    for code in ("HAEM_MCV", "BIOCHEM_CREATININE", "HAEM_HB", "BIOCHEM_SODIUM_NA"):
        limit = TABLES.analytes[code].delta_limit
        shares[code] = beyond(pairs(code, wrong_blood=True), limit), beyond(pairs(code), limit)
    assert 0.68 < shares["HAEM_MCV"][0] < 0.80
    assert shares["HAEM_MCV"][1] < 0.07
    assert shares["BIOCHEM_SODIUM_NA"][0] < 0.12
    assert shares["HAEM_MCV"][0] > shares["HAEM_HB"][0] > shares["BIOCHEM_SODIUM_NA"][0]
    assert all(swap > 3 * alarm for swap, alarm in shares.values())


@given(st.integers(0, 10**6), st.integers(0, 10_000))
def test_free_haemoglobin_raises_potassium_and_nothing_else(number, free_hb):
    clean, red = tube("p", number), tube("p", number, free_hb_mg_l=free_hb)
    for code, table in TABLES.analytes.items():
        rise = draw_value(1, table, red) - draw_value(1, table, clean)
        expected = 33 * free_hb / 10_000 if code == "BIOCHEM_POTASSIUM_K" else 0
        assert abs(rise - expected) <= 1 + expected / 20


NORMAL = sorted(code for code, table in TABLES.analytes.items() if table.distribution == "normal")
EXTREME = 9  # no draw lies further out, in standard deviations


@given(st.sampled_from(NORMAL), st.integers(0, 10**6), st.integers(1, 50))
def test_a_patients_values_stay_around_the_patients_set_point(code, patient, collection):
    table = TABLES.analytes[code]
    first = draw_value(3, table, tube(f"p{patient}", 0))
    later = draw_value(3, table, tube(f"p{patient}", collection))
    spread = table.within * table.ill_percent / 100_000
    assert min(first, later) >= 0
    assert abs(later - first) <= EXTREME * 2 * spread + 1


@given(st.integers(0, 10**6))
def test_a_repeat_finds_the_same_blood(number):
    table = TABLES.analytes["HAEM_HB"]
    first, again = tube("p", number), tube("p", number)
    again.reruns = 1
    assert draw_value(1, table, again) == draw_value(1, table, first)


# One analyser, several tubes


class Bench(Laboratory):
    """Tubes of one patient on the blood counter."""

    def __init__(self, *tubes, simulated=False):
        places = {"A_QC": "Z_ANALYZER_HALL_A", "A_RECEPTION": "Z_SRA_RECEPTION"}
        stated = {"agents": placed(places), "specimens": list(tubes), "faults": False}
        super().__init__(stated, simulated=simulated)
        self.runs = 0

    def measured(self, specimen_id, at, **values):
        """Run a tube and enter values; result ids end in the run's number."""
        self.runs += 1
        run = f"R{self.runs}"
        one = {"device_id": HAEM, "run_id": run}
        queued = {"device_id": HAEM, "specimen_id": specimen_id}
        assert self.do("A_ANALYTICS", "QUEUE_RUN", queued, at=at).accepted
        start = {**one, "specimen_ids": [specimen_id]}
        assert self.do("A_ANALYTICS", "START_RUN", start, at=at + 5).accepted
        assert self.do("A_ANALYTICS", "END_RUN", one, at=at + 60).accepted
        last = None
        for number, (code, value) in enumerate(values.items()):
            table = TABLES.analytes[code]
            entry = {"run_id": run, "analyte_code": code, "value": value, "units": table.unit}
            entry["result_id"] = f"{code}_{self.runs}"
            last = self.do("A_ANALYTICS", "GENERATE_RESULT", entry, at=at + 70 + number)
            assert last.accepted
        return last

    def released(self, at, **named):
        return self.do("A_CLINSCI", "RELEASE_RESULT", named, at=at)

    def repeat(self, result_id, at):
        return self.do("A_SUPERVISOR", "RERUN_REQUEST", {"result_id": result_id, **WHY}, at=at)

    def amend(self, result_id, at):
        return self.do("A_CLINSCI", "AMEND_RESULT", {"result_id": result_id, **WHY}, at=at)

    def flags(self, result_id):
        return self.world.results[result_id].flags


def two_tubes(**second):
    return Bench({**BLOOD, "specimen_id": "S1"}, {**BLOOD, "specimen_id": "S2", **second})


@pytest.mark.parametrize(
    ("most", "listed"), [(0, []), (1, ["S2"]), (2, ["S1", "S2"]), (3, ["S1", "S2"])]
)
def test_after_failed_controls_as_many_are_repeated_as_policy_says(most, listed):
    lab = two_tubes()
    for number, name in enumerate(("S1", "S2")):
        lab.measured(name, 600 + 200 * number, HAEM_HB="128")
        assert lab.released(700 + 200 * number, specimen_id=name).accepted
    lab.engine.ctx.tables = dataclasses.replace(TABLES, lookback_specimens=most)
    failed = {"device_id": HAEM, "qc_outcome": "fail"}
    assert lab.do("A_QC", "QC_EVENT", failed, at=1000).accepted
    assert list(lab.world.repeats) == listed


@pytest.mark.parametrize(
    ("second", "value", "flags"),
    [
        ({}, "97", ["L", "D"]),
        ({}, "98", ["L"]),
        ({}, "159", ["U"]),
        ({"patient_identifiers_hash": "pid:2"}, "97", ["L"]),
        ({"patient_identifiers_hash": ""}, "97", ["L"]),
    ],
)
def test_a_value_is_compared_with_the_patients_last_released_one(second, value, flags):
    lab = two_tubes(**second)
    lab.measured("S1", 600, HAEM_HB="128")
    assert lab.released(700, result_id="HAEM_HB_1").accepted
    lab.measured("S2", 800, HAEM_HB=value)
    assert lab.flags("HAEM_HB_2") == flags


def test_what_was_not_released_is_not_compared_with():
    lab = two_tubes()
    lab.measured("S1", 600, HAEM_HB="128")
    lab.measured("S2", 800, HAEM_HB="97")
    assert lab.flags("HAEM_HB_2") == ["L"]


@pytest.mark.parametrize(("age", "flags"), [(259_200, ["L", "D"]), (259_201, ["L"])])
def test_a_value_from_too_long_ago_is_not_compared_with(age, flags):
    lab = two_tubes()
    lab.measured("S1", 600, HAEM_HB="128")
    lab.released(700, result_id="HAEM_HB_1")
    known = lab.world.baselines["pid:1"]
    known["HAEM_HB"] = msgspec.structs.replace(known["HAEM_HB"], collected_s=-age)
    lab.measured("S2", 800, HAEM_HB="97")
    assert lab.flags("HAEM_HB_2") == flags


def test_a_repeat_is_compared_with_what_its_original_was_compared_with():
    lab = two_tubes()
    lab.measured("S1", 600, HAEM_HB="128")
    lab.released(700, result_id="HAEM_HB_1")
    lab.measured("S2", 800, HAEM_HB="97")
    lab.released(900, result_id="HAEM_HB_2")
    assert lab.repeat("HAEM_HB_2", 1000).accepted
    lab.measured("S2", 1100, HAEM_HB="127")
    assert lab.world.results["HAEM_HB_3"].compared_with == "HAEM_HB_1"
    assert lab.world.results["HAEM_HB_3"].delta == -1
    assert lab.amend("HAEM_HB_3", 1300).accepted
    assert lab.world.baselines["pid:1"]["HAEM_HB"].result_id == "HAEM_HB_3"


@given(st.lists(st.integers(60, 180), min_size=1, max_size=5))
def test_originals_never_change_and_amendments_form_one_chain(values):
    lab = Bench({**BLOOD, "specimen_id": "S1"})
    lab.measured("S1", 600, HAEM_HB="128")
    assert lab.released(700, specimen_id="S1").data["released_specimens"] == ["S1"]
    for number, value in enumerate(values):
        at = 1000 + 400 * number
        before = {name: msgspec.structs.replace(item) for name, item in lab.world.results.items()}
        assert lab.repeat(f"HAEM_HB_{number + 1}", at).accepted
        lab.measured("S1", at + 20, HAEM_HB=str(value))
        done = lab.amend(f"HAEM_HB_{number + 2}", at + 200)
        assert done.accepted
        assert "released_specimens" not in done.data
        for name, item in before.items():
            kept = msgspec.structs.replace(lab.world.results[name], status=item.status)
            assert kept == item
    out = [item for item in lab.world.results.values() if item.status == "released"]
    assert [item.value for item in out] == [values[-1]]
    chain, link = [], out[0]
    while link.amends is not None:
        link = lab.world.results[link.amends]
        chain.append(link.value)
    assert chain == [*reversed(values[:-1]), 128]
    assert lab.world.specimens["S1"].released_s == 700


def test_when_controls_fail_what_was_measured_last_and_is_out_is_to_be_repeated():
    lab = two_tubes()
    lab.measured("S1", 600, HAEM_HB="128")
    assert lab.do("A_QC", "QC_EVENT", {"device_id": HAEM, "qc_outcome": "pass"}, at=700).accepted
    lab.measured("S2", 1100, HAEM_HB="130")
    lab.released(1200, result_id="HAEM_HB_1")
    lab.released(1210, result_id="HAEM_HB_2")
    assert to_repeat(lab.engine.ctx) is None
    lab.do("A_QC", "QC_EVENT", {"device_id": HAEM, "qc_outcome": "fail"}, at=1300)
    assert to_repeat(lab.engine.ctx).result_id == "HAEM_HB_2"
    assert lab.repeat("HAEM_HB_2", 1400).accepted
    assert to_repeat(lab.engine.ctx) is None


# Autoverification


def verified(lab, specimen_id):
    """Let the clockwork's rule look at a tube; return what it said."""
    event = Event(
        action_type="SYS_AUTOVERIFY",
        agent_id="SYSTEM",
        args={"specimen_id": specimen_id},
        event_id="v",
        t_s=lab.engine.now,
    )
    lab.engine.ctx.begin(lab.engine.now)
    autoverify(lab.engine.ctx, event)
    return dict(lab.engine.ctx.data)


def counted(**values):
    lab = two_tubes()
    lab.measured("S1", 600, **{"HAEM_HB": "140", "HAEM_MCV": "90.0", **values})
    return lab


def test_results_that_pass_every_rule_leave_and_are_counted():
    lab = counted()
    assert verified(lab, "S1")["autoverified"] is True
    tally = lab.world.verified["HAEM_PANEL_CORE"]
    assert (tally.specimens, tally.released, tally.tests, tally.tests_passed) == (1, 1, 2, 2)


@pytest.mark.parametrize(
    ("values", "change", "failed"),
    [
        ({"HAEM_HB": "90"}, {}, {"HAEM_HB": ["within_limits"]}),
        ({"HAEM_HB": "40"}, {}, {"HAEM_HB": ["no_critical", "within_limits"]}),
        ({}, {"flags": ["U"]}, {"HAEM_HB": ["no_delta"]}),
        ({}, {"status": "held"}, {"HAEM_HB": ["not_held"]}),
        ({}, {"value": None}, {"HAEM_HB": ["unit_known", "within_limits"]}),
        ({}, {"device_id": "DEV_NOWHERE"}, {"HAEM_HB": ["qc_good"]}),
    ],
)
def test_each_rule_keeps_what_it_names(values, change, failed):
    lab = counted(**values)
    for name, value in change.items():
        setattr(lab.world.results["HAEM_HB_1"], name, value)
    said = verified(lab, "S1")
    assert (said["autoverified"], said["failed"]) == (False, failed)
    assert "S1" in lab.world.releasable
    assert lab.world.verified["HAEM_PANEL_CORE"].failed == dict.fromkeys(failed["HAEM_HB"], 1)


def test_nothing_leaves_in_downtime():
    lab = counted()
    lab.world.downtime = True
    said = verified(lab, "S1")
    assert said["failed"] == {"HAEM_HB": ["system_up"], "HAEM_MCV": ["system_up"]}
    assert said["reason_code"] == "SYS_DOWNTIME_ACTIVE"


@pytest.mark.parametrize(
    ("panel", "least", "most"),
    [
        ("BIOCHEM_PANEL_CORE", 85, 95),
        ("HAEM_PANEL_CORE", 70, 83),
        ("COAG_PANEL_CORE", 60, 80),
    ],
)
def test_the_share_of_specimens_within_limits_is_what_laboratories_report(panel, least, most):
    tables = [TABLES.analytes[code] for code in TABLES.panels[panel].analytes]
    clean = 0
    for number in range(2000):
        specimen = tube(f"q{number}", 0)
        values = [(table, draw_value(5, table, specimen)) for table in tables]
        clean += all(
            table.within_limits(value) and table.classify(value) == "NONE"
            for table, value in values
        )
    assert least * 20 < clean < most * 20


@pytest.mark.parametrize(("index", "stays"), [(900, False), (901, True)])
def test_potassium_from_a_haemolysed_tube_waits_for_a_person(index, stays):
    table = TABLES.analytes["BIOCHEM_POTASSIUM_K"]
    lab = counted()
    result = msgspec.structs.replace(lab.world.results["HAEM_HB_1"], hemolysis_index_mg_l=index)
    passes = verification.RULES["hemolysis_below"](lab.engine.ctx, result, table)
    assert passes is not stays


# Add-on tests

SERUM = {
    "specimen_id": "S1",
    "panel_id": "BIOCHEM_PANEL_CORE",
    "container_type": "SERUM_SST",
    "status": "released",
    "separated_ts_s": 0,
    "aliquot_id": "AL",
    "zone_id": "Z_COLD_FRIDGE",
    "temp_band": "REFRIGERATED_2_8",
}
ADD = {"specimen_id": "S1", "panel_id": "BIOCHEM_TSH_ADDON"}


def test_an_added_test_sends_the_tube_from_the_store_to_an_analyser():
    lab = Bench(SERUM)
    assert lab.do("A_RECEPTION", "ADD_ON_TEST", ADD, at=600).emits == ("CREATE_ACCESSION",)
    assert lab.world.specimens["S1"].status == "aliquoted"


@pytest.mark.parametrize(("now", "waits"), [(80_000, True), (90_000, False)])
def test_a_request_for_a_tube_that_no_longer_keeps_is_dropped(now, waits):
    lab = Bench(SERUM)
    lab.engine.ctx.begin(now)
    event = Event(
        action_type="SYS_ADD_ON_REQUEST", agent_id="SYSTEM", args=ADD, event_id="a", t_s=now
    )
    add_on_request(lab.engine.ctx, event)
    assert ("S1" in lab.world.add_ons) is waits
    assert (lab.engine.ctx.data.get("reason_code") == "TIME_EXPIRED") is not waits
