"""Settings come from the environment, are read anew each time and refuse nonsense."""

import os
from pathlib import Path

import pytest
from labtrust_core.errors import UsageError
from labtrust_core.settings import (
    NO_PLUGINS,
    POLICY_DIR,
    Settings,
    policy_dir_override,
    read_settings,
)


def test_nothing_set_means_shipped_policy_and_plugins():
    assert read_settings({}) == Settings(policy_dir=None, no_plugins=False)


def test_empty_policy_dir_means_unset():
    assert read_settings({POLICY_DIR: ""}).policy_dir is None


def test_policy_dir_is_taken_as_it_is():
    assert read_settings({POLICY_DIR: "some/where"}).policy_dir == Path("some/where")


@pytest.mark.parametrize("text", ["1", "true", "YES", " on "])
def test_switch_is_on(text):
    assert read_settings({NO_PLUGINS: text}).no_plugins is True


@pytest.mark.parametrize("text", ["", "0", "False", "no", "off"])
def test_switch_is_off(text):
    assert read_settings({NO_PLUGINS: text}).no_plugins is False


def test_switch_that_is_neither_is_refused_by_name():
    with pytest.raises(UsageError, match="LABTRUST_NO_PLUGINS is 'maybe'"):
        read_settings({NO_PLUGINS: "maybe"})


def test_change_of_the_environment_is_seen_at_once(monkeypatch):
    monkeypatch.setenv(NO_PLUGINS, "1")
    first = read_settings().no_plugins
    monkeypatch.setenv(NO_PLUGINS, "0")

    assert (first, read_settings().no_plugins) == (True, False)


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_override_holds_inside_only(monkeypatch, before):
    monkeypatch.delenv(POLICY_DIR, raising=False)
    if before is not None:
        monkeypatch.setenv(POLICY_DIR, before)

    with policy_dir_override(Path("mine")):
        inside = read_settings().policy_dir

    assert inside == Path.cwd() / "mine"
    assert os.environ.get(POLICY_DIR) == before


def test_override_ends_when_the_work_inside_fails(monkeypatch):
    monkeypatch.delenv(POLICY_DIR, raising=False)

    with pytest.raises(RuntimeError), policy_dir_override(Path("mine")):
        raise RuntimeError

    assert POLICY_DIR not in os.environ
