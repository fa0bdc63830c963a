"""The task and the aggregator do what they say, here and through the installed command."""

import importlib.util
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution

import pytest
from example_plugin.metrics import QueuePeaks
from example_plugin.tasks import ExampleTask
from labtrust_bench.runs.aggregators import AGGREGATORS, register_metrics_aggregator
from labtrust_bench.runs.benchmark import run_benchmark
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.tasks.registry import TASKS, register_task
from labtrust_bench.testing import check_task


def is_installed():
    """Whether the package is installed, with its entry points, next to the command line."""
    try:
        distribution("example-plugin")
    except PackageNotFoundError:
        return False
    return importlib.util.find_spec("labtrust_cli") is not None


@pytest.fixture
def offered():
    """Offer both parts to this process, as the entry points do once the package is installed."""
    if "example_task" in TASKS:
        yield
        return
    register_task("example_task", ExampleTask)
    register_metrics_aggregator("queue_peaks", QueuePeaks)
    yield
    TASKS.unregister("example_task")
    AGGREGATORS.unregister("queue_peaks")


def test_the_task_keeps_what_a_task_must():
    check_task(ExampleTask, environment=False)


@pytest.mark.slow
def test_the_environment_of_the_task_does_too():
    check_task(ExampleTask)


def figures(agents):
    config = RunConfig(
        "example_task", variant="smoke", agents=agents, metrics_aggregator="queue_peaks"
    )
    return run_benchmark(config).episodes[0].extra


@pytest.mark.usefixtures("offered")
def test_queues_grow_when_there_is_work_and_not_otherwise():
    busy, idle = figures("scripted"), figures("noop")

    assert busy["queue_peak"] > 0
    assert busy["queue_any_s"] > 0
    assert idle == {"queue_any_s": 0, "queue_peak": 0}


@pytest.mark.skipif(not is_installed(), reason="pip install examples/extension_example")
def test_the_installed_command_finds_task_and_aggregator(tmp_path):
    out = tmp_path / "results.json"
    labtrust = [sys.executable, "-c", "from labtrust_cli.main import main; main()"]
    asked = ["--profile", "example", "run-benchmark", "--task", "example_task", "--smoke"]
    subprocess.run([*labtrust, *asked, "--episodes", "1", "--out", str(out)], check=True)
    found = json.loads(out.read_bytes())

    assert found["task_source"] == {"distribution": "example-plugin", "version": "0.1.0"}
    assert found["metrics_aggregator"]["distribution"] == "example-plugin"
    assert set(found["episodes"][0]["extra"]) == {"queue_any_s", "queue_peak"}
