"""Replay from near: what the engine is given for each record, and how a difference is shown."""

import types

import pytest
from labtrust_core.engine.gates import FROZEN_LEDGER
from labtrust_core.event import NOT_AN_OBJECT, NOT_JSON
from labtrust_export.verify import replay
from labtrust_export.verify.replay import Replay
from labtrust_export.verify.report import FaultError

Space = types.SimpleNamespace
WHOLE = {"event_id": "E1", "t_s": 0, "agent_id": "A", "action_type": "NOOP"}
MARKED = {**WHOLE, "args": {"of": [{"deep": {"$unrepresentable": "set"}}]}}
PAIRED = {**WHOLE, "args": {"of": {"$pairs": []}}}


class Driven:
    """An engine that notes what it is asked for; so many advances make a record each."""

    def __init__(self, now, makes=0):
        self.now = now
        self.calls = []
        self.play = None
        self._makes = makes

    def advance(self, t):
        """Note it, and make a record if one is left."""
        self.calls.append(("advance", t))
        if self._makes:
            self._makes -= 1
            self.play.records += 1

    def finish(self, reason):
        """Note it."""
        self.calls.append(("finish", reason))

    def step(self, raw):
        """Note it."""
        self.calls.append(("step", raw))

    def record_malformed(self, raw, detail):
        """Note it."""
        self.calls.append(("malformed", raw, detail))


@pytest.fixture
def playing(monkeypatch):
    """Give the function that begins a replay on an engine of ours."""

    def begin(engine, *, simulated=True):
        monkeypatch.setattr(replay, "Engine", lambda _policy: engine)
        engine.play = Replay(Space(config=Space(simulated=simulated)), None)
        return engine.play

    return begin


def record(t, origin, event=None, **outcome):
    """Return an event record."""
    return Space(t=t, origin=origin, event=event or WHOLE, outcome=outcome)


@pytest.mark.parametrize(
    ("simulated", "now", "origin", "makes", "calls"),
    [
        (True, 5, "clock", 0, [("advance", 5)]),
        (True, 5, "enforcement", 0, [("advance", 5)]),
        (True, 4, "clock", 1, [("advance", 5)]),
        (True, 4, "clock", 0, [("advance", 5), ("advance", 5)]),
        (True, 4, "agent", 0, [("advance", 5), ("step", WHOLE)]),
        (True, 4, "agent", 1, [("advance", 5)]),
        (True, 5, "agent", 0, [("step", WHOLE)]),
        (True, 6, "agent", 0, [("step", WHOLE)]),
        (False, 4, "agent", 0, [("step", WHOLE)]),
        (False, 4, "clock", 0, []),
    ],
)
def test_the_clock_is_advanced_as_far_as_the_ledger_says(
    playing, simulated, now, origin, makes, calls
):
    engine = Driven(now, makes)
    playing(engine, simulated=simulated)._drive(record(5, origin))
    assert engine.calls == calls


@pytest.mark.parametrize(
    ("event", "reason", "detail", "call"),
    [
        (WHOLE, None, None, "step"),
        (WHOLE, "RC_TIME_NOT_MONOTONIC", NOT_JSON, "step"),
        (WHOLE, "RC_EVENT_MALFORMED", "no", "step"),
        (WHOLE, "RC_EVENT_MALFORMED", NOT_JSON, "malformed"),
        (WHOLE, "AUDIT_CHAIN_BROKEN", NOT_JSON, "malformed"),
        (WHOLE, "AUDIT_CHAIN_BROKEN", FROZEN_LEDGER, "step"),
        (MARKED, "RC_EVENT_MALFORMED", "no", "malformed"),
        (PAIRED, "RC_EVENT_MALFORMED", "no", "malformed"),
        (MARKED, "AUDIT_CHAIN_BROKEN", "no", "malformed"),
        (MARKED, "AUDIT_CHAIN_BROKEN", FROZEN_LEDGER, "step"),
        (MARKED, "RC_TIME_NOT_MONOTONIC", "no", "step"),
        (MARKED, None, None, "step"),
        ({"event_id": "E1"}, "RC_EVENT_MALFORMED", "no", "malformed"),
        ({"event_id": "E1"}, None, None, "malformed"),
    ],
)
def test_the_ledger_is_believed_only_of_what_it_could_not_keep(
    playing, event, reason, detail, call
):
    engine = Driven(5)
    outcome = {"reason": reason} if detail is None else {"reason": reason, "detail": detail}
    playing(engine)._drive(record(5, "agent", event, **outcome))
    told = (event,) if call == "step" else (event, detail or "")
    assert engine.calls == [(call, *told)]


@pytest.mark.parametrize(
    ("event", "detail", "kept"),
    [
        ({"$value": "text"}, NOT_AN_OBJECT, "text"),
        ({"$value": None}, NOT_AN_OBJECT, None),
        ({"$value": 3}, "another complaint", {"$value": 3}),
        ({"$value": 3, "more": 1}, NOT_AN_OBJECT, {"$value": 3, "more": 1}),
    ],
)
def test_what_was_no_object_is_given_as_what_it_was(playing, event, detail, kept):
    engine = Driven(5)
    entry = record(5, "agent", event, reason="RC_EVENT_MALFORMED", detail=detail)
    playing(engine)._drive(entry)
    assert engine.calls == [("malformed", kept, detail)]


def test_a_record_that_does_not_come_out_ends_the_replay(playing, kit):
    play = playing(Driven(10**9))
    lines = [line + b"\n" for line in kit.good("signed").episode.lines[1:]]
    with pytest.raises(FaultError) as caught:
        play.run(Space(lines=lambda: iter(lines)))
    fault = caught.value
    assert (fault.code, fault.file, fault.record) == ("REPLAY_MISMATCH", "episode_log.jsonl", 0)
    assert "no such record" in fault.message


def test_records_are_compared_one_by_one_and_counted(playing):
    play = playing(Driven(0))
    play._lines, play._next = iter([b"two\n"]), b"one\n"
    play._compare(b"one")
    assert (play.records, play._next) == (1, b"two\n")
    with pytest.raises(FaultError) as caught:
        play._compare(b"twa")
    assert (caught.value.code, caught.value.record) == ("REPLAY_MISMATCH", 1)
    play._compare(b"two")
    assert (play.records, play._next) == (2, None)
    with pytest.raises(FaultError, match="goes on where the ledger ends"):
        play._compare(b"three")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (3, False),
        ({}, False),
        ([{"a": [1, {"b": 2}]}], False),
        ({"$pairs": []}, True),
        ({"$unrepresentable": "x"}, True),
        ([1, [{"a": {"$pairs": 0}}], 2], True),
        ("$pairs", False),
    ],
)
def test_what_json_could_not_carry_is_found_at_any_depth(value, found):
    assert replay._is_marked(value) is found


def shown(found, expected):
    """Return from which byte on two lines differ, and what is shown of either."""
    text = replay._difference(found, expected)
    head, _, rest = text.partition(" on the ledger says ...")
    ledger, _, again = rest.partition("..., run again ...")
    return int(head.removeprefix("from byte ")), ledger, again.removesuffix("...")


@pytest.mark.parametrize(
    ("found", "expected", "at", "begin"),
    [
        (b"abc", b"abd", 2, 0),
        (b"xbc", b"abd", 0, 0),
        (b"abc", b"abcde", 3, 0),
        (b"abcde", b"abc", 3, 0),
        (b"a" * 100 + b"x" * 200, b"a" * 100 + b"y" * 200, 100, 40),
        (b"a" * 60 + b"x", b"a" * 60 + b"y", 60, 0),
        (b"a" * 61 + b"x", b"a" * 61 + b"y", 61, 1),
    ],
)
def test_a_difference_is_shown_where_it_begins(found, expected, at, begin):
    ledger, again = (line[begin : begin + 120].decode() for line in (expected, found))
    assert shown(found, expected) == (at, ledger, again)


def test_an_end_of_the_ledger_is_told_from_a_difference():
    assert replay._difference(b"{}", b"") == "the episode, run again, goes on where the ledger ends"


def test_a_difference_within_a_letter_can_be_shown():
    assert shown("ä".encode(), "ö".encode()) == (1, "ö", "ä")
    assert shown(b"\xff", b"\xfe") == (0, "\ufffd", "\ufffd")
