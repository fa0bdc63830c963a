"""The kit finds the fault of each environment that has one, and none where there is none."""

import functools
import importlib
import os
import sys
from pathlib import Path

import pytest
from labtrust_core.errors import UnknownNameError
from labtrust_env import hospital_lab_v0
from labtrust_env.centralised import CentralisedHospitalLab
from labtrust_env.conformance import (
    CHECKS,
    ConformanceError,
    NotApplicableError,
    gymnasium_tests,
    run_check,
    run_checks,
)

PROCESSES = {"hash_seed", "reset_reads_no_files", "thread_count"}
LABORATORY = {"batch", "batch_of_processes", "centralised_env", "make_vec"}
IN_PROCESS = sorted(CHECKS.keys() - PROCESSES - LABORATORY)

FAULTS = [
    ("same_seed", "Noisy", "after 2 steps"),
    ("other_seed", "Deaf", "the same episode"),
    ("independent_of_history", "Remembering", "the observation of player_0 after"),
    ("reset_goes_on", "Repeating", "repeats the episode"),
    ("instances_are_apart", "Entangled", "another episode"),
    ("global_random_untouched", "GlobalReader", "depends on the global"),
    ("global_random_untouched", "GlobalWriter", "changes the global random state of random"),
    ("deepcopy_continues", "Uncopied", "copy.deepcopy"),
    ("pickle_continues", "Unpickled", "pickle"),
    ("pickle_continues", "Unpicklable", "pickle fails"),
    ("working_directory", "Located", "when the directory changes"),
    ("working_directory", "Born", "made in another directory"),
    ("observations_in_space", "Outside", "player_0 after 5 steps is outside"),
    ("observations_in_space", "MoreKeys", "outside its space"),
    ("state_in_space", "OutsideState", "state after 0 steps"),
    ("spaces_are_stable", "NewSpaces", "new object"),
    ("spaces_are_stable", "OneSpace", "share one action_space"),
    ("results_are_fresh", "Reusing", "returned before"),
    ("agent_lists", "Misnamed", "role_index"),
    ("step_results", "NumpyFlags", "truncations of player_0 is no bool"),
    ("step_results", "LostReward", "rewards are not of those live"),
    ("step_results", "Undying", "one who has ended"),
    ("time_limit_truncates", "LateLimit", "does not truncate everybody"),
    ("mask_format", "BoolMask", "int8"),
    ("mask_format", "ClosedMask", "allows nothing"),
    ("masks_tell_the_truth", "TooStrict", "rules out action"),
    ("masks_tell_the_truth", "TooKind", "allows action"),
    ("masked_out_actions_are_survived", "Fragile", "crashes step"),
    ("hash_seed", "Hashed", "PYTHONHASHSEED"),
    ("thread_count", "Threaded", "OMP_NUM_THREADS=2"),
    ("reset_reads_no_files", "Reader", "reset opens 3 files"),
    ("factory_copies", "forgetful", "a factory that pickle made"),
    ("renders", "Painting", "rendering as ansi changes the episode"),
]
ABSENT = [
    ("state_in_space", "Bare", "state_space"),
    ("mask_format", "Bare", "action_mask"),
    ("masks_tell_the_truth", "Bare", "action_mask"),
    ("masked_out_actions_are_survived", "Bare", "action_mask"),
    ("time_limit_truncates", "Terminating", "terminates by itself"),
    ("renders", "Invisible", "render_modes"),
    ("renders", "Misnamed", "takes render_mode"),
    *((name, "Game", "the hospital laboratory") for name in sorted(LABORATORY)),
]


laboratory = functools.partial(
    hospital_lab_v0.parallel_env, horizon_s=600, workload="district_smoke"
)


@pytest.fixture
def toys(monkeypatch):
    """Return the module of small environments, importable here and in other processes."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "toys"))
    return importlib.import_module("guessing_game")


@pytest.mark.parametrize("kind", ["Game", "BareObservations"])
@pytest.mark.parametrize("name", IN_PROCESS)
def test_a_sound_environment_passes(toys, name, kind):
    CHECKS[name](getattr(toys, kind))


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_a_sound_environment_passes_in_other_processes(toys, name):
    CHECKS[name](toys.Game)


@pytest.mark.parametrize(("name", "kind", "words"), FAULTS)
def test_a_fault_is_found_and_said(toys, name, kind, words):
    with pytest.raises(ConformanceError, match=words):
        CHECKS[name](getattr(toys, kind))


@pytest.mark.parametrize(("name", "kind", "words"), ABSENT)
def test_what_is_not_claimed_is_not_applicable(toys, name, kind, words):
    with pytest.raises(NotApplicableError, match=words):
        CHECKS[name](getattr(toys, kind))


def test_every_check_of_ours_has_an_environment_that_fails_it():
    theirs = {"parallel_api", "aec_api", "parallel_seed", "aec_seed"}
    assert CHECKS.keys() - theirs - LABORATORY == {name for name, *_ in FAULTS}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("parallel_api", "NewSpaces"), ("aec_api", "Outside"), ("aec_seed", "Noisy")],
)
def test_what_a_test_of_pettingzoo_finds_is_a_finding(toys, name, kind):
    found = run_check(name, getattr(toys, kind))
    assert found.verdict == "failed"
    assert found.detail


@pytest.mark.parametrize("name", ["batch", "batch_of_processes"])
def test_laboratories_that_disturb_each_other_make_no_batch(toys, name):
    del toys  # it lets other processes import its neighbours
    with pytest.raises(ConformanceError, match="single ones show different things"):
        CHECKS[name](importlib.import_module("faulty_labs").Entangled)


def test_a_batch_that_adds_up_other_rewards_is_found(monkeypatch):
    monkeypatch.setattr(
        "labtrust_env.vector.gymnasium_env.crew_reward", lambda rewards: rewards.sum(axis=-1) - 1
    )
    with pytest.raises(ConformanceError, match="Gymnasium's show different things"):
        CHECKS["make_vec"](laboratory)


def test_what_gymnasiums_checker_finds_is_a_finding(monkeypatch):
    class Outside(CentralisedHospitalLab):
        def reset(self, **options):
            observation, infos = super().reset(**options)
            return {**observation, "observation": observation["observation"] + 2}, infos

    monkeypatch.setattr(gymnasium_tests, "CentralisedHospitalLab", Outside)
    assert run_check("centralised_env", laboratory).verdict == "failed"


def test_what_cannot_draw_here_is_not_applicable(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    found = run_check("renders", laboratory)
    assert found.verdict == "not applicable"
    assert "labtrust-env[render]" in found.detail


def test_the_laboratory_renders():
    pytest.importorskip("pygame", reason="pictures need the extra render")
    CHECKS["renders"](laboratory)
    assert "SDL_VIDEODRIVER" not in os.environ


def test_a_factory_that_no_other_process_can_have_is_not_applicable(toys):
    found = run_check("hash_seed", functools.partial(lambda kind: kind(), toys.Game))
    assert found.verdict == "not applicable"
    assert "pickled" in found.detail


def test_a_batch_of_what_no_other_process_can_have_is_not_applicable():
    found = run_check("batch_of_processes", functools.partial(lambda make: make(), laboratory))
    assert found.verdict == "not applicable"
    assert "pickled" in found.detail


def test_a_factory_that_another_process_cannot_import_is_not_applicable(toys, monkeypatch):
    monkeypatch.setattr("sys.path", [item for item in sys.path if "toys" not in item])
    found = run_check("hash_seed", toys.Game)
    assert found.verdict == "not applicable"
    assert "guessing_game" in found.detail


def test_an_environment_that_raises_is_a_finding(toys):
    class Broken(toys.Game):
        def reset(self, seed=None, options=None):
            raise ValueError(f"no such luck with {seed} and {options}")

    assert run_check("same_seed", Broken).detail == "ValueError: no such luck with 7 and None"


def test_the_checks_asked_for_run_in_their_order(toys):
    found = run_checks(toys.Game, ["other_seed", "agent_lists"])
    assert [(item.check, item.verdict) for item in found] == [
        ("other_seed", "ok"),
        ("agent_lists", "ok"),
    ]


def test_an_unknown_check_is_an_error(toys):
    with pytest.raises(UnknownNameError, match="same_seed"):
        run_check("same_sed", toys.Game)


def test_every_check_says_what_it_promises():
    for name, check in CHECKS.items():
        assert (check.__doc__ or "").partition("\n")[0].endswith("."), name


# each line of this table that another file does not hold for our own environment
OURS = (
    "global_random_untouched",
    "results_are_fresh",
    "agent_lists",
    "step_results",
    "time_limit_truncates",
    "mask_format",
    "masked_out_actions_are_survived",
    "reset_reads_no_files",
    "factory_copies",
    "thread_count",
    *sorted(LABORATORY),
)


@pytest.mark.parametrize("name", OURS)
def test_the_laboratory_passes(name):
    CHECKS[name](laboratory)


@pytest.mark.slow
@pytest.mark.parametrize("mask_in", ["both", "obs", "info", "none"])
@pytest.mark.parametrize("name", CHECKS)
def test_the_laboratory_passes_wherever_the_mask_is(name, mask_in):
    make = functools.partial(
        hospital_lab_v0.parallel_env,
        horizon_s=3_600,
        workload="district_smoke",
        mask_in=mask_in,
    )
    found = run_check(name, make)
    needs_mask = "mask" in name and mask_in == "none"
    assert found.verdict == ("not applicable" if needs_mask else "ok"), found.detail
