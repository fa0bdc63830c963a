"""Recovery: only a torn tail is cut, once, and damage elsewhere is loud."""

import pytest
from labtrust_core.canonical import MAX_LINE
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.chain import Chain
from labtrust_core.ledger.merkle import leaf_hash
from labtrust_core.ledger.recover import recover
from labtrust_core.ledger.verify import verify_log


def build():
    lines = []
    chain = Chain(lines.append)
    chain.start(0, {"episode": "ep-1"})
    for number in range(3):
        event = {"event_id": f"E{number}", "note": "caf\u00e9"}
        chain.event(number, "agent", event, {"status": "ACCEPTED"})
    chain.end(9, "completed")
    return [line + b"\n" for line in lines]


LINES = build()
LOG = b"".join(LINES)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.jsonl"


def test_a_log_cut_at_any_byte_keeps_every_whole_line_and_nothing_else(path):
    for length in range(len(LOG) + 1):
        path.write_bytes(LOG[:length])
        result = recover(path)
        whole = LOG[:length].count(b"\n")
        assert path.read_bytes() == b"".join(LINES[:whole])
        assert (result.records_kept, result.bytes_dropped) == (
            whole,
            length - len(b"".join(LINES[:whole])),
        )
        again = recover(path)
        assert (again.records_kept, again.bytes_dropped) == (whole, 0)
        assert path.read_bytes() == b"".join(LINES[:whole])


def test_the_head_and_the_end_are_told(path):
    path.write_bytes(LOG[:-1])
    result = recover(path)
    assert (result.head, result.ended) == (leaf_hash(LINES[-2][:-1]).hex(), False)
    path.write_bytes(LOG)
    assert recover(path).ended


def test_a_recovered_log_is_unfinished_and_not_valid(path):
    path.write_bytes(LOG[:-1])
    recover(path)
    assert verify_log(path).problem.code == "LOG_TRUNCATED"


DEEP = b'{"a":' + bytes(10) + b"{" * 40 + b'"}\n'  # the quote before the braces was lost


@pytest.mark.parametrize(
    "tail", [b"\x00" * 40 + b"\n", LINES[-1][:30] + b"\n", b'"\xff"\n', b"{\n", DEEP]
)
def test_a_last_line_that_is_not_json_is_torn_even_with_its_lf(path, tail):
    path.write_bytes(b"".join(LINES[:3]) + tail)
    assert recover(path).bytes_dropped == len(tail)
    assert path.read_bytes() == b"".join(LINES[:3])


def test_a_torn_tail_after_the_end_is_cut(path):
    path.write_bytes(LOG + b'{"torn')
    assert recover(path).bytes_dropped == 6
    assert verify_log(path).ok


@pytest.mark.parametrize(
    ("data", "record"),
    [
        (LINES[0] + b"{torn\n" + LINES[2], 1),
        (LINES[0] + LINES[1][:20] + b"\n" + LINES[2], 1),
        (LINES[0] + LINES[1].replace(b"E0", b"E7") + LINES[2] + LINES[3], 1),
        (LINES[0] + LINES[1].replace(b"E0", b"E7") + LINES[2], 1),
        (LINES[0] + LINES[1].replace(b"E0", b"E7") + LINES[2] + b"{torn", 1),
        (LINES[0] + LINES[2], 1),
        (LINES[0] + LINES[1].replace(b":1", b": 1"), 1),
        (LINES[0] + b"{}\n", 1),
        (LINES[0] + b"x" * 70_000 + b"\n", 1),
        (LINES[0] + b"x" * 65_538, 1),
        (LINES[0] + bytes(65_538), 1),
        (LOG + b"{}\n", 5),
        (LOG[:-2] + b"x}\n" + LINES[0], 4),
    ],
)
def test_damage_that_no_torn_write_explains_is_an_error_and_changes_nothing(path, data, record):
    path.write_bytes(data)
    with pytest.raises(LedgerError, match=rf"log\.jsonl: .* record {record}:"):
        recover(path)
    assert path.read_bytes() == data


def test_an_empty_log_needs_nothing(path):
    path.touch()
    result = recover(path)
    assert (result.records_kept, result.bytes_dropped, result.head) == (0, 0, "0" * 64)


def test_a_missing_log_is_an_error_with_its_path(path):
    with pytest.raises(LedgerError, match=r"log\.jsonl"):
        recover(path)
    assert not path.exists()


@pytest.mark.parametrize(
    "line", [b"\x00" * 40 + b"\n", LINES[1][:9] + b"\x00" + LINES[1][10:], b"{\n"]
)
def test_a_damaged_line_before_the_last_is_no_torn_tail_and_nothing_is_cut(path, line):
    whole = LINES[0] + line + b"".join(LINES[2:])
    path.write_bytes(whole)
    with pytest.raises(LedgerError, match="damage"):
        recover(path)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("tail", [b"\x00" * MAX_LINE + b"\n", b"{" + b"x" * (MAX_LINE - 1)])
def test_a_torn_tail_may_be_as_long_as_a_line(path, tail):
    path.write_bytes(LINES[0] + tail)
    assert recover(path).bytes_dropped == len(tail)
    assert path.read_bytes() == LINES[0]
