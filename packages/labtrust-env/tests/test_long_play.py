"""Long random play stays inside the spaces, and leaves nothing behind.

The long versions are marked slow: ``pytest -m slow packages/labtrust-env/tests/test_long_play.py``.
"""

import gc
import tracemalloc

import numpy as np
import pytest

CREW = 9
KIB = 1_024


def masked_choice(rng, masks):
    """Return an allowed index for each row."""
    luck = rng.random(masks.shape, np.float32) * masks
    return (luck + masks).argmax(axis=1)


def play_inside(env, steps, seed):
    """Play ``steps`` steps; return how many observations of an agent were looked at."""
    rng = np.random.default_rng(seed)
    seen = 0
    while steps:
        observations, _ = env.reset(seed=seed + steps)
        while env.agents and steps:
            masks = np.stack([item["action_mask"] for item in observations.values()])
            chosen = masked_choice(rng, masks)
            actions = dict(zip(env.agents, map(int, chosen), strict=True))
            observations, rewards, _, _, _ = env.step(actions)
            vectors = np.stack([item["observation"] for item in observations.values()])
            assert vectors.dtype == np.float32
            assert vectors.min() >= 0  # NaN is not
            assert vectors.max() <= 1
            assert np.isin(masks, (0, 1)).all()
            assert all(np.isfinite(item) for item in rewards.values())
            if steps % 100 == 0:
                for name, item in observations.items():
                    assert env.observation_space(name).contains(item)
                assert env.state_space.contains(env.state())
            steps -= 1
            seen += len(observations)
    return seen


def grown(env, episodes, steps):
    """Return by how many KiB memory grows in ``episodes`` episodes; a tenth goes before.

    The seeds of that tenth come again: what draws remember by seed is bounded, not nothing.
    """
    seeds = episodes // 10
    tracemalloc.start()
    try:
        sizes = []
        for count in (seeds, episodes):
            for number in range(count):
                env.reset(seed=number % seeds)
                for _ in range(steps):
                    env.step(dict.fromkeys(env.agents, 1))
            env.reset(seed=0)
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    return (sizes[1] - sizes[0]) // KIB


def test_observations_stay_inside_their_spaces(make_env):
    assert play_inside(make_env(horizon_s=28_800), 1_200, seed=1) == 1_200 * CREW


def test_memory_does_not_grow_with_episodes(make_env):
    assert grown(make_env(horizon_s=600), 30, steps=3) < 32


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_observations_stay_inside_their_spaces_for_a_million_agent_steps(make_env):
    steps = -(-1_000_000 // CREW)
    assert play_inside(make_env(horizon_s=28_800), steps, seed=2) >= 1_000_000


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_memory_does_not_grow_over_a_thousand_episodes(make_env):
    assert grown(make_env(horizon_s=600), 1_000, steps=15) < 64
