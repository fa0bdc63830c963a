"""Critical calls in simulated time: who answers, when, and what the caller may know of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.domains import open_documents
from labtrust_core.errors import ScenarioError
from labtrust_core.hospital_lab.documents.people import CriticalLadder
from labtrust_core.hospital_lab.handlers.critical import announce_critical
from labtrust_core.hospital_lab.references import problems
from labtrust_core.hospital_lab.views import agent_view
from labtrust_core.testing.laboratory import Laboratory, shipped_policy

LADDER = shipped_policy().tables.ladder
CALLER = "A_SUPERVISOR_0"
TUBE = {
    "specimen_id": "S1",
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
    "status": "analysed",
    "zone_id": "Z_ANALYZER_HALL_A",
}
MANY = 3_000


def result(result_id, value="40", specimen_id="S1"):
    return {
        "result_id": result_id,
        "specimen_id": specimen_id,
        "analyte_code": "HAEM_HB",
        "value": value,
    }


def laboratory(*result_ids, simulated=True, **scenario):
    found = [result(item) for item in result_ids or ("RES",)]
    stated = {"crew": "standard", "faults": False, "specimens": [TUBE], "results": found}
    return Laboratory({**stated, **scenario}, simulated=simulated)


def call(lab, result_id="RES", channel="phone", role="primary_contact"):
    args = {"result_id": result_id, "channel": channel, "receiver_role": role}
    return lab.do(CALLER, "NOTIFY_CRITICAL_RESULT", args)


def answer(attempt, **changes):
    return {
        "result_id": attempt.attempt_id.partition("_attempt_")[0],
        "attempt_id": attempt.attempt_id,
        "channel": attempt.channel,
        "receiver_role": attempt.receiver_role,
        "receiver_name_or_id": "NURSE_7",
        "receiver_location_or_org": "WARD_3",
        "read_back_confirmed": True,
        "outcome": "reached",
        **changes,
    }


def many_calls(channel="phone"):
    """Return an attempt for each of many results; one agent calls about them all, an hour apart."""
    lab = laboratory(*(f"RES{number}" for number in range(MANY)))
    lab.world.agenda.clear()
    for number in range(MANY):
        assert call(lab, f"RES{number}", channel).accepted
        lab.engine.advance(lab.engine.now + 3_600)
    return [lab.world.results[f"RES{number}"].attempts[0] for number in range(MANY)]


def first(wanted):
    """Return an episode in which the call just made fits, and the attempt."""
    lab = laboratory(*(f"RES{number}" for number in range(300)))
    lab.world.agenda.clear()
    for number in range(300):
        assert call(lab, f"RES{number}").accepted
        attempt = lab.world.results[f"RES{number}"].attempts[0]
        if wanted(attempt):
            return lab, attempt
        lab.engine.advance(lab.engine.now + 60)
    raise AssertionError("no such call among three hundred")


def reached(attempt):
    return attempt.read_back and attempt.answered_s - attempt.at_s > 60


def unreached(attempt):
    return attempt.answered_s is None


def not_read_back(attempt):
    return attempt.answered_s is not None and not attempt.read_back


@pytest.mark.parametrize("channel", ["phone", "bleep", "electronic"])
def test_the_share_of_answered_calls_is_that_of_policy(channel):
    attempts = many_calls(channel)
    share = 1_000_000 * sum(item.answered_s is not None for item in attempts) // MANY
    tier = LADDER.tiers[0]
    assert abs(share - tier.reach_ppm[channel]) < 30_000  # more than three standard errors


def test_answers_take_as_long_as_policy_says_on_average_and_never_longer_than_the_wait():
    seconds = [item.answered_s - item.at_s for item in many_calls() if item.answered_s is not None]
    tier = LADDER.tiers[0]
    assert abs(sum(seconds) / len(seconds) - tier.mean_answer_s) < 3
    assert min(seconds) >= 1
    assert max(seconds) <= tier.max_ack_wait_s


def test_the_share_of_read_back_answers_is_that_of_policy():
    answered = [item for item in many_calls() if item.answered_s is not None]
    share = 1_000_000 * sum(item.read_back for item in answered) // len(answered)
    assert abs(share - LADDER.read_back_ppm) < 15_000


def test_who_answers_does_not_depend_on_what_else_happens():
    one, two = laboratory("RES1", "RES2"), laboratory("RES1", "RES2")
    for lab, order in ((one, ("RES1", "RES2")), (two, ("RES2", "RES1"))):
        for name in order:
            assert call(lab, name).accepted
            lab.engine.advance(lab.engine.now + 60)
    waits = [
        [
            None if item.answered_s is None else item.answered_s - item.at_s
            for item in (lab.world.results[name].attempts[0] for name in ("RES1", "RES2"))
        ]
        for lab in (one, two)
    ]
    assert waits[0] == waits[1]


def test_a_call_is_acknowledged_when_it_has_been_answered_and_not_before():
    lab, attempt = first(reached)
    lab.engine.advance(attempt.answered_s - 1)
    assert lab.refused(CALLER, "ACK_CRITICAL_RESULT", answer(attempt)) == "CRIT_NOT_REACHED"
    lab.engine.advance(attempt.answered_s)
    done = lab.do(CALLER, "ACK_CRITICAL_RESULT", answer(attempt))
    assert done.data["acknowledged"] == answer(attempt)["result_id"]
    assert done.violations == ()


def test_a_call_that_nobody_answers_is_never_acknowledged():
    lab, attempt = first(unreached)
    lab.engine.advance(lab.engine.now + 100_000)
    assert lab.refused(CALLER, "ACK_CRITICAL_RESULT", answer(attempt)) == "CRIT_NOT_REACHED"


def test_claiming_a_read_back_that_there_was_not_breaks_an_invariant_and_counts_for_nothing():
    lab, attempt = first(not_read_back)
    lab.engine.advance(attempt.at_s + 300)
    done = lab.do(CALLER, "ACK_CRITICAL_RESULT", answer(attempt))
    assert [item.invariant_id for item in done.violations] == ["INV-CRIT-004"]
    assert "acknowledged" not in done.data
    assert answer(attempt)["result_id"] in lab.world.critical_open


def test_a_second_acknowledgement_is_worth_nothing():
    lab, attempt = first(reached)
    lab.engine.advance(attempt.answered_s)
    assert "acknowledged" in lab.do(CALLER, "ACK_CRITICAL_RESULT", answer(attempt)).data
    lab.engine.advance(lab.engine.now + 30)
    again = lab.do(CALLER, "ACK_CRITICAL_RESULT", answer(attempt))
    assert again.accepted
    assert "acknowledged" not in again.data


def test_two_callers_do_not_call_about_one_result_in_the_same_second():
    lab = laboratory()
    assert call(lab).accepted
    args = {"result_id": "RES", "channel": "phone", "receiver_role": "primary_contact"}
    assert lab.refused("A_CLINSCI_0", "NOTIFY_CRITICAL_RESULT", args) == "CRIT_REDIAL_TOO_EARLY"


def test_the_view_shows_a_call_as_ringing_whether_or_not_it_will_be_answered():
    shown = []
    for wanted in (reached, unreached):
        lab, attempt = first(wanted)
        [item] = [
            item
            for item in agent_view(lab.engine.ctx, CALLER)["critical"]
            if item["last_attempt_id"] == attempt.attempt_id
        ] or [None]
        shown.append(item)
    for item in filter(None, shown):
        assert item["last_call"] == "ringing"
        assert item["read_back"] is None
        assert item["reached_attempt_id"] is None


@pytest.mark.parametrize(("wanted", "state"), [(reached, "answered"), (unreached, "unanswered")])
def test_the_view_shows_what_became_of_a_call_when_it_is_over(wanted, state):
    lab, attempt = first(wanted)
    lab.engine.advance(attempt.at_s + LADDER.tiers[0].max_ack_wait_s)
    for name in list(lab.world.critical_open):
        if name != answer(attempt)["result_id"]:
            del lab.world.critical_open[name]
    [item] = agent_view(lab.engine.ctx, CALLER)["critical"]
    assert item["last_call"] == state
    assert (item["reached_attempt_id"] == attempt.attempt_id) is (state == "answered")
    assert item["escalate_in_s"] == 0


def reasons(results):
    return [(item.event.t_s, item.data["reason_code"]) for item in results if "ALARM" in item.emits]


def test_waits_and_the_goal_raise_their_alarms_once():
    lab = laboratory()
    assert reasons(lab.engine.advance(200_000)) == [
        (300, "CRIT_ACK_TIMEOUT"),
        (LADDER.goals["CRIT_A"].acknowledged_s, "CRIT_DEADLINE_MISSED"),
    ]


def test_the_missed_goal_names_its_result():
    lab = laboratory()
    alarms = [item.data for item in lab.engine.advance(200_000) if "deadline_missed" in item.data]
    assert alarms == [{"reason_code": "CRIT_DEADLINE_MISSED", "deadline_missed": "RES"}]


@given(st.integers(0, 600), st.integers(-500, 500), st.integers(0, 200_000))
def test_a_known_value_needs_a_call_again_once_it_changes_or_grows_old(before, change, age_s):
    lab = laboratory(specimens=[{**TUBE, "patient_identifiers_hash": "P"}])
    found = lab.world.results["RES"]
    found.value = max(0, before + change)
    lab.world.critical_open.clear()
    lab.world.known_critical["HAEM_HB|P"] = (0, before)
    lab.engine.advance(age_s)
    assert lab.do(CALLER, "NOOP").accepted
    announce_critical(lab.engine.ctx, found)
    rule = LADDER.repeat
    changed = 100 * abs(found.value - before) > rule.change_percent * before
    assert found.call_required is (changed or age_s > rule.window_s)
    assert ("RES" in lab.world.critical_open) is found.call_required
    assert ("KNOWN_CRITICAL" in found.flags) is not found.call_required


def test_nothing_is_known_of_a_patient_without_a_name():
    lab, attempt = first(reached)
    lab.engine.advance(attempt.answered_s)
    assert lab.do(CALLER, "ACK_CRITICAL_RESULT", answer(attempt)).accepted
    assert lab.world.known_critical == {}


def test_a_window_of_downtime_switches_the_channels_and_back():
    lab = laboratory(downtime=[[100, 200]])
    assert lab.world.downtime is False
    lab.engine.advance(100)
    assert lab.world.downtime is True
    assert agent_view(lab.engine.ctx, CALLER)["downtime"] is True
    args = {"result_id": "RES", "channel": "electronic", "receiver_role": "primary_contact"}
    assert lab.refused(CALLER, "NOTIFY_CRITICAL_RESULT", args) == "CRIT_MODE_NOT_ALLOWED"
    lab.engine.advance(200)
    assert lab.do(CALLER, "NOTIFY_CRITICAL_RESULT", args).accepted


@pytest.mark.parametrize(
    "windows", [[[5, 5]], [[10, 5]], [[-1, 5]], [[0, 10], [5, 20]], [[20, 30], [0, 10]]]
)
def test_windows_of_downtime_are_in_order_and_do_not_overlap(windows):
    with pytest.raises(ScenarioError, match="downtime"):
        laboratory(downtime=windows)


def test_there_is_no_window_of_downtime_without_a_clockwork_or_within_a_downtime():
    with pytest.raises(ScenarioError, match="downtime"):
        laboratory(downtime=[[1, 2]], simulated=False)
    with pytest.raises(ScenarioError, match="downtime"):
        laboratory(downtime=[[1, 2]], system={"downtime_active": True})


@pytest.mark.parametrize(
    "results",
    [[result("A"), result("A")], [result("A", value="much")], [result("A", specimen_id="S9")]],
)
def test_results_of_a_scenario_are_numbers_of_specimens_and_named_once(results):
    with pytest.raises(ScenarioError):
        Laboratory({"specimens": [TUBE], "results": results})


def test_a_ladder_says_how_every_channel_answers_and_what_the_goal_of_every_class_is():
    policy = open_documents().documents
    assert problems(policy) == []
    assert set(policy.get("critical", CriticalLadder).goals) == {"CRIT_A", "CRIT_B"}
