"""`labtrust task check` shows which task keeps what a task must, and says no when one does not."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode

registry = pytest.importorskip(
    "labtrust_bench.tasks.registry", reason="the command belongs to labtrust-bench"
)
kit = pytest.importorskip("labtrust_bench.testing", reason="likewise")


@pytest.fixture
def spoilt():
    """A task that has no such primary metric, offered for one test."""
    task = registry.TASKS.get("throughput_sla")
    registry.register_task("spoilt", type("Spoilt", (task,), {"primary_metric": "beauty"}))
    yield "spoilt"
    registry.TASKS.unregister("spoilt")


def test_a_task_of_ours_passes(labtrust):
    answer = labtrust("task", "check", "throughput_sla")

    assert answer.code == ExitCode.DONE, answer.out
    assert f"{len(kit.TASK_CHECKS)} of {len(kit.TASK_CHECKS)} ok, 0 failed" in answer.out


def test_what_failed_is_said_and_the_answer_is_no(labtrust, spoilt):
    answer = labtrust("task", "check", spoilt)

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "spoilt: primary_metric_exists: FAILED: there is no metric 'beauty'" in answer.out


def test_json_holds_the_same(labtrust, spoilt):
    found = json.loads(labtrust("task", "check", spoilt, "--format", "json").out)

    assert found["tasks"]["spoilt"]["primary_metric_exists"]["verdict"] == "failed"
    assert found["tasks"]["spoilt"]["is_named"]["verdict"] == "ok"


def test_unknown_task_is_a_bad_request(labtrust):
    answer = labtrust("task", "check", "nothing")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "unknown task" in answer.err


@pytest.mark.slow
def test_environments_are_checked_when_asked_for(labtrust):
    found = json.loads(
        labtrust("task", "check", "throughput_sla", "--environment", "--format", "json").out
    )

    assert found["failed"] == 0
    assert found["tasks"]["throughput_sla"]["observations_in_space"]["verdict"] == "ok"
