"""Every import path that the extension guide documents leads to the object at home."""

import importlib
import subprocess
import sys

import pytest

DOCUMENTED = [
    ("labtrust_gym.errors", "LabTrustError", "labtrust_core.errors"),
    ("labtrust_gym.errors", "PolicyError", "labtrust_core.errors"),
    ("labtrust_gym.plugins", "load_plugins", "labtrust_core.registry"),
    ("labtrust_gym.cli.main", "main", "labtrust_cli.main"),
]


@pytest.mark.parametrize(("path", "name", "home"), DOCUMENTED)
def test_documented_path_gives_the_object_at_home(path, name, home):
    assert getattr(importlib.import_module(path), name) is getattr(
        importlib.import_module(home), name
    )


@pytest.mark.parametrize("path", sorted({path for path, _, _ in DOCUMENTED}))
def test_documented_module_says_what_it_offers(path):
    module = importlib.import_module(path)

    assert all(hasattr(module, name) for name in module.__all__)
    assert {name for documented, name, _ in DOCUMENTED if documented == path} <= set(module.__all__)


def test_every_error_of_core_is_offered_by_the_facade():
    home = importlib.import_module("labtrust_core.errors")
    facade = importlib.import_module("labtrust_gym.errors")
    errors = {
        name
        for name, item in vars(home).items()
        if isinstance(item, type) and issubclass(item, home.LabTrustError)
    }

    assert errors == set(facade.__all__)


def test_importing_the_facade_imports_nothing_else():
    probe = "import sys, labtrust_gym as g; print(g.__version__, 'labtrust_core' in sys.modules)"

    answer = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )

    assert answer.stdout.split() == [importlib.import_module("labtrust_gym").__version__, "False"]
