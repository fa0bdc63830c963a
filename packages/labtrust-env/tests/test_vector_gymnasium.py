"""Gymnasium makes a batch of crews by its usual call, and it is what Gymnasium's own would be."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from labtrust_core.errors import UsageError
from labtrust_env import HospitalLabVectorEnv

ID = "labtrust/HospitalLab-v0"
SMALL = {"workload": "district_smoke", "max_cycles": 3}


@pytest.fixture
def make(policy):
    def made(mode=AutoresetMode.NEXT_STEP, **options):
        return gymnasium.make_vec(ID, 2, policy=policy, autoreset_mode=mode, **(SMALL | options))

    return made


def waits(envs):
    return np.zeros(envs.action_space.shape, np.int64)


def test_the_usual_call_makes_our_batch(make):
    envs = make()
    assert isinstance(envs, HospitalLabVectorEnv)
    assert envs.num_envs == 2
    assert envs.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, infos = envs.reset(seed=3)
    assert envs.observation_space.contains(observations)
    assert infos["seed"].tolist() == [3, 4]
    assert infos["_seed"].tolist() == [True, True]


@pytest.mark.parametrize("mode", AutoresetMode)
def test_it_shows_what_gymnasiums_own_batch_shows(make, policy, mode):
    ours = make(mode)
    theirs = gymnasium.make_vec(ID, 2, "sync", {"autoreset_mode": mode}, policy=policy, **SMALL)
    seen, other = ours.reset(seed=1)[0], theirs.reset(seed=1)[0]
    rng = np.random.default_rng(5)
    for _ in range(9):
        for part in ("observation", "action_mask"):
            assert np.array_equal(seen[part], other[part])
        actions = (rng.random(seen["action_mask"].shape) * seen["action_mask"]).argmax(axis=-1)
        seen, *rest, infos = ours.step(actions)
        other, *expected, told = theirs.step(actions)
        assert [item.tolist() for item in rest] == [item.tolist() for item in expected]
        assert ("final_obs" in infos) is ("final_obs" in told)
        for row in np.flatnonzero(told.get("_final_obs", [])):
            for part in ("observation", "action_mask"):
                assert np.array_equal(infos["final_obs"][row][part], told["final_obs"][row][part])
        if mode is AutoresetMode.DISABLED and (over := rest[1] | rest[2]).any():
            seen = ours.reset(options={"reset_mask": over.copy()})[0]
            other = theirs.reset(options={"reset_mask": over.copy()})[0]


def test_two_processes_show_what_one_shows(make):
    with_workers, alone = make(workers=2), make()
    for envs in (with_workers, alone):
        envs.reset(seed=1)
    for _ in range(4):
        one, other = with_workers.step(waits(alone)), alone.step(waits(alone))
        assert np.array_equal(one[0]["observation"], other[0]["observation"])
        assert one[1].tolist() == other[1].tolist()
    with_workers.close()
    assert with_workers.closed


def test_infos_are_arrays_with_twins(make):
    envs = make(AutoresetMode.SAME_STEP)
    envs.reset(seed=1)
    infos = envs.step(waits(envs) + 2)[-1]
    assert infos["rewards"].shape == (2, len(envs.members))
    assert {name for name in infos if not name.startswith("_")} == {
        name[1:] for name in infos if name.startswith("_")
    }
    envs.step(waits(envs))
    last = envs.step(waits(envs) + 2)[-1]
    assert last["_final_info"].all()
    assert last["final_info"]["rewards"].any()
    assert not last["rewards"].any()


def test_the_reward_is_the_mean_of_the_members(make):
    envs = make(horizon_s=600, max_cycles=None)
    envs.reset(seed=1)
    _, rewards, _, _, infos = envs.step(waits(envs) + 2)
    assert rewards.tolist() == pytest.approx(infos["rewards"].mean(axis=1).tolist())


def test_the_masks_end_to_end_are_those_observed(make):
    envs = make()
    seen, _ = envs.reset(seed=1)
    assert np.array_equal(envs.action_masks(), seen["action_mask"].reshape(2, -1).astype(bool))


def test_each_environment_is_rendered(make):
    envs = make(render_mode="ansi")
    envs.reset(seed=1)
    assert len(envs.render()) == 2


def test_the_place_of_the_mask_is_no_option(make):
    with pytest.raises(UsageError, match="mask_in"):
        make(mask_in="info")
