"""Structured observations are the vector's fields by name; an episode may end with the work."""

import numpy as np
import pytest
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_env import hospital_lab_v0
from labtrust_env.centralised import CentralisedHospitalLab
from labtrust_env.config import EnvConfig
from labtrust_env.vector import HospitalLabVector


@pytest.mark.parametrize("mask_in", ["both", "info"])
def test_structured_observations_hold_the_numbers_of_flat_ones(make_env, mask_in):
    flat = make_env(mask_in="none")
    structured = make_env(observation_form="structured", mask_in=mask_in)
    vectors, _ = flat.reset(seed=3)
    mappings, _ = structured.reset(seed=3)
    layout = flat.observer.layout
    for name, vector in vectors.items():
        assert structured.observation_space(name).contains(mappings[name])
        fields = mappings[name]["observation"] if mask_in == "both" else mappings[name]
        assert list(fields) == list(layout.fields)
        assert np.array_equal(np.concatenate(list(fields.values())), vector)


def test_an_unknown_form_is_refused(make_env):
    with pytest.raises(UnknownNameError, match="form of observations"):
        make_env(observation_form="nested")


def test_who_needs_arrays_takes_no_other_form(policy):
    with pytest.raises(UsageError, match="observation_form"):
        CentralisedHospitalLab(policy, observation_form="structured")
    with pytest.raises(UsageError, match="flat"):
        HospitalLabVector(EnvConfig(observation_form="structured"), 1)


def played(env, greedy):
    """Return how many steps a greedy crew plays until the end, and how that came."""
    env.reset(seed=5)
    steps, ended, cut = 0, {}, {}
    while env.agents:
        _, _, ended, cut, _ = env.step(greedy(env.session))
        steps += 1
    return steps, any(ended.values()), any(cut.values())


def test_an_episode_terminates_with_the_work_where_that_is_asked(policy, greedy):
    options = {
        "workload": None,
        "horizon_s": 14_400,
        "arrivals_until_s": 0,
        "faults": False,
        "scenario": {
            "specimens": [
                {
                    "specimen_id": "S1",
                    "panel_id": "HAEM_PANEL_CORE",
                    "container_type": "WHOLE_BLOOD_EDTA",
                    "specimen_type": "WHOLE_BLOOD",
                    "zone_id": "Z_SRA_RECEPTION",
                }
            ]
        },
    }
    whole = hospital_lab_v0.parallel_env(policy, **options)
    brief = hospital_lab_v0.parallel_env(policy, ends_when_done=True, **options)

    assert played(whole, greedy) == (1_440, False, True)
    steps, terminated, truncated = played(brief, greedy)
    assert steps < 720
    assert (terminated, truncated) == (True, False)


def test_nothing_is_done_while_specimens_may_come(make_env):
    env = make_env(ends_when_done=True, workload=None, horizon_s=600, arrivals_until_s=300)
    env.reset(seed=1)
    steps = 0
    while env.agents:
        env.step({})
        steps += 1
    assert steps == 30
