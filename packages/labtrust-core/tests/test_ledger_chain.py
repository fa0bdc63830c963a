"""The chain: what it writes, what it refuses, and that it can be snapshotted."""

import copy
import hashlib
import json
import pickle
from itertools import count

import pytest
import rfc8785
from labtrust_core.canonical import MAX_LINE, NotCanonicalError, embed
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.chain import Chain
from labtrust_core.ledger.merkle import leaf_hash, root_of
from labtrust_core.ledger.record import EndRecord, EventRecord, StartRecord, read_record
from labtrust_core.sanitise import sanitise

WORLD = "ab" * 32


def run(chain):
    chain.start(0, {"episode": "ep-1", "seed": 7})
    chain.event(5, "agent", {"event_id": "E1", "sig": "c2ln"}, {"status": "ACCEPTED"})
    chain.event(5, "clockwork", {"event_id": "C1"}, {"status": "ACCEPTED"}, WORLD)
    chain.event(9, "enforcement", {"event_id": "F1"}, {"status": "BLOCKED"})
    return chain


@pytest.fixture
def lines():
    taken = []
    run(Chain(taken.append)).end(10, "completed", WORLD)
    return taken


def test_records_have_exactly_the_documented_fields(lines):
    records = [json.loads(line) for line in lines]
    placed = {"v", "seq", "t", "prev", "kind"}
    content = {"origin", "event", "outcome"}
    assert [set(record) for record in records] == [
        placed | {"body"},
        placed | content,
        placed | content | {"world"},
        placed | content,
        placed | {"body", "check"},
    ]
    assert [record["seq"] for record in records] == list(range(5))
    assert [record["t"] for record in records] == [0, 5, 5, 9, 10]


def test_each_record_names_the_leaf_hash_of_the_one_before(lines):
    prevs = [json.loads(line)["prev"] for line in lines]
    hashes = [hashlib.sha256(b"\x00" + line).hexdigest() for line in lines]
    assert prevs == ["0" * 64, *hashes[:-1]]


def test_every_line_is_canonical(lines):
    assert [rfc8785.dumps(json.loads(line)) for line in lines] == lines


def test_the_strict_reader_returns_what_was_written(lines):
    start, event, stepped, _, end = map(read_record, lines)
    assert isinstance(start, StartRecord)
    assert start.body == {"episode": "ep-1", "seed": 7}
    assert isinstance(event, EventRecord)
    assert event.event == {"event_id": "E1", "sig": "c2ln"}
    assert isinstance(stepped, EventRecord)
    assert (stepped.origin, stepped.world) == ("clockwork", WORLD)
    assert isinstance(end, EndRecord)
    assert (end.body.events, end.body.reason, end.body.world) == (3, "completed", WORLD)


def test_the_end_states_the_merkle_root_over_all_earlier_records_and_its_own_digest(lines):
    end = json.loads(lines[-1])
    assert end["body"]["root"] == root_of(map(leaf_hash, lines[:-1])).hex()
    check = end.pop("check")
    assert check == hashlib.sha256(rfc8785.dumps(end)).hexdigest()


def test_head_length_and_root_follow_the_records(lines):
    chain = run(Chain(keep_tree=True))
    assert (chain.length, chain.events, chain.ended) == (4, 3, False)
    assert chain.end(10, "completed", WORLD) == chain.head == leaf_hash(lines[-1]).hex()
    assert chain.root() == root_of(map(leaf_hash, lines)).hex()
    assert chain.ended


def test_the_head_is_the_same_with_and_without_a_sink(lines):
    assert run(Chain()).head == json.loads(lines[-1])["prev"]


def test_fractions_and_wide_keys_are_canonical_once_embedded():
    lines = []
    chain = Chain(lines.append)
    chain.start(0, {"ratio": 1.0, "\ufb33": 1, "\U0001f600": 2})
    event = embed({"event_id": "E", "x": 1.0, "\ufb33": 1, "\U0001f600": 2e21})
    chain.event(0, "agent", event, {"status": "ACCEPTED"})
    chain.event(0, "agent", embed(sanitise({"bad": {1, 2}})), {"status": "BLOCKED"})
    assert [rfc8785.dumps(json.loads(line)) for line in lines] == lines
    assert all(read_record(line) for line in lines)


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.event(0, "agent", {}, {}),
        lambda c: c.end(0, "completed"),
    ],
    ids=["event", "end"],
)
def test_nothing_is_appended_before_the_start(act):
    chain = Chain(keep_tree=True)
    with pytest.raises(LedgerError, match="not started"):
        act(chain)
    assert chain.length == 0


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.start(99, {}),
        lambda c: c.event(99, "agent", {}, {}),
        lambda c: c.end(99, "completed"),
    ],
    ids=["start", "event", "end"],
)
def test_nothing_is_appended_after_the_end(act):
    chain = run(Chain(keep_tree=True))
    head = chain.end(10, "aborted")
    with pytest.raises(LedgerError, match="ended"):
        act(chain)
    assert chain.head == head


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda c: c.start(9, {}), "open"),
        (lambda c: c.event(8, "agent", {}, {}), "backwards"),
        (lambda c: c.end(8, "completed"), "backwards"),
        (lambda c: c.event(9, "caller", {}, {}), "origin"),
        (lambda c: c.end(9, "bored"), "reason"),
        (lambda c: c.event(9, "agent", {"x": "y" * 70_000}, {}), "bytes"),
    ],
    ids=count(),
)
def test_a_refused_record_leaves_the_chain_where_it_stood(act, message):
    chain = run(Chain(keep_tree=True))
    before = (chain.head, chain.length, chain.events, chain.root())
    with pytest.raises(LedgerError, match=message):
        act(chain)
    assert (chain.head, chain.length, chain.events, chain.root()) == before


def test_the_first_record_cannot_lie_before_time_zero():
    with pytest.raises(LedgerError, match="backwards"):
        Chain().start(-1, {})


def test_a_start_without_canonical_form_is_refused():
    chain = Chain()
    with pytest.raises(NotCanonicalError):
        chain.start(0, {"x": float("nan")})
    assert chain.length == 0


def test_a_chain_without_a_tree_cannot_end():
    with pytest.raises(LedgerError, match="no Merkle tree"):
        run(Chain()).end(10, "completed")


def test_a_failing_sink_does_not_move_the_chain():
    def full(_line):
        raise BlockingIOError

    chain = Chain(full)
    with pytest.raises(BlockingIOError):
        chain.start(0, {})
    assert (chain.head, chain.length) == ("0" * 64, 0)


@pytest.mark.parametrize(
    "snapshot",
    [
        copy.copy,
        copy.deepcopy,
        Chain.copy,
        lambda chain: pickle.loads(pickle.dumps(chain)),  # noqa: S301  # our own
    ],
    ids=["copy", "deepcopy", "own", "pickle"],
)
@pytest.mark.parametrize("keep_tree", [True, False])
def test_a_snapshot_goes_on_as_the_original_does(snapshot, keep_tree):
    chain = run(Chain(keep_tree=keep_tree))
    twin = snapshot(chain)
    for each in (chain, twin):
        each.event(20, "agent", {"event_id": "E9"}, {"status": "ACCEPTED"})
    assert (twin.head, twin.length, twin.events) == (chain.head, chain.length, chain.events)


@pytest.mark.parametrize("snapshot", [copy.deepcopy, Chain.copy], ids=["deep", "own"])
def test_a_snapshot_has_its_own_future(snapshot):
    chain = run(Chain(keep_tree=True))
    head, root = chain.head, chain.root()
    snapshot(chain).event(20, "agent", {"event_id": "E9"}, {"status": "ACCEPTED"})
    assert (chain.head, chain.root()) == (head, root)


@pytest.mark.parametrize(
    "snapshot", [copy.deepcopy, pickle.dumps, Chain.copy], ids=["deep", "pickle", "own"]
)
def test_a_chain_with_a_sink_cannot_be_copied(snapshot):
    with pytest.raises(LedgerError, match="sink"):
        snapshot(Chain(len))


def test_the_longest_line_is_appended_and_a_longer_one_is_not():
    lines = []
    chain = Chain(lines.append)
    chain.start(0, {"a": ""})
    room = MAX_LINE - len(lines[0])
    chain = Chain(lines.append)
    with pytest.raises(LedgerError, match="at most"):
        chain.start(0, {"a": "x" * (room + 1)})
    assert chain.length == 0
    chain.start(0, {"a": "x" * room})
    assert len(lines[-1]) == MAX_LINE


def test_each_append_returns_the_new_head():
    lines = []
    chain = Chain(lines.append)
    heads = [
        chain.start(0, {}),
        chain.event(1, "agent", {}, {}),
        chain.end(2, "completed"),
    ]
    assert heads == [leaf_hash(line).hex() for line in lines]


@pytest.mark.parametrize("reason", ["completed", "aborted", "recovered"])
def test_an_episode_ends_for_each_documented_reason(reason):
    lines = []
    run(Chain(lines.append)).end(10, reason)
    assert read_record(lines[-1]).body.reason == reason
