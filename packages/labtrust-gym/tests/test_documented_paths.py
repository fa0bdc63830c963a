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
    ("labtrust_gym.config", "get_repo_root", "labtrust_core.policy.directory"),
    ("labtrust_gym.config", "policy_path", "labtrust_core.policy.directory"),
    ("labtrust_gym.domain.registry", "register_domain", "labtrust_core.domains"),
    ("labtrust_gym.domain.registry", "list_domains", "labtrust_core.domains"),
    (
        "labtrust_gym.engine.invariants_runtime",
        "register_invariant_handler",
        "labtrust_core.engine.invariant_handlers",
    ),
    ("labtrust_gym.engine.core_env", "Engine", "labtrust_core.engine.engine"),
    ("labtrust_gym.policy.loader", "load_policy", "labtrust_core.policy.load"),
    ("labtrust_gym.policy.validate", "check_policy", "labtrust_core.validation"),
    ("labtrust_gym.runner.golden_runner", "run_golden", "labtrust_core.golden.runner"),
    ("labtrust_gym.benchmarks.tasks", "BenchmarkTask", "labtrust_bench.tasks.base"),
    ("labtrust_gym.benchmarks.tasks", "register_task", "labtrust_bench.tasks.registry"),
    *(
        ("labtrust_gym.benchmarks.metrics", name, "labtrust_bench.runs.aggregators")
        for name in (
            "register_metrics_aggregator",
            "get_metrics_aggregator",
            "list_metrics_aggregators",
        )
    ),
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
