"""Every metric moves when, and only when, what it measures does."""

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_bench.runs.metrics import nearest_rank, permille, turnaround
from labtrust_bench.runs.observers import MetricsObserver
from labtrust_bench.tasks.throughput_sla import ThroughputSla
from labtrust_core.event import Event
from labtrust_core.trust.keys import derive_test_key
from labtrust_core.trust.signatures import approval_message
from labtrust_core.trust.tokens import token_request
from labtrust_env.rewards import RewardConfig

FAKE_TOKEN = {"token_refs": ["T_FAKE"]}
SPECIMEN = {"args": {"specimen_id": "S1"}}


class Strict(ThroughputSla):
    """Nothing can be on time, and everything costs."""

    sla_s = {"STAT": 0, "URGENT": 0, "ROUTINE": 0}  # noqa: RUF012 - a test's own class
    reward_config = RewardConfig(
        throughput=0, schedule_penalty=0, violation_penalty=100, blocked_penalty=7
    )


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60), st.integers(1, 100))
def test_nearest_rank_is_the_least_value_that_enough_do_not_exceed(values, percent):
    found = nearest_rank(values, percent)

    assert found in values
    assert 100 * sum(item <= found for item in values) >= percent * len(values)
    assert 100 * sum(item < found for item in values) < percent * len(values)


def test_nothing_has_no_median_and_no_share():
    assert nearest_rank([], 50) is None
    assert permille(0, 0) is None


def test_turnaround_counts_what_is_on_time_and_rounds_its_mean():
    found = turnaround([60, 61, 200], 61)

    assert (found.released, found.on_time, found.p50_s, found.p95_s) == (3, 2, 61, 200)
    assert found.mean_s == 107
    assert turnaround([1, 2], None).mean_s == 2


def test_metrics_of_an_episode_that_has_not_ended_are_an_error(lab):
    laboratory = lab()

    with pytest.raises(LookupError, match="no episode has ended"):
        _ = laboratory.observer.metrics


def test_doing_nothing_releases_nothing(play):
    metrics = play(agents="noop").metrics

    assert metrics.throughput == metrics.on_time == 0
    assert metrics.reward_milli < 0  # specimens that wait cost
    assert metrics.released_before_cutoff_permille == 0
    assert metrics.p50_turnaround_s is metrics.on_time_permille is None
    assert metrics.events_by_origin.keys() == {"clockwork"}


def test_a_scripted_crew_moves_what_doing_nothing_leaves(play):
    metrics = play().metrics

    assert metrics.arrivals == play(agents="noop").metrics.arrivals
    assert metrics.throughput > 0
    assert metrics.throughput_before_cutoff > 0
    assert metrics.autoverified > 0
    looked_at = metrics.autoverification_by_panel["HAEM_PANEL_CORE"]
    assert 0 < looked_at.released <= looked_at.specimens < looked_at.tests_passed
    assert metrics.p50_turnaround_s <= metrics.p95_turnaround_s
    assert metrics.on_time > 0
    assert metrics.device_utilisation_permille["DEV_CENTRIFUGE_BANK_01"] > 0
    assert metrics.reward_milli > 0
    assert metrics.events_by_origin["agent"] > 0


def test_parts_add_up(play):
    metrics = play().metrics
    parts = metrics.turnaround_by_priority.values()

    assert sum(item.released for item in parts) == metrics.throughput
    assert sum(item.on_time for item in parts) == metrics.on_time
    assert metrics.throughput_before_cutoff <= metrics.arrivals_before_cutoff <= metrics.arrivals


def test_critical_results_are_called_and_acknowledged(play):
    critical = play(smoke=False).metrics.critical

    assert critical.results >= critical.acknowledged > 0
    assert critical.calls >= critical.acknowledged
    assert critical.p50_ack_s > 0
    assert play(agents="noop").metrics.critical.results == 0


def test_arrivals_are_split_at_the_cutoff(lab, specimen):
    early = lab(specimens=[specimen("S1"), specimen("S2")]).metrics
    late = lab(
        specimens=[specimen("S1"), specimen("S2", arrival_ts_s=ThroughputSla().cutoff_s + 1)]
    ).metrics

    assert (early.arrivals, early.arrivals_before_cutoff) == (2, 2)
    assert (late.arrivals, late.arrivals_before_cutoff) == (2, 1)


def test_steps_are_counted(lab):
    laboratory = lab()
    laboratory.wait(50)

    assert laboratory.metrics.steps == 5


def test_rejected_specimens_are_counted(lab, specimen):
    laboratory = lab(specimens=[specimen()])
    assert laboratory.metrics.rejected == 0
    laboratory.act("reception_0", "REJECT_SPECIMEN", reason_code="INT_LEAKING", **SPECIMEN)

    assert laboratory.metrics.rejected == 1


def test_holds_are_counted(lab, specimen):
    laboratory = lab(specimens=[specimen()])
    laboratory.act("reception_0", "HOLD_SPECIMEN", reason_code="INT_LEAKING", **SPECIMEN)

    assert laboratory.metrics.holds_count == 1
    assert laboratory.metrics.rejected == 0


def test_a_broken_invariant_is_a_violation_and_not_a_prevented_one(lab):
    laboratory = lab()
    laboratory.act("reception_0", "OPEN_DOOR", args={"door_id": "D_MAIN_INNER"})
    laboratory.wait(900)

    assert laboratory.metrics.violations_by_invariant_id == {"INV-ZONE-005": 1}
    assert laboratory.metrics.prevented_by_invariant_id == {}


def test_a_refused_attempt_is_prevented_and_not_a_violation(lab):
    laboratory = lab()
    laboratory.act("runner_0", "TICK", **FAKE_TOKEN)

    assert laboratory.metrics.violations_by_invariant_id == {}
    assert laboratory.metrics.prevented_by_invariant_id == {"INV-TOK-002": 1}


def test_refusals_are_counted_by_reason(lab):
    laboratory = lab()
    laboratory.act("runner_0", "RELEASE_RESULT", args={"result_id": "R1"})
    laboratory.act("runner_0", "RELEASE_RESULT", args={"result_id": "R1"})
    laboratory.act("runner_1", "NO_SUCH_ACTION")
    laboratory.act("runner_1", "TICK", event_id="")

    assert laboratory.metrics.blocked_by_reason_code == {
        "RBAC_ACTION_DENY": 3,
        "RC_EVENT_MALFORMED": 1,
    }


def test_enforcement_is_counted_with_the_records_it_makes(lab):
    laboratory = lab()
    laboratory.act("runner_0", "TICK", **FAKE_TOKEN)

    assert laboratory.metrics.enforcements_by_action == {"throttle_agent": 1}
    assert laboratory.metrics.events_by_origin == {"agent": 1, "enforcement": 1}


def test_minted_and_consumed_tokens_are_counted_apart(lab):
    entry = {
        "token_id": "T_ENTRY_1",
        "token_type": "TOKEN_RESTRICTED_ENTRY",
        "subject_type": "agent",
        "subject_id": "A_RUNNER_0",
        "issued_at_ts_s": 0,
        "expires_at_ts_s": 900,
        "approvals": ["A_SUPERVISOR_0"],
    }
    laboratory = lab(tokens=[entry])
    ways = ("Z_SORTING_LANES", "Z_ACCESSIONING", "Z_SRA_RECEPTION")
    for origin, target in itertools.pairwise(ways):
        laboratory.act("runner_0", "MOVE", args={"from_zone": origin, "to_zone": target})
    airlock = {"args": {"door_id": "D_RESTRICTED_AIRLOCK"}, "token_refs": ["T_ENTRY_1"]}

    assert laboratory.act("runner_0", "OPEN_DOOR", **airlock).accepted
    assert (laboratory.metrics.tokens_minted, laboratory.metrics.tokens_consumed) == (0, 1)


def test_a_minted_token_is_counted(lab):
    laboratory = lab(signed=True)
    config = laboratory.session.ctx.config
    key_id = "ed25519:A_SUPERVISOR_0"
    approval = {"approver_agent_id": "A_SUPERVISOR_0", "approver_key_id": key_id}
    args = {
        "token_type": "TOKEN_RESTRICTED_ENTRY",
        "subject_type": "agent",
        "subject_id": "A_RUNNER_0",
        "reason_code": "RBAC_RESTRICTED_ENTRY_DENY",
    }
    asked = Event(
        event_id="mint", t_s=0, agent_id="A_CLINSCI_0", action_type="MINT_TOKEN", args=args
    )
    message = approval_message(approval, token_request(asked), config.episode)
    signature = derive_test_key(config.seed, key_id).sign(message)
    approval["signature"] = base64.b64encode(signature).decode()
    result = laboratory.act(
        "clinsci_0", "MINT_TOKEN", event_id="mint", args={**args, "approvals": [approval]}
    )

    assert result.accepted, result.detail
    assert (laboratory.metrics.tokens_minted, laboratory.metrics.tokens_consumed) == (1, 0)


def test_only_opponents_count_as_opposition(lab):
    laboratory = lab(opponents=("adversary_0",))
    laboratory.act("runner_0", "RELEASE_RESULT", args={"result_id": "R1"})
    assert laboratory.metrics.opposition.events == 0
    laboratory.act("adversary_0", "TICK")
    laboratory.act("adversary_0", "RELEASE_RESULT", args={"result_id": "R1"})
    laboratory.act("adversary_0", "TICK", **FAKE_TOKEN)
    found = laboratory.metrics.opposition

    assert (found.events, found.blocked, found.enforcements) == (3, 2, 1)
    assert found.response_latency_s == laboratory.session.now - 70 - found.first_blocked_s


def test_a_task_without_opponents_has_no_opposition(lab):
    assert lab().metrics.opposition is None


def test_reward_charges_the_crew_and_not_the_opponents(lab):
    laboratory = lab(opponents=("adversary_0",), task=Strict())
    laboratory.act("adversary_0", "RELEASE_RESULT", args={"result_id": "R1"})
    assert laboratory.metrics.reward_milli == 0
    laboratory.act("runner_0", "RELEASE_RESULT", args={"result_id": "R1"})
    assert laboratory.metrics.reward_milli == -7
    laboratory.act("reception_0", "OPEN_DOOR", args={"door_id": "D_MAIN_INNER"})
    laboratory.wait(900)

    assert laboratory.metrics.reward_milli == -107


def test_a_target_that_nobody_can_meet_leaves_nothing_on_time(policy):
    from labtrust_bench.runs.episode import run_episode
    from labtrust_env.session import Session

    task = Strict.at("smoke")
    session = Session(policy, task.session_config())
    measured = MetricsObserver(task)
    run_episode(session, task.scripted_agents(session.members), 7, (measured,))

    assert measured.metrics.throughput > 0
    assert measured.metrics.on_time == measured.metrics.on_time_permille == 0


def test_an_observer_forgets_the_last_episode(lab):
    laboratory = lab()
    laboratory.act("runner_0", "TICK", **FAKE_TOKEN)
    laboratory.session.reset(3)
    laboratory.observer.begin(laboratory.session)

    assert laboratory.metrics.prevented_by_invariant_id == {}
    assert laboratory.metrics.events_by_origin == {}
