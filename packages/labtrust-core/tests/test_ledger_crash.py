"""Crashes of a log on a simulated disk: every call that writes it fails in every way.

Whatever fails, and whatever a loss of power leaves: no acknowledged record is lost, none is
invented, what survives verifies up to where it stands, and a second recovery finds nothing to do.
"""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.chain import Chain
from labtrust_core.ledger.recover import recover
from labtrust_core.ledger.verify import LogChecker
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.testing.faulty_files import (
    CRASHES,
    Fault,
    FaultyFiles,
    Kind,
    Loss,
    PowerLossError,
)

PATH = Path("logs/episode.jsonl")
SYNCS = ("record", "close", "none")
WORDS = (30, 900, 5, 2_000, 300, 100)  # letters in each event: some lines span sectors


def built(words):
    lines = []
    chain = Chain(lines.append)
    chain.start(0, {"episode": "ep-1"})
    for number, letters in enumerate(words):
        event = {"event_id": f"E{number}", "note": "x" * letters}
        chain.event(number, "agent", event, {"status": "ACCEPTED"})
    chain.end(99, "completed")
    return lines


LINES = built(WORDS)


class Acknowledged:
    """How many lines the writer has promised to keep, whatever ends: the process, or the power."""

    def __init__(self, sync):
        self.sync = sync
        self.lines = {"process": 0, "power": 0}
        self.finished = False

    def handed_over(self, count):
        self.lines["process"] = count
        if self.sync == "record":
            self.lines["power"] = count

    def closed(self, count):
        self.finished = True
        self.handed_over(count)
        if self.sync != "none":
            self.lines["power"] = count


def write(files, sync, lines=LINES, flushes=(1, 4)):
    """Write a log, and insist after a failure; return what was acknowledged."""
    said = Acknowledged(sync)
    try:
        log = LogWriter(PATH, sync=sync, files=files)
    except (LedgerError, PowerLossError):
        return said
    try:
        for number, line in enumerate(lines):
            log.write(line)
            if sync == "record":
                said.handed_over(number + 1)
            elif number in flushes:
                log.flush()
                said.handed_over(number + 1)
        log.close()
        said.closed(len(lines))
    except LedgerError:
        before = files.calls["sync"], files.calls["write"]
        for act in (log.flush, lambda: log.write(b"{}")):
            with pytest.raises(LedgerError, match=r"earlier write failed|is closed"):
                act()
        assert (files.calls["sync"], files.calls["write"]) == before
    except PowerLossError:
        pass
    return said


def check(files, least, *, whole_lines, lines=LINES):
    """Recover the log, and see that at least so many lines are left, and nothing that was not."""
    data = files.content(PATH)
    if data is None:
        assert not least
        return
    try:
        result = recover(PATH, files=files)
    except LedgerError:
        assert not whole_lines, "a log that is synced with each record has no hole in its midst"
        assert files.content(PATH) == data
        assert data.startswith(b"".join(line + b"\n" for line in lines[:least]))
        return
    kept = lines[: result.records_kept]
    assert len(kept) >= least
    assert files.content(PATH) == b"".join(line + b"\n" for line in kept)
    checker = LogChecker()
    for line in kept:
        checker.feed(line)
    checker.settle()
    again = recover(PATH, files=files)
    assert (again.records_kept, again.bytes_dropped) == (len(kept), 0)
    assert files.content(PATH) == b"".join(line + b"\n" for line in kept)


def aftermaths(files):
    """Yield the disks that may be found after a loss of power."""
    yield files.after_power_loss(Loss.ALL)
    yield files.after_power_loss(Loss.NONE)
    for seed in range(3):
        yield files.after_power_loss(Loss.PREFIX, seed)
        yield files.after_power_loss(Loss.SECTORS, seed)


def call_sites(act):
    """Return each call that ``act`` makes of a disk, by its name and number."""
    files = FaultyFiles()
    act(files)
    return [(call, nth) for call, count in files.calls.items() for nth in range(count)]


SITES = [
    (sync, call, nth)
    for sync in SYNCS
    for call, nth in call_sites(lambda files, sync=sync: write(files, sync))
]


def test_every_call_of_every_way_to_sync_is_covered():
    count = len(LINES)
    assert {(call, nth) for sync, call, nth in SITES if sync == "record"} == {
        ("open_append", 0),
        ("sync_folder", 0),
        ("close", 0),
        *(("write", nth) for nth in range(count)),
        *(("sync", nth) for nth in range(count)),
    }
    calls = {sync: {call for mode, call, _ in SITES if mode == sync} for sync in SYNCS}
    assert calls["close"] == {"open_append", "write", "sync", "sync_folder", "close"}
    assert calls["none"] == {"open_append", "write", "close"}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("sync", "call", "nth"), SITES)
def test_a_fault_in_any_call_loses_nothing_acknowledged(sync, call, nth, kind):
    files = FaultyFiles(Fault(call, nth, kind))
    said = write(files, sync)
    assert said.finished == (kind is Kind.SHORT)
    for found in aftermaths(files):
        check(found, said.lines["power"], whole_lines=sync == "record")
    if kind not in CRASHES:  # the process ended, and the machine went on
        check(files, said.lines["process"], whole_lines=True)


@pytest.mark.parametrize("sync", SYNCS)
def test_a_log_without_faults_is_whole_after_a_loss_of_power_if_it_was_synced(sync):
    files = FaultyFiles()
    said = write(files, sync)
    assert said.lines == {"process": len(LINES), "power": 0 if sync == "none" else len(LINES)}
    for found in aftermaths(files):
        check(found, said.lines["power"], whole_lines=sync == "record")


def lay(files, tail):
    files.put(PATH, b"".join(line + b"\n" for line in LINES[:3]) + tail)
    return files


TAILS = (b"", LINES[3][:700], LINES[3][:700] + b"\x00" * 300, LINES[3][:90] + b"\n")
CUTS = [
    (tail, call, nth)
    for tail in TAILS
    for call, nth in call_sites(lambda files, tail=tail: recover(PATH, files=lay(files, tail)))
]


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("tail", "call", "nth"), CUTS, ids=[f"{len(tail)}-{call}-{nth}" for tail, call, nth in CUTS]
)
def test_a_recovery_that_is_cut_short_is_completed_by_the_next(tail, call, nth, kind):
    files = lay(FaultyFiles(Fault(call, nth, kind)), tail)
    try:
        recover(PATH, files=files)
    except LedgerError:
        assert kind not in CRASHES
        files.arm(None)
        check(files, 3, whole_lines=True)
    except PowerLossError:
        assert kind in CRASHES
    else:
        assert kind is Kind.SHORT
    for found in aftermaths(files):
        check(found, 3, whole_lines=True)
        assert found.content(PATH) == b"".join(line + b"\n" for line in LINES[:3])


def test_what_a_recovery_reports_is_durable():
    files = FaultyFiles()
    fd = files.open_append(PATH)
    files.write(fd, LINES[0] + b"\n" + LINES[1])
    assert recover(PATH, files=files).records_kept == 1
    assert files.after_power_loss(Loss.ALL).content(PATH) == LINES[0] + b"\n"


def test_a_failed_sync_is_not_tried_again_though_the_second_would_be_called_a_success():
    files = FaultyFiles(Fault("sync", 1, Kind.EIO))
    log = LogWriter(PATH, sync="record", files=files)
    log.write(LINES[0])
    for act in (lambda: log.write(LINES[1]), log.flush, log.close):
        with pytest.raises(LedgerError):
            act()
    assert files.calls["sync"] == 2
    assert files.after_power_loss(Loss.ALL).content(PATH) == LINES[0] + b"\n"


def test_a_log_that_failed_lets_the_exception_of_its_block_through():
    files = FaultyFiles(Fault("write", 0, Kind.ENOSPC))
    with (
        pytest.raises(LedgerError, match=r"cannot write \(No space left"),
        LogWriter(PATH, sync="record", files=files) as log,
    ):
        log.write(b"{}")
    assert files.calls["close"] == 1
    log.close()
    assert files.calls["close"] == 1


@pytest.mark.parametrize("call", ["close", "sync", "sync_folder"])
def test_a_close_that_fails_says_so_and_leaves_no_file_open(call):
    files = FaultyFiles(Fault(call, 0, Kind.EIO))
    log = LogWriter(PATH, files=files)
    log.write(b"{}")
    with pytest.raises(LedgerError, match=r"cannot (close|sync) \(Input/output error"):
        log.close()
    log.close()
    assert files.calls["close"] == 1


@st.composite
def crashes(draw):
    words = draw(st.lists(st.integers(0, 3_000), max_size=8))
    sync = draw(st.sampled_from(SYNCS))
    flushes = draw(st.sets(st.integers(0, len(words))))
    lines = built(words)
    sites = call_sites(lambda files: write(files, sync, lines, flushes))
    call, nth = draw(st.sampled_from(sites))
    return lines, sync, flushes, Fault(call, nth, draw(st.sampled_from(Kind)))


def crash_and_recover(case, loss, seed):
    lines, sync, flushes, fault = case
    files = FaultyFiles(fault)
    said = write(files, sync, lines, flushes)
    found = files.after_power_loss(loss, seed)
    check(found, said.lines["power"], whole_lines=sync == "record", lines=lines)


@given(crashes(), st.sampled_from(Loss), st.integers(0, 2**32))
def test_any_log_survives_any_fault(case, loss, seed):
    crash_and_recover(case, loss, seed)


@pytest.mark.slow
@settings(max_examples=5_000)
@given(crashes(), st.sampled_from(Loss), st.integers(0, 2**32))
def test_any_log_survives_any_fault_many_times(case, loss, seed):
    crash_and_recover(case, loss, seed)
