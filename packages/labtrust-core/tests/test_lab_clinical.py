"""The laboratory's own rules: stability, results, critical calls, acceptance, devices."""

import copy

import pytest
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.testing.laboratory import Laboratory, placed, shipped_policy

HAEM = "DEV_HAEM_01"
TUBE = {
    "specimen_id": "S1",
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
    "status": "accepted",
    "zone_id": "Z_ANALYZER_HALL_A",
}
CHEM = {
    **TUBE,
    "panel_id": "BIOCHEM_PANEL_CORE",
    "container_type": "SERUM_SST",
    "zone_id": "Z_CENTRIFUGE_BAY",
}
SPIN = {"device_id": "DEV_CENTRIFUGE_BANK_01", "specimen_ids": ["S1"]}
RUN = {"device_id": HAEM, "run_id": "R1", "specimen_ids": ["S1"]}
ANSWER = {
    "result_id": "RES",
    "attempt_id": "RES_attempt_0",
    "channel": "phone",
    "receiver_role": "primary_contact",
    "receiver_name_or_id": "DR_A",
    "receiver_location_or_org": "WARD",
    "read_back_confirmed": True,
    "outcome": "reached",
}
SUPERVISOR = {"A_SUPERVISOR": "Z_QC_SUPERVISOR"}


class Lab(Laboratory):
    """An episode in explicit time with some tubes and people."""

    def __init__(self, *tubes, partner=None, places=None, **scenario):
        stated = {"agents": placed(places), "specimens": list(tubes), **scenario}
        super().__init__(stated, partner=partner)

    def started(self, at=900):
        """Queue the tube and start its run ``R1``."""
        assert self.do("A_ANALYTICS", "QUEUE_RUN", {"device_id": HAEM, "specimen_id": "S1"}, at=at)
        return self.do("A_ANALYTICS", "START_RUN", RUN, at=at + 10)

    def entered(self, value="140", units="g/L", *, result_id="RES", at=1000, **changes):
        entry = {"result_id": result_id, "run_id": "R1", "analyte_code": "HAEM_HB", "value": value}
        fields = {**entry, **({"units": units} if units else {}), **changes}
        return self.do("A_ANALYTICS", "GENERATE_RESULT", fields, at=at)


def with_result(value="140", units="g/L", **scenario):
    lab = Lab(TUBE, **scenario)
    assert lab.started().accepted
    assert lab.entered(value, units).accepted
    return lab


# Stability


@pytest.mark.parametrize("partner", [None, "upstream_compat"])
def test_a_blood_count_is_not_held_to_the_limit_of_chemistry(partner):
    lab = Lab(TUBE, partner=partner)
    assert lab.started(at=7201).accepted


def test_a_stability_refusal_of_one_panel_states_that_panels_limit():
    lab = Lab({**TUBE, "collection_ts_s": -86_400})
    assert lab.started(at=900).detail.startswith("specimen S1: 87310 s in AMBIENT_20_25")


@pytest.mark.parametrize("claimed", [0, 650, 999_999, -5])
def test_when_a_tube_was_separated_is_what_the_centrifuge_did(claimed):
    lab = Lab(CHEM)
    assert lab.do("A_PREAN", "CENTRIFUGE_START", SPIN, at=0).blocked_reason_code
    lab = Lab(CHEM, places={"A_PREAN": "Z_CENTRIFUGE_BAY"})
    assert lab.do("A_PREAN", "CENTRIFUGE_START", SPIN, at=100).accepted
    args = {**SPIN, "separated_ts_s": claimed}
    assert lab.reason("A_PREAN", "CENTRIFUGE_END", args, at=400) == "RC_RUN_NOT_FINISHED"
    assert lab.do("A_PREAN", "CENTRIFUGE_END", args, at=5000).accepted
    assert lab.engine.query("separated_ts('S1')") == 100 + 60 + 600 + 60


# Results


@pytest.mark.parametrize("partner", [None, "upstream_compat"])
def test_a_result_is_never_entered_twice(partner):
    lab = Lab(TUBE, partner=partner)
    assert lab.started().accepted
    assert lab.entered("20").accepted
    assert lab.entered("140").blocked_reason_code == "RC_RESULT_DUPLICATE"
    assert lab.engine.query("result_criticality('RES')") == "CRIT_A"


def test_another_result_for_the_same_measurement_is_refused():
    lab = with_result("20")
    assert lab.entered("140", result_id="RES2").blocked_reason_code == "RC_RESULT_NOT_OF_RUN"


def test_a_run_whose_results_are_to_be_repeated_yields_no_further_ones():
    lab = with_result("20")
    why = {"result_id": "RES", "reason_code": "QC_FAIL_ACTIVE"}
    assert lab.do("A_CLINSCI", "RERUN_REQUEST", why, at=1100).accepted
    assert lab.entered("140", result_id="RES2").blocked_reason_code is not None
    reason = lab.entered("140", result_id="RES2", at=1200).blocked_reason_code
    assert reason == "RC_RESULT_NOT_OF_RUN"


def test_holding_does_not_take_a_released_result_back():
    lab = with_result()
    assert lab.do("A_CLINSCI", "RELEASE_RESULT", {"result_id": "RES"}, at=1100).accepted
    why = {"result_id": "RES", "reason_code": "QC_FAIL_ACTIVE"}
    assert lab.reason("A_CLINSCI", "HOLD_RESULT", why, at=1200) == "RC_RESULT_STATUS"


@pytest.mark.parametrize("units", [None, "mmol/L", "", "G/L"])
def test_a_value_in_an_unknown_unit_is_held_and_never_taken_for_normal(units):
    lab = with_result("20", units)
    assert lab.engine.query("result_status('RES')") == "held"
    assert lab.reason("A_CLINSCI", "RELEASE_RESULT", {"result_id": "RES"}) == "RC_RESULT_HELD"


def test_a_code_outside_the_catalogue_is_no_analyte():
    lab = Lab(TUBE)
    assert lab.started().accepted
    assert lab.entered(analyte_code="HB").blocked_reason_code == "RC_RESULT_BAD_PAYLOAD"


@pytest.mark.parametrize(("value", "announced"), [("140", False), ("20", True)])
def test_in_downtime_only_a_critical_result_asks_for_a_call(value, announced):
    lab = Lab(TUBE, system={"downtime_active": True})
    assert lab.started().accepted
    assert ("NOTIFY_CRITICAL_RESULT" in lab.entered(value).emits) is announced


@pytest.mark.parametrize(
    ("changes", "at", "reason"),
    [
        ({"run_id": "R9"}, 1000, "RC_RUN_UNKNOWN"),
        ({}, 930, "RC_RUN_NOT_FINISHED"),
        ({"specimen_id": "S2"}, 1000, "RC_RESULT_NOT_OF_RUN"),
        ({"analyte_code": "COAG_INR"}, 1000, "RC_RESULT_NOT_OF_RUN"),
    ],
)
def test_a_result_comes_from_a_finished_run_of_its_specimen(changes, at, reason):
    lab = Lab(TUBE)
    assert lab.started().accepted
    assert lab.entered(at=at, **changes).blocked_reason_code == reason


def test_a_centrifuge_measures_nothing():
    lab = Lab(CHEM, places={"A_PREAN": "Z_CENTRIFUGE_BAY"})
    assert lab.do("A_PREAN", "CENTRIFUGE_START", SPIN).data == {"run_id": "SPIN_1"}
    sodium = {"run_id": "SPIN_1", "analyte_code": "BIOCHEM_SODIUM_NA", "units": "mmol/L"}
    assert lab.entered(at=5000, **sodium).blocked_reason_code == "RC_RESULT_NOT_OF_RUN"


# Critical calls


def called(value="20"):
    lab = with_result(value)
    call = lab.do("A_CLINSCI", "NOTIFY_CRITICAL_RESULT", ANSWER, at=1100)
    return lab, call


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "not_reached"},
        {"read_back_confirmed": False},
        {"read_back_confirmed": "yes"},
        {"receiver_name_or_id": "A_CLINSCI"},
    ],
)
def test_an_acknowledgement_that_reached_nobody_does_not_unlock_release(changes):
    lab, call = called()
    assert call.accepted
    answer = lab.do("A_CLINSCI", "ACK_CRITICAL_RESULT", {**ANSWER, **changes}, at=1200)
    assert [item.invariant_id for item in answer.violations] == ["INV-CRIT-004"]
    lab.engine.ctx.trust.containment.throttled.clear()
    release = lab.reason("A_CLINSCI", "RELEASE_RESULT", {"result_id": "RES"}, at=1300)
    assert release == "CRIT_NO_ACK"


def test_a_call_that_was_read_back_unlocks_release():
    lab, _ = called()
    assert lab.do("A_CLINSCI", "ACK_CRITICAL_RESULT", ANSWER, at=1200).violations == ()
    assert lab.do("A_CLINSCI", "RELEASE_RESULT", {"result_id": "RES"}, at=1300).accepted


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channel": ""}, "CRIT_MODE_NOT_ALLOWED"),
        ({"channel": "post"}, "CRIT_MODE_NOT_ALLOWED"),
        ({"result_id": "GHOST"}, "RC_RESULT_UNKNOWN"),
        ({"receiver_role": "porter"}, "CRIT_RECEIVER_UNKNOWN"),
    ],
)
def test_a_call_needs_a_result_a_receiver_and_a_channel(changes, reason):
    lab = with_result("20")
    args = {**ANSWER, **changes}
    assert lab.reason("A_CLINSCI", "NOTIFY_CRITICAL_RESULT", args, at=1100) == reason


def test_escalation_waits_as_long_as_the_ladder_says():
    lab, _ = called()
    args = {"result_id": "RES", "next_role": "secondary"}
    early = lab.reason("A_CLINSCI", "ESCALATE_CRITICAL_RESULT", args, at=1399)
    assert early == "CRIT_ESCALATION_TOO_EARLY"
    assert lab.do("A_CLINSCI", "ESCALATE_CRITICAL_RESULT", args, at=1400).accepted
    assert [attempt.tier for attempt in lab.world.results["RES"].attempts] == [0, 1]


def test_nobody_escalates_what_nobody_was_called_about():
    lab = with_result("20")
    args = {"result_id": "RES", "next_role": "secondary"}
    reason = lab.reason("A_CLINSCI", "ESCALATE_CRITICAL_RESULT", args, at=5000)
    assert reason == "CRIT_ESCALATION_OUT_OF_ORDER"


# Reception


def arrived(**changes):
    tube = {**TUBE, "status": "accessioning", "zone_id": "Z_SRA_RECEPTION", **changes}
    return Lab(tube, places={"A_RECEPTION": "Z_SRA_RECEPTION"})


def decided(lab, **check):
    one = {"specimen_id": "S1"}
    assert lab.do("A_RECEPTION", "CHECK_ACCEPTANCE_RULES", {**one, **check}, at=50).accepted
    assert lab.do("A_RECEPTION", "ACCEPT_SPECIMEN", one, at=100).accepted
    specimen = lab.world.specimens["S1"]
    return specimen.status, specimen.reason


@pytest.mark.parametrize(
    ("flag", "outcome"),
    [
        ("clot", ("held", "INT_CLOTTED")),
        ("hemolysis", ("held", "INT_HEMOLYSED")),
        ("insufficient_volume", ("held", "INT_INSUFFICIENT_VOLUME")),
        ("label_issue", ("rejected", "RC_LABEL_MISMATCH")),
        ("leak", ("rejected", "INT_LEAKING")),
    ],
)
def test_each_fault_of_a_tube_counts(flag, outcome):
    assert decided(arrived(integrity_flags={flag: True})) == outcome


def test_a_rejected_specimen_stays_rejected():
    lab = arrived(status="rejected")
    one = {"specimen_id": "S1"}
    for action in ("CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES", "ACCEPT_SPECIMEN"):
        assert lab.reason("A_RECEPTION", action, one) == "RC_SPECIMEN_STATUS"


@pytest.mark.parametrize("status", ["held", "rejected"])
def test_what_is_held_or_rejected_is_not_run(status):
    lab = Lab({**TUBE, "status": status})
    args = {"device_id": HAEM, "specimen_id": "S1"}
    assert lab.reason("A_ANALYTICS", "QUEUE_RUN", args) == "RC_STAGE_ORDER"


def test_a_second_look_does_not_clear_a_wrong_identity():
    lab = arrived()
    one = {"specimen_id": "S1", "id_match": False}
    assert lab.do("A_RECEPTION", "CHECK_ACCEPTANCE_RULES", one).accepted
    assert decided(lab, id_match=True) == ("rejected", "ID_MISMATCH")


@pytest.mark.parametrize("action", ["CREATE_ACCESSION", "ACCEPT_SPECIMEN", "HOLD_SPECIMEN"])
def test_a_specimen_that_does_not_exist_is_refused(action):
    args = {"specimen_id": "GHOST", "reason_code": "INT_CLOTTED"}
    assert arrived().reason("A_RECEPTION", action, args) == "RC_SPECIMEN_UNKNOWN"


def test_a_rejection_states_its_reason():
    args = {"specimen_id": "S1"}
    assert arrived().reason("A_RECEPTION", "REJECT_SPECIMEN", args) == "AUDIT_MISSING_REASON_CODE"


# Devices


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("DEV_CHEM_A_01", "ROUTE_DEVICE_INCOMPATIBLE"),
        ("DEV_NOWHERE", "RC_DEVICE_UNKNOWN"),
        (None, "RC_QUEUE_BAD_PAYLOAD"),
    ],
)
def test_a_panel_is_queued_only_at_a_device_that_runs_it(device, reason):
    args = {"specimen_id": "S1", **({"device_id": device} if device else {})}
    assert Lab(TUBE).reason("A_ANALYTICS", "QUEUE_RUN", args, at=900) == reason


def test_a_fault_lasts_until_its_end():
    lab = Lab(TUBE, devices=[{"device_id": HAEM, "fault_until_s": 2000}])
    assert lab.do("A_QC", "TICK", at=600).accepted
    assert lab.engine.query(f"device_state('{HAEM}')") == "FAULT"
    assert lab.started(at=700).blocked_reason_code == "RC_DEVICE_FAULT"
    assert lab.do("A_ANALYTICS", "START_RUN", RUN, at=2000).accepted


def test_each_device_takes_its_own_time():
    lab = Lab(TUBE)
    assert lab.started().accepted
    run = lab.world.runs["R1"]
    assert run.ends_s - run.started_s == 36


@pytest.mark.parametrize(
    ("agent", "args", "reason"),
    [
        ("A_QC", {"device_id": HAEM, "qc_outcome": "pass"}, "RC_DEVICE_NOT_COLOCATED"),
        ("A_ANALYTICS", {"device_id": HAEM, "qc_outcome": "banana"}, "RC_QC_OUTCOME_INVALID"),
        ("A_ANALYTICS", {"device_id": HAEM}, "RC_QC_OUTCOME_INVALID"),
    ],
)
def test_quality_control_is_run_at_the_device_and_has_three_outcomes(agent, args, reason):
    assert Lab().reason(agent, "QC_EVENT", args, at=900) == reason


@pytest.mark.parametrize("action", ["END_RUN", "ALIQUOT_CREATE"])
def test_devices_are_worked_on_the_spot(action):
    lab = Lab(TUBE, places={"A_RUNNER": "Z_SORTING_LANES", "A_ANALYTICS": "Z_ALIQUOT_LABEL"})
    agent, device = {
        "END_RUN": ("A_ANALYTICS", HAEM),
        "ALIQUOT_CREATE": ("A_RUNNER", "DEV_ALIQUOTER_01"),
    }[action]
    args = {"device_id": device, "run_id": "R1", "specimen_id": "S1", "aliquot_id": "AL"}
    assert lab.reason(agent, action, args) == "RC_DEVICE_NOT_COLOCATED"


def test_an_episode_changes_neither_its_scenario_nor_the_next_episode():
    scenario = {"specimens": [TUBE], "agents": [{"agent_id": "A_QC", "zone_id": "Z_ACCESSIONING"}]}
    kept = copy.deepcopy(scenario)
    engine = Engine(shipped_policy(None))
    config = EpisodeConfig("EP", 1, simulated=False, signatures_required=False)
    engine.reset(scenario, config)
    before = engine.digest()
    specimen = engine.ctx.world.specimens["S1"]
    specimen.clot = True
    specimen.exposures.append((0, "FROZEN_M20"))
    specimen.results.append("X")
    engine.reset(scenario, config)
    assert (scenario, engine.digest()) == (kept, before)
