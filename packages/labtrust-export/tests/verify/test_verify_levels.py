"""How far a bundle is verified, what the report says, and what the caller's state becomes."""

import json
import os

import pytest
from labtrust_core.errors import UsageError
from labtrust_export.testing.forgery import BASES
from labtrust_export.testing.runs import with_run
from labtrust_export.verify import files as verify_files
from labtrust_export.verify.codes import CODES, LEVELS, Level
from labtrust_export.verify.files import no_progress
from labtrust_export.verify.history import History, HistoryError, Seen, read_history, write_history
from labtrust_export.verify.report import FaultError, VerifyReport
from labtrust_export.verify.verifier import verify_bundle


@pytest.mark.parametrize("base", BASES)
def test_a_good_bundle_reaches_replay(kit, verdict, base):
    report = verdict(kit.good(base).files)
    assert report.failure is None
    assert report.reached is Level.L3
    assert report.ok


@pytest.mark.parametrize("level", LEVELS[:4])
def test_no_check_above_the_required_level_is_made(kit, verdict, level):
    def lie(records):
        records[0]["body"]["world"] = "0" * 64

    report = verdict(kit.told("signed", lie), level)
    assert report.ok is (level is not Level.L3)
    assert list(report.checked) == list(LEVELS[: LEVELS.index(level) + report.ok])


def test_the_report_tells_what_was_checked_and_whose_keys_signed(kit, verdict):
    report = verdict(kit.good("signed").files)
    assert report.facts["records"] == len(kit.good("signed").records)
    assert report.signed_by["manifest.json"]
    assert report.signed_by["checkpoint"]
    assert report.signed_by["accepted events"]
    assert "byte for byte" in report.text()
    assert json.loads(json.dumps(report.to_dict()))["reached"] == "L3"


def test_a_failure_is_explained(kit, verdict):
    files = dict(kit.good("signed").files)
    files["checkpoint"] += b"x"
    report = verdict(files)
    assert report.failure.code == "BUNDLE_FILE_DIGEST"
    assert report.reached is None
    for part in ("BUNDLE_FILE_DIGEST", "checkpoint", CODES["BUNDLE_FILE_DIGEST"].meaning):
        assert part in report.text()
    assert report.to_dict()["failure"]["file"] == "checkpoint"


def test_what_a_stranger_wrote_does_no_harm_on_a_terminal():
    report = VerifyReport("b", Level.L0)
    report.fail(FaultError("BUNDLE_NAME_ILLEGAL", "\x1b[2J\u202e" + "x" * 1000), Level.L0)
    assert report.failure.message.isprintable()
    assert len(report.failure.message) < 400


def test_history_needs_a_state(kit, place):
    files = kit.good("signed").files
    with pytest.raises(UsageError, match="L4"):
        verify_bundle(place(files), kit.trusting(files), upto=Level.L4)


def test_a_file_that_changes_between_reading_and_replay_is_noticed(kit, place):
    files = kit.good("signed").files
    folder = place(files)
    log = folder / "episode_log.jsonl"
    reads = []

    def change(name, _read, _size):
        if name == log.name:
            reads.append(name)
            if len(reads) == 1:  # the first reading has ended
                log.write_bytes(files[log.name].replace(b"completed", b"recovered"))

    report = verify_bundle(folder, kit.trusting(files), progress=change)
    assert report.failure.code == "BUNDLE_FILE_DIGEST"
    assert report.reached is Level.L2


def test_what_is_no_plain_file_is_refused_and_not_opened(kit, place):
    folder = place(kit.good("signed").files)
    (folder / "checkpoint").unlink()
    os.mkfifo(folder / "checkpoint")
    report = verify_bundle(folder, kit.trusting(None))
    assert report.failure.code == "BUNDLE_FILE_KIND"


def test_a_file_that_becomes_a_link_after_the_look_at_the_folder_is_refused(kit, place):
    folder = place(kit.good("signed").files)
    verify_files.Folder(folder)
    (folder / "checkpoint").rename(folder.parent / "elsewhere")
    (folder / "checkpoint").symlink_to(folder.parent / "elsewhere")
    with (
        pytest.raises(FaultError, match="BUNDLE_FILE_KIND"),
        verify_files.opened(folder, "checkpoint", no_progress),
    ):
        pass


def test_a_changed_check_of_the_end_is_named(kit, verdict):
    bundle = kit.good("signed")
    last = json.loads(bundle.episode.lines[-1])
    line = bundle.episode.lines[-1].replace(last["check"].encode(), b"0" * 64)
    files = kit.sealed(bundle.told((*bundle.episode.lines[:-1], line)))
    assert verdict(files).failure.code == "LOG_END_CHECK"


# ---------------------------------------------------------------------------------------- history


@pytest.fixture
def run(kit):
    """The files of a bundle with a closed run log."""
    return kit.sealed(with_run(kit.good("signed").episode))


def test_a_closed_run_reaches_history_and_is_remembered(run, verdict):
    history = History()
    report = verdict(run, "L4", history=history)
    assert report.failure is None
    assert report.reached is Level.L4
    ((origin, seen),) = history.runs.items()
    assert origin == report.facts["run"]
    assert seen.size == run["run_log.jsonl"].count(b"\n")


@pytest.mark.parametrize(
    ("more", "root", "code"),
    [(1, None, "HISTORY_ROLLBACK"), (0, "0" * 64, "HISTORY_FORK"), (-1, None, "HISTORY_FORK")],
)
def test_a_run_that_is_not_the_one_seen_before_is_refused(kit, run, place, more, root, code):
    folder, trust = place(run), kit.trusting(run)
    history = History()
    verify_bundle(folder, trust, upto=Level.L4, history=history)
    ((origin, seen),) = history.runs.items()
    history.runs[origin] = Seen(seen.size + more, root or seen.root)
    before = dict(history.runs)
    report = verify_bundle(folder, trust, upto=Level.L4, history=history)
    assert report.failure.code == code
    assert history.runs == before


def test_a_bundle_without_a_run_has_no_history(kit, verdict):
    report = verdict(kit.good("signed").files, "L4", history=History())
    assert report.failure.code == "HISTORY_NO_RUN_LOG"
    assert report.reached is Level.L3


def test_a_state_is_written_whole_and_read_back(tmp_path):
    path = tmp_path / "state.json"
    assert read_history(path) == History()
    history = History({"labtrust/run/x": Seen(3, "a" * 64)})
    write_history(path, history)
    assert read_history(path) == history
    assert [item.name for item in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"version":"0.2","runs":{}}', '{"version":"0.1","runs":{"a":{"size":0}}}', "[" * 9],
)
def test_a_state_that_is_none_is_refused(tmp_path, text):
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(HistoryError, match=r"state\.json"):
        read_history(path)


def test_a_state_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot write"):
        write_history(tmp_path / "nowhere" / "state.json", History())
