"""Agents that drive an episode through tools: the same laboratory, and a strict protocol."""

import json

import pytest
from labtrust_bench.runs.driving import DrivenEpisode, Misuse, MisuseError
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.tasks.registry import get_task
from labtrust_core.ledger.verify import verify_log
from labtrust_core.ledger.writer import LogWriter
from labtrust_env.session import Session

SEED = 7
WAIT = {"action_type": "NOOP"}


@pytest.fixture
def task():
    return get_task("adversarial_disruption", "smoke")


@pytest.fixture
def session(policy, task):
    return Session(policy, task.session_config())


@pytest.fixture
def driven(task, session):
    return DrivenEpisode(task, session, SEED)


def entry(session, name, action):
    """Describe what a scripted agent has chosen as an entry of a proposal."""
    if isinstance(action, dict):
        return {"agent_id": name, **action}
    return {"agent_id": name, "action_type": session.actions[action].name}


def crew_of(task, session):
    crew = task.scripted_agents(session.members)
    opponents = task.opponents(session.members)
    crew = {name: agent for name, agent in crew.items() if name not in opponents}
    return crew, {**crew, **opponents}


def reset(crew):
    for name, agent in crew.items():
        agent.reset(name, SEED)


def whole_proposals(driven, session, crew):
    """Drive an episode by one proposal a step."""
    while not driven.done:
        seen = driven.get_current_obs()
        entries = [
            entry(session, name, crew[name].act(seen["agents"][name])) for name in seen["awaited"]
        ]
        driven.step_lab({"step_id": seen["step_id"], "per_agent": entries})


def single_submissions(driven, session, crew):
    """Drive an episode member by member, in the opposite order."""
    while not driven.done:
        if not driven.awaited:
            driven.step_lab()
        for name in reversed(driven.awaited):
            action = crew[name].act(driven.get_current_obs(name)["agents"][name])
            chosen = entry(session, name, action)
            driven.submit_my_action(
                name, chosen["action_type"], chosen.get("args"), chosen.get("reason_code")
            )


@pytest.mark.parametrize("drive", [whole_proposals, single_submissions])
def test_a_driven_scripted_crew_writes_the_ledger_of_a_run(task, session, drive, tmp_path):
    crew, everybody = crew_of(task, session)
    wanted = run_episode(session, everybody, SEED, episode=f"{task.name}-{SEED}")
    path = tmp_path / "log.jsonl"
    reset(crew)
    with LogWriter(path) as log:
        driven = DrivenEpisode(task, session, SEED, sink=log.write)
        drive(driven, session, crew)
        end = driven.end_episode()

    assert end.ledger == wanted
    assert end.completed
    assert driven.metrics.metrics.throughput > 0
    assert driven.metrics.metrics.opposition.events > 0
    assert verify_log(path).ok


def test_looking_changes_nothing_and_is_a_copy(driven, session):
    first = driven.get_current_obs()
    before = session.engine.digest()
    first["agents"]["runner_0"]["legal"].clear()
    again = driven.get_current_obs()

    assert json.loads(json.dumps(again)) == again
    assert again["agents"]["runner_0"]["legal"]
    assert session.engine.digest() == before


def test_one_agent_sees_its_own_view_by_either_name(driven, session):
    own = driven.get_current_obs("runner_0")["agents"]

    assert own.keys() == {"runner_0"}
    assert driven.get_current_obs(session.members["runner_0"])["agents"] == own


def test_a_round_waits_for_everybody_and_then_steps(driven, session):
    *first, last = driven.awaited
    for name in first:
        assert driven.submit_my_action(name, "NOOP")["status"] == "pending"
    assert session.steps == 0

    answer = driven.submit_my_action(last, "NOOP")
    assert (answer["status"], answer["step_id"], answer["t_s"]) == ("stepped", 1, 10)


def test_a_round_can_be_closed_early(driven):
    driven.submit_my_action("runner_0", "TICK")
    answer = driven.step_lab()

    assert answer["outcomes"]["runner_0"]["status"] == "ACCEPTED"
    assert answer["outcomes"].keys() == {"runner_0"}


def test_a_refused_action_is_an_outcome_and_no_misuse(driven):
    event = {"agent_id": "runner_0", "action_type": "RELEASE_RESULT", "args": {"result_id": "R1"}}
    answer = driven.step_lab({"per_agent": [event]})

    assert answer["outcomes"]["runner_0"]["reason_code"] == "RBAC_ACTION_DENY"


def test_an_episode_that_is_ended_early_is_aborted(driven):
    driven.step_lab({"per_agent": []})
    end = driven.end_episode()

    assert (end.completed, end.steps) == (False, 1)
    for call in (driven.end_episode, driven.step_lab, driven.get_current_obs):
        with pytest.raises(MisuseError) as caught:
            call()
        assert caught.value.code is Misuse.EPISODE_OVER


def walking(driven, session):
    legal = driven.get_current_obs("runner_0")["agents"]["runner_0"]["legal"]
    move = next(name for name in legal if name.startswith("MOVE:"))
    driven.step_lab({"per_agent": [{"agent_id": "runner_0", "action_type": move}]})
    assert session.is_busy("runner_0")


MISUSES = {
    Misuse.UNKNOWN_AGENT: {"per_agent": [{"agent_id": "ghost_0", **WAIT}]},
    Misuse.NOT_YOURS: {"per_agent": [{"agent_id": "adversary_0", **WAIT}]},
    Misuse.SUBMITTED_TWICE: {"per_agent": [{"agent_id": "runner_1", **WAIT}] * 2},
    Misuse.STALE_STEP: {"step_id": 99, "per_agent": []},
    Misuse.BUSY: {"per_agent": [{"agent_id": "runner_0", **WAIT}]},
}
MALFORMED = [
    {},
    {"per_agent": "all"},
    {"per_agent": [], "speed": 2},
    {"per_agent": ["runner_1"]},
    {"per_agent": [{"agent_id": "runner_1"}]},
    {"per_agent": [{"agent_id": "runner_1", "action_index": 9_999}]},
    {"per_agent": [{"agent_id": "runner_1", "action_index": "one"}]},
    {"per_agent": [{"agent_id": "runner_1", "t_s": 4, **WAIT}]},
]


@pytest.mark.parametrize(
    ("code", "proposal"),
    [*MISUSES.items(), *((Misuse.MALFORMED, item) for item in MALFORMED)],
    ids=str,
)
def test_misuse_is_typed_and_changes_nothing(driven, session, code, proposal):
    walking(driven, session)
    before = session.engine.chain.length, session.steps
    with pytest.raises(MisuseError, match=f"^{code}: ") as caught:
        driven.step_lab(proposal)

    assert caught.value.code is code
    assert (session.engine.chain.length, session.steps) == before
    assert driven.step_lab({"per_agent": [{"agent_id": "runner_1", **WAIT}]})["step_id"] == 2


def test_submissions_are_checked_too(driven, session):
    walking(driven, session)
    driven.submit_my_action("runner_1", "NOOP")
    for name, code in (
        ("runner_1", Misuse.SUBMITTED_TWICE),
        ("runner_0", Misuse.BUSY),
        ("insider_0", Misuse.NOT_YOURS),
        ("ghost_0", Misuse.UNKNOWN_AGENT),
    ):
        with pytest.raises(MisuseError) as caught:
            driven.submit_my_action(name, "NOOP")
        assert caught.value.code is code


def test_a_proposal_does_not_overtake_an_open_round(driven):
    driven.submit_my_action("runner_1", "NOOP")

    with pytest.raises(MisuseError, match=r"round-open: .*runner_0") as caught:
        driven.step_lab({"per_agent": []})
    assert caught.value.code is Misuse.ROUND_OPEN


def test_every_way_of_misuse_is_tried_here():
    tried = {*MISUSES, Misuse.MALFORMED, Misuse.EPISODE_OVER, Misuse.ROUND_OPEN}

    assert tried == set(Misuse)
