"""A batch is as many single laboratories: the same bytes, resets as Gymnasium has them."""

import copy
import pickle

import numpy as np
import pytest
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_env import EnvConfig, HospitalLabEnv, HospitalLabVector
from labtrust_env.vector import AutoresetMode, LabEnvironments

SMALL = {"workload": "district_smoke", "horizon_s": 600}
ENVS = 3


@pytest.fixture
def make_labs(policy):
    made = []

    def make(envs=ENVS, mode=AutoresetMode.SAME_STEP, *, with_state=False, **options):
        factory = LabEnvironments(EnvConfig(**(SMALL | options)), policy)
        labs = HospitalLabVector(factory, envs, autoreset_mode=mode, with_state=with_state)
        made.append(labs)
        return labs

    yield make
    for labs in made:
        labs.close()


def choose(masks, rng):
    """Return an allowed action for everybody."""
    return (rng.random(masks.shape) * masks).argmax(axis=-1)


def waits(labs):
    return np.zeros((labs.num_envs, labs.num_agents), np.int64)


def test_shapes_and_types_are_as_documented(make_labs):
    labs = make_labs(with_state=True)
    observations, masks = labs.reset(seed=1)
    crew = (ENVS, len(labs.agents))
    assert observations.shape == (*crew, *labs.single_observation_space.shape)
    assert masks.shape == (*crew, labs.single_action_space.n)
    assert (observations.dtype, masks.dtype) == (np.float32, np.int8)
    _, _, rewards, terminated, truncated, infos = labs.step(waits(labs))
    assert {item.shape for item in (rewards, terminated, truncated, infos["blocked"])} == {crew}
    assert (rewards.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)
    assert labs.states().shape == (ENVS, *labs.single_state_space.shape)


@pytest.mark.parametrize("place", ["both", "info", "none"])
def test_it_plays_what_single_environments_play_over_many_episodes(policy, make_labs, place):
    config = EnvConfig(**SMALL, max_cycles=6, mask_in="both")
    labs = make_labs(with_state=True, max_cycles=6, mask_in=place)
    envs = [HospitalLabEnv(config, policy) for _ in range(ENVS)]
    observations, masks = labs.reset(seed=4)
    seen = [env.reset(seed=4 + number)[0] for number, env in enumerate(envs)]
    rng = np.random.default_rng(1)
    for _ in range(20):
        for row, env in enumerate(envs):
            assert np.array_equal(labs.states()[row], env.state())
            for column, name in enumerate(labs.agents):
                alone = seen[row][name]
                assert observations[row, column].tobytes() == alone["observation"].tobytes()
                assert masks[row, column].tobytes() == alone["action_mask"].tobytes()
        actions = choose(masks, rng)
        observations, masks, rewards, _, truncated, infos = labs.step(actions)
        for row, env in enumerate(envs):
            chosen = dict(zip(labs.agents, actions[row].tolist(), strict=True))
            seen[row], alone, _, cut, said = env.step(chosen)
            assert rewards[row].tolist() == [alone[name] for name in labs.agents]
            assert truncated[row].tolist() == [cut[name] for name in labs.agents]
            told = infos["final_info"] if cut[labs.agents[0]] else infos
            codes = [said[name]["blocked_reason_code"] for name in labs.agents]
            assert told["blocked_reason_code"][row].tolist() == codes
            if cut[labs.agents[0]]:
                seen[row] = env.reset()[0]


def test_seeds_rise_with_the_number_of_the_environment(make_labs):
    labs = make_labs()
    labs.reset(seed=7)
    assert labs.reset_infos["seed"].tolist() == [7, 8, 9]
    labs.reset(seed=[5, None, 5])
    assert labs.reset_infos["seed"].tolist()[::2] == [5, 5]
    assert labs.reset_infos["stream_seed"].tolist() == [5, 8, 5]
    assert labs.reset_infos["episode"].tolist() == [0, 1, 0]


def test_the_same_step_begins_the_next_episode_and_keeps_what_was_seen_last(make_labs, make_env):
    labs, alone = make_labs(envs=1, max_cycles=2, with_state=True), make_env(**SMALL, max_cycles=2)
    labs.reset(seed=1)
    alone.reset(seed=1)
    labs.step(waits(labs))
    observations, masks, _, _, truncated, infos = labs.step(waits(labs))
    alone.step({})
    last = alone.step({})[0]
    assert truncated.all()
    for column, name in enumerate(labs.agents):
        assert np.array_equal(infos["final_obs"][0, column], last[name]["observation"])
        assert np.array_equal(infos["final_mask"][0, column], last[name]["action_mask"])
    assert np.array_equal(infos["final_state"][0], alone.state())
    first, said = alone.reset()
    assert np.array_equal(observations[0, 0], first[labs.agents[0]]["observation"])
    assert np.array_equal(masks[0, 0], first[labs.agents[0]]["action_mask"])
    assert infos["seed"].tolist() == [said[labs.agents[0]]["seed"]]
    assert infos["_final_obs"].tolist() == infos["_seed"].tolist() == [True]
    assert infos["_blocked"].tolist() == [False]


def test_the_next_step_begins_the_next_episode_and_ignores_the_action(make_labs):
    labs = make_labs(mode="NextStep", max_cycles=1)
    labs.reset(seed=1)
    assert labs.step(waits(labs))[4].all()
    _, _, rewards, terminated, truncated, infos = labs.step(waits(labs) + 1)
    assert not rewards.any()
    assert not (terminated | truncated).any()
    assert infos["_episode"].all()
    assert infos["episode"].tolist() == [1] * ENVS
    assert not infos["_blocked"].any()
    assert labs.step(waits(labs))[4].all()


def test_with_autoreset_disabled_the_caller_resets_by_mask(make_labs):
    labs = make_labs(mode=AutoresetMode.DISABLED, max_cycles=1)
    labs.reset(seed=1)
    labs.step(waits(labs))
    with pytest.raises(UsageError, match=r"\[0, 1, 2\] are over"):
        labs.step(waits(labs))
    before, _ = labs.reset(options={"reset_mask": np.array([True, False, True])})
    assert labs.reset_infos["_seed"].tolist() == [True, False, True]
    with pytest.raises(UsageError, match=r"\[1\] are over"):
        labs.step(waits(labs))
    after, _ = labs.reset(options={"reset_mask": np.array([False, True, False])})
    assert np.array_equal(before[::2], after[::2])
    assert labs.step(waits(labs))[4].all()


def test_a_scenario_among_the_options_reaches_every_environment(make_labs):
    labs = make_labs()
    labs.reset(seed=1, options={"scenario": {"system": {"downtime_active": True}}})
    assert [session.ctx.world.downtime for session in labs.call("session")] == [True] * ENVS


def test_what_was_returned_does_not_change(make_labs):
    labs = make_labs()
    observations, masks = labs.reset(seed=1)
    kept = observations.copy(), masks.copy()
    labs.step(waits(labs) + 1)
    assert np.array_equal(observations, kept[0])
    assert np.array_equal(masks, kept[1])


def test_the_masks_are_bool_on_request(make_labs):
    labs = make_labs()
    _, masks = labs.reset(seed=1)
    assert np.array_equal(labs.action_masks(), masks.astype(bool))


def test_a_method_of_every_environment_can_be_called(make_labs):
    labs = make_labs()
    labs.reset(seed=1)
    assert labs.call("action_mask", labs.agents[0])[0].dtype == np.int8
    assert labs.call("max_cycles") == [60] * ENVS


def test_each_environment_is_rendered(make_labs):
    labs = make_labs(render_mode="ansi")
    labs.reset(seed=1)
    assert all("Specimen reception" in text for text in labs.render())


def test_a_batch_opens_no_windows(make_labs):
    pytest.importorskip("pygame")
    with pytest.raises(UsageError, match="opens no windows"):
        make_labs(render_mode="human")


@pytest.mark.parametrize(
    ("seed", "options", "words"),
    [
        ([1, 2], None, "as many seeds"),
        (-1, None, "seed"),
        (1, {"reset_mask": [True] * ENVS}, "bool array"),
        (1, {"reset_mask": np.array([True])}, "has shape"),
        (1, {"reset_mask": np.zeros(ENVS, bool)}, "names an environment"),
        (1, {"reset_mask": np.array([True, False, False])}, "leaves some out"),
    ],
)
def test_a_reset_that_cannot_be_is_an_error(make_labs, seed, options, words):
    with pytest.raises(UsageError, match=words):
        make_labs().reset(seed, options)


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (np.zeros((ENVS, 2), int), "integers of shape"),
        (np.zeros((ENVS, 9)), "integers of shape"),
        (np.full((ENVS, 9), -1), "lies in"),
        (np.full((ENVS, 9), 10_000), "lies in"),
    ],
)
def test_what_is_no_action_is_an_error(make_labs, actions, words):
    labs = make_labs()
    labs.reset(seed=1)
    with pytest.raises(UsageError, match=words):
        labs.step(actions)


def test_a_step_before_the_first_reset_is_an_error(make_labs):
    labs = make_labs()
    with pytest.raises(UsageError, match="reset first"):
        labs.step(waits(labs))


def test_states_that_were_not_asked_for_are_an_error(make_labs):
    with pytest.raises(UsageError, match="with_state"):
        make_labs().states()


def test_a_closed_batch_can_be_closed_again_and_does_nothing_else(make_labs):
    with make_labs() as labs:
        labs.reset(seed=1)
    labs.close()
    assert labs.closed
    for call in (labs.reset, labs.render, labs.action_masks, lambda: labs.step(waits(labs))):
        with pytest.raises(UsageError, match="closed"):
            call()


@pytest.mark.parametrize(("envs", "workers"), [(0, 0), (2, 3), (2, -1)])
def test_numbers_that_make_no_batch_are_errors(envs, workers):
    with pytest.raises(UsageError):
        HospitalLabVector(EnvConfig(**SMALL), envs, workers=workers)


def test_an_unknown_autoreset_mode_is_an_error(make_labs):
    with pytest.raises(UnknownNameError, match="SameStep"):
        make_labs(mode="Sometimes")


def test_agents_with_different_spaces_make_no_batch(make_env):
    env = make_env(**SMALL)
    one, other = env.possible_agents[:2]
    env.action_space(one).n = np.int64(3)
    with pytest.raises(UsageError, match=other):
        HospitalLabVector(lambda: env, 1)


def test_a_copy_of_what_makes_environments_makes_the_same(policy):
    make = LabEnvironments(EnvConfig(**SMALL), policy)
    for twin in (copy.deepcopy(make), pickle.loads(pickle.dumps(make))):  # noqa: S301 - own
        one, other = (env.reset(seed=1)[0]["runner_0"]["observation"] for env in (make(), twin()))
        assert np.array_equal(one, other)
