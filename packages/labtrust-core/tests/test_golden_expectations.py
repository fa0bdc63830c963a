"""Every expectation is checked, and says what it found when it does not hold."""

import pytest
from labtrust_core.errors import LabTrustError, UnknownNameError
from labtrust_core.event import StepResult, Violation
from labtrust_core.golden.expectations import broken_rules, mismatches, observed_event
from labtrust_core.golden.format import Expectation
from msgspec import convert

ANSWERS = {
    "flag": True,
    "nothing": None,
    "count": 3,
    "name": "S1",
    "items": ["b", "a"],
    "door('D')": {"open": True, "since": 7},
    "separated_ts('S1')": 1370,
    "status('S1')": "held",
}


def ask(expression):
    if expression not in ANSWERS:
        raise UnknownNameError("query", expression, ANSWERS)
    return ANSWERS[expression]


def result(status="ACCEPTED", **changes):
    fields = {
        "event": None,
        "status": status,
        "origin": "agent",
        "blocked_reason_code": None,
        "detail": None,
        "role_id": None,
        "emits": ("A", "B"),
        "violations": (),
        "evaluated": ("INV-1",),
        "token_consumed": ("T1", "T2"),
        "data": {"token_id": "T9", "parts": {"x": 1, "y": 2}},
        "head_hash": "h",
        "length": 2,
    }
    return StepResult(**{**fields, **changes})


BLOCKED = result(
    "BLOCKED",
    emits=(),
    blocked_reason_code="RC_X",
    detail="the box is locked",
    violations=(Violation(invariant_id="INV-2", severity="high", reason_code="RC_X"),),
    evaluated=("INV-2",),
    enforcements=({"type": "throttle_agent", "target": "A"},),
)


def complaints(expect, seen=None, *, exact=True, growth=1):
    expectation = convert(expect, Expectation)
    return mismatches(expectation, observed_event(seen or result(), growth), ask, exact=exact)


@pytest.mark.parametrize(
    "expect",
    [
        {},
        {"status": "ACCEPTED"},
        {"emits": ["A", "B"]},
        {"violations": []},
        {"violations": ["INV-1:PASS"]},
        {"token_consumed": ["T2", "T1"]},
        {"hashchain_len_delta": 1},
        {"enforcements": []},
        {"data": {"token_id": "T9", "parts": {"x": 1}}},
        {"state_assertions": ["flag == true", "flag != false", "nothing == null", "count == 3"]},
        {"state_assertions": ["name == 'S1'", 'name == "S1"', "name == S1", "name contains S"]},
        {"state_assertions": ["items contains 'a'", "door('D') contains open", "items != ''"]},
        {"state": {"status": {"S1": "held"}, "items": ["a", "b"], "flag": True}},
        {"state": {"separated_ts_set": {"S1": 1370}, "door": {"D": {"open": True}}}},
    ],
)
def test_expectation_that_holds_is_silent(expect):
    assert complaints(expect) == []


@pytest.mark.parametrize(
    ("expect", "message"),
    [
        ({"status": "BLOCKED"}, "status is ACCEPTED, expected BLOCKED"),
        ({"blocked_reason_code": "RC_X"}, "blocked_reason_code is None"),
        ({"emits": ["A"]}, "expected exactly"),
        ({"emits": ["B", "A"]}, "expected exactly"),
        ({"emits": []}, "expected exactly"),
        ({"violations": ["INV-1:VIOLATION"]}, "INV-1 is not violated"),
        ({"violations": ["INV-3:PASS"]}, "INV-3 is not evaluated"),
        ({"token_consumed": ["T1"]}, "consumes tokens"),
        ({"token_consumed": []}, "consumes tokens"),
        ({"hashchain_len_delta": 2}, "gained 1 records, expected 2"),
        ({"enforcements": ["kill_switch"]}, "enforcement is"),
        ({"data": {"token_id": "T8"}}, "data.token_id is T9"),
        ({"data": {"missing": None}}, "data.missing"),
        ({"detail_contains": "locked"}, "the detail is None"),
        ({"state_assertions": ["flag == false"]}, "flag is true"),
        ({"state_assertions": ["flag != true"]}, "does not hold"),
        ({"state_assertions": ["items contains c"]}, "does not hold"),
        ({"state": {"items": ["a"]}}, "state items is"),
        ({"state": {"items": ["a", "b", "b"]}}, "state items is"),
        ({"state": {"status": {"S1": "ok"}}}, "state status('S1') is held, expected ok"),
        ({"state": {"count": ["3"]}}, "state count is 3"),
        ({"state": {"door": {"D": {"shut": True}}}}, "state door('D') is"),
    ],
)
def test_expectation_that_does_not_hold_says_what_was_found(expect, message):
    (complaint,) = complaints(expect)

    assert message in complaint


def test_blocked_step_needs_no_particular_code_unless_one_is_named():
    assert complaints({"status": "BLOCKED"}, BLOCKED) == []
    assert complaints({"status": "BLOCKED", "blocked_reason_code": "RC_X"}, BLOCKED) == []
    assert complaints({"status": "BLOCKED", "blocked_reason_code": "RC_Y"}, BLOCKED)


def test_unexpected_refusal_is_explained():
    (complaint,) = complaints({"status": "ACCEPTED"}, BLOCKED)

    assert "RC_X: the box is locked" in complaint


def test_violation_is_neither_a_pass_nor_nothing():
    assert complaints({"violations": ["INV-2:VIOLATION"]}, BLOCKED) == []
    assert complaints({"violations": ["INV-2:PASS"]}, BLOCKED)
    assert complaints({"violations": []}, BLOCKED)


def test_enforcement_and_detail_are_checked():
    expect = {"enforcements": ["throttle_agent"], "detail_contains": "locked"}

    assert complaints(expect, BLOCKED) == []


@pytest.mark.parametrize("expect", [{"emits": ["B"]}, {"token_consumed": ["T2"]}, {"emits": []}])
def test_first_version_names_a_part(expect):
    assert complaints(expect, exact=False) == []


@pytest.mark.parametrize(
    "expect", [{"emits": ["C"]}, {"emits": ["A", "A"]}, {"token_consumed": ["T3"]}]
)
def test_part_that_is_not_there_is_missed(expect):
    assert complaints(expect, exact=False)


@pytest.mark.parametrize(
    "expect",
    [
        {"state_assertions": ["flag"]},
        {"state_assertions": ["unheard_of == 1"]},
        {"state_assertions": ["count contains 3"]},
        {"state": {"unheard_of": {"S1": 1}}},
    ],
)
def test_assertion_that_means_nothing_is_an_error(expect):
    with pytest.raises(LabTrustError):
        complaints(expect)


def test_unregistered_names_break_a_rule():
    found = broken_rules(observed_event(BLOCKED, 1), reason_codes={"RC_Y"}, emits=set())

    assert found
    assert all("RC_X" in item for item in found)


def test_followers_must_emit_registered_names_too():
    followed = result("BLOCKED", emits=(), blocked_reason_code="RC_X", system_results=(result(),))

    found = broken_rules(observed_event(followed, 2), reason_codes={"RC_X"}, emits={"A"})

    assert found == ["emits B, which the vocabulary does not hold"]


def test_each_outcome_is_one_ledger_record():
    (found,) = broken_rules(observed_event(result(), 2), reason_codes=set(), emits={"A", "B"})

    assert "gained 2 records for 1 outcomes" in found
