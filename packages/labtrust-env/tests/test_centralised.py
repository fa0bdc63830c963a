"""The crew as one Gymnasium agent plays the same laboratory, and passes Gymnasium's checker."""

import copy

import gymnasium
import labtrust_env  # noqa: F401 - importing registers
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from labtrust_core.errors import UsageError

ID = "labtrust/HospitalLab-v0"
SMALL = {"workload": "district_smoke", "horizon_s": 600}


@pytest.fixture
def lab(policy):
    env = gymnasium.make(ID, policy=policy, **SMALL)
    env.reset(seed=1)
    return env.unwrapped


def legal(env, rng):
    rows = env.action_masks().reshape(len(env.members), -1)
    return np.array([rng.choice(np.flatnonzero(row)) for row in rows])


def test_gymnasium_finds_nothing_wrong(policy):
    env = gymnasium.make(ID, policy=policy, render_mode="ansi", **SMALL)
    check_env(env.unwrapped, skip_render_check=True)


def test_it_plays_what_the_parallel_environment_plays(lab, make_env):
    crew = make_env(**SMALL)
    crew.reset(seed=1)
    rng = np.random.default_rng(3)
    for _ in range(40):
        action = legal(lab, rng)
        seen, reward, *_ = lab.step(action)
        chosen = {name: int(index) for name, index in zip(lab.members, action, strict=True)}
        observations, rewards, *_ = crew.step(chosen)
        for row, name in enumerate(lab.members):
            assert np.array_equal(seen["observation"][row], observations[name]["observation"])
            assert np.array_equal(seen["action_mask"][row], observations[name]["action_mask"])
        assert reward == pytest.approx(sum(rewards.values()) / len(rewards))


def test_the_horizon_truncates(policy):
    env = gymnasium.make(ID, policy=policy, workload="district_smoke", max_cycles=2)
    env.reset(seed=1)
    waits = np.zeros(env.action_space.shape, np.int64)
    assert env.step(waits)[2:4] == (False, False)
    assert env.step(waits)[2:4] == (False, True)


def test_the_masks_end_to_end_are_those_observed(lab):
    seen, *_ = lab.step(np.zeros(len(lab.members), np.int64))
    assert np.array_equal(lab.action_masks(), seen["action_mask"].ravel().astype(bool))


def test_a_copy_goes_on_identically(lab):
    rng = np.random.default_rng(3)
    lab.step(legal(lab, rng))
    twin, action = copy.deepcopy(lab), legal(lab, rng)
    one, other = twin.step(action), lab.step(action)
    assert np.array_equal(one[0]["observation"], other[0]["observation"])
    assert twin.parallel.session.engine.head == lab.parallel.session.engine.head


def test_reset_says_which_seed_it_is(lab):
    assert lab.reset(seed=5)[1]["seed"] == 5
    assert lab.reset()[1]["episode"] == 1


@pytest.mark.parametrize("wrong", [[0], [-1] * 9, [10_000] * 9])
def test_what_is_no_action_is_an_error(lab, wrong):
    with pytest.raises(UsageError, match="indices below"):
        lab.step(np.array(wrong))


def test_the_place_of_the_mask_is_no_option(policy):
    with pytest.raises(UsageError, match="mask_in"):
        gymnasium.make(ID, policy=policy, mask_in="info")
