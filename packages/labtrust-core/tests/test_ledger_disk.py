"""Logs on the machine's own disk: processes that are killed, a full disk, flipped bits."""

import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.chain import Chain
from labtrust_core.ledger.files import OS_FILES
from labtrust_core.ledger.recover import recover
from labtrust_core.ledger.verify import (
    LogChecker,
    LogFaultError,
    read_lines,
    verified_records,
    verify_log,
)
from labtrust_core.ledger.writer import LogWriter

# Each record is acknowledged on the standard output only after the writer has returned.
WRITE = textwrap.dedent(
    """
    import sys
    from labtrust_core.errors import LedgerError
    from labtrust_core.ledger.chain import Chain
    from labtrust_core.ledger.writer import LogWriter

    def fill(path, sync, letters):
        log = LogWriter(path, sync=sync)
        def take(line):
            log.write(line)
            if sync == "none":
                log.flush()
            print("kept", flush=True)
        chain = Chain(take)
        chain.start(0, {"episode": "ep-1"})
        for number in range(100_000):
            event = {"event_id": f"E{number}", "note": "x" * letters}
            chain.event(number, "agent", event, {"status": "ACCEPTED"})
    """
)
FILL = WRITE + "fill(sys.argv[1], sys.argv[2], 700)\n"
FILL_UP = (
    "import resource, signal\n"
    + WRITE
    + textwrap.dedent(
        """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
        try:
            fill(sys.argv[1], sys.argv[2], 100)
        except LedgerError as error:
            print(error)
        """
    )
)


def run_until_killed(path, sync, after_s):
    """Let a process write, kill it after some seconds of writing; return what it acknowledged."""
    command = [sys.executable, "-c", FILL, str(path), sync]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        first = process.stdout.readline()
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    return (first + rest).count(b"kept\n")


def check_recovery(path, acknowledged):
    result = recover(path)
    assert result.records_kept >= acknowledged
    data = path.read_bytes()
    again = recover(path)
    assert (again.records_kept, again.bytes_dropped) == (result.records_kept, 0)
    assert path.read_bytes() == data
    assert verify_log(path).problem.code == "LOG_TRUNCATED"


posix_only = pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")


@posix_only
@pytest.mark.parametrize("sync", ["record", "none"])
def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path, sync):
    path = tmp_path / "log.jsonl"
    acknowledged = run_until_killed(path, sync, 0.05)
    assert acknowledged
    check_recovery(path, acknowledged)


@posix_only
@pytest.mark.slow
def test_forty_killed_processes_lose_nothing_that_they_acknowledged(tmp_path):
    for number in range(40):
        path = tmp_path / f"{number}.jsonl"
        sync = ("record", "none")[number % 2]
        check_recovery(path, run_until_killed(path, sync, number / 200))


@posix_only
@pytest.mark.parametrize("room", [0, 1, 5_000, 12_345])
def test_a_full_disk_is_told_and_what_was_acknowledged_is_there(tmp_path, room):
    path = tmp_path / "log.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FILL_UP, str(path), "record", str(room)],
        capture_output=True,
        text=True,
        check=True,
    )
    *kept, told = done.stdout.splitlines()
    assert "cannot write (File too large)" in told
    assert path.stat().st_size == room
    result = recover(path)
    assert result.records_kept == len(kept)
    assert path.stat().st_size == room - result.bytes_dropped


def small_log():
    lines = []
    chain = Chain(lines.append)
    chain.start(0, {"episode": "ep-1"})
    chain.event(1, "agent", {"event_id": "E1"}, {"status": "ACCEPTED"})
    chain.end(2, "completed")
    return b"".join(line + b"\n" for line in lines)


LOG = small_log()


def fault_of(data):
    checker = LogChecker()
    try:
        for line in read_lines(io.BytesIO(data)):
            checker.feed(line.removesuffix(b"\n"))
        checker.finish()
    except LogFaultError as fault:
        return fault
    return None


def test_every_flipped_bit_before_the_last_lf_is_found_at_its_record():
    assert fault_of(LOG) is None
    for bit in range(8 * (len(LOG) - 1)):
        damaged = bytearray(LOG)
        damaged[bit // 8] ^= 1 << bit % 8
        fault = fault_of(bytes(damaged))
        assert fault is not None, bit
        assert fault.record == LOG.count(b"\n", 0, bit // 8), bit


def test_the_records_of_a_whole_log_are_returned(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG)
    assert [record.seq for record in verified_records(path)] == [0, 1, 2]


def test_the_records_of_a_broken_log_are_not(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(LOG[:-1])
    with pytest.raises(LogFaultError, match="LOG_TORN_LINE"):
        verified_records(path)


@pytest.mark.parametrize("read", [verify_log, verified_records, recover])
def test_a_log_that_is_not_there_is_a_typed_error(tmp_path, read):
    with pytest.raises(LedgerError, match=r"log\.jsonl: cannot read the log \(No such file"):
        read(tmp_path / "log.jsonl")


class Unreadable(io.BytesIO):
    def readline(self, _size=-1):
        raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize("read", [verify_log, verified_records, recover])
def test_a_disk_that_cannot_be_read_is_a_typed_error(tmp_path, monkeypatch, read):
    monkeypatch.setattr(Path, "open", lambda _path, _mode: Unreadable())
    with pytest.raises(LedgerError, match=r"log\.jsonl: cannot read the log \(Input/output error"):
        read(tmp_path / "log.jsonl")


# ------------------------------------------------------------------------------- the file layer


def test_a_device_is_no_file_for_a_log():
    with pytest.raises(LedgerError, match=r"cannot create the log \(not a regular file"):
        LogWriter(os.devnull)


def test_a_file_that_cannot_be_measured_is_closed(tmp_path, monkeypatch):
    closed = []

    def size(_fd):
        raise OSError(errno.EIO, "Input/output error")

    close = OS_FILES.close
    monkeypatch.setattr(OS_FILES, "size", size, raising=False)
    monkeypatch.setattr(OS_FILES, "close", lambda fd: closed.append(close(fd)), raising=False)
    with pytest.raises(LedgerError, match="cannot create the log"):
        LogWriter(tmp_path / "log.jsonl")
    assert len(closed) == 1


def test_a_write_that_takes_nothing_is_a_failure(tmp_path, monkeypatch):
    with LogWriter(tmp_path / "log.jsonl") as log:
        log.write(b"{}")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", lambda _fd, _data: 0)
            with pytest.raises(LedgerError, match="nothing was taken"):
                log.flush()
        with pytest.raises(LedgerError, match="earlier write failed"):
            log.close()


def test_a_file_gets_another_name_in_place_of_what_had_it(tmp_path):
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    OS_FILES.replace(source, target)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert target.read_bytes() == b"new"


def test_a_folder_is_not_synced_where_the_platform_cannot(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    OS_FILES.sync_folder(tmp_path)
    assert len(synced) == 1
    monkeypatch.setattr(os, "name", "nt")
    OS_FILES.sync_folder(tmp_path)
    monkeypatch.undo()
    assert len(synced) == 1
