"""The picture shows what happens, has one size, changes nothing, and opens a window where asked."""

import copy
import pickle

import gymnasium
import labtrust_env
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from labtrust_core.errors import UsageError
from labtrust_env import hospital_lab_v0
from labtrust_env.conformance.pettingzoo_suite import render_test

pygame = pytest.importorskip("pygame", reason="pictures need the extra render")

FAST = {"horizon_s": 600, "workload": "district_smoke"}


@pytest.fixture(autouse=True)
def no_screen(monkeypatch):
    """Let windows open where nobody sees them, as fast as they can be drawn."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    monkeypatch.setattr("labtrust_env.render_modes.RENDER_FPS", 0)


@pytest.fixture
def drawn(make_env):
    env = make_env(render_mode="rgb_array", crew="multi_site", workload="multi_site_smoke")
    env.reset(seed=1)
    yield env
    env.close()


def test_every_mode_passes_the_render_test(policy):
    render_test(lambda render_mode: hospital_lab_v0.env(policy, render_mode=render_mode, **FAST))


def test_gymnasium_finds_nothing_wrong_with_any_mode(policy):
    env = gymnasium.make("labtrust/HospitalLab-v0", policy=policy, render_mode="rgb_array", **FAST)
    check_env(env.unwrapped)


def test_a_picture_is_an_array_of_colours_of_its_own(drawn):
    picture = drawn.render()
    assert (picture.dtype, picture.ndim, picture.shape[2]) == (np.uint8, 3, 3)
    assert not np.shares_memory(picture, drawn.render())
    picture[:] = 0


def test_the_same_moment_gives_the_same_picture(drawn):
    twin = copy.deepcopy(drawn)
    again = pickle.loads(pickle.dumps(drawn))  # noqa: S301 - own bytes
    assert np.array_equal(drawn.render(), twin.render())
    assert np.array_equal(drawn.render(), again.render())


def test_all_pictures_of_an_episode_have_one_size(drawn, greedy):
    shapes = set()
    for number in range(61):
        if number % 20 == 0:
            shapes.add(drawn.render().shape)
        drawn.step(greedy(drawn.session))
    assert len(shapes) == 1


def something_moves(session):
    session.ctx.world.agents["A_RUNNER_0"].zone = "Z_COLD_FREEZER"


def somebody_is_busy(session):
    session.ctx.world.agents["A_RUNNER_0"].busy_until = session.now + 60


def a_device_is_broken(session):
    session.ctx.world.devices["DEV_HAEM_01"].fault_until = session.now + 60


def a_control_fails(session):
    session.ctx.world.devices["DEV_HAEM_01"].qc_state = "fail"


def a_door_opens(session):
    session.ctx.world.doors["D_WASTE"].open_since = session.now


def a_zone_is_frozen(session):
    session.ctx.trust.containment.zones["Z_SORTING_LANES"] = session.now + 600


def somebody_is_stopped(session):
    session.ctx.trust.containment.killed["A_RUNNER_0"] = session.now + 600


def the_ledger_is_frozen(session):
    session.ctx.trust.ledger_frozen = True


def something_waits(session):
    session.ctx.world.devices["DEV_HAEM_01"].queue.push("S1", 0, session.now)


@pytest.mark.parametrize(
    "change",
    [
        something_moves,
        somebody_is_busy,
        a_device_is_broken,
        a_control_fails,
        a_door_opens,
        a_zone_is_frozen,
        somebody_is_stopped,
        the_ledger_is_frozen,
        something_waits,
    ],
)
def test_what_changes_is_seen(drawn, change):
    before = drawn.render()
    change(drawn.session)
    assert (before != drawn.render()).any()


def test_a_crowd_and_a_heap_fit_their_box(drawn):
    world = drawn.session.ctx.world
    for agent in world.agents.values():
        agent.zone = "Z_ACUTE_RECEPTION"
    shape = drawn.render().shape
    drawn.reset(seed=2)
    assert drawn.render().shape == shape


def test_drawing_changes_nothing(make_env, play):
    plain, seen = make_env(**FAST), make_env(render_mode="human", **FAST)
    plain.reset(seed=3)
    seen.reset(seed=3)
    assert play(plain, 5) == play(seen, 5)
    seen.close()


def test_a_window_is_drawn_without_being_asked(make_env, monkeypatch):
    shown = []
    env = make_env(render_mode="human", **FAST)
    env.reset(seed=1)
    monkeypatch.setattr(env._renderer._window, "show", shown.append)
    env.step({})
    assert env.render() is None
    assert len(shown) == 2
    env.close()


def test_two_windows_live_apart(make_env):
    one, other = (make_env(render_mode="human", **FAST) for _ in range(2))
    one.reset(seed=1)
    other.reset(seed=1)
    one.close()
    one.close()
    other.step({})
    one.reset(seed=2)
    one.close()
    other.close()


def test_without_a_screen_a_window_is_an_error(make_env, monkeypatch):
    monkeypatch.setattr("pygame.Window", no_window)
    env = make_env(render_mode="human", **FAST)
    with pytest.raises(UsageError, match="rgb_array needs no screen"):
        env.reset(seed=1)


def no_window(title, size):
    raise pygame.error(f"no video device for {title} of {size}")


def test_a_picture_before_the_first_episode_is_an_error(make_env):
    with pytest.raises(UsageError, match="no episode has begun"):
        make_env(render_mode="rgb_array").render()


def test_a_batch_in_processes_returns_pictures(policy):
    factory = labtrust_env.vector.LabEnvironments(
        labtrust_env.EnvConfig(render_mode="rgb_array", **FAST), policy
    )
    with labtrust_env.HospitalLabVector(factory, 2, workers=1) as labs:
        labs.reset(seed=1)
        one, other = labs.render()
    assert one.shape == other.shape
    assert one.dtype == np.uint8
