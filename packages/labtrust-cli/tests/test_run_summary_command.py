"""`labtrust run-summary` reads results back, and refuses what is none."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode

pytest.importorskip("labtrust_bench", reason="the command belongs to labtrust-bench")


@pytest.fixture
def run(labtrust, tmp_path):
    """A folder with two results files."""
    folder = tmp_path / "run"
    for seed in ("5", "6"):
        arguments = (
            "--smoke",
            "--agents",
            "noop",
            "--seed",
            seed,
            "--out",
            f"{folder}/{seed}.json",
        )
        labtrust("run-benchmark", "--task", "throughput_sla", *arguments)
    return folder


def test_every_results_file_is_one_line(labtrust, run):
    answer = labtrust("run-summary", "--run", str(run))

    assert answer.code == ExitCode.DONE, answer.err
    assert answer.out.count("\n") == 2
    assert answer.out.count("throughput_sla: noop; 1 episode; released 0 of ") == 2


def test_one_file_can_be_named(labtrust, run):
    assert labtrust("run-summary", "--run", str(run / "5.json")).out.count("\n") == 1


def test_figures_are_json_when_asked(labtrust, run):
    found = json.loads(labtrust("run-summary", "--run", str(run), "--format", "json").out)

    assert [row["file"] for row in found] == [str(run / "5.json"), str(run / "6.json")]
    assert found[0]["arrivals"] > 0


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"schema_version": "0.1"}'], ids=["cut", "list", "bare", "version"]
)
def test_malformed_results_are_a_bad_request(labtrust, run, text):
    (run / "7.json").write_text(text, encoding="utf-8")
    answer = labtrust("run-summary", "--run", str(run))

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert "7.json" in answer.err


def test_folder_without_results_is_a_bad_request(labtrust, tmp_path):
    answer = labtrust("run-summary", "--run", str(tmp_path))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "holds no results file" in answer.err


def test_missing_folder_is_a_bad_request(labtrust, tmp_path):
    answer = labtrust("run-summary", "--run", str(tmp_path / "none"))

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.err.count("\n") == 1
