"""The same seed and actions give the same bytes, whatever happened before and wherever it runs."""

import copy
import os
import pickle
import random
import subprocess
import sys

import numpy as np
import pytest
from labtrust_core.errors import UsageError

SCRIPT = """
import hashlib, random, sys
import numpy as np
from labtrust_env import hospital_lab_v0
env = hospital_lab_v0.parallel_env(horizon_s=2_400, workload="district_smoke")
observations, infos = env.reset(seed=11)
rng, digest = random.Random(5), hashlib.sha256()
while env.agents:
    masks = {name: seen["action_mask"] for name, seen in observations.items()}
    actions = {name: int(rng.choice(np.flatnonzero(mask))) for name, mask in masks.items()}
    observations, rewards, *_ = env.step(actions)
    for name in sorted(observations):
        digest.update(observations[name]["observation"].tobytes())
        digest.update(observations[name]["action_mask"].tobytes())
    digest.update(repr(sorted(rewards.items())).encode())
print(digest.hexdigest(), env.session.engine.head)
"""


def start(env, seed=1, steps=0, play=None):
    env.reset(seed=seed)
    if steps:
        play(env, steps, hand_seed=9)
    return env


def test_the_same_seed_gives_the_same_episode(make_env, play):
    assert play(start(make_env()), 400) == play(start(make_env()), 400)


def test_another_seed_gives_another_episode(make_env, play):
    first, second = play(start(make_env()), 100), play(start(make_env(), seed=2), 100)
    assert first[-1][0] != second[-1][0]
    assert first[-1][6] != second[-1][6]


def test_an_episode_does_not_depend_on_those_before_it(make_env, play):
    used = make_env()
    for seed in (5, 6):
        used.reset(seed=seed)
        play(used, 77)
    assert play(start(used), 150) == play(start(make_env()), 150)


def test_two_environments_do_not_disturb_each_other(make_env, play):
    alone = play(start(make_env()), 60)
    first, second = start(make_env()), start(make_env(), seed=3)
    together = []
    rng = random.Random(0)  # noqa: S311 - a hand that plays, no secret
    for _ in range(60):
        actions = {
            name: int(rng.choice(np.flatnonzero(first.action_mask(name)))) for name in first.agents
        }
        play(second, 1)
        together.append(first.step(actions)[1])
    assert together == [item[2] for item in alone]


def test_global_random_state_is_neither_read_nor_changed(make_env, play):
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002 - the global generator is what this is about
    before = (random.getstate(), np.random.get_state()[1].tobytes())  # noqa: NPY002 - likewise
    first = play(start(make_env()), 50)
    assert before == (random.getstate(), np.random.get_state()[1].tobytes())  # noqa: NPY002 - likewise
    random.seed(4)
    assert play(start(make_env()), 50) == first


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "snapshot"])
@pytest.mark.parametrize("signed", [False, True])
def test_a_copy_in_mid_episode_goes_on_identically(make_env, play, way, signed):
    env = start(make_env(signed=signed), steps=150, play=play)
    if way == "deepcopy":
        twin = copy.deepcopy(env)
    elif way == "pickle":
        twin = pickle.loads(pickle.dumps(env))  # noqa: S301 - made here
    else:
        twin = make_env(signed=signed)
        twin.restore(env.snapshot())
    rest = play(env, 120)
    assert play(twin, 120) == rest
    assert twin.reset()[1]["qc_0"]["seed"] == env.reset()[1]["qc_0"]["seed"]


def test_a_copy_has_a_life_of_its_own(make_env, play):
    env = start(make_env(), steps=50, play=play)
    twin = copy.deepcopy(env)
    play(twin, 50)
    assert env.session.steps == 50


def test_a_copy_keeps_the_state_of_the_action_spaces(make_env):
    env = start(make_env())
    env.action_space("runner_0").seed(4)
    env.action_space("runner_0").sample()
    twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]  # noqa: S301 - made here
    expected = [int(env.action_space("runner_0").sample()) for _ in range(5)]
    for twin in twins:
        assert [int(twin.action_space("runner_0").sample()) for _ in range(5)] == expected


def test_restore_goes_back_within_the_same_environment(make_env, play):
    env = start(make_env(), steps=40, play=play)
    kept = env.snapshot()
    first = play(env, 60)
    env.restore(kept)
    assert play(env, 60) == first


def test_an_environment_can_be_copied_before_its_first_episode(make_env, play):
    twin = pickle.loads(pickle.dumps(make_env()))  # noqa: S301 - made here
    assert play(start(twin), 20) == play(start(copy.deepcopy(make_env())), 20)


def test_a_snapshot_needs_an_episode(make_env):
    with pytest.raises(UsageError, match="reset"):
        make_env().snapshot()


def test_reset_without_a_seed_goes_on_in_the_stream(make_env):
    def seeds(env):
        found = [env.reset(seed=0)[1], env.reset()[1], env.reset()[1]]
        return [info["qc_0"]["seed"] for info in found]

    first = seeds(make_env())
    assert first[0] == 0
    assert len(set(first)) == 3
    assert seeds(make_env()) == first


def test_the_infos_of_reset_report_seed_and_policy(make_env, policy):
    infos = make_env().reset(seed=17)[1]
    for info in infos.values():
        assert (info["seed"], info["stream_seed"], info["episode"]) == (17, 17, 0)
        assert info["policy_fingerprint"] == policy.fingerprint


def test_without_a_seed_entropy_is_drawn_once_and_reported(make_env, play):
    env, other = make_env(), make_env()
    seed = env.reset()[1]["qc_0"]["seed"]
    assert other.reset()[1]["qc_0"]["seed"] != seed
    again = env.reset()[1]["qc_0"]
    assert (again["stream_seed"], again["episode"]) == (seed, 1)
    expected = play(start(make_env(), seed=seed), 30)
    other.reset(seed=seed)
    assert play(other, 30) == expected


@pytest.mark.parametrize("wrong", [-1, 2**53, 1.5, "7"])
def test_what_is_no_seed_is_an_error(make_env, wrong):
    with pytest.raises(UsageError, match="seed"):
        make_env().reset(seed=wrong)


def test_hash_seed_and_working_directory_make_no_difference(tmp_path):
    seen = set()
    for number, directory in (("0", tmp_path), ("1", tmp_path.parent), ("77", tmp_path)):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": number},
            cwd=directory,
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(done.stdout)
    assert len(seen) == 1
