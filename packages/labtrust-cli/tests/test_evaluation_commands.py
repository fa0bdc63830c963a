"""`eval-agent`, `determinism-report`, `summarize-results` and `generate-official-baselines`."""

import json
from pathlib import Path

import pytest
from labtrust_cli.exit_codes import ExitCode

pytest.importorskip("labtrust_bench", reason="the commands belong to labtrust-bench")

TASK = ("--task", "throughput_sla", "--smoke")
AGENT = """
class Waiting:
    contract_version = "0.1"

    def reset(self, seed, policy_summary, partner_id, timing_mode):
        pass

    def act(self, observation):
        return 0

class Hashing:
    def reset(self, name, seed):
        pass

    def act(self, view):
        legal = list(view["legal"].values())
        return legal[hash("x") % len(legal)]
"""
REGISTRY = """
version: "0.1"
episodes: 3
base_seed: 5
tasks:
  throughput_sla: [noop]
"""


@pytest.fixture
def agents(tmp_path, monkeypatch):
    """A folder with a file of agents, in force as the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(AGENT, encoding="utf-8")
    (tmp_path / "registry.yaml").write_text(REGISTRY, encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("agents")
def test_an_agent_is_shown_next_to_known_crews(labtrust):
    answer = labtrust("eval-agent", "mine.py:Waiting", *TASK, "--episodes", "2")
    rows = answer.out.splitlines()

    assert answer.code == ExitCode.DONE, answer.err
    assert [row.partition("  ")[0].partition("_")[0] for row in rows[:4]] == [
        "crew",
        "mine",
        "scripted",
        "noop",
    ]
    assert "2 episodes, seeds 123 to 124" in answer.out
    assert "less that of noop, seed by seed: 0 [0, 0]" in answer.out


@pytest.mark.usefixtures("agents")
def test_a_member_plays_with_scripted_colleagues(labtrust):
    command = ("eval-agent", "mine.py:Waiting", *TASK, "--episodes", "1", "--member", "qc_0")
    out = ("--out", "results.json", "--schema", "0.3", "--format", "json")
    found = json.loads(labtrust(*command, *out).out)
    results = json.loads(Path("results.json").read_bytes())

    assert found["crews"][0]["agents"].startswith("scripted,qc_0=mine_")
    assert found["crews"][0]["figures"]["throughput"]["mean"] > 0
    assert results["schema_version"] == "0.3"
    assert results["agents"]["qc_0"] == results["agent_specs"]["qc_0"]


@pytest.mark.usefixtures("agents")
def test_an_agent_that_is_none_is_a_bad_request(labtrust):
    answer = labtrust("eval-agent", "mine.py:Nobody", *TASK)

    assert answer.code == ExitCode.BAD_REQUEST
    assert "has no class or function Nobody" in answer.err


@pytest.mark.usefixtures("agents")
def test_a_deterministic_episode_is_reported_so(labtrust):
    arguments = ("--agents", "noop", "--format", "json", "--out", "report.json")
    answer = labtrust("determinism-report", *TASK, *arguments)
    found = json.loads(answer.out)

    assert answer.code == ExitCode.DONE, answer.err
    assert found["deterministic"] is True
    assert json.loads(Path("report.json").read_bytes()) == found


@pytest.mark.usefixtures("agents")
def test_an_episode_that_depends_on_the_hash_seed_is_an_answer_no(labtrust):
    arguments = ("--agents", "noop", "--agent", "runner_0=mine.py:Hashing")
    answer = labtrust("determinism-report", *TASK, *arguments)

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "NOT deterministic" in answer.out
    assert "log_sha256 is" in answer.out


@pytest.fixture
def runs(labtrust, tmp_path):
    for crew in ("scripted", "noop"):
        folder = str(tmp_path / "runs" / crew)
        labtrust(
            "run-benchmark",
            *TASK,
            "--agents",
            crew,
            "--out-dir",
            folder,
            "--no-logs",
            "--seed",
            "7",
        )
    return tmp_path / "runs"


def test_runs_are_summarised_into_files_and_a_table(labtrust, runs, tmp_path):
    out = tmp_path / "summary"
    answer = labtrust("summarize-results", "--in", str(runs), "--out", str(out))

    assert answer.code == ExitCode.DONE, answer.err
    assert sorted(path.name for path in out.iterdir()) == [
        "summary.md",
        "summary_v0.2.csv",
        "summary_v0.3.csv",
    ]
    assert "| throughput_sla | scripted | - | smoke | 1 |" in answer.out


def test_rows_are_json_when_asked(labtrust, runs, tmp_path):
    paths = ("--in", str(runs / "noop"), "--in", str(runs / "scripted" / "results.json"))
    arguments = ("--out", str(tmp_path / "summary"), "--format", "json")
    rows = json.loads(labtrust("summarize-results", *paths, *arguments).out)["rows"]

    assert [row["agent_baseline_id"] for row in rows] == ["noop", "scripted"]
    assert rows[0]["throughput_mean"] == 0 < rows[1]["throughput_mean"]


def test_a_run_folder_can_be_shown_in_one_line(labtrust, runs):
    answer = labtrust("run-summary", "--run", str(runs / "noop"))

    assert answer.code == ExitCode.DONE, answer.err
    assert answer.out.startswith("throughput_sla: noop; 1 episode;")


@pytest.mark.usefixtures("agents")
def test_baselines_are_generated_and_checked(labtrust):
    common = ("generate-official-baselines", "--registry", "registry.yaml", "--smoke")
    options = ("--episodes", "1", "--out", "frozen")
    assert labtrust(*common, *options).code == ExitCode.DONE
    assert labtrust(*common, *options).code == ExitCode.BAD_REQUEST  # it exists
    assert labtrust(*common, *options, "--check").code == ExitCode.DONE

    answer = labtrust(*common, "--episodes", "1", "--seed", "6", "--out", "frozen", "--check")
    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "results/throughput_sla_noop.json: base_seed is 5 there and 6 now" in answer.out


@pytest.mark.usefixtures("agents")
def test_baselines_that_are_not_there_cannot_be_checked(labtrust):
    common = ("generate-official-baselines", "--registry", "registry.yaml", "--check")
    answer = labtrust(*common, "--out", "nowhere")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "holds no baselines" in answer.err
