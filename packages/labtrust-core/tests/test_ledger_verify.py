"""Verification at L0: every damage is found, and the record at fault is named."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.canonical import MAX_LINE, canonical_bytes, sha256_hex
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.chain import Chain
from labtrust_core.ledger.merkle import leaf_hash, root_of
from labtrust_core.ledger.verify import verify_log
from labtrust_core.ledger.writer import LogWriter

EVENTS = [
    (5, "agent", {"event_id": "E1", "agent_id": "A_1", "args": {"n": 12}}, {"status": "ACCEPTED"}),
    (5, "agent", {"event_id": "E2", "rationale": "why \u00e9"}, {"status": "BLOCKED"}),
    (8, "clockwork", {"event_id": "E3", "t_s": 8}, {"status": "ACCEPTED", "emits": ["X"]}),
    (9, "agent", {"event_id": "E4"}, {"status": "ACCEPTED"}),
]


def build(events=EVENTS):
    lines = []
    chain = Chain(lines.append)
    chain.start(0, {"episode": "ep-1", "seed": 7})
    for event in events:
        chain.event(*event)
    chain.end(9, "completed")
    return lines


LINES = build()
LOG = b"".join(line + b"\n" for line in LINES)
LAST = len(LINES) - 1


def relink(records):
    """A forger's log: every link, count and digest recomputed after the records were changed."""
    lines, head = [], "0" * 64
    for record in records:
        record["prev"] = head
        if record["kind"] == "end":
            record.pop("check")
            record["body"]["root"] = root_of(map(leaf_hash, lines)).hex()
            record["check"] = sha256_hex(canonical_bytes(record))
        lines.append(canonical_bytes(record))
        head = leaf_hash(lines[-1]).hex()
    return b"".join(line + b"\n" for line in lines)


@pytest.fixture
def check(tmp_path):
    def write_and_verify(data):
        path = tmp_path / "log.jsonl"
        path.write_bytes(data)
        return verify_log(path)

    return write_and_verify


def found(report):
    assert not report.ok
    assert (report.level, report.head, report.root) == (None, None, None)
    return report.problem.code, report.problem.record


def test_a_whole_log_reaches_l0_with_its_head_and_root(tmp_path):
    path = tmp_path / "log.jsonl"
    with LogWriter(path) as log:
        chain = Chain(log.write)
        chain.start(0, {"episode": "ep-1", "seed": 7})
        for event in EVENTS:
            chain.event(*event)
        chain.end(9, "completed")
    report = verify_log(path)
    assert (report.ok, report.level, report.problem) == (True, "L0", None)
    assert (report.records, report.head, report.root) == (6, chain.head, chain.root())


def test_an_episode_without_events_is_a_whole_log(check):
    assert check(b"".join(line + b"\n" for line in build([]))).ok


@pytest.mark.parametrize("index", range(len(LINES)))
def test_every_flipped_byte_is_reported_at_its_record(check, index):
    before = sum(len(line) + 1 for line in LINES[:index])
    for offset in range(len(LINES[index]) + 1):
        damaged = bytearray(LOG)
        damaged[before + offset] ^= 1 << (offset % 8)
        _, record = found(check(bytes(damaged)))
        assert record == index, bytes(damaged[before : before + offset + 1])


@given(st.integers(0, len(LOG) - 1), st.integers(1, 255))
def test_any_other_byte_in_any_place_is_reported_at_its_record(tmp_path_factory, place, change):
    path = tmp_path_factory.mktemp("flip") / "log.jsonl"
    damaged = bytearray(LOG)
    damaged[place] ^= change
    path.write_bytes(bytes(damaged))
    assert found(verify_log(path))[1] == LOG[:place].count(b"\n")


@pytest.mark.parametrize("index", range(len(LINES)))
@pytest.mark.parametrize("field", ["prev", "t", "seq"])
def test_a_rewritten_field_that_stays_canonical_is_reported_at_its_record(check, index, field):
    record = json.loads(LINES[index])
    record[field] = "f" * 64 if field == "prev" else record[field] + 1
    lines = [*LINES[:index], canonical_bytes(record), *LINES[index + 1 :]]
    assert found(check(b"".join(line + b"\n" for line in lines)))[1] == index


@pytest.mark.parametrize("index", range(len(LINES)))
def test_a_dropped_line_is_reported_where_it_is_missing(check, index):
    lines = LINES[:index] + LINES[index + 1 :]
    code = "LOG_TRUNCATED" if index == LAST else "LOG_SEQ_GAP"
    assert found(check(b"".join(line + b"\n" for line in lines))) == (code, index)


@pytest.mark.parametrize("first", range(len(LINES)))
@pytest.mark.parametrize("second", range(len(LINES)))
def test_swapped_lines_are_reported_at_the_first(check, first, second):
    lines = LINES.copy()
    lines[first], lines[second] = lines[second], lines[first]
    report = check(b"".join(line + b"\n" for line in lines))
    if first == second:
        assert report.ok
    else:
        assert found(report) == ("LOG_SEQ_GAP", min(first, second))


@pytest.mark.parametrize("index", range(len(LINES)))
def test_a_duplicated_line_is_reported_at_the_copy(check, index):
    lines = [*LINES[: index + 1], *LINES[index:]]
    code = "LOG_TRAILING_DATA" if index == LAST else "LOG_SEQ_GAP"
    assert found(check(b"".join(line + b"\n" for line in lines))) == (code, index + 1)


def test_a_log_cut_at_any_byte_is_reported_where_it_ends(check):
    for length in range(len(LOG)):
        code, record = found(check(LOG[:length]))
        assert record == LOG[:length].count(b"\n")
        whole = LOG[:length].endswith(b"\n")
        expected = "LOG_EMPTY" if not length else "LOG_TRUNCATED" if whole else "LOG_TORN_LINE"
        assert code == expected


@pytest.mark.parametrize("tail", [b"\n", b"{}\n", b"x", LINES[0] + b"\n", LOG, b"x" * 200_000])
def test_nothing_may_follow_the_end(check, tail):
    assert found(check(LOG + tail)) == ("LOG_TRAILING_DATA", LAST + 1)


@pytest.mark.parametrize(
    "line",
    [
        b"x" * (MAX_LINE + 1),
        b"x" * (MAX_LINE + 2),
        b"x" * 1_000_000,
        b'{"a":"' + b"x" * MAX_LINE + b'"}',
    ],
)
def test_a_line_beyond_the_limit_is_reported(check, line):
    assert found(check(LINES[0] + b"\n" + line + b"\n")) == ("LOG_LINE_TOO_LONG", 1)
    assert found(check(LINES[0] + b"\n" + line)) == ("LOG_LINE_TOO_LONG", 1)


@pytest.mark.parametrize(
    ("index", "change"),
    [
        (0, {"v": 2}),
        (0, {"body": []}),
        (0, {"kind": "begin"}),
        (0, {"extra": 1}),
        (0, {"t": -1}),
        (0, {"t": True}),
        (0, {"t": 1.5}),
        (1, {"origin": "caller"}),
        (1, {"event": None}),
        (1, {"outcome": "ACCEPTED"}),
        (1, {"world": None}),
        (1, {"world": "AB" * 32}),
        (1, {"prev": "0" * 64 + "\n"}),
        (1, {"seq": "1"}),
        (LAST, {"body": {}}),
        (LAST, {"check": "0"}),
    ],
)
def test_a_record_of_another_shape_is_reported(check, index, change):
    lines = LINES.copy()
    lines[index] = canonical_bytes(json.loads(lines[index]) | change)
    assert found(check(b"".join(line + b"\n" for line in lines))) == ("LOG_RECORD_SCHEMA", index)


@pytest.mark.parametrize("index", range(len(LINES)))
def test_a_record_without_one_of_its_fields_is_reported(check, index):
    for field in json.loads(LINES[index]):
        record = json.loads(LINES[index])
        del record[field]
        lines = LINES.copy()
        lines[index] = canonical_bytes(record)
        report = check(b"".join(line + b"\n" for line in lines))
        assert found(report) == ("LOG_RECORD_SCHEMA", index)


def forge(change):
    records = [json.loads(line) for line in LINES]
    return relink(change(records) or records)


def test_a_relinked_log_is_whole(check):
    assert check(forge(lambda _: None)).ok


@pytest.mark.parametrize(
    ("change", "code", "record"),
    [
        (lambda r: r[2].update(t=4), "LOG_TIME_BACKWARDS", 2),
        (lambda r: r[LAST].update(t=8), "LOG_TIME_BACKWARDS", LAST),
        (lambda r: r[3]["event"].update(event_id="E1"), "LOG_EVENT_DUPLICATE", 3),
        (lambda r: r[LAST]["body"].update(events=3), "LOG_COUNT_MISMATCH", LAST),
        (lambda r: r[1].update(seq=2), "LOG_SEQ_GAP", 1),
        (lambda r: r[1].update(json.loads(LINES[0]), seq=1), "LOG_RECORD_SCHEMA", 1),
        (lambda r: [r[0], json.loads(LINES[0]) | {"seq": 1}], "LOG_START_REPEATED", 1),
        (lambda r: [r[1] | {"seq": 0}], "LOG_START_MISSING", 0),
    ],
)
def test_a_relinked_log_still_has_to_keep_the_rules(check, change, code, record):
    assert found(check(forge(change))) == (code, record)


def test_a_wrong_root_in_the_end_record_is_reported(check):
    end = json.loads(LINES[LAST])
    end.pop("check")
    end["body"]["root"] = "0" * 64
    end["check"] = sha256_hex(canonical_bytes(end))
    log = b"".join(line + b"\n" for line in [*LINES[:LAST], canonical_bytes(end)])
    assert found(check(log)) == ("LOG_ROOT_MISMATCH", LAST)


def test_an_end_record_that_does_not_match_its_digest_is_reported(check):
    end = json.loads(LINES[LAST])
    end["body"]["reason"] = "aborted"
    log = b"".join(line + b"\n" for line in [*LINES[:LAST], canonical_bytes(end)])
    assert found(check(log)) == ("LOG_END_CHECK", LAST)


def test_a_refused_event_may_repeat_the_id_of_one_that_took_effect(check):
    blocked = (6, "agent", {"event_id": "E1"}, {"status": "BLOCKED"})
    assert check(b"".join(line + b"\n" for line in build([*EVENTS[:2], blocked]))).ok


def test_the_whole_record_of_a_refused_event_is_covered(check):
    lines = LINES.copy()
    record = json.loads(lines[2])
    record["event"]["rationale"] = "other"
    lines[2] = canonical_bytes(record)
    assert found(check(b"".join(line + b"\n" for line in lines))) == ("LOG_CHAIN_BROKEN", 2)


def test_a_missing_file_is_an_error_with_its_path(tmp_path):
    with pytest.raises(LedgerError, match=r"gone\.jsonl"):
        verify_log(tmp_path / "gone.jsonl")


def test_accepted_events_without_an_id_are_no_repetitions_of_each_other(check):
    accepted = {"status": "ACCEPTED"}
    events = [(1, "agent", {}, accepted), (2, "agent", {}, accepted)]
    assert check(b"".join(line + b"\n" for line in build(events))).ok
