"""`labtrust quick-eval` plays three tasks, shows a summary and leaves everything on disk."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode

pytest.importorskip("labtrust_bench", reason="the command belongs to labtrust-bench")

TASKS = ("throughput_sla", "adversarial_disruption", "multi_site_stat")


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_results_logs_and_summary_are_on_disk(labtrust, tmp_path):
    out = tmp_path / "out"
    answer = labtrust("quick-eval", "--smoke", "--out-dir", str(out))

    assert answer.code == ExitCode.DONE, answer.err
    expected = [f"{name}.json" for name in TASKS]
    expected += [f"logs/{name}/episode_0.jsonl" for name in TASKS]
    assert everything(out) == sorted([*expected, "summary.md"])


def test_every_log_verifies(labtrust, tmp_path):
    from labtrust_core.ledger.verify import verify_log

    out = tmp_path / "out"
    labtrust("quick-eval", "--smoke", "--out-dir", str(out))

    assert all(verify_log(path).ok for path in out.rglob("*.jsonl"))


def test_summary_shows_each_task_and_what_was_refused(labtrust, tmp_path):
    answer = labtrust("quick-eval", "--smoke", "--out-dir", str(tmp_path / "out"))
    page = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")

    for name in TASKS:
        assert name in answer.out
        assert f"| {name} |" in page
    assert "RBAC_RESTRICTED_ENTRY_DENY" in answer.out
    assert max(len(line) for line in answer.out.splitlines()[:-1]) <= 110


def test_summary_is_json_when_asked_and_progress_stays_on_stderr(labtrust, tmp_path):
    arguments = ("--smoke", "--unsigned", "--format", "json", "--out-dir", str(tmp_path / "out"))
    answer = labtrust("quick-eval", *arguments)
    found = json.loads(answer.out)

    assert [row["task"] for row in found["tasks"]] == list(TASKS)
    assert all(row["released"] > 0 for row in found["tasks"])
    assert "quick-eval: 3 of 3" in answer.err


def test_default_folder_is_below_the_current_one(labtrust, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labtrust("quick-eval", "--smoke", "--unsigned")

    (folder,) = (tmp_path / "labtrust_runs").iterdir()
    assert folder.name.startswith("quick_eval_")


def test_folder_that_exists_is_left_alone(labtrust, tmp_path):
    answer = labtrust("quick-eval", "--smoke", "--out-dir", str(tmp_path))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "--force" in answer.err
    assert everything(tmp_path) == []


@pytest.mark.parametrize(
    "arguments",
    [("--seed", "-1"), ("--seed", "many"), ("--partner", "nobody"), ("--seed", str(2**60))],
    ids=" ".join,
)
def test_bad_request_is_one_line_and_writes_nothing(labtrust, tmp_path, arguments):
    answer = labtrust("quick-eval", "--smoke", "--out-dir", str(tmp_path / "out"), *arguments)

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_unwritable_folder_is_a_bad_request(labtrust, tmp_path):
    (tmp_path / "file").touch()
    answer = labtrust("quick-eval", "--smoke", "--out-dir", str(tmp_path / "file" / "out"))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "cannot write" in answer.err
