"""`labtrust env check` shows what holds for which task, and says no when something does not."""

import json

import pytest
from labtrust_cli.commands.env import as_text
from labtrust_cli.exit_codes import ExitCode

registry = pytest.importorskip(
    "labtrust_bench.tasks.registry", reason="the command belongs to labtrust-bench"
)
conformance = pytest.importorskip("labtrust_env.conformance", reason="labtrust-bench brings it")

QUICK = ("--check", "agent_lists", "--check", "spaces_are_stable")


@pytest.fixture
def fail(monkeypatch):
    """Let a check fail."""

    def broken(factory):
        raise conformance.ConformanceError(f"nothing of {factory().metadata['name']} holds")

    monkeypatch.setitem(conformance.table.CHECKS, "agent_lists", broken)


def test_every_task_is_checked_by_default(labtrust):
    answer = labtrust("env", "check", *QUICK)

    head, *rows = answer.out.splitlines()
    assert answer.code == ExitCode.DONE, answer.err
    assert head.split() == ["check", *registry.list_tasks()]
    assert [row.split() for row in rows[:2]] == [
        ["agent_lists", *(["ok"] * len(registry.list_tasks()))],
        ["spaces_are_stable", *(["ok"] * len(registry.list_tasks()))],
    ]
    count = 2 * len(registry.list_tasks())
    assert f"checks: {count} of {count}" in answer.err


def test_all_is_the_default(labtrust):
    assert labtrust("env", "check", "--all", *QUICK).out == labtrust("env", "check", *QUICK).out


def test_a_task_named_twice_is_checked_once(labtrust):
    named = ("--task", "throughput_sla", "--task", "throughput_sla")
    assert "2 of 2 ok, 0 failed" in labtrust("env", "check", *named, *QUICK).out


def test_what_failed_is_said_and_the_answer_is_no(labtrust, fail):
    del fail
    answer = labtrust("env", "check", "--task", "throughput_sla", *QUICK)

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "agent_lists        FAILED" in answer.out
    said = "throughput_sla: agent_lists: FAILED: nothing of hospital_lab_v0 holds"
    assert said in answer.out.splitlines()
    assert "1 of 2 ok, 1 failed" in answer.out


def test_json_holds_the_same(labtrust, fail):
    del fail
    answer = labtrust("env", "check", "--task", "throughput_sla", *QUICK, "--format", "json")

    found = json.loads(answer.out)
    assert answer.code == ExitCode.ANSWER_IS_NO
    assert found["failed"] == 1
    assert found["tasks"]["throughput_sla"] == {
        "agent_lists": {"verdict": "failed", "detail": "nothing of hospital_lab_v0 holds"},
        "spaces_are_stable": {"verdict": "ok", "detail": ""},
    }


def test_what_is_not_applicable_is_shown_with_its_reason():
    text = as_text({"walk": [conformance.Finding("masks", "not applicable", "needs masks")]})

    assert text.splitlines()[1].split() == ["masks", "n/a"]
    assert "walk: masks: n/a: needs masks" in text
    assert text.endswith("0 of 1 ok, 0 failed, 1 n/a")


def test_full_size_and_partner_are_taken(labtrust):
    answer = labtrust(
        *("env", "check", "--full", "--partner", "hsl_like", "--task", "multi_site_stat"), *QUICK
    )

    assert answer.code == ExitCode.DONE, answer.err


def test_help_shows_an_example(labtrust):
    assert "Example: labtrust env check --task" in labtrust("env", "check", "--help").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--task", "nothing"), "unknown task"),
        (("--check", "nothing"), "unknown check"),
        (("--partner", "nobody"), "nobody"),
        (("--task", "throughput_sla", "--all"), "exclude each other"),
        (("--format", "xml"), "--format"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_request_is_one_line(labtrust, arguments, message):
    answer = labtrust("env", "check", *arguments)

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.err.count("\n") == 1
    assert message in answer.err
    assert answer.out == ""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("task", registry.list_tasks())
def test_the_environment_of_every_task_is_conformant(labtrust, task):
    answer = labtrust("env", "check", "--task", task)

    assert answer.code == ExitCode.DONE, answer.out
    assert f"{len(conformance.CHECKS)} of {len(conformance.CHECKS)} ok" in answer.out
