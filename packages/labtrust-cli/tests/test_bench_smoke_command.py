"""`labtrust bench-smoke` plays a little of every task, and says when one does not work."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode

bench = pytest.importorskip("labtrust_bench", reason="the command belongs to labtrust-bench")


@pytest.fixture
def idle():
    """A task whose crew does nothing, registered for one test."""
    from labtrust_bench.agents.noop import DoNothing
    from labtrust_bench.tasks.throughput_sla import ThroughputSla

    class Idle(ThroughputSla):
        name = "idle"

        def scripted_agents(self, members):
            return {name: DoNothing() for name in members}

    bench.TASKS.register("idle", Idle)
    yield
    bench.TASKS.unregister("idle")


def test_every_task_releases_and_its_log_verifies(labtrust):
    answer = labtrust("bench-smoke", "--seed", "7")

    assert answer.code == ExitCode.DONE, answer.out
    assert answer.out.count("verifies") == len(bench.TASKS.names())
    assert "FAIL" not in answer.out


@pytest.mark.usefixtures("idle")
def test_a_task_that_releases_nothing_is_the_answer_no(labtrust):
    answer = labtrust("bench-smoke", "--format", "json")
    found = {item["task"]: item["ok"] for item in json.loads(answer.out)["tasks"]}

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert found["idle"] is False
    assert found["throughput_sla"] is True


def test_nothing_is_left_behind(labtrust, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labtrust("bench-smoke")

    assert list(tmp_path.iterdir()) == []


def test_negative_seed_is_a_bad_request(labtrust):
    assert labtrust("bench-smoke", "--seed", "-1").code == ExitCode.BAD_REQUEST
