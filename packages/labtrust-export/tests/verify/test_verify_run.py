"""The run's log beside a ledger, and what a caller has seen of it, from near."""

import json
import os
import types
from dataclasses import replace

import pytest
from labtrust_core.errors import UsageError
from labtrust_core.ledger import durable
from labtrust_core.ledger.merkle import leaf_hash, root_of
from labtrust_core.trust.notes import Checkpoint
from labtrust_export.statement import RunFacts
from labtrust_export.testing.runs import PLACE, record, run_records
from labtrust_export.testing.sealing import linked
from labtrust_export.verify import history
from labtrust_export.verify.codes import Level
from labtrust_export.verify.history import (
    History,
    HistoryError,
    Seen,
    check_history,
    note_run,
    read_history,
    write_history,
)
from labtrust_export.verify.report import FaultError
from labtrust_export.verify.run import RunPass

Space = types.SimpleNamespace
BEGIN, END = 1 + 2 * PLACE, 2 + 2 * PLACE  # places of the episode's own records


@pytest.fixture
def story(kit):
    """The records of a closed run of three episodes, and what is sought in it."""
    episode = kit.good("signed").episode
    own = json.loads(episode.lines[0])["body"]["config"]
    start = Space(config=Space(episode=own["episode"], seed=own["seed"]))
    head = leaf_hash(episode.lines[-1]).hex()
    return Space(records=run_records(episode), start=start, head=head, size=len(episode.lines))


def passed(story, *, seen=None, head=None, size=None, start=None):
    """Return the pass over a run's log."""
    lines = [line + b"\n" for line in linked(story.records)]
    run = RunPass(head or story.head, size or story.size, seen or {})
    run.read(Space(lines=lambda: iter(lines)), story.start if start is None else start)
    return run


def resumed(records, place, done):
    """Insert that an episode was begun before an interruption; return it begun twice."""
    records[place:place] = [
        json.loads(json.dumps(records[place])),
        record("resume", {"done": done}),
    ]


def test_the_episode_is_found_in_its_run(story):
    run = passed(story)
    leaves = [leaf_hash(line) for line in linked(story.records)]
    origin = f"labtrust/run/{leaves[0].hex()}"
    assert (run.fault, run.number, run.again, run.old_root) == (None, PLACE, set(), None)
    assert run.facts() == RunFacts(origin=origin, number=PLACE, size=len(leaves))
    assert run.checkpoint == Checkpoint(origin, len(leaves), root_of(leaves))


@pytest.mark.parametrize("other", [{"head": "0" * 64}, {"size": 5}])
def test_an_episode_with_another_end_is_not_in_the_run(story, other):
    run = passed(story, **other)
    assert (run.fault.code, run.fault.file) == ("RUNLOG_EPISODE", "run_log.jsonl")
    assert (run.number, run.facts()) == (None, None)


@pytest.mark.parametrize("other", [{"episode": "another"}, {"seed": -5}])
def test_an_episode_that_was_begun_as_another_is_not_that_of_the_run(story, other):
    start = Space(config=Space(**{**vars(story.start.config), **other}))
    run = passed(story, start=start)
    assert (run.fault.code, run.fault.file) == ("RUNLOG_EPISODE", "run_log.jsonl")
    assert str(next(iter(other.values()))) in run.fault.message


def test_of_two_ends_alike_the_first_counts(story):
    story.records[END + 2]["body"] |= {"head": story.head, "records": story.size}
    run = passed(story)
    assert (run.fault, run.number) == (None, PLACE)


def test_a_ledger_that_states_nothing_is_at_fault_elsewhere(story):
    run = RunPass(story.head, story.size, {})
    lines = [line + b"\n" for line in linked(story.records)]
    run.read(Space(lines=lambda: iter(lines)), None)
    assert (run.fault, run.number) == (None, PLACE)


@pytest.mark.parametrize(("place", "done"), [(BEGIN, PLACE), (1, 0)])
def test_what_was_begun_more_than_once_is_noted(story, place, done):
    resumed(story.records, place, done)
    run = passed(story)
    assert (run.fault, run.again) == (None, {done})


def test_a_log_that_is_out_of_order_names_its_record(story):
    del story.records[END]
    run = passed(story)
    assert (run.fault.code, run.fault.file) == ("RUNLOG_ORDER", "run_log.jsonl")
    assert run.fault.record == len(story.records) - 1


def test_a_log_without_a_record_is_refused(story):
    story.records.clear()
    run = passed(story)
    assert (run.fault.code, run.fault.file) == ("RUNLOG_NOT_CANONICAL", "run_log.jsonl")


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_the_root_is_kept_of_what_the_caller_has_seen(story, size):
    leaves = [leaf_hash(line) for line in linked(story.records)]
    origin = f"labtrust/run/{leaves[0].hex()}"
    assert passed(story, seen={origin: size}).old_root == root_of(leaves[:size])
    assert passed(story, seen={origin: 9}).old_root is None
    assert passed(story, seen={"labtrust/run/other": size}).old_root is None


# ---------------------------------------------------------------------------------------- history


def order(*, closed=True, planned=3, ended=3, still=()):
    """Return a run's log of ten records whose root over five is known."""
    plan = None if planned is None else Space(num_episodes=planned)
    found = Space(closed=closed, plan=plan, ended=ended, open=frozenset(still))
    tree = Space(root=lambda: b"\x02" * 32)
    checker = Space(order=found, records=10, tree=tree, origin="labtrust/run/x")
    return Space(checker=checker, old_root=b"\x01" * 32)


def fault_of(run, seen):
    """Return the fault of a run's history, or None."""
    try:
        check_history(run, seen)
    except FaultError as fault:
        return fault
    return None


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (None, None),
        (Seen(5, "01" * 32), None),
        (Seen(10, "01" * 32), None),
        (Seen(11, "01" * 32), "HISTORY_ROLLBACK"),
        (Seen(5, "02" * 32), "HISTORY_FORK"),
        (Seen(10, "02" * 32), "HISTORY_FORK"),
    ],
)
def test_nothing_that_was_seen_may_be_gone(seen, code):
    fault = fault_of(order(), seen)
    assert (fault and fault.code) == code
    assert fault is None or fault.file == "run_log.jsonl"


def test_a_root_that_is_not_known_is_none_that_was_seen():
    run = order()
    run.old_root = None
    assert fault_of(run, Seen(5, "01" * 32)).code == "HISTORY_FORK"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"ended": 1, "still": (12, 2)}, "1 of 3 episodes ended, begun and open: 2, 12"),
        ({"ended": 0, "planned": None}, "0 of 0 episodes ended, begun and open: none"),
        (
            {"ended": 0, "planned": 99, "still": range(11)},
            "0 of 99 episodes ended, begun and open: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
        ),
    ],
)
def test_a_run_that_is_open_says_what_is_missing(state, told):
    fault = fault_of(order(closed=False, **state), Seen(99, "0" * 64))
    assert (fault.code, fault.file) == ("HISTORY_OPEN", "run_log.jsonl")
    assert fault.message == f"not closed: {told}"


def test_a_bundle_without_a_run_names_no_file():
    fault = fault_of(None, None)
    assert (fault.code, fault.file, fault.record) == ("HISTORY_NO_RUN_LOG", None, None)


def test_a_run_is_noted_beside_the_others():
    before = History({"a": Seen(1, "0" * 64), "labtrust/run/x": Seen(5, "01" * 32)})
    after = note_run(before, order())
    assert after.runs == {"a": Seen(1, "0" * 64), "labtrust/run/x": Seen(10, "02" * 32)}
    assert before.sizes() == {"a": 1, "labtrust/run/x": 5}


def test_a_state_is_spelt_alike_in_whatever_order_it_was_seen():
    runs = {"b": Seen(2, "1" * 64), "a": Seen(1, "0" * 64)}
    text = History(runs).encoded()
    assert text == History(dict(sorted(runs.items()))).encoded()
    assert text == (
        b'{\n  "runs": {\n'
        b'    "a": {\n      "root": "%b",\n      "size": 1\n    },\n'
        b'    "b": {\n      "root": "%b",\n      "size": 2\n    }\n'
        b'  },\n  "version": "0.1"\n}\n' % (b"0" * 64, b"1" * 64)
    )


def test_a_state_is_whole_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    path, runs = tmp_path / "state.json", History({"a": Seen(1, "0" * 64)})
    done = []

    def force(descriptor):
        done.append((os.fstat(descriptor).st_size, path.exists()))

    monkeypatch.setattr(durable.os, "fsync", force)
    folders = Space(sync_folder=lambda folder: done.append((folder, path.exists())))
    monkeypatch.setattr(durable, "OS_FILES", folders)
    write_history(path, runs)
    assert done == [(len(runs.encoded()), False), (tmp_path, True)]


def test_a_state_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "state.json"
    write_history(path, History())
    before = path.read_bytes()

    def full(_descriptor):
        raise OSError(28, "No space left")

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        write_history(path, History({"a": Seen(1, "0" * 64)}))
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["state.json"]


def test_a_state_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read the state"):
        read_history(tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"[" * 10_000,
        b'{"version":"0.1","runs":{},"more":1}',
        b'{"version":"0.1","runs":{"a":{"size":1,"root":"%b","more":1}}}' % (b"0" * 64),
        b'{"version":"0.1","runs":{"a":{"size":1,"root":"%b0"}}}' % (b"0" * 64),
    ],
)
def test_a_state_of_other_bytes_is_refused(tmp_path, data):
    path = tmp_path / "state.json"
    path.write_bytes(data)
    with pytest.raises(HistoryError) as caught:
        read_history(path)
    assert str(path) in str(caught.value)


def test_the_limit_of_a_state_is_the_documented_one():
    assert history.MAX_STATE == 64 * 2**20


# ------------------------------------------------------------------------------- told by a bundle


def sealed(kit, story):
    """Return the files of the bundle whose run is the story."""
    episode = kit.good("signed").episode
    return kit.sealed(replace(episode, run=linked(story.records)))


def test_a_run_that_was_interrupted_says_so(kit, story, verdict):
    resumed(story.records, BEGIN, PLACE)
    report = verdict(sealed(kit, story))
    assert report.failure is None
    note = f"begun more than once, after an interruption: episodes {PLACE}"
    assert [item for item in report.notes if item.startswith("begun")] == [note]
    assert (report.facts["number"], report.facts["run"][:13]) == (PLACE, "labtrust/run/")


def test_a_bundle_with_a_run_says_how_much_was_seen_before(kit, story, verdict):
    report = verdict(files := sealed(kit, story), "L4", history=(seen := History()))
    records = len(story.records)
    told = f"all 3 episodes ended; {records} records of its log, seen before"
    assert report.checked[Level.L4] == f"{told} nothing"
    assert "the bundle does not say which run the episode belongs to" not in report.notes
    assert verdict(files, "L4", history=seen, name="again").checked[Level.L4] == (
        f"{told} {records} records"
    )


def test_a_run_is_remembered_only_where_history_is_asked(kit, story, verdict):
    files, seen = sealed(kit, story), History()
    assert verdict(files, "L3", history=seen).failure is None
    assert seen == History()
