"""`labtrust run-benchmark` writes results and logs whole or not at all."""

import json
import re

import pytest
from labtrust_cli.exit_codes import ExitCode

pytest.importorskip("labtrust_bench", reason="the command belongs to labtrust-bench")

SMOKE = ("run-benchmark", "--task", "throughput_sla", "--smoke", "--agents", "noop")


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_results_and_logs_are_where_they_were_wanted(labtrust, tmp_path):
    out, log = tmp_path / "deep" / "results.json", tmp_path / "logs"
    answer = labtrust(*SMOKE, "--episodes", "2", "--out", str(out), "--log", str(log))

    assert answer.code == ExitCode.DONE, answer.err
    assert everything(tmp_path) == [
        "deep/results.json",
        "logs/episode_0.jsonl",
        "logs/episode_1.jsonl",
    ]


def test_help_names_every_crew(labtrust):
    from labtrust_bench.runs.crew import CREWS

    said = labtrust("run-benchmark", "--help").out

    assert all(re.search(rf"\b{name}\b", said) for name in CREWS)


def test_a_crew_under_a_dispatch_rule_can_be_measured(labtrust, tmp_path):
    out = tmp_path / "results.json"
    answer = labtrust(*SMOKE[:-1], "fcfs", "--out", str(out))

    assert answer.code == ExitCode.DONE, answer.err
    assert json.loads(out.read_bytes())["agent_baseline_id"] == "fcfs"


def test_seeds_count_up_from_the_one_given(labtrust, tmp_path):
    out = tmp_path / "results.json"
    labtrust(*SMOKE, "--episodes", "3", "--seed", "5", "--out", str(out))

    assert json.loads(out.read_bytes())["seeds"] == [5, 6, 7]


def test_one_log_can_be_a_file(labtrust, tmp_path):
    from labtrust_core.ledger.verify import verify_log

    log = tmp_path / "one.jsonl"
    labtrust(*SMOKE, "--out", str(tmp_path / "results.json"), "--log", str(log))

    assert verify_log(log).ok


def test_same_seed_gives_the_same_file(labtrust, tmp_path):
    paths = [tmp_path / name for name in ("a.json", "b.json")]
    for path in paths:
        labtrust(*SMOKE, "--seed", "5", "--out", str(path))

    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_crew_is_the_one_asked_for(labtrust, tmp_path):
    for crew in ("scripted", "random"):
        out = tmp_path / f"{crew}.json"
        labtrust(*SMOKE, "--agents", crew, "--out", str(out))

        assert json.loads(out.read_bytes())["agent_baseline_id"] == crew


def test_signed_and_partner_are_recorded(labtrust, tmp_path):
    out = tmp_path / "results.json"
    labtrust(*SMOKE, "--signed", "--partner", "hsl_like", "--out", str(out))
    found = json.loads(out.read_bytes())

    assert found["config"]["signed"] is True
    assert found["partner_id"] == "hsl_like"


def test_summary_is_json_when_asked(labtrust, tmp_path):
    out = tmp_path / "results.json"
    found = json.loads(labtrust(*SMOKE, "--format", "json", "--out", str(out)).out)

    assert found["out"] == str(out)
    assert found["released"] == 0


def test_default_place_is_below_the_current_folder(labtrust, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    labtrust(*SMOKE)

    (path,) = (tmp_path / "labtrust_runs").rglob("*.json")
    assert path.name == "results.json"
    assert path.parent.name.startswith("run_benchmark_")


def test_results_that_exist_are_left_alone_unless_forced(labtrust, tmp_path):
    out = tmp_path / "results.json"
    out.write_text("mine", encoding="utf-8")

    assert labtrust(*SMOKE, "--out", str(out)).code == ExitCode.BAD_REQUEST
    assert out.read_text(encoding="utf-8") == "mine"
    assert labtrust(*SMOKE, "--out", str(out), "--force").code == ExitCode.DONE
    assert out.read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--task", "nonsense"), "unknown task"),
        (("--episodes", "0"), "--episodes"),
        (("--episodes", "-3"), "--episodes"),
        (("--seed", "-1"), "--seed"),
        (("--agents", "heroic"), "unknown crew"),
        (("--partner", "nobody"), "nobody"),
        (("--episodes", "2", "--log", "one.jsonl"), "one episode"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_request_is_one_line_and_writes_nothing(
    labtrust, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    answer = labtrust(*SMOKE, "--out", "results.json", *arguments)

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.err.count("\n") == 1
    assert message in answer.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--out", "--log"])
def test_unwritable_place_is_a_bad_request(labtrust, tmp_path, option):
    (tmp_path / "file").touch()
    places = {"--out": str(tmp_path / "results.json"), option: str(tmp_path / "file" / "x.json")}
    answer = labtrust(*SMOKE, *(item for pair in places.items() for item in pair))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "cannot write" in answer.err
    assert everything(tmp_path) == ["file"]
