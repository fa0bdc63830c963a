"""`labtrust show-attacks` plays twins and says which attempts are stopped, and by what."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode

pytest.importorskip("labtrust_bench", reason="the command belongs to labtrust-bench")


def test_each_attempt_stands_in_the_table_with_what_stops_it(labtrust):
    answer = labtrust("show-attacks", "--task", "adversarial_disruption", "--seed", "1")

    assert answer.code == ExitCode.DONE, answer.out
    assert "RBAC_RESTRICTED_ENTRY_DENY" in answer.out
    assert "door_guard" in answer.out
    assert "door:D_RESTRICTED_AIRLOCK: shut -> open" in answer.out
    assert "13 of 13 attempts" in answer.out
    assert max(len(line) for line in answer.out.splitlines()) <= 180


def test_json_holds_every_attempt_and_progress_stays_on_stderr(labtrust):
    arguments = ("--task", "adversarial_disruption", "--seed", "1", "--format", "json")
    answer = labtrust("show-attacks", *arguments)
    found = json.loads(answer.out)

    assert found["seed"] == 1
    assert all(row["holds"] for row in found["attempts"])
    assert "show-attacks:" in answer.err


def test_a_control_that_cannot_be_shown_to_matter_is_an_answer_of_no(labtrust):
    """A crew that waits sends nothing that could be overheard and sent again."""
    arguments = ("--task", "insider_key_misuse", "--seed", "1", "--agents", "noop")
    answer = labtrust("show-attacks", *arguments)

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "not made" in answer.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--task", "throughput_sla"), "has no opponents"),
        (("--task", "nothing"), "insider_key_misuse"),
        (("--task", "insider_key_misuse", "--variant", "tiny"), "smoke"),
        (("--task", "insider_key_misuse", "--agents", "heroes"), "scripted"),
    ],
    ids=lambda item: " ".join(item) if isinstance(item, tuple) else "",
)
def test_a_bad_request_says_what_there_is(labtrust, arguments, words):
    answer = labtrust("show-attacks", *arguments)

    assert answer.code == ExitCode.BAD_REQUEST
    assert words in answer.err
