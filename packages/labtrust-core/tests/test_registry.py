"""The registry: lazy, blamed by name, unambiguous. Plugins here are real distributions."""

import subprocess
import sys

import pytest
from labtrust_core import registry as registry_module
from labtrust_core.errors import PluginConflictError, PluginError, UnknownNameError, UsageError
from labtrust_core.registry import RUN_TIME, Registry, Source, installed_plugins, load_plugins
from labtrust_core.settings import NO_PLUGINS

GROUP = "labtrust_gym.test_things"


@pytest.fixture(autouse=True)
def fresh_scan(monkeypatch):
    """Each test sees the entry points of its own path, and the process those it had."""
    monkeypatch.delenv(NO_PLUGINS, raising=False)
    registry_module._scan.cache_clear()
    yield
    registry_module._scan.cache_clear()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution: its metadata and one module of its name."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(distribution, source, **offers):
        module = distribution.replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source)
        info = tmp_path / f"{module}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n"
        )
        lines = [f"{name} = {module}:{attribute}" for name, attribute in offers.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines]))
        return module

    yield make
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def things():
    return Registry("thing", GROUP)


def test_registered_item_is_returned(things):
    things.register("a", 1)

    assert things.get("a") == 1


def test_builtin_is_imported_when_asked_for():
    things = Registry("thing", GROUP, builtins={"pi": "math:pi"})

    assert 3.14 < things.get("pi") < 3.15


def test_listing_imports_nothing(things, install):
    module = install("lazy-dist", "raise AssertionError('imported')", a="ITEM")

    assert things.names() == ("a",)
    assert things.source("a") == Source(GROUP, "a", "lazy-dist", "1.2")
    assert module not in sys.modules


def test_only_the_named_plugin_is_imported(things, install):
    asked = install("asked-dist", "ITEM = 7", asked="ITEM")
    other = install("other-dist", "ITEM = 8", other="ITEM")

    assert things.get("asked") == 7
    assert asked in sys.modules
    assert other not in sys.modules


def test_names_are_sorted_over_all_ways_in(install):
    install("c-dist", "ITEM = 1", c="ITEM")
    things = Registry("thing", GROUP, builtins={"b": "math:pi"})
    things.register("a", 1)

    assert things.names() == ("a", "b", "c")
    assert "c" in things
    assert "d" not in things


def test_unknown_name_lists_the_known_ones(things):
    things.register("known", 1)

    with pytest.raises(UnknownNameError, match=r"unknown thing 'unknwon'.*known: known"):
        things.get("unknwon")


@pytest.mark.parametrize(
    "source", ["import no_such_module_anywhere", "raise RuntimeError('boom')", ""]
)
def test_plugin_that_fails_names_its_distribution(things, install, source):
    install("broken-dist", source, bad="ITEM")

    with pytest.raises(PluginError, match="plugin 'bad' of broken-dist"):
        things.get("bad")


def test_plugin_of_the_wrong_kind_names_its_distribution(install):
    install("wrong-dist", "ITEM = 'text'", bad="ITEM")
    things = Registry(
        "thing", GROUP, check=lambda item: "" if isinstance(item, int) else "is no number"
    )

    with pytest.raises(PluginError, match=r"wrong-dist.*is no number"):
        things.get("bad")


def test_two_distributions_of_one_name_are_both_named(things, install):
    install("first-dist", "ITEM = 1", same="ITEM")
    install("second-dist", "ITEM = 2", same="ITEM")

    with pytest.raises(PluginConflictError, match="first-dist and second-dist"):
        things.get("same")


def test_contested_name_is_still_listed_once(things, install):
    install("first-dist", "ITEM = 1", same="ITEM")
    install("second-dist", "ITEM = 2", same="ITEM")

    assert things.names() == ("same",)


def test_plugin_may_not_take_the_name_of_a_builtin(install):
    install("thief-dist", "ITEM = 1", pi="ITEM")
    things = Registry("thing", GROUP, builtins={"pi": "math:pi"})

    with pytest.raises(PluginConflictError, match="math and thief-dist"):
        things.get("pi")


def test_registering_over_a_plugin_is_refused(things, install):
    install("first-dist", "ITEM = 1", same="ITEM")

    with pytest.raises(PluginConflictError, match="first-dist"):
        things.register("same", 2)


def test_registering_another_item_of_one_name_is_refused(things):
    things.register("a", "one")

    with pytest.raises(PluginConflictError):
        things.register("a", "two")
    assert things.get("a") == "one"


def test_registering_the_same_item_again_changes_nothing(things):
    item = object()
    things.register("a", item)
    things.register("a", item)

    assert things.get("a") is item


def test_replacing_on_purpose_is_allowed_and_shown(things, install):
    install("first-dist", "ITEM = 1", same="ITEM")
    things.register("same", 2, replace=True)

    assert things.get("same") == 2
    assert things.source("same").distribution == RUN_TIME


def test_unregistering_gives_the_name_back(things):
    things.register("a", 1)
    things.unregister("a")

    assert things.names() == ()


def test_unregistering_what_was_never_registered_is_refused(things):
    with pytest.raises(UnknownNameError):
        things.unregister("a")


def test_empty_name_is_refused(things):
    with pytest.raises(UsageError, match="name of a thing is empty"):
        things.register("", 1)


def test_group_of_another_project_is_refused():
    with pytest.raises(UsageError, match="must start with"):
        Registry("thing", "pytest11")


def test_without_plugins_no_entry_point_is_seen(things, install, monkeypatch):
    install("some-dist", "ITEM = 1", a="ITEM")
    monkeypatch.setenv(NO_PLUGINS, "1")

    assert things.names() == ()
    assert installed_plugins() == ()
    assert load_plugins() == ()


def test_load_all_imports_every_item(install):
    install("some-dist", "ITEM = 1", a="ITEM")
    things = Registry("thing", GROUP, builtins={"pi": "math:pi"})
    things.register("b", 2)

    assert list(things.load_all()) == ["a", "b", "pi"]


def test_load_plugins_tells_what_it_loaded(install):
    module = install("some-dist", "ITEM = 1", a="ITEM")

    assert Source(GROUP, "a", "some-dist", "1.2") in load_plugins()
    assert module in sys.modules


def test_load_plugins_reports_a_broken_one_by_name(install):
    install("broken-dist", "raise RuntimeError('boom')", a="ITEM")

    with pytest.raises(PluginError, match=r"broken-dist.*RuntimeError: boom"):
        load_plugins()


def test_load_plugins_reports_a_contested_name(install):
    install("first-dist", "ITEM = 1", same="ITEM")
    install("second-dist", "ITEM = 2", same="ITEM")

    with pytest.raises(PluginConflictError, match="first-dist and second-dist"):
        load_plugins()


def test_one_scan_serves_all_groups(things, install, monkeypatch):
    install("some-dist", "ITEM = 1", a="ITEM")
    scans = []
    scan = registry_module.entry_points
    monkeypatch.setattr(registry_module, "entry_points", lambda: scans.append(1) or scan())

    things.names()
    Registry("other", "labtrust_gym.other_things").names()

    assert len(scans) == 1


def test_importing_the_registry_imports_no_numpy():
    probe = "import labtrust_core.registry, sys; print('numpy' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == "False"
