"""Reports: what they say to people and to programs, word by word where the word is a fact."""

import pytest
from labtrust_export.verify.codes import CODES, LEVEL_NAMES, LEVELS, Level
from labtrust_export.verify.report import Failure, FaultError, VerifyReport

MEANING = CODES["CHECKPOINT_SIZE"].meaning


def reached(level, required):
    """Return a report that reached a level of those required."""
    return VerifyReport("b", Level(required), reached=None if level is None else Level(level))


def failed(**place):
    """Return the report of a bundle that failed at level L1."""
    report = VerifyReport("here", Level.L3, reached=Level.L0, checked={Level.L0: "2 files"})
    report.facts["records"] = 7
    report.signed_by["checkpoint"] = ["log+1"]
    report.notes.append("worth knowing")
    report.fail(FaultError("CHECKPOINT_SIZE", "7, expected 8", **place), Level.L1)
    return report


def test_the_levels_are_named_in_their_order():
    assert [str(level) for level in LEVELS] == ["L0", "L1", "L2", "L3", "L4"]
    assert [LEVEL_NAMES[level] for level in LEVELS] == [
        "bytes",
        "keys",
        "rules",
        "replay",
        "history",
    ]


@pytest.mark.parametrize(
    ("name", "log"), [("CHECKPOINT", "ledger"), ("RUN_CHECKPOINT", "run's log")]
)
@pytest.mark.parametrize("what", ["NOTE", "SIZE", "SIGNATURE", "WITNESS"])
def test_the_meaning_of_a_checkpoints_code_names_its_log(name, log, what):
    assert f"The {log}'s" in (text := CODES[f"{name}_{what}"].meaning) or f" the {log}" in text


@pytest.mark.parametrize(
    ("level", "required", "good"),
    [
        (None, "L0", False),
        ("L0", "L0", True),
        ("L0", "L1", False),
        ("L3", "L2", True),
        ("L3", "L4", False),
        ("L4", "L4", True),
    ],
)
def test_a_bundle_is_verified_if_the_required_level_is_reached(level, required, good):
    report = reached(level, required)
    assert report.ok is good
    verdict = "verified" if good else "NOT verified"
    shown = f"{verdict}: level reached {level or 'none'}, required {required}"
    assert report.text() == f"Bundle b\n{shown}"
    found = report.to_dict()
    assert (found["ok"], found["reached"], found["required"]) == (good, level, required)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ({}, "the folder"),
        ({"file": "checkpoint"}, "checkpoint"),
        ({"file": "episode_log.jsonl", "record": 0}, "episode_log.jsonl, record 0"),
        ({"file": "receipts.jsonl", "record": 12}, "receipts.jsonl, record 12"),
    ],
)
def test_a_failure_says_where_it_is(place, shown):
    report = failed(**place)
    assert report.failure.place == shown
    assert report.text().splitlines() == [
        "Bundle here",
        "  L0 bytes: ok; 2 files",
        "  L1 keys: FAILED",
        "    code:   CHECKPOINT_SIZE",
        f"    where:  {shown}",
        "    found:  7, expected 8",
        f"    means:  {MEANING}",
        "  note: worth knowing",
        "NOT verified: level reached L0, required L3",
    ]


def test_the_json_form_states_every_field():
    report = failed(file="checkpoint", record=3)
    assert report.failure == Failure("CHECKPOINT_SIZE", Level.L1, "7, expected 8", "checkpoint", 3)
    assert report.to_dict() == {
        "bundle": "here",
        "ok": False,
        "required": "L3",
        "reached": "L0",
        "failure": {
            "code": "CHECKPOINT_SIZE",
            "level": "L1",
            "message": "7, expected 8",
            "meaning": MEANING,
            "file": "checkpoint",
            "record": 3,
        },
        "checked": {"L0": "2 files"},
        "facts": {"records": 7},
        "signed_by": {"checkpoint": ["log+1"]},
        "notes": ["worth knowing"],
    }


def test_the_json_form_of_a_good_bundle_has_no_failure():
    found = reached("L4", "L3").to_dict()
    assert found["failure"] is None
    assert (found["checked"], found["facts"], found["signed_by"], found["notes"]) == (
        {},
        {},
        {},
        [],
    )


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 300 + "..."),
        ("x" * 299 + "\n", "x" * 299 + "\\..."),
        ("größer als 'x'", "größer als 'x'"),
        ("a\nb\x1bc\u202ed", "a\\nb\\x1bc\\u202ed"),
    ],
)
def test_a_message_is_shown_as_it_is_but_for_its_length_and_for_control(message, shown):
    report = VerifyReport("b", Level.L0)
    report.fail(FaultError("BUNDLE_EMPTY", message), Level.L0)
    assert report.failure.message == shown


def test_a_fault_knows_its_code_its_message_and_its_place():
    fault = FaultError("BUNDLE_EMPTY", "nothing", file="checkpoint", record=2)
    assert (fault.code, fault.message, fault.file, fault.record) == (
        "BUNDLE_EMPTY",
        "nothing",
        "checkpoint",
        2,
    )
    assert str(fault) == "BUNDLE_EMPTY: nothing"


def test_a_fault_is_of_the_folder_if_nothing_else_is_said():
    fault = FaultError("BUNDLE_EMPTY", "nothing")
    assert (fault.file, fault.record) == (None, None)
