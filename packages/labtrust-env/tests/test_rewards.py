"""Rewards: each term by its formula, for the team or for each agent, exact in milli-units."""

import pytest
from labtrust_core.errors import UsageError
from labtrust_env.rewards import TERMS, RewardConfig, open_specimens

ZERO = dict.fromkeys(TERMS, 0)


def index_of(env, name):
    return next(item.index for item in env.session.actions if item.name == name)


def quiet(**numbers):
    return RewardConfig(**({**ZERO, **numbers}))


def test_waiting_specimens_cost_the_schedule_penalty_each_step(make_env):
    env = make_env(reward_config=quiet(schedule_penalty=7))
    env.reset(seed=1)
    total = 0
    for _ in range(100):
        rewards = env.step({})[1]
        total += open_specimens(env.session.ctx.world)
        waiting = open_specimens(env.session.ctx.world)
        assert set(rewards.values()) == {-7 * waiting / 1000}
    assert total > 0


def test_open_specimens_are_those_neither_released_nor_rejected(make_env, play):
    env = make_env(horizon_s=14_400)
    env.reset(seed=3)
    play(env, 900)
    world = env.session.ctx.world
    expected = sum(item.status not in ("released", "rejected") for item in world.specimens.values())
    assert open_specimens(world) == expected


def test_a_refusal_costs_the_team_the_blocked_penalty(make_env):
    env = make_env(reward_config=quiet(blocked_penalty=50), workload=None)
    env.reset(seed=1)
    wrong = index_of(env, "MOVE:Z_COLD_FRIDGE")
    rewards = env.step({"runner_0": wrong, "runner_1": wrong})[1]
    assert set(rewards.values()) == {-0.1}


def test_a_refusal_costs_its_own_agent_where_shares_are_by_agent(make_env):
    env = make_env(reward_config=quiet(blocked_penalty=50, share="agent"), workload=None)
    env.reset(seed=1)
    rewards = env.step({"runner_0": index_of(env, "MOVE:Z_COLD_FRIDGE"), "runner_1": 1})[1]
    assert rewards.pop("runner_0") == -0.05
    assert set(rewards.values()) == {0.0}


def test_a_broken_invariant_costs_the_violation_penalty(make_env):
    env = make_env(reward_config=quiet(violation_penalty=1000, share="agent"), workload=None)
    env.reset(seed=1)
    earned = env.step({"reception_0": index_of(env, "OPEN_DOOR:D_MAIN_INNER")})[1]
    assert set(earned.values()) == {0.0}
    paid = [set(env.step({})[1].values()) for _ in range(70)]  # the door may stand open for 600 s
    assert paid.count({-1.0}) == 1
    assert paid.count({0.0}) == 69


def test_a_prevented_violation_costs_no_more_than_the_refusal(make_env):
    env = make_env(reward_config=quiet(violation_penalty=1000), workload=None)
    env.reset(seed=1)
    action = {"action_type": "START_RUN", "args": {"device_id": "DEV_CHEM_B_01"}}
    rewards = env.step({"analytics_0": action})[1]
    assert env.session.outcomes["analytics_0"].violations
    assert set(rewards.values()) == {0.0}


def released_in(env, play_step, limit):
    """Play until something is released; return the specimens and the rewards of that step."""
    for _ in range(limit):
        rewards = play_step()
        found = [
            item
            for item in env.session.ctx.world.specimens.values()
            if item.released_s is not None and item.released_s > env.session.now - env.config.dt_s
        ]
        if found:
            return found, rewards
    raise AssertionError("nothing was released")


@pytest.mark.parametrize(("target", "expected"), [(10**6, 1.5), (1, 1.0)])
def test_a_release_counts_and_counts_more_on_time(make_env, greedy, target, expected):
    goals = dict.fromkeys(("STAT", "URGENT", "ROUTINE"), target)
    env = make_env(
        reward_config=quiet(throughput=1000, on_time=500, target_s=goals), horizon_s=7_200
    )
    env.reset(seed=1)
    found, rewards = released_in(env, lambda: env.step(greedy(env.session))[1], 700)
    assert rewards["runner_0"] == expected * len(found)


def test_the_terms_add_up_to_the_reward(make_env, play):
    env = make_env()
    env.reset(seed=1)
    for seen in play(env, 60):
        rewards = seen[2]
    total = {name: sum(terms.values()) / 1000 for name, terms in env.reward_terms.items()}
    assert total == rewards


@pytest.mark.parametrize("wrong", [{"throughput": -1}, {"share": "me"}, {"target_s": {"STAT": 1}}])
def test_a_wrong_configuration_is_an_error(wrong):
    with pytest.raises(UsageError):
        RewardConfig(**wrong)


@pytest.mark.slow
def test_a_scripted_crew_earns_more_than_a_random_one(make_env, play, greedy):
    env = make_env(horizon_s=14_400)
    env.reset(seed=2)
    by_chance = sum(seen[2]["runner_0"] for seen in play(env, 1_440))
    env.reset(seed=2)
    scripted = 0.0
    while env.agents:
        scripted += env.step(greedy(env.session))[1]["runner_0"]
    assert scripted > by_chance + 20
