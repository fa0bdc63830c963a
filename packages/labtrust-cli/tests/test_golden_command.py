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
    assert "Coverage" not in labtrust("golden", "--suite", suite(), "--no-coverage").out


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
