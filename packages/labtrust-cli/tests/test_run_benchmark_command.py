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


def test_a_mixed_crew_and_0_3_are_recorded(labtrust, tmp_path):
    out = tmp_path / "results.json"
    labtrust(*SMOKE, "--agent", "qc_0=random", "--schema", "0.3", "--out", str(out))
    found = json.loads(out.read_bytes())

    assert found["schema_version"] == "0.3"
    assert found["agent_specs"] == {"qc_0": "random"}
    assert found["agent_baseline_id"] == "noop,qc_0=random"


def test_workers_and_a_folder_give_the_bytes_of_a_plain_run(labtrust, tmp_path):
    plain, folder = tmp_path / "plain.json", tmp_path / "run"
    labtrust(*SMOKE, "--episodes", "2", "--out", str(plain))
    answer = labtrust(*SMOKE, "--episodes", "2", "--out-dir", str(folder), "--workers", "2")

    assert answer.code == ExitCode.DONE, answer.err
    assert (folder / "results.json").read_bytes() == plain.read_bytes()
    assert len(list((folder / "logs").glob("episode_*.jsonl"))) == 2


def test_an_interrupted_run_says_how_to_go_on_and_goes_on(labtrust, tmp_path, monkeypatch):
    from labtrust_bench.runs.folder import RunFolder

    folder, add = tmp_path / "run", RunFolder._add

    def stop(self, *arguments):
        add(self, *arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "_add", stop)
    command = (*SMOKE, "--episodes", "2", "--out-dir", str(folder), "--no-logs")
    answer = labtrust(*command)
    monkeypatch.undo()

    assert answer.code == ExitCode.WORK_FAILED
    assert f"1 of 2 episodes are there; continue: labtrust run-benchmark --resume {folder}" in (
        answer.err
    )
    assert labtrust("run-benchmark", "--resume", str(folder)).code == ExitCode.DONE
    assert json.loads((folder / "results.json").read_bytes())["seeds"] == [42, 43]


def test_a_run_is_resumed_with_the_same_arguments_and_no_others(labtrust, tmp_path):
    folder = tmp_path / "run"
    labtrust(*SMOKE, "--out-dir", str(folder), "--no-logs")

    assert labtrust(*SMOKE, "--resume", str(folder)).code == ExitCode.DONE
    answer = labtrust("run-benchmark", "--resume", str(folder), "--seed", "7", "--agents", "random")
    assert answer.code == ExitCode.BAD_REQUEST
    assert "agents is 'noop' there and 'random' now" in answer.err
    assert "base_seed is 42 there and 7 now" in answer.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out-dir", "a", "--out", "b"), "--out and --out-dir exclude each other"),
        (("--resume", "a", "--log", "b"), "--log and --resume exclude each other"),
        (("--resume", "a", "--force"), "--resume and --force"),
        (("--resume", "nowhere"), "is no run folder"),
        (("--agent", "qc_0"), "expected MEMBER=SPEC"),
        (("--agent", "qc_0=noop", "--agent", "qc_0=random"), "names qc_0 twice"),
        (("--agent", "ghost_0=noop"), "unknown crew member"),
        (("--workers", "0"), "--workers"),
        (("--schema", "0.4"), "--schema"),
        (("--agents", "none.py:Agent"), "cannot read agents from none.py"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_bad_request_about_folders_agents_or_workers(
    labtrust, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    answer = labtrust(*SMOKE, *arguments)

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.err.count("\n") == 1
    assert message in answer.err
    assert list(tmp_path.iterdir()) == []


def test_a_task_is_needed_unless_a_run_is_resumed(labtrust):
    answer = labtrust("run-benchmark")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "--task" in answer.err


@pytest.fixture
def log_key(tmp_path):
    """The file of a private key, with its public half beside."""
    from labtrust_core.trust.key_files import write_key

    write_key(tmp_path / "keys", "log")
    return tmp_path / "keys" / "log.key"


def test_a_log_key_signs_checkpoints_of_logs_and_run(labtrust, tmp_path, log_key):
    from labtrust_core.trust.key_files import read_verifier_key
    from labtrust_core.trust.notes import parse_note, signers

    folder = tmp_path / "run"
    answer = labtrust(*SMOKE, "--out-dir", str(folder), "--log-key", str(log_key))

    assert answer.code == ExitCode.DONE, answer.err
    public = read_verifier_key(log_key.with_suffix(".pub"))
    for name in ("logs/episode_0.checkpoint", "run_checkpoint"):
        assert signers(parse_note((folder / name).read_bytes()), [public])[0] == {str(public)}


def test_a_run_is_resumed_with_its_log_key(labtrust, tmp_path, log_key):
    folder = tmp_path / "run"
    labtrust(*SMOKE, "--out-dir", str(folder))
    answer = labtrust("run-benchmark", "--resume", str(folder), "--log-key", str(log_key))

    assert answer.code == ExitCode.DONE, answer.err
    assert (folder / "run_checkpoint").exists()


@pytest.mark.parametrize("damage", ["missing", "no key", "no public half", "another's half"])
def test_a_log_key_that_cannot_be_used_is_a_bad_request(labtrust, tmp_path, log_key, damage):
    from labtrust_core.trust.key_files import write_key

    public = log_key.with_suffix(".pub")
    if damage == "missing":
        log_key.unlink()
    elif damage == "no key":
        log_key.write_text("no key", encoding="utf-8")
    elif damage == "no public half":
        public.unlink()
    else:
        public.write_text(f"{write_key(tmp_path / 'other', 'log')}\n", encoding="utf-8")
    answer = labtrust(*SMOKE, "--out-dir", str(tmp_path / "run"), "--log-key", str(log_key))

    assert answer.code == ExitCode.BAD_REQUEST
    assert str(log_key.with_suffix("")) in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("options", [("--out", "results.json"), ("--out-dir", "run", "--no-logs")])
def test_a_log_key_needs_a_run_folder_with_logs(labtrust, tmp_path, log_key, options, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = labtrust(*SMOKE, *options, "--log-key", str(log_key))

    assert answer.code == ExitCode.BAD_REQUEST
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "results.json").exists()
