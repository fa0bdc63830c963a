"""A run on disk: killed anywhere and resumed, it is byte for byte the run left alone.

Its run log is not, since it says what happened; it is looked at by itself.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from labtrust_bench.runs.benchmark import run_benchmark
from labtrust_bench.runs.executor import AHEAD, LocalPool
from labtrust_bench.runs.folder import LOCK, resume_run, start_run
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import read_results, results_bytes
from labtrust_core.canonical import sha256_hex
from labtrust_core.domains import open_policy
from labtrust_core.errors import DocumentError, UsageError
from labtrust_core.ledger.durable import exclusive
from labtrust_core.ledger.run_log import check_run_log
from labtrust_core.ledger.verify import read_lines, verify_log
from labtrust_core.policy.directory import find_policy_dir

EPISODES = 3
CONFIG = RunConfig("throughput_sla", EPISODES, 5, "smoke", "noop", schema="0.3")

PROGRAM = """
import os, signal, sys
from pathlib import Path
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.runs import folder, run_record
from labtrust_bench.runs.executor import executor
from labtrust_bench.runs.plan import RunConfig

signal.signal(signal.SIGINT, signal.default_int_handler)  # in a shell's background it is ignored

place, target, workers = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
seed, steps, lines = 0, 0, 0
reset, act, write, replace = DoNothing.reset, DoNothing.act, os.write, Path.replace
end = run_record.RunRecord.end

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def note_seed(self, name, number):
    global seed
    seed = number
    reset(self, name, number)

def count_steps(self, view):
    global steps
    steps += seed == 7
    if steps == 900:
        die()
    return act(self, view)

def half_a_line(handle, data):
    global lines
    lines += os.readlink(f"/proc/self/fd/{handle}").endswith("episodes.jsonl")
    if lines == 3:
        write(handle, data[:len(data) // 2])
        die()
    return write(handle, data)

def after_the_log(self, target):
    answer = replace(self, target)
    if target.name == "episode_2.jsonl":
        die()
    return answer

def before_the_results(self, target):
    if target.name == "results.json":
        die()
    return replace(self, target)

def die_at_the_last(self, number, *rest):
    if number == 2:
        die()
    end(self, number, *rest)

if place == "mid-episode":
    DoNothing.reset, DoNothing.act = note_seed, count_steps
elif place == "mid-line":
    os.write = half_a_line
elif place == "after-log":
    Path.replace = after_the_log
elif place == "before-end":
    run_record.RunRecord.end = die_at_the_last
elif place == "before-close":
    run_record.RunRecord.finish = lambda self: die()
elif place == "before-results":
    Path.replace = before_the_results

if __name__ == "__main__":
    config = RunConfig("throughput_sla", 3, 5, "smoke", "noop", schema="0.3")
    run = folder.start_run(config, target)
    print("started", flush=True)
    run.run(executor=executor(workers))
"""


def everything(folder):
    """All bytes but those of the run log, and the lock."""
    own = {".lock", "run_log.jsonl"}
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in own)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def course(folder):
    """Check the run log and return it in words: kind, and number of the episode or of the done."""
    with (folder / "run_log.jsonl").open("rb") as file:
        lines = list(read_lines(file))
    check_run_log(lines)
    return [summed_up(json.loads(line)) for line in lines]


def summed_up(record):
    which = [record["body"][name] for name in ("number", "done") if name in record["body"]]
    return " ".join(map(str, [record["kind"], *which]))


def begins_of(course):
    return [int(words.split()[1]) for words in course if words.startswith("begin")]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """All bytes of the run."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    start_run(CONFIG, folder).run()
    return everything(folder)


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def stopped(tmp_path_factory, policy):
    """The folder of a run that stopped after two episodes; to be copied."""

    def stop(_result, _timing):
        if (folder / "episodes.jsonl").read_bytes().count(b"\n") == 2:
            raise KeyboardInterrupt

    folder = tmp_path_factory.mktemp("stopped") / "run"
    run = start_run(CONFIG, folder, policy=policy)
    with pytest.raises(KeyboardInterrupt):
        run.run(stop)
    return folder


@pytest.fixture
def broken_off(stopped, tmp_path):
    """A copy of it."""
    return shutil.copytree(stopped, tmp_path / "run")


def test_a_run_leaves_manifest_episodes_logs_and_results(undisturbed):
    logs = {f"logs/episode_{number}.jsonl" for number in range(EPISODES)}

    assert undisturbed.keys() == {"manifest.json", "episodes.jsonl", "results.json"} | logs
    assert undisturbed["episodes.jsonl"].count(b"\n") == EPISODES


def test_results_from_the_stream_are_those_from_memory(undisturbed):
    assert undisturbed["results.json"] == results_bytes(run_benchmark(CONFIG))


def test_results_of_0_2_are_put_together_as_well(tmp_path):
    config = RunConfig("throughput_sla", 1, 5, "smoke", "noop")
    path = start_run(config, tmp_path / "run").run()

    assert path.read_bytes() == results_bytes(run_benchmark(config))


@pytest.mark.skipif(sys.platform != "linux", reason="the script looks into /proc")
@pytest.mark.parametrize(
    ("place", "lines", "resumed"),
    [
        ("mid-episode", 2, ["resume 2", "begin 2", "end 2", "close"]),
        ("mid-line", 2, ["resume 2", "begin 2", "end 2", "close"]),
        ("after-log", 2, ["resume 2", "begin 2", "end 2", "close"]),
        ("before-end", 3, ["end 2", "resume 3", "close"]),
        ("before-close", 3, ["resume 3", "close"]),
        ("before-results", 3, []),
    ],
)
def test_a_killed_run_resumes_to_the_same_bytes(
    script, tmp_path, undisturbed, place, lines, resumed
):
    folder = tmp_path / "run"
    done = subprocess.run(
        [sys.executable, script, place, folder, "1"], check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    left = everything(folder)
    assert left["episodes.jsonl"].count(b"\n") == lines
    assert "results.json" not in left
    before = course(folder)
    assert begins_of(before) == [0, 1, 2]

    resume_run(folder).run()
    assert everything(folder) == undisturbed
    assert course(folder) == before + resumed


@pytest.mark.parametrize("delay_s", [0.5, pytest.param(1.0, marks=pytest.mark.slow)])
def test_a_pool_that_is_killed_at_any_time_resumes_to_the_same_bytes(
    script, tmp_path, undisturbed, delay_s
):
    folder = tmp_path / "run"
    command = [sys.executable, script, "nowhere", folder, "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(delay_s)
        process.kill()

    resume_run(folder).run(executor=LocalPool(2))
    assert everything(folder) == undisturbed
    assert set(begins_of(course(folder))) == {0, 1, 2}


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_an_interrupted_run_resumes_to_the_same_bytes(script, tmp_path, undisturbed):
    folder = tmp_path / "run"
    command = [sys.executable, script, "nowhere", folder, "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0

    resume_run(folder).run()
    assert everything(folder) == undisturbed


def test_workers_write_the_same_bytes(tmp_path, undisturbed):
    start_run(CONFIG, tmp_path / "run").run(executor=LocalPool(2))

    assert everything(tmp_path / "run") == undisturbed
    assert course(tmp_path / "run")[:3] == ["plan", "begin 0", "begin 1"]


def test_the_plan_says_what_the_manifest_says(stopped):
    manifest = json.loads((stopped / "manifest.json").read_bytes())
    with (stopped / "run_log.jsonl").open("rb") as file:
        plan, begin = (json.loads(file.readline())["body"] for _ in range(2))

    assert plan["run"] == manifest["run"]
    for name in ("base_seed", "num_episodes", "versions", "agents", "policy_fingerprint"):
        assert plan[name] == manifest["header"][name]
    assert begin == {"episode": "throughput_sla-5", "number": 0, "seed": 5}


def test_an_end_says_where_log_and_line_are(stopped):
    lines = (stopped / "episodes.jsonl").read_bytes().splitlines()
    with (stopped / "run_log.jsonl").open("rb") as file:
        ends = [record["body"] for record in map(json.loads, file) if record["kind"] == "end"]

    assert len(ends) == len(lines) == 2
    for number, (end, line) in enumerate(zip(ends, lines, strict=True)):
        report = verify_log(stopped / "logs" / f"episode_{number}.jsonl")
        assert (end["head"], end["records"]) == (report.head, report.records)
        assert end["result"] == sha256_hex(line)


def test_a_resumed_run_plays_only_what_is_missing(broken_off, undisturbed):
    seeds = []
    resume_run(broken_off).run(lambda result, _timing: seeds.append(result.seed))

    assert seeds == [7]
    assert everything(broken_off) == undisturbed
    assert course(broken_off) == [
        "plan",
        "begin 0",
        "end 0",
        "begin 1",
        "end 1",
        "resume 2",
        "begin 2",
        "end 2",
        "close",
    ]


def test_a_complete_run_can_be_resumed_and_stays_as_it_is(broken_off, undisturbed):
    resume_run(broken_off).run()
    resume_run(broken_off).run(lambda *_: pytest.fail("nothing was missing"))

    assert everything(broken_off) == undisturbed


def test_every_log_verifies_and_ends_where_its_line_says(broken_off):
    resume_run(broken_off).run()
    lines = (broken_off / "episodes.jsonl").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        report = verify_log(broken_off / "logs" / f"episode_{number}.jsonl")
        assert report.ok
        assert report.head == json.loads(line)["ledger"]["head"]


def test_a_run_without_logs_keeps_none(tmp_path, undisturbed):
    folder = tmp_path / "run"
    start_run(CONFIG, folder, logs=False).run()
    found = everything(folder)

    assert found.keys() == {"manifest.json", "episodes.jsonl", "results.json"}
    assert found["results.json"] == undisturbed["results.json"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_episodes": 9}, r"run: num_episodes is 3 there and 9 now$"),
        ({"base_seed": 6}, r"base_seed is 5 there and 6 now"),
        ({"agents": "random"}, r"agents is 'noop' there and 'random' now"),
        ({"mixed": {"qc_0": "random"}}, r"mixed\.qc_0 is missing there and 'random' now"),
        ({"signed": True}, r"signed is False there and True now"),
        ({"schema": "0.2"}, r"schema is '0.3' there and '0.2' now"),
        ({"partner_id": "hsl_like"}, r"partner_id is None there and 'hsl_like' now"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_other_arguments_are_refused_by_name(broken_off, changes, message):
    before = everything(broken_off)
    with pytest.raises(UsageError, match=message):
        resume_run(broken_off, **changes)

    assert everything(broken_off) == before


def test_another_version_is_refused_by_name(broken_off, monkeypatch):
    monkeypatch.setattr("labtrust_core.__version__", "99.0")

    with pytest.raises(UsageError, match=r"versions\.labtrust-core is '.*' there and '99.0' now"):
        resume_run(broken_off)


def test_another_policy_is_refused_by_its_fingerprint(broken_off, tmp_path):
    other = shutil.copytree(find_policy_dir(), tmp_path / "policy")
    names = other / "reason_codes" / "reason_code_registry.v0.1.yaml"
    text = names.read_text(encoding="utf-8")
    assert "No such tool." in text
    names.write_text(text.replace("No such tool.", "There is no such tool."), encoding="utf-8")

    with pytest.raises(UsageError, match=r"policy_fingerprint is '[0-9a-f]{64}' there and"):
        resume_run(broken_off, policy=open_policy(other))


def test_the_same_arguments_are_accepted(broken_off):
    assert resume_run(broken_off, agents="noop", num_episodes=EPISODES).done == 0


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="is no run folder"):
        resume_run(tmp_path)


@pytest.mark.parametrize("text", [b"{}", b"", b'{"format":"x"}', b"\xff"])
def test_a_damaged_manifest_is_refused(broken_off, text):
    (broken_off / "manifest.json").write_bytes(text)

    with pytest.raises(DocumentError, match=r"manifest\.json"):
        resume_run(broken_off)


def test_a_damaged_line_is_refused_and_not_repaired(broken_off):
    path = broken_off / "episodes.jsonl"
    damaged = b"{}\n" + path.read_bytes()
    path.write_bytes(damaged)

    with pytest.raises(DocumentError, match=r"episodes\.jsonl:1: no result"):
        resume_run(broken_off).run()
    assert path.read_bytes() == damaged


@pytest.mark.parametrize("change", ["gone", "another"])
def test_a_log_that_is_not_the_episodes_is_refused(broken_off, change):
    log = broken_off / "logs" / "episode_0.jsonl"
    if change == "gone":
        log.unlink()
    else:
        log.write_bytes((broken_off / "logs" / "episode_1.jsonl").read_bytes())

    with pytest.raises(DocumentError, match=r"episode_0\.jsonl"):
        resume_run(broken_off).run()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").touch()

    for force in (False, True):
        with pytest.raises(UsageError):
            start_run(CONFIG, tmp_path, force=force)
    assert everything(tmp_path) == {"mine.txt": b""}


def test_a_run_replaces_another_when_forced_and_touches_nothing_else(broken_off, undisturbed):
    (broken_off / "mine.txt").touch()
    with pytest.raises(UsageError, match="--resume"):
        start_run(CONFIG, broken_off)
    start_run(CONFIG, broken_off, force=True).run()

    assert everything(broken_off) == {**undisturbed, "mine.txt": b""}


def test_two_processes_do_not_share_a_folder(broken_off):
    with (
        exclusive(broken_off / LOCK, broken_off),
        pytest.raises(UsageError, match="in use by another process"),
    ):
        resume_run(broken_off).run()


def test_a_worker_that_fails_names_episode_and_seed(tmp_path):
    failing = tmp_path / "failing.py"
    failing.write_text(
        "class Failing:\n"
        "    def reset(self, name, seed):\n"
        "        self.seed = seed\n"
        "    def act(self, view):\n"
        "        if self.seed == 6 and view['t_s'] == 50:\n"
        "            raise RuntimeError('no more')\n"
        "        return 0\n",
        encoding="utf-8",
    )
    config = RunConfig(
        "throughput_sla", 2, 5, "smoke", "noop", mixed={"qc_0": f"{failing}:Failing"}
    )
    said = []
    for number, executor in enumerate([None, LocalPool(2)]):
        with pytest.raises(
            Exception, match=r"of qc_0 in step 5, seed 6: raised RuntimeError: no more"
        ) as caught:
            start_run(config, tmp_path / str(number)).run(executor=executor)
        said.append((type(caught.value), str(caught.value)))
        lines = (tmp_path / str(number) / "episodes.jsonl").read_text(encoding="utf-8")
        assert [json.loads(line)["seed"] for line in lines.splitlines()] == [5]

    assert said[0] == said[1]


class Sizes:
    """Notes how much is taken and how much handed on."""

    def __init__(self):
        self.taken = self.most = self.given = 0

    def map(self, work, jobs, _label=str):
        for job in jobs:
            self.taken += 1
            self.most = max(self.most, self.taken - self.given)
            answer = work(job)
            self.given += 1
            yield answer


def test_episodes_are_not_gathered(tmp_path):
    sizes = Sizes()
    run = start_run(CONFIG, tmp_path / "run", logs=False)
    run.run(executor=sizes)

    assert sizes.most == 1 <= AHEAD
    assert run.done == EPISODES
    assert read_results(run.results).num_episodes == EPISODES
