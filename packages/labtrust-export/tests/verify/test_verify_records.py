"""Records as types: what no engine writes is refused, but for what was refused unread."""

import types

import pytest
from labtrust_core.event import MAX_INT
from labtrust_export.verify.records import read_step
from labtrust_export.verify.report import FaultError

Space = types.SimpleNamespace
WHOLE = {"event_id": "E1", "t_s": 0, "agent_id": "A", "action_type": "NOOP"}
BENT = [
    {},
    {"$value": 3},
    WHOLE | {"t_s": "0"},
    WHOLE | {"event_id": ""},
    WHOLE | {"agent_id": ""},
    WHOLE | {"action_type": ""},
    WHOLE | {"t_s": -1},
    WHOLE | {"t_s": MAX_INT + 1},
    WHOLE | {"args": []},
]


def read(event=WHOLE, *, origin="agent", **outcome):
    """Return the step of a record; its outcome is an acceptance unless something is said."""
    told = outcome or {"status": "ACCEPTED"}
    return read_step(Space(seq=3, origin=origin, event=event, outcome=told))


def refused(event=WHOLE, **outcome):
    """Return code, file and record with which a record is refused."""
    with pytest.raises(FaultError) as caught:
        read(event, **outcome)
    return caught.value.code, caught.value.file, caught.value.record


FAULT = ("RECORD_SCHEMA", "episode_log.jsonl", 3)


@pytest.mark.parametrize("event", BENT)
@pytest.mark.parametrize("reason", ["RC_EVENT_MALFORMED", "AUDIT_CHAIN_BROKEN"])
def test_what_was_refused_unread_may_be_anything(event, reason):
    step = read(event, status="BLOCKED", reason=reason)
    assert (step.event, step.accepted) == (None, False)


@pytest.mark.parametrize("event", BENT)
@pytest.mark.parametrize(
    "outcome",
    [
        {"status": "ACCEPTED"},
        {"status": "ACCEPTED", "reason": "RC_EVENT_MALFORMED"},
        {"status": "ACCEPTED", "reason": "AUDIT_CHAIN_BROKEN"},
        {"status": "BLOCKED", "reason": "RC_SPECIMEN_STATUS"},
        {"status": "BLOCKED"},
    ],
)
def test_what_was_read_must_be_whole(event, outcome):
    assert refused(event, **outcome) == FAULT


@pytest.mark.parametrize(
    ("outcome", "has_event"),
    [
        ({"status": "ACCEPTED"}, True),
        ({"status": "ACCEPTED", "reason": "RC_EVENT_MALFORMED"}, True),
        ({"status": "BLOCKED", "reason": "RC_SPECIMEN_STATUS"}, True),
        ({"status": "BLOCKED", "reason": "AUDIT_CHAIN_BROKEN"}, True),
        ({"status": "BLOCKED", "reason": "RC_EVENT_MALFORMED"}, False),
    ],
)
def test_a_whole_event_is_one_unless_it_was_called_malformed(outcome, has_event):
    step = read(**outcome)
    assert (step.event is not None) is has_event
    assert step.accepted is (outcome["status"] == "ACCEPTED")


@pytest.mark.parametrize("t_s", [0, MAX_INT])
def test_any_time_in_the_range_is_one(t_s):
    assert read(WHOLE | {"t_s": t_s}).event.t_s == t_s


@pytest.mark.parametrize(
    "outcome",
    [
        {"reason": "R"},
        {"status": "MAYBE"},
        {"status": "BLOCKED", "reason": 5},
        {"status": "ACCEPTED", "more": 1},
        {"status": "ACCEPTED", "emits": "A"},
        {"status": "ACCEPTED", "violations": [{"invariant_id": "I"}]},
        {
            "status": "ACCEPTED",
            "violations": [{"invariant_id": "I", "severity": "high", "more": 1}],
        },
    ],
)
def test_an_outcome_of_another_shape_is_refused(outcome):
    assert refused(**outcome) == FAULT


def test_a_field_that_is_null_is_absent():
    step = read(WHOLE | {"key_id": None}, status="ACCEPTED", reason=None, role=None)
    assert (step.event.key_id, step.outcome.reason, step.outcome.role) == (None, None, None)
    assert read(WHOLE | {"args": None, "token_refs": None}).event.args == {}
    assert read(status="ACCEPTED", emits=None, violations=None).outcome.emits == ()
    assert refused(WHOLE | {"t_s": None}) == FAULT


@pytest.mark.parametrize(
    ("origin", "by_agent"), [("agent", True), ("clock", False), ("enforcement", False)]
)
def test_only_what_an_agent_asked_for_is_by_an_agent(origin, by_agent):
    assert read(origin=origin).by_agent is by_agent
