"""Actions as indices and as mappings, refused ones, and that everything is logged."""

import numpy as np
import pytest
from labtrust_core.errors import UsageError
from labtrust_env.actions import CONTRACT


def index_of(env, name):
    return next(item.index for item in env.session.actions if item.name == name)


def test_the_first_six_indices_are_the_contract(make_session):
    names = tuple(item.name for item in make_session().actions)
    assert names[:6] == CONTRACT == ("NOOP", "TICK", "QUEUE_RUN", "MOVE", "OPEN_DOOR", "START_RUN")


def test_action_names_are_unique_and_numbered_in_order(make_session):
    actions = make_session().actions
    assert [item.index for item in actions] == list(range(len(actions)))
    assert len({item.name for item in actions}) == len(actions)


def test_waiting_is_no_event(make_env):
    env = make_env(workload=None)
    env.reset(seed=1)
    before = env.session.engine.chain.length
    infos = env.step(dict.fromkeys(env.agents, 0))[4]
    assert env.session.engine.chain.length == before
    assert infos["runner_0"]["status"] is None


def test_a_masked_out_action_is_blocked_with_its_reason_and_logged(make_env):
    env = make_env(workload=None)
    env.reset(seed=1)
    before = env.session.engine.chain.length
    infos = env.step({"runner_0": index_of(env, "MOVE:Z_COLD_FRIDGE")})[4]
    assert infos["runner_0"]["status"] == "BLOCKED"
    assert infos["runner_0"]["blocked_reason_code"] == "RC_ILLEGAL_MOVE"
    assert env.session.engine.chain.length == before + 1


def test_the_restricted_door_refuses_for_its_own_reason(make_env):
    env = make_env()
    env.reset(seed=1)
    for zone in ("Z_ACCESSIONING", "Z_SRA_RECEPTION"):
        env.step({"runner_0": index_of(env, f"MOVE:{zone}")})
        while env.session.is_busy("runner_0"):
            env.step({})
    infos = env.step({"runner_0": index_of(env, "OPEN_DOOR:D_RESTRICTED_AIRLOCK")})[4]
    assert infos["runner_0"]["blocked_reason_code"] == "RBAC_RESTRICTED_ENTRY_DENY"


def test_every_submitted_action_becomes_one_event_of_the_ledger(make_env):
    env = make_env(workload=None, faults=False)
    env.reset(seed=1)
    length = env.session.engine.chain.length
    env.step(dict.fromkeys(env.agents, len(env.session.actions) - 1))
    assert env.session.engine.chain.length == length + len(env.agents)


def test_a_mapping_with_an_index_is_that_action(make_env):
    env = make_env()
    env.reset(seed=1)
    infos = env.step({"runner_0": {"action_index": index_of(env, "MOVE:Z_PREANALYTICS")}})[4]
    assert infos["runner_0"]["status"] == "ACCEPTED"
    assert env.session.ctx.world.agents["A_RUNNER_0"].zone == "Z_PREANALYTICS"


def test_a_mapping_with_an_index_may_add_reason_and_arguments(make_env):
    env = make_env()
    env.reset(seed=1)
    index = index_of(env, "MOVE:Z_PREANALYTICS")
    action = {
        "action_index": index,
        "args": {"to_zone": "Z_CENTRIFUGE_BAY"},
        "rationale": "because",
    }
    env.step({"runner_0": action})
    event = env.session.outcomes["runner_0"].event
    assert event.args == {"from_zone": "Z_SORTING_LANES", "to_zone": "Z_CENTRIFUGE_BAY"}
    assert event.rationale == "because"


def test_a_mapping_with_a_type_is_sent_as_it_stands(make_env):
    env = make_env()
    env.reset(seed=1)
    action = {"action_type": "MINT_TOKEN", "args": {"token_type": "X"}}
    infos = env.step({"supervisor_0": action, "runner_0": action})[4]
    assert infos["supervisor_0"]["blocked_reason_code"] == "TOKEN_TYPE_UNKNOWN"
    assert infos["runner_0"]["blocked_reason_code"] == "RBAC_ACTION_DENY"


def test_a_mapping_with_nothing_is_waiting(make_env):
    env = make_env()
    env.reset(seed=1)
    assert env.step({"runner_0": {}})[4]["runner_0"]["status"] is None


def test_a_malformed_event_is_blocked_and_no_crash(make_env):
    env = make_env()
    env.reset(seed=1)
    infos = env.step(
        {"runner_0": {"action_type": "MOVE", "args": 7}, "runner_1": {"action_index": 3, "args": 7}}
    )[4]
    assert infos["runner_0"]["blocked_reason_code"] == "RC_EVENT_MALFORMED"
    assert infos["runner_1"]["blocked_reason_code"] == "RC_EVENT_MALFORMED"


@pytest.mark.parametrize(
    "wrong", [-1, 10_000, 1.5, "MOVE", None, {"colour": 1}, {"action_index": "x"}]
)
def test_what_is_no_action_at_all_is_an_error(make_env, wrong):
    env = make_env()
    env.reset(seed=1)
    with pytest.raises(UsageError):
        env.step({"runner_0": wrong})


def test_an_action_for_nobody_is_an_error(make_env):
    env = make_env()
    env.reset(seed=1)
    with pytest.raises(UsageError, match="nobody_0"):
        env.step({"nobody_0": 0})


def test_numpy_indices_are_indices(make_env):
    env = make_env()
    env.reset(seed=1)
    infos = env.step({"runner_0": np.int64(1), "runner_1": np.array(1)})[4]
    assert infos["runner_0"]["status"] == infos["runner_1"]["status"] == "ACCEPTED"


def test_a_signed_crew_acts_and_an_unsigned_event_is_refused(make_env):
    env = make_env(signed=True)
    env.reset(seed=1)
    infos = env.step({"runner_0": 1, "qc_0": {"action_type": "TICK", "signature": "AAAA"}})[4]
    assert infos["runner_0"]["status"] == "ACCEPTED"
    assert infos["qc_0"]["status"] == "BLOCKED"


def test_of_two_who_want_the_same_the_first_of_the_crew_gets_it(make_env):
    env = make_env(workload=None)
    specimen = {
        "specimen_id": "S1",
        "panel_id": "HAEM_PANEL_CORE",
        "container_type": "WHOLE_BLOOD_EDTA",
        "status": "accepted",
        "zone_id": "Z_SORTING_LANES",
    }
    together = [
        {"agent_id": agent_id, "zone_id": "Z_SORTING_LANES", "role": "ROLE_RUNNER"}
        for agent_id in ("A_RUNNER_0", "A_RUNNER_1")
    ]
    env.reset(seed=1, options={"scenario": {"specimens": [specimen], "agents": together}})
    pick_up = index_of(env, "RETRIEVE")
    assert env.action_mask("runner_0")[pick_up]
    assert env.action_mask("runner_1")[pick_up]
    infos = env.step({"runner_1": pick_up, "runner_0": pick_up})[4]
    assert infos["runner_0"]["status"] == "ACCEPTED"
    assert infos["runner_1"]["blocked_reason_code"] == "RC_SPECIMEN_NOT_HERE"
