"""Quality control at work: what a failed control takes with it, and what it leaves alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.errors import ScenarioError
from labtrust_core.hospital_lab.quality_cascade import note_measured
from labtrust_core.hospital_lab.things import Result
from labtrust_core.hospital_lab.views import agent_view
from labtrust_core.testing.laboratory import Laboratory

COAG, HAEM = "DEV_COAG_01", "DEV_HAEM_01"
HALL_A, HALL_B = "Z_ANALYZER_HALL_A", "Z_ANALYZER_HALL_B"


def queued(specimen_id, panel, container, zone):
    return {
        "specimen_id": specimen_id,
        "panel_id": panel,
        "container_type": container,
        "status": "queued",
        "separated_ts_s": 0,
        "fill_ratio_ok": True,
        "zone_id": zone,
    }


def coag_lab(count=2, bias=None, **device):
    ids = [f"S{number}" for number in range(count)]
    return Laboratory(
        {
            "crew": "standard",
            "faults": False,
            "system": {"downtime_active": True},  # so that results wait for a person
            "agents": [{"agent_id": "A_QC_0", "zone_id": HALL_B, "role": "ROLE_QC"}],
            "specimens": [
                queued(item, "COAG_PANEL_CORE", "PLASMA_CITRATE", HALL_B) for item in ids
            ],
            "initial_queue_entries": [{"device_id": COAG, "work_id": item} for item in ids],
            "devices": [{"device_id": COAG, "bias_milli_sd": bias or {}, **device}],
        },
        simulated=True,
    )


def run(lab, specimen_id, at):
    lab.engine.advance(at)
    args = {"device_id": COAG, "run_id": f"R_{specimen_id}", "specimen_ids": [specimen_id]}
    assert lab.do("A_ANALYTICS_1", "START_RUN", args).accepted
    lab.engine.advance(at + 390)  # 90 s in the analyser, and results 300 s later


def control(lab, at):
    lab.engine.advance(at)
    outcome = lab.do("A_QC_0", "QC_EVENT", {"device_id": COAG})
    assert outcome.accepted, outcome.detail
    return outcome


def held(lab):
    return {item.result_id for item in lab.world.results.values() if item.status == "held"}


def test_a_control_reports_both_levels_of_everything_that_the_device_measures():
    outcome = control(coag_lab(), 600)
    analytes = coag_lab().engine.ctx.tables.quality.analytes[COAG]
    assert tuple(outcome.data["controls"]) == analytes
    assert all(len(levels) == 2 for levels in outcome.data["controls"].values())


def test_a_failure_holds_the_failed_analyte_alone():
    lab = coag_lab(bias={"COAG_APTT": 9_000})
    run(lab, "S0", 600)
    run(lab, "S1", 1_000)
    assert control(lab, 1_400).data["qc_outcome"] == "fail"
    assert held(lab) == {"S0_COAG_APTT", "S1_COAG_APTT"}


def test_a_failure_of_one_device_leaves_the_results_of_another_alone():
    lab = Laboratory(
        {
            "agents": [{"agent_id": "A_QC", "zone_id": HALL_B}],
            "specimens": [
                queued("S0", "COAG_PANEL_CORE", "PLASMA_CITRATE", HALL_B),
                queued("S1", "HAEM_PANEL_CORE", "WHOLE_BLOOD_EDTA", HALL_A),
            ],
            "initial_queue_entries": [{"device_id": HAEM, "work_id": "S1"}],
        }
    )
    start = {"device_id": HAEM, "run_id": "R1", "specimen_ids": ["S1"]}
    assert lab.do("A_ANALYTICS", "START_RUN", start, at=600).accepted
    value = {"result_id": "RES", "run_id": "R1", "analyte_code": "HAEM_HB", "value": "128"}
    assert lab.do("A_ANALYTICS", "GENERATE_RESULT", {**value, "units": "g/L"}, at=700).accepted
    assert lab.do("A_QC", "QC_EVENT", {"device_id": COAG, "qc_outcome": "fail"}).accepted
    assert not held(lab)
    assert lab.do("A_SUPERVISOR", "RELEASE_RESULT", {"result_id": "RES"}).accepted


def test_a_good_control_ends_what_a_later_failure_reaches():
    lab = coag_lab()
    run(lab, "S0", 600)
    assert control(lab, 1_000).data["qc_outcome"] == "pass"
    lab.world.devices[COAG].errors["COAG_APTT"].bias_milli += 9_000
    run(lab, "S1", 1_300)
    assert control(lab, 1_700).data["qc_outcome"] == "fail"
    assert held(lab) == {"S1_COAG_APTT"}
    assert lab.engine.query("qc_investigation('QCI_1')")["since_s"] == 1_000


def test_a_recalibration_takes_the_bias_away_and_takes_longer():
    lab = coag_lab(bias={"COAG_APTT": 9_000})
    control(lab, 600)
    assert lab.world.devices[COAG].unit_free_s == [900]
    outcome = control(lab, 900)
    assert outcome.data["recalibrated"] == ["COAG_APTT"]
    assert lab.world.devices[COAG].unit_free_s == [1_800]
    assert abs(lab.world.devices[COAG].errors["COAG_APTT"].bias_milli) < 1_000
    assert max(outcome.data["controls"]["COAG_APTT"]) < 5_000


def test_an_analyte_that_was_recalibrated_begins_a_new_history():
    lab = coag_lab(bias={"COAG_APTT": 9_000})
    control(lab, 600)
    control(lab, 900)
    histories = lab.world.devices[COAG].control_runs
    assert (len(histories["COAG_APTT"]), len(histories["COAG_INR"])) == (1, 2)


def test_a_device_that_a_scenario_lets_fail_is_recalibrated_as_a_whole():
    lab = coag_lab(qc_state="fail")
    assert len(control(lab, 600).data["recalibrated"]) == 4


def test_a_bias_of_two_deviations_or_more_is_found_within_five_controls():
    found = 0
    for bias in (2_000, -3_000, 4_000):
        lab = coag_lab(bias={"COAG_APTT": bias})
        states = [control(lab, 600 + 900 * number).data["qc_outcome"] for number in range(5)]
        found += states != ["pass"] * 5
    assert found == 3


def test_a_shift_that_comes_by_itself_is_caught_by_a_later_control():
    lab = coag_lab()
    machine = lab.world.devices[COAG]
    day, caught = 86_400, []
    for number in range(60):
        outcome = control(lab, 600 + number * day // 3)
        shifted = [code for code, item in machine.errors.items() if abs(item.bias_milli) > 2_500]
        caught += [code for code in shifted if code in machine.suspects]
        assert outcome.data["qc_outcome"] == machine.qc_state
    assert caught


def test_who_may_ask_for_reruns_sees_open_investigations():
    lab = coag_lab(bias={"COAG_APTT": 9_000})
    run(lab, "S0", 600)
    assert agent_view(lab.engine.ctx, "A_SUPERVISOR_0")["investigations"] == []
    control(lab, 1_000)
    (found,) = agent_view(lab.engine.ctx, "A_SUPERVISOR_0")["investigations"]
    assert (found["device_id"], found["held"]) == (COAG, ["S0_COAG_APTT"])
    assert "investigations" not in agent_view(lab.engine.ctx, "A_RUNNER_0")


def test_who_runs_controls_sees_what_is_suspected():
    lab = coag_lab(bias={"COAG_APTT": 9_000})
    control(lab, 600)
    view = agent_view(lab.engine.ctx, "A_QC_0")
    (device,) = [item for item in view["devices"] if item["device_id"] == COAG]
    (entry,) = [item for item in view["qc"] if item["device_id"] == COAG]
    assert list(device["qc_suspects"]) == ["COAG_APTT"]
    assert (list(entry["qc_suspects"]), entry["investigation_id"]) == (["COAG_APTT"], "QCI_1")


def test_the_hidden_error_is_in_no_view():
    lab = coag_lab(bias={"COAG_APTT": 1_234})
    control(lab, 600)
    for agent_id in lab.world.agents:
        assert "1234" not in str(agent_view(lab.engine.ctx, agent_id))


@pytest.mark.parametrize("bias", [{"HAEM_HB": 1_000}, {"NO_SUCH": 1_000}])
def test_a_bias_of_what_a_device_does_not_measure_is_refused(bias):
    with pytest.raises(ScenarioError, match="unknown name"):
        coag_lab(bias=bias)


class CascadeModel:
    """What the cascade should come to, kept in plain lists."""

    def __init__(self):
        self.state = {COAG: "pass", HAEM: "pass"}
        self.since = {COAG: [], HAEM: []}
        self.status = {}
        self.device = {}
        self.look_back = []

    def measure(self, name, device):
        self.device[name] = device
        self.status[name] = "held" if self.state[device] == "fail" else "generated"
        self.since[device].append(name)

    def control(self, device, outcome):
        self.state[device] = outcome
        if outcome == "pass":
            self.since[device] = []
        for name in self.since[device] if outcome == "fail" else ():
            if self.status[name] == "released":
                self.look_back.append(name)
            else:
                self.status[name] = "held"

    def release(self, name):
        free = self.status[name] == "generated" and self.state[self.device[name]] == "pass"
        if free:
            self.status[name] = "released"
        return free


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("measure"), st.sampled_from([COAG, HAEM])),
        st.tuples(
            st.just("control"),
            st.sampled_from([COAG, HAEM]),
            st.sampled_from(["pass", "fail", "drift"]),
        ),
        st.tuples(st.just("release"), st.integers(0, 30)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_happens_the_cascade_is_what_a_plain_model_says(steps):
    places = {COAG: "A_QC", HAEM: "A_QC_2"}
    lab = Laboratory(
        {
            "agents": [
                {"agent_id": "A_QC", "zone_id": HALL_B},
                {"agent_id": "A_QC_2", "zone_id": HALL_A, "role": "ROLE_QC"},
            ]
        }
    )
    model = CascadeModel()
    for number, (step, *details) in enumerate(steps):
        now = 1_000 + 100 * number  # after the maintenance
        if step == "measure":
            name = f"RES{number}"
            result = Result(name, None, None, details[0], None, 1, "g/L", now)
            lab.world.results[name] = result
            note_measured(lab.engine.ctx, result)
            model.measure(name, details[0])
        elif step == "control":
            device, outcome = details
            args = {"device_id": device, "qc_outcome": outcome}
            assert lab.do(places[device], "QC_EVENT", args, at=now).accepted
            model.control(device, outcome)
        elif details[0] < len(model.status):
            name = list(model.status)[details[0]]
            done = lab.do("A_SUPERVISOR", "RELEASE_RESULT", {"result_id": name}, at=now)
            assert done.accepted == model.release(name)
    assert {item.result_id: item.status for item in lab.world.results.values()} == model.status
    listed = [name for found in lab.world.investigations.values() for name in found.released]
    assert sorted(set(listed)) == sorted(set(model.look_back))
    for device, state in model.state.items():
        assert lab.world.devices[device].qc_state == state
