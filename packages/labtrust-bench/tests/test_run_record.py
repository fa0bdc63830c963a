"""The run log and the checkpoints of a run folder, whatever becomes of the run.

Episodes are not played here: their logs and results are those of a run that was.
"""

import json
import os
import shutil
from collections import Counter
from contextlib import suppress

import pytest
from labtrust_bench.runs.folder import resume_run, start_run
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import read_results
from labtrust_core.errors import DocumentError, LedgerError, UsageError
from labtrust_core.ledger.run_log import check_run_log
from labtrust_core.ledger.verify import read_lines, verify_log
from labtrust_core.trust.key_files import read_signing_key, write_key
from labtrust_core.trust.notes import parse_checkpoint, parse_note, signers

EPISODES = 3
CONFIG = RunConfig("throughput_sla", EPISODES, 5, "smoke", "noop")
CALLS = ("fsync", "write", "replace", "unlink", "truncate", "ftruncate")


class KilledError(BaseException):
    """Nothing that any code waits for."""


class Disk:
    """Ends the run at the n-th call that changes the disk; a write may get halfway."""

    def __init__(self, monkeypatch, at):
        self.left = at
        for name in CALLS:
            monkeypatch.setattr(os, name, self.counting(name, getattr(os, name)))

    def counting(self, name, call):
        def counted(*arguments, **named):
            self.left -= 1
            if self.left < 0:
                if name == "write" and self.left == -1:
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                raise KilledError
            return call(*arguments, **named)

        return counted


class Replayed:
    """Hands on results that are known and writes their logs; ``ahead`` jobs are under way."""

    def __init__(self, whole, ahead=1):
        self.results = read_results(whole / "results.json").episodes
        self.whole, self.ahead, self.played = whole, ahead, Counter()

    def map(self, _work, jobs, _label=str):
        waiting = []
        for job in jobs:
            self.played[job.number] += 1
            if job.log is not None:
                shutil.copyfile(self.whole / "logs" / f"episode_{job.number}.jsonl", job.log)
            waiting.append(self.results[job.number])
            if len(waiting) == self.ahead:
                yield waiting.pop(0), None
        for result in waiting:
            yield result, None


def course(folder):
    with (folder / "run_log.jsonl").open("rb") as file:
        lines = list(read_lines(file))
    return check_run_log(lines), [json.loads(line) for line in lines]


def begins_of(folder):
    _, records = course(folder)
    return Counter(item["body"]["number"] for item in records if item["kind"] == "begin")


def checkpoint_of(path, key):
    note = parse_note(path.read_bytes())
    assert signers(note, [key.public()]) == ({str(key.public())}, set())
    return parse_checkpoint(note.text)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that was played."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    start_run(CONFIG, folder).run()
    return folder


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    """A log's key."""
    folder = tmp_path_factory.mktemp("keys")
    write_key(folder, "log")
    return read_signing_key(folder / "log.key")


@pytest.fixture
def begun(whole, tmp_path, policy):
    """The folder of a run that stopped when one episode was done and another under way."""

    def stop(*_):
        raise KilledError

    folder = tmp_path / "begun"
    with pytest.raises(KilledError):
        start_run(CONFIG, folder, policy=policy).run(stop, Replayed(whole, 2))
    return folder


@pytest.mark.parametrize(("ahead", "signed"), [(1, False), (2, False), (2, True)])
def test_a_run_that_is_killed_at_any_change_of_the_disk_shows_every_episode_that_was_begun(
    whole, request, tmp_path, policy, ahead, signed
):
    key = request.getfixturevalue("key") if signed else None
    at, killed = 0, True
    while killed:
        folder = tmp_path / str(at)
        run, player = start_run(CONFIG, folder, policy=policy), Replayed(whole, ahead)
        with pytest.MonkeyPatch.context() as patch:
            disk = Disk(patch, at)
            with suppress(KilledError):
                run.run(executor=player, key=key)
            killed = disk.left < 0
        resume_run(folder, policy).run(executor=player, key=key)

        found, _ = course(folder)
        begun = begins_of(folder)
        assert found.order.closed
        assert player.played <= begun
        assert (begun - player.played).total() <= 1
        assert (folder / "results.json").read_bytes() == (whole / "results.json").read_bytes()
        if signed:
            assert checkpoint_of(folder / "run_checkpoint", key).size == found.records
            for number in range(EPISODES):
                assert (folder / "logs" / f"episode_{number}.checkpoint").exists()
        at += 1
    assert at > 30


def test_every_checkpoint_states_its_log(whole, key, tmp_path, policy):
    folder = tmp_path / "run"
    start_run(CONFIG, folder, policy=policy).run(executor=Replayed(whole), key=key)

    found, _ = course(folder)
    run = checkpoint_of(folder / "run_checkpoint", key)
    assert (run.origin, run.size, run.root) == (found.origin, found.records, found.tree.root())
    for number in range(EPISODES):
        log = folder / "logs" / f"episode_{number}.jsonl"
        report, second = verify_log(log), json.loads(log.read_bytes().splitlines()[1])
        episode = checkpoint_of(log.with_suffix(".checkpoint"), key)
        assert (episode.size, episode.root.hex()) == (report.records, report.root)
        assert episode.origin == f"labtrust/episode/{second['prev']}"


def test_a_begin_names_the_episode_that_its_log_states(whole):
    _, records = course(whole)
    begins = [item["body"] for item in records if item["kind"] == "begin"]

    assert len(begins) == EPISODES
    for begin in begins:
        log = whole / "logs" / f"episode_{begin['number']}.jsonl"
        config = json.loads(log.read_bytes().splitlines()[0])["body"]["config"]
        assert (begin["episode"], begin["seed"]) == (config["episode"], config["seed"])


def test_checkpoints_are_there_as_soon_as_an_episode_is_over(whole, key, tmp_path, policy):
    folder, sizes = tmp_path / "run", []

    def look(*_):
        found, _ = course(folder)
        checkpoint = checkpoint_of(folder / "run_checkpoint", key)
        assert (checkpoint.size, checkpoint.root) == (found.records, found.tree.root())
        sizes.append((len(list(folder.glob("logs/*.checkpoint"))), checkpoint.size))

    start_run(CONFIG, folder, policy=policy).run(look, Replayed(whole), key)

    assert sizes == [(1, 3), (2, 5), (3, 7)]
    assert checkpoint_of(folder / "run_checkpoint", key).size == 8


def test_a_key_may_come_later_and_stay_away_again(begun, whole, key, policy):
    resume_run(begun, policy).run(executor=Replayed(whole), key=key)
    before = {path: path.read_bytes() for path in begun.rglob("*checkpoint")}
    resume_run(begun, policy).run(executor=Replayed(whole))

    assert len(before) == EPISODES + 1
    assert {path: path.read_bytes() for path in begun.rglob("*checkpoint")} == before


def test_another_key_is_refused(begun, whole, key, tmp_path, policy):
    resume_run(begun, policy).run(executor=Replayed(whole), key=key)
    write_key(tmp_path / "other", "log")

    with pytest.raises(UsageError, match="signed by another key"):
        resume_run(begun, policy).run(key=read_signing_key(tmp_path / "other" / "log.key"))


def test_no_private_key_is_in_the_folder(whole, key, tmp_path, policy):
    folder = tmp_path / "run"
    start_run(CONFIG, folder, policy=policy).run(executor=Replayed(whole), key=key)
    raw = key.private.private_bytes_raw()

    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"PRIVATE" not in data
            assert raw not in data
            assert raw.hex().encode() not in data


def test_a_key_needs_logs(tmp_path, key, policy):
    with pytest.raises(UsageError, match="without logs"):
        start_run(CONFIG, tmp_path / "run", logs=False, policy=policy).run(key=key)


def test_a_run_without_logs_has_a_run_log_all_the_same(whole, tmp_path, policy):
    folder = tmp_path / "run"
    start_run(CONFIG, folder, logs=False, policy=policy).run(executor=Replayed(whole))

    assert course(folder)[0].order.closed


def test_a_run_that_replaces_another_begins_a_new_run_log(begun, whole, key, policy):
    resume_run(begun, policy).run(executor=Replayed(whole), key=key)
    start_run(CONFIG, begun, force=True, policy=policy)

    assert {path.name for path in begun.rglob("*") if path.is_file()} == {"manifest.json", ".lock"}


def test_a_begun_episode_is_begun_again_only_after_a_resume(begun, whole, policy):
    resume_run(begun, policy).run(executor=Replayed(whole))
    _, records = course(begun)

    assert [item["kind"] for item in records] == [
        *("plan", "begin", "begin", "end"),
        *("resume", "begin", "end", "begin", "end", "close"),
    ]
    assert begins_of(begun) == {0: 1, 1: 2, 2: 1}


def without_a_line(path, lines):
    path.write_bytes(b"")
    return lines


def with_another_line(path, lines):
    result = json.loads(path.read_bytes())
    result["metrics"]["steps"] += 1
    path.write_text(json.dumps(result, sort_keys=True, separators=(",", ":")) + "\n")
    return lines


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (lambda _path, _lines: None, DocumentError, "does not say that episode 0 was begun"),
        (lambda _path, lines: lines[:1] + lines[2:], LedgerError, "RUNLOG_CHAIN at record 1"),
        (without_a_line, DocumentError, "its line is missing"),
        (with_another_line, DocumentError, "another result of episode 0"),
    ],
    ids=["no run log", "a record is missing", "a line is missing", "a line is another"],
)
def test_a_folder_that_contradicts_its_run_log_is_refused(
    begun, whole, policy, damage, error, message
):
    path = begun / "run_log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink()
    left = damage(begun / "episodes.jsonl", lines)
    if left is not None:
        path.write_bytes(b"".join(left))

    with pytest.raises(error, match=message):
        resume_run(begun, policy).run(executor=Replayed(whole))


def test_the_run_log_of_another_run_is_refused(begun, whole, tmp_path, policy):
    other = tmp_path / "other"
    config = RunConfig("throughput_sla", EPISODES, 5, "smoke", "noop", schema="0.3")
    start_run(config, other, policy=policy)
    shutil.copy(begun / "run_log.jsonl", other / "run_log.jsonl")

    with pytest.raises(DocumentError, match="another run's"):
        resume_run(other, policy).run(executor=Replayed(whole))
