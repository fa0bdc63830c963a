"""Crashes of a run log on a simulated disk: what the writer has said is on the disk, is.

Whatever fails, and whatever a loss of power leaves: no acknowledged record is lost, so no episode
that was begun is forgotten; at most the record under way is there besides; and the run can go on.
"""

from contextlib import suppress
from pathlib import Path

import pytest
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.run_log import Begin, Close, End, Plan, Resume, check_run_log
from labtrust_core.ledger.run_log_writer import RunLogWriter
from labtrust_core.ledger.verify import read_lines
from labtrust_core.testing.faulty_files import (
    CRASHES,
    Fault,
    FaultyFiles,
    Kind,
    Loss,
    PowerLossError,
)

PATH = Path("run/run_log.jsonl")
PLAN = Plan(
    base_seed=7,
    num_episodes=2,
    run={"note": "x" * 900},  # some records span sectors
    versions={},
    agents={},
    policy_fingerprint="c" * 64,
)
BODIES = [
    PLAN,
    Begin(number=0, seed=7, episode="e" * 600),
    Begin(number=1, seed=8, episode="f"),
    End(number=0, records=3, head="a" * 64, result="b" * 64),
    Resume(done=1),
    Begin(number=1, seed=8, episode="f" * 300),
    End(number=1, records=3, head="a" * 64, result="b" * 64),
    Close(episodes=2),
]


def write(files):
    """Write the log; return how many records the writer has acknowledged."""
    said = 0
    try:
        with RunLogWriter(PATH, files=files) as writer:
            for body in BODIES:
                writer.write(body)
                said += 1
    except (LedgerError, PowerLossError):
        pass
    return said


def whole():
    files = FaultyFiles()
    assert write(files) == len(BODIES)
    return files


LINES = whole().content(PATH).splitlines(keepends=True)
SITES = [(call, nth) for call, count in whole().calls.items() for nth in range(count)]


def aftermaths(files):
    yield files.after_power_loss(Loss.ALL)
    yield files.after_power_loss(Loss.NONE)
    for seed in range(4):
        yield files.after_power_loss(Loss.PREFIX, seed)
        yield files.after_power_loss(Loss.SECTORS, seed)


def go_on(files, least):
    """Open the log again, see what is left, and finish it."""
    with RunLogWriter(PATH, files=files) as writer:
        kept = writer.checker.records
        assert least <= kept <= least + 1
        assert files.content(PATH) == b"".join(LINES[:kept])
        for body in BODIES[kept:]:
            writer.write(body)
    with files.open_read(PATH) as file:
        assert check_run_log(read_lines(file)).order.closed


def test_every_record_is_written_and_synced_by_itself():
    assert {call: whole().calls[call] for call in ("open_append", "sync_folder", "write")} == {
        "open_append": 1,
        "sync_folder": 1,
        "write": len(BODIES),
    }
    assert whole().calls["sync"] == 1 + len(BODIES)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(("call", "nth"), SITES)
def test_a_fault_in_any_call_forgets_no_record(call, nth, kind):
    files = FaultyFiles(Fault(call, nth, kind))
    said = write(files)
    for found in aftermaths(files):
        go_on(found, said)
    if kind not in CRASHES:  # the process ended, and the machine went on
        go_on(files, said)


@pytest.mark.parametrize("call", ["open_append", "truncate", "sync", "sync_folder"])
@pytest.mark.parametrize("kind", Kind)
def test_a_torn_tail_is_cut_off_however_often_that_fails(call, kind):
    files = FaultyFiles(Fault(call, 0, kind))
    files.put(PATH, b"".join(LINES[:3]) + LINES[3][:-5])
    with suppress(LedgerError, PowerLossError):
        RunLogWriter(PATH, files=files).close()
    for found in aftermaths(files):
        go_on(found, 3)


def test_a_record_is_not_durable_before_it_is_acknowledged():
    files = FaultyFiles(Fault("sync", 2, Kind.CRASH))

    assert write(files) == 1
    assert files.after_power_loss(Loss.ALL).content(PATH) == LINES[0]
