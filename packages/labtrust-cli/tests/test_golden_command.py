"""`labtrust golden` runs a suite, says what failed and what is covered."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode


@pytest.fixture
def suite(tmp_path):
    """Write a suite of one scenario, in which a receptionist waits."""

    def write(**expect):
        step = {
            "event_id": "e1",
            "t_s": 0,
            "agent_id": "A_RECEPTION",
            "action_type": "NOOP",
            "args": {},
            "reason_code": None,
            "token_refs": [],
            "expect": {"status": "ACCEPTED", **expect},
        }
        scenario = {"scenario_id": "GS-W", "title": "Wait", "initial_state": {}, "script": [step]}
        body = {"version": "1.0", "deterministic": {"rng_seed": 1}, "scenarios": [scenario]}
        file = tmp_path / "suite.yaml"
        file.write_text(json.dumps({"golden_suite": body}))
        return str(file)

    return write


def test_passing_suite_is_done_and_good(labtrust, suite):
    answer = labtrust("golden", "--suite", suite())

    assert answer.code == ExitCode.DONE, answer.err
    assert "pass  GS-W  Wait" in answer.out
    assert "1 of 1 scenarios passed" in answer.out


def test_coverage_is_shown_unless_not_wanted(labtrust, suite):
    assert "Coverage" in labtrust("golden", "--suite", suite()).out
    assert "Coverage" not in labtrust("golden", "--suite", suite(), "--coverage", "none").out


def test_coverage_in_full_names_every_row_and_its_scenarios(labtrust, suite):
    for full in (["--coverage"], ["--coverage", "full"]):
        rows = [
            [cell.strip() for cell in line.split("│")[1:-1]]
            for line in labtrust("golden", "--suite", suite(), *full).out.splitlines()
        ]

        assert ["NOOP", "GS-W", "-"] in rows
        assert ["AGENT_KILLED", "-"] in rows


def test_surviving_mutant_is_the_answer_no(labtrust, suite):
    answer = labtrust("golden", "--suite", suite(), "--mutate")

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "SURVIVED" in answer.out
    assert answer.out.splitlines()[-1].startswith("0 of ")
    assert "mutants: " in answer.err


def test_mutants_are_rows_in_json(labtrust):
    answer = labtrust("golden", "--mutate", "--partner", "upstream_compat", "--format", "json")

    assert answer.code == ExitCode.DONE, answer.err
    rows = {row["mutant"]: row for row in json.loads(answer.out)}
    assert rows["early_guards"] == {
        "mutant": "early_guards",
        "kind": "gate",
        "action": None,
        "guard": None,
        "partner": "upstream_compat",
        "caught_by": "UC-OVERLAY-001",
        "event_id": "e1",
        "how": "blocked_reason_code is RBAC_ACTION_DENY, expected RC_DEVICE_NOT_COLOCATED",
    }
    assert rows["START_RUN stability"]["action"] == "START_RUN"
    assert rows["START_RUN stability"]["guard"] == "stability"


def test_failing_suite_is_the_answer_no(labtrust, suite):
    answer = labtrust("golden", "--suite", suite(emits=["MOVE"]))

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "FAIL  GS-W" in answer.out
    assert "e1: emits [], expected exactly [MOVE]" in answer.out


def test_report_is_json(labtrust, suite):
    answer = labtrust(
        "golden", "--suite", suite(), "--partner", "upstream_compat", "--format", "json"
    )

    report = json.loads(answer.out)
    assert report["partner"] == "upstream_compat"
    assert report["scenario_reports"][0]["passed"]
    assert report["coverage"]["actions"]["NOOP"]["accepted"] == ["GS-W"]


def test_unknown_scenario_is_a_bad_request(labtrust, suite):
    answer = labtrust("golden", "--suite", suite(), "--only", "GS-X")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "GS-X" in answer.err


def test_malformed_suite_is_a_bad_request(labtrust, suite):
    answer = labtrust("golden", "--suite", suite(colour="red"))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "unknown key" in answer.err
