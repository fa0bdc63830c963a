"""PettingZoo's own tests, and the rules that they do not check."""

import re
import warnings

import labtrust_env
import numpy as np
import pettingzoo
import pytest
from labtrust_core.errors import UsageError
from labtrust_env import hospital_lab_v0
from labtrust_env.conformance.pettingzoo_suite import (
    api_test,
    max_cycles_test,
    parallel_api_test,
    parallel_seed_test,
    seed_test,
)

unknown_option = pytest.mark.filterwarnings("ignore:unknown reset option options:UserWarning")
"""PettingZoo's tests reset with an option that no environment knows; ours warns of it."""


@unknown_option
def test_the_parallel_environment_passes_the_api_test(make_env):
    parallel_api_test(make_env(), num_cycles=300)


@unknown_option
@pytest.mark.filterwarnings("ignore:Observation:UserWarning")
@pytest.mark.parametrize("crew", ["standard", "adversarial"])
def test_the_aec_environment_passes_the_api_test(policy, crew):
    # a mask in the observation makes that a mapping, of which the test warns over and over
    api_test(hospital_lab_v0.env(policy, crew=crew, horizon_s=600), num_cycles=200)


@unknown_option
def test_the_aec_environment_with_bare_vectors_passes_the_api_test(policy):
    api_test(hospital_lab_v0.env(policy, mask_in="info", horizon_s=600), num_cycles=200)


def test_the_parallel_environment_passes_the_seed_test(make_env):
    parallel_seed_test(make_env, num_cycles=50)


def test_the_aec_environment_passes_the_seed_test(policy):
    seed_test(lambda: hospital_lab_v0.env(policy, horizon_s=1_200), num_cycles=50)


def test_an_episode_lasts_max_cycles():
    max_cycles_test(hospital_lab_v0)


def test_the_package_registers_with_both_registries():
    parallel = pettingzoo.make("parallel", labtrust_env.ENV_ID, max_cycles=3)
    turns = pettingzoo.make("aec", labtrust_env.ENV_ID, max_cycles=3)
    assert parallel.possible_agents == turns.possible_agents


def test_registering_twice_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labtrust_env.register_environments()


def test_every_agent_of_every_crew_is_named_role_index(make_env, crews):
    for crew, workload in crews.items():
        for name in make_env(crew=crew, workload=workload).possible_agents:
            assert re.fullmatch(r"[a-z]+_[0-9]+", name)


def test_metadata_names_the_versioned_environment(make_env):
    metadata = make_env().metadata
    assert metadata["name"] == "hospital_lab_v0"
    assert metadata["render_modes"] == ["ansi", "rgb_array", "human"]
    assert metadata["is_parallelizable"] is True


def test_each_agent_has_its_own_spaces_and_always_the_same(make_env):
    env = make_env()
    first, second = env.possible_agents[:2]
    assert env.action_space(first) is env.action_space(first)
    assert env.action_space(first) is not env.action_space(second)
    assert env.observation_space(first) is env.observation_space(first)
    assert env.observation_space(first) is not env.observation_space(second)


def test_an_unknown_agent_has_no_space(make_env):
    with pytest.raises(UsageError, match="nobody_0"):
        make_env().action_space("nobody_0")


def test_max_cycles_set_before_reset_changes_the_length(make_env):
    env = make_env()
    env.max_cycles = 5
    env.reset(seed=1)
    steps = 0
    while env.agents:
        env.step({})
        steps += 1
    assert steps == 5


def test_a_smaller_max_cycles_ends_a_running_episode_earlier(make_env):
    env = make_env()
    env.reset(seed=1)
    env.max_cycles = 2
    env.step({})
    *_, cut, _ = env.step({})
    assert all(cut.values())


def test_the_horizon_truncates_and_does_not_terminate(make_env):
    env = make_env(max_cycles=1)
    env.reset(seed=1)
    _, _, ended, cut, _ = env.step({})
    assert set(ended.values()) == {False}
    assert set(cut.values()) == {True}
    assert env.agents == []


def test_after_the_end_nothing_comes_back_and_acting_is_an_error(make_env):
    env = make_env(max_cycles=1)
    env.reset(seed=1)
    env.step({})
    assert env.step({}) == ({}, {}, {}, {}, {})
    with pytest.raises(UsageError, match="reset"):
        env.step({"runner_0": 0})


def test_a_frozen_ledger_terminates(make_env):
    env = make_env()
    env.reset(seed=1)
    env.session.ctx.trust.tail = "0" * 64  # the engine's memory and the chain disagree
    _, _, ended, cut, _ = env.step({"runner_0": 1})
    assert set(ended.values()) == {True}
    assert set(cut.values()) == {False}


def test_an_unknown_reset_option_warns(make_env):
    with pytest.warns(UserWarning, match="unknown reset option colour"):
        make_env().reset(seed=1, options={"colour": 1})


def test_an_unknown_reset_option_raises_where_options_are_strict(make_env):
    with pytest.raises(UsageError, match="colour"):
        make_env(strict_options=True).reset(seed=1, options={"colour": 1})


def test_a_scenario_in_the_reset_options_shapes_that_episode_only(make_env):
    env = make_env()
    env.reset(seed=1, options={"scenario": {"system": {"downtime_active": True}}})
    assert env.session.ctx.world.downtime
    env.reset(seed=1)
    assert not env.session.ctx.world.downtime


def test_unknown_options_of_the_constructor_are_errors():
    for wrong in (
        {"render_mode": "hologram"},
        {"mask_in": "hat"},
        {"max_cycles": 0},
        {"crew": "x"},
    ):
        with pytest.raises(UsageError):
            hospital_lab_v0.parallel_env(**wrong)


def test_rendering_without_a_mode_warns(make_env):
    env = make_env()
    env.reset(seed=1)
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None


def test_the_text_shows_people_devices_doors_and_alarms(make_env):
    env = make_env(render_mode="ansi", max_cycles=200)
    env.reset(seed=1)
    while env.agents:
        mask = env.action_mask("runner_0")
        move = env.session.ctx.world.agents["A_RUNNER_0"].zone != "Z_SRA_RECEPTION"
        names = [item.name for item in env.session.actions]
        walk = ["MOVE:Z_SRA_RECEPTION", "MOVE:Z_ACCESSIONING"]
        wanted = walk if move else ["OPEN_DOOR:D_MAIN_INNER"]
        index = next((names.index(item) for item in wanted if mask[names.index(item)]), 0)
        env.step({"runner_0": index})
    text = env.render()
    for part in (
        "@ runner_0",
        "# CHEM_A_01",
        "arrived",
        "D_WASTE shut",
        "ALARM",
        "Specimen reception",
    ):
        assert part in text


def test_rewards_and_flags_are_plain_python_numbers(make_env):
    env = make_env()
    env.reset(seed=1)
    _, rewards, ended, cut, _ = env.step(dict.fromkeys(env.agents, 1))
    assert {type(item) for item in rewards.values()} == {float}
    assert {type(item) for item in (*ended.values(), *cut.values())} == {bool}


@pytest.mark.parametrize("place", ["both", "obs", "info", "none"])
def test_the_mask_is_where_it_was_asked_for(make_env, place):
    env = make_env(mask_in=place)
    observations, infos = env.reset(seed=1)
    for name in env.agents:
        held = isinstance(observations[name], dict) and "action_mask" in observations[name]
        assert held is (place in ("both", "obs"))
        assert ("action_mask" in infos[name]) is (place in ("both", "info"))
        assert env.observation_space(name).contains(observations[name])


def test_returned_arrays_and_dicts_are_new_each_step(make_env):
    env = make_env()
    env.reset(seed=1)
    first = env.step({})[0]["runner_0"]
    kept = {key: value.copy() for key, value in first.items()}
    second = env.step({})[0]["runner_0"]
    second["observation"][:] = 9
    assert not np.shares_memory(first["observation"], second["observation"])
    assert np.array_equal(first["observation"], kept["observation"])
