"""The log writer: new files only, whole lines only, and loud failure."""

import errno
import os

import pytest
from labtrust_core.canonical import MAX_LINE
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.writer import LogWriter


@pytest.fixture
def synced(monkeypatch):
    """Count calls to fsync."""
    calls = []
    monkeypatch.setattr(os, "fsync", calls.append)
    return calls


def test_lines_are_written_in_order_each_with_an_lf(tmp_path):
    path = tmp_path / "log.jsonl"
    with LogWriter(path) as log:
        for number in range(1_000):
            log.write(b'{"n":%d}' % number)
        assert log.lines == 1_000
    assert path.read_bytes() == b"".join(b'{"n":%d}\n' % number for number in range(1_000))


def test_an_empty_file_may_be_filled(tmp_path):
    path = tmp_path / "log.jsonl"
    path.touch()
    with LogWriter(str(path)) as log:
        log.write(b"{}")
    assert path.read_bytes() == b"{}\n"


def test_a_file_that_holds_something_is_refused_and_untouched(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"x")
    with pytest.raises(LedgerError, match=r"log\.jsonl: .*not an empty"):
        LogWriter(path)
    assert path.read_bytes() == b"x"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(LedgerError, match=r"gone.log\.jsonl: cannot create"):
        LogWriter(tmp_path / "gone" / "log.jsonl")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="cannot create"):
        LogWriter(tmp_path)


def test_an_unknown_sync_policy_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="sync"):
        LogWriter(tmp_path / "log.jsonl", sync="often")
    assert not (tmp_path / "log.jsonl").exists()


@pytest.mark.parametrize("line", [b"a\n", b"\n", b"x" * (MAX_LINE + 1)])
def test_what_is_not_one_line_is_refused(tmp_path, line):
    with LogWriter(tmp_path / "log.jsonl") as log, pytest.raises(LedgerError, match="no LF"):
        log.write(line)
    assert (tmp_path / "log.jsonl").read_bytes() == b""


def test_sync_record_makes_every_line_durable_at_once(tmp_path, synced):
    path = tmp_path / "log.jsonl"
    with LogWriter(path, sync="record") as log:
        assert len(synced) == 1  # the folder, which holds the name
        log.write(b"{}")
        assert len(synced) == 2
        assert path.read_bytes() == b"{}\n"
        log.write(b"{}")
        assert len(synced) == 3


@pytest.mark.parametrize(("sync", "least"), [("none", 0), ("close", 1)])
def test_the_file_is_synced_on_closing_only_if_asked(tmp_path, synced, sync, least):
    with LogWriter(tmp_path / "log.jsonl", sync=sync) as log:
        log.write(b"{}")
        assert not synced
    assert bool(synced) == bool(least)


def test_flush_hands_over_what_was_accepted(tmp_path):
    path = tmp_path / "log.jsonl"
    with LogWriter(path, sync="none") as log:
        log.write(b"{}")
        assert path.read_bytes() == b""
        log.flush()
        assert path.read_bytes() == b"{}\n"


def test_a_closed_log_takes_nothing_and_closes_again_quietly(tmp_path):
    log = LogWriter(tmp_path / "log.jsonl")
    log.close()
    log.close()
    for act in (lambda: log.write(b"{}"), log.flush):
        with pytest.raises(LedgerError, match="closed"):
            act()


def test_lines_before_an_exception_are_kept(tmp_path):
    path = tmp_path / "log.jsonl"

    def crash():
        with LogWriter(path) as log:
            log.write(b"{}")
            raise KeyError

    with pytest.raises(KeyError):
        crash()
    assert path.read_bytes() == b"{}\n"


def test_short_writes_are_completed(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, bytes(data[:3])))
    path = tmp_path / "log.jsonl"
    with LogWriter(path) as log:
        log.write(b'{"a":12345}')
    assert path.read_bytes() == b'{"a":12345}\n'


def test_after_a_failed_write_nothing_more_is_taken(tmp_path, monkeypatch):
    path = tmp_path / "log.jsonl"

    def full(_fd, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    log = LogWriter(path, sync="record")
    log.write(b"{}")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(LedgerError, match=r"log\.jsonl: cannot write \(No space"):
            log.write(b'{"a":1}')
    for act in (lambda: log.write(b"{}"), log.flush, log.close):
        with pytest.raises(LedgerError, match="earlier write failed"):
            act()
    log.close()
    assert path.read_bytes() == b"{}\n"
