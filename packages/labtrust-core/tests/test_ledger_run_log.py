"""The log of a run: what the writer allows is accepted; what was changed afterwards is found."""

import json
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.canonical import MAX_LINE, canonical_bytes
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.files import OsFiles
from labtrust_core.ledger.merkle import leaf_hash, root_of
from labtrust_core.ledger.record import NO_PREV
from labtrust_core.ledger.run_log import (
    Begin,
    Close,
    End,
    Plan,
    Resume,
    RunLogChecker,
    RunLogCode,
    RunLogFaultError,
    check_run_log,
)
from labtrust_core.ledger.run_log_writer import RunLogWriter
from labtrust_core.ledger.verify import read_lines

HEAD, RESULT = "a" * 64, "b" * 64
EPISODES = 3
SEED = 7
PLAN = Plan(
    base_seed=SEED,
    num_episodes=EPISODES,
    run={"task": "throughput_sla", "weight": 0.5},
    versions={"labtrust-core": "0.1.0"},
    agents={"qc_0": "some.module:Class"},
    policy_fingerprint="c" * 64,
)


def begin(number, seed=None):
    return Begin(number=number, seed=SEED + number if seed is None else seed, episode=f"e{number}")


def end(number):
    return End(number=number, records=5 + number, head=HEAD, result=RESULT)


def resume(done):
    return Resume(done=done)


def close(episodes=EPISODES):
    return Close(episodes=episodes)


WHOLE = [PLAN, *(body for number in range(EPISODES) for body in (begin(number), end(number)))]
INTERRUPTED = [
    PLAN,
    begin(0),
    begin(1),
    end(0),
    resume(1),
    begin(1),
    begin(2),
    end(1),
    resume(2),
    resume(2),
    begin(2),
    end(2),
    close(),
]
FREE = st.one_of(
    st.builds(begin, st.integers(0, EPISODES), st.one_of(st.none(), st.just(SEED))),
    st.builds(end, st.integers(0, EPISODES)),
    st.builds(resume, st.integers(0, EPISODES)),
    st.just(close()),
    st.just(PLAN),
)


def write(path, bodies):
    with RunLogWriter(path) as writer:
        for body in bodies:
            writer.write(body)
    return path.read_bytes()


def lines_of(data):
    return data.splitlines(keepends=True)


def linked(records):
    """Return lines of records that are numbered and linked anew."""
    lines, prev = [], NO_PREV
    for seq, record in enumerate(records):
        line = canonical_bytes({**record, "prev": prev, "seq": seq})
        prev = leaf_hash(line).hex()
        lines.append(line + b"\n")
    return lines


def fault_of(lines):
    with pytest.raises(RunLogFaultError) as caught:
        check_run_log(lines)
    return caught.value.code, caught.value.record


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """The bytes of a run that was resumed, and closed."""
    return write(tmp_path_factory.mktemp("log") / "run_log.jsonl", INTERRUPTED)


def test_a_record_is_canonical_and_has_the_documented_fields(tmp_path):
    first, second = lines_of(write(tmp_path / "log", [PLAN, begin(0)]))
    record = json.loads(second)

    assert record == {
        "body": {"episode": "e0", "number": 0, "seed": SEED},
        "kind": "begin",
        "prev": leaf_hash(first[:-1]).hex(),
        "seq": 1,
        "v": 1,
    }
    assert second == canonical_bytes(record) + b"\n"
    assert json.loads(first)["prev"] == NO_PREV


def test_a_checked_log_says_what_it_holds(interrupted):
    lines = lines_of(interrupted)
    found = check_run_log(lines)

    assert found.order.plan == PLAN
    assert (found.order.closed, found.order.ended, found.order.open) == (True, EPISODES, set())
    assert found.records == len(lines)
    assert found.origin == f"labtrust/run/{leaf_hash(lines[0][:-1]).hex()}"
    assert found.tree.root() == root_of(leaf_hash(line[:-1]) for line in lines)


def test_an_open_episode_shows_until_it_ends(tmp_path):
    with RunLogWriter(tmp_path / "log") as writer:
        for body in (PLAN, begin(0), begin(1), end(1)):
            writer.write(body)

        assert writer.checker.order.open == {0}
        assert writer.checker.order.has_ended(1)
        assert not writer.checker.order.has_ended(0)


def test_memory_holds_open_episodes_only():
    order = RunLogChecker().order
    order.take(Plan(**{name: getattr(PLAN, name) for name in PLAN.__struct_fields__}))
    for number in range(EPISODES):
        assert not order.take(begin(number))
        assert not order.take(end(number))

    assert not order._begun
    assert not order._fresh
    assert not order._beyond


@pytest.mark.parametrize(
    ("bodies", "message"),
    [
        ([begin(0)], "the first record must be a plan"),
        ([PLAN, PLAN], "one plan"),
        ([PLAN, begin(EPISODES)], "episode 3 of 3"),
        ([PLAN, begin(1, SEED)], "episode 1 has seed 7, expected 8"),
        ([PLAN, begin(0), begin(0)], "was not resumed between"),
        ([PLAN, begin(0), end(0), begin(0)], "has ended before"),
        ([PLAN, begin(0), end(0), resume(1), begin(0)], "has ended before"),
        ([PLAN, begin(0), resume(0), begin(0), begin(0)], "was not resumed between"),
        ([PLAN, end(0)], "was not begun"),
        ([PLAN, begin(0), end(0), end(0)], "has ended before"),
        ([PLAN, begin(0), resume(1)], "1 episodes done, expected 0"),
        ([*WHOLE[:-1], close()], "2 of 3 episodes have ended"),
        ([*WHOLE, close(2)], "closed with 2 episodes, expected 3"),
        ([*WHOLE, close(), resume(3)], "goes on after its close"),
        ([*WHOLE, close(), close()], "goes on after its close"),
    ],
)
def test_a_record_in_the_wrong_place_is_refused_by_writer_and_checker(tmp_path, bodies, message):
    path = tmp_path / "log"
    with RunLogWriter(path) as writer:
        for body in bodies[:-1]:
            writer.write(body)
        before = path.read_bytes()
        with pytest.raises(RunLogFaultError, match=message):
            writer.write(bodies[-1])
    assert path.read_bytes() == before

    kinds = {Plan: "plan", Begin: "begin", End: "end", Resume: "resume", Close: "close"}
    records = [
        {
            "v": 1,
            "kind": kinds[type(body)],
            "body": {name: getattr(body, name) for name in body.__struct_fields__},
        }
        for body in bodies
    ]
    assert fault_of(linked(records)) == (RunLogCode.ORDER, len(bodies) - 1)


@settings(max_examples=150, deadline=None)
@given(bodies=st.lists(FREE, max_size=30))
def test_whatever_the_writer_takes_is_accepted(tmp_path_factory, bodies):
    path = tmp_path_factory.mktemp("free") / "log"
    taken = 1
    with RunLogWriter(path) as writer:
        writer.write(PLAN)
        for body in bodies:
            try:
                writer.write(body)
            except RunLogFaultError:
                continue
            taken += 1
        head, root = writer.checker.head, writer.checker.tree.root()
    with path.open("rb") as file:
        found = check_run_log(read_lines(file))

    assert (found.records, found.head, found.tree.root()) == (taken, head, root)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_line_that_is_missing_moved_or_repeated_is_found(interrupted, data):
    lines = lines_of(interrupted)
    at = data.draw(st.integers(0, len(lines) - 1))
    to = data.draw(st.integers(0, len(lines) - 1).filter(lambda number: number != at))
    swapped = lines.copy()
    swapped[at], swapped[to] = lines[to], lines[at]
    assert fault_of(swapped)[1] == min(at, to)
    assert fault_of([*lines[: at + 1], *lines[at:]])[1] == at + 1
    if at < len(lines) - 1:
        assert fault_of(lines[:at] + lines[at + 1 :])[1] == at
    else:
        assert not check_run_log(lines[:at]).order.closed


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_found_at_its_line_or_the_next_or_moves_the_root(interrupted, data):
    place = data.draw(st.integers(0, len(interrupted) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != interrupted[place]))
    changed = interrupted[:place] + bytes([byte]) + interrupted[place + 1 :]
    at = interrupted[:place].count(b"\n")
    checker, fault = RunLogChecker(), None
    try:
        for line in read_lines(BytesIO(changed)):
            checker.feed(line)
    except RunLogFaultError as error:
        fault = error

    if fault is not None:
        assert fault.record in {at, at + 1}
    else:
        assert at == len(INTERRUPTED) - 1
        assert checker.tree.root() != check_run_log(lines_of(interrupted)).tree.root()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "pause"},
        {"v": 2},
        {"t": 0},
        {"body": {"episode": "e0", "number": 0}},
        {"body": {"episode": "e0", "number": 0, "seed": SEED, "more": 1}},
        {"body": {"episode": "", "number": 0, "seed": SEED}},
        {"body": {"episode": "e0", "number": -1, "seed": SEED}},
        {"body": {"episode": "e0", "number": "0", "seed": SEED}},
        {"body": {"episode": "e0", "number": True, "seed": SEED}},
    ],
)
def test_another_shape_is_found(interrupted, change):
    records = [json.loads(line) for line in lines_of(interrupted)]
    records[1] |= change

    assert fault_of(linked(records)) == (RunLogCode.SCHEMA, 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: lines[:0],
        lambda lines: [lines[0][:-1]],
        lambda lines: [lines[0][:-1] + b" \n"],
        lambda lines: [b"\n", *lines],
        lambda lines: [lines[0][:-1] + b"\r\n"],
        lambda lines: [b'{"a":"' + b"x" * MAX_LINE + b'"}\n', *lines],
    ],
    ids=["empty", "no LF", "white space", "empty line", "CR", "too long"],
)
def test_other_bytes_are_found(interrupted, damage):
    assert fault_of(damage(lines_of(interrupted))) == (RunLogCode.NOT_CANONICAL, 0)


@pytest.mark.parametrize("change", [{"prev": HEAD}, {"seq": 2}])
def test_a_broken_link_is_found(interrupted, change):
    first, second, *_ = lines_of(interrupted)
    broken = canonical_bytes(json.loads(second) | change) + b"\n"

    assert fault_of([first, broken]) == (RunLogCode.CHAIN, 1)


def test_a_log_that_is_opened_again_goes_on(tmp_path, interrupted):
    path = tmp_path / "log"
    for body in INTERRUPTED:
        write(path, [body])

    assert path.read_bytes() == interrupted


def test_a_log_cut_anywhere_is_opened_with_its_whole_lines(tmp_path, interrupted):
    path = tmp_path / "log"
    for length in range(0, len(interrupted), 11):
        path.write_bytes(interrupted[:length])
        RunLogWriter(path).close()
        assert path.read_bytes() == b"".join(lines_of(interrupted[: length + 1])[:-1] or [b""])


def test_a_last_line_that_is_no_json_is_cut_off(tmp_path, interrupted):
    path = tmp_path / "log"
    path.write_bytes(interrupted + b"\0\0\0\n")
    RunLogWriter(path).close()

    assert path.read_bytes() == interrupted


@pytest.mark.parametrize(
    "damage",
    [
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [*lines[:-1], lines[-1].replace(b"3", b"2", 1)],
        lambda lines: [lines[0], b"\0\0\n", *lines[1:]],
    ],
    ids=["a line is missing", "the last line is changed", "no JSON in the middle"],
)
def test_a_damaged_log_is_not_opened_and_stays_as_it_is(tmp_path, interrupted, damage):
    path = tmp_path / "log"
    path.write_bytes(b"".join(damage(lines_of(interrupted))))
    before = path.read_bytes()

    with pytest.raises(RunLogFaultError):
        RunLogWriter(path)
    assert path.read_bytes() == before


class Disk(OsFiles):
    """Notes what was there at each sync, and may be full."""

    def __init__(self, path):
        self.path, self.synced, self.full = path, [], False

    def write(self, fd, data):
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(fd, data[: len(data) // 2 + 1])

    def sync(self, fd):
        super().sync(fd)
        self.synced.append(self.path.read_bytes())


def test_a_record_is_synced_before_the_writer_returns(tmp_path, interrupted):
    disk = Disk(tmp_path / "log")
    with RunLogWriter(disk.path, files=disk) as writer:
        for number, body in enumerate(INTERRUPTED, 1):
            writer.write(body)
            assert disk.synced[-1] == b"".join(lines_of(interrupted)[:number])


def test_nothing_is_taken_after_a_failed_write(tmp_path):
    disk = Disk(tmp_path / "log")
    with RunLogWriter(disk.path, files=disk) as writer:
        writer.write(PLAN)
        disk.full = True
        with pytest.raises(LedgerError, match="No space left"):
            writer.write(begin(0))
        disk.full = False
        with pytest.raises(LedgerError, match="an earlier write failed"):
            writer.write(begin(1))


def test_a_closed_writer_takes_nothing(tmp_path):
    writer = RunLogWriter(tmp_path / "log")
    writer.close()
    writer.close()

    with pytest.raises(LedgerError, match="closed"):
        writer.write(PLAN)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(LedgerError, match="cannot open the run log"):
        RunLogWriter(tmp_path / "no folder" / "log")


def test_the_codes_are_the_documented_ones():
    assert set(RunLogCode) == {
        "RUNLOG_NOT_CANONICAL",
        "RUNLOG_SCHEMA",
        "RUNLOG_CHAIN",
        "RUNLOG_ORDER",
    }
