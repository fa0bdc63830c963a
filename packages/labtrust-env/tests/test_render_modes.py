"""Text needs nothing; what draws needs an extra, and says which."""

import sys

import pytest
from labtrust_core.errors import MissingExtraError


@pytest.mark.parametrize("mode", ["rgb_array", "human"])
def test_without_pygame_what_draws_is_refused_at_once(make_env, monkeypatch, mode):
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'labtrust-env\[render\]'"):
        make_env(render_mode=mode)


def test_without_pygame_there_is_text(make_env, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    env = make_env(render_mode="ansi")
    env.reset(seed=1)
    assert "Specimen reception" in env.render()


def test_nothing_draws_before_it_is_asked_to(make_env, monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    env = make_env()
    env.reset(seed=1)
    env.step({})
    env.close()
