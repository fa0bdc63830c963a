"""`labtrust benchmark-ladder` compares crews on the same seeds."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode

pytest.importorskip("labtrust_bench", reason="the command belongs to labtrust-bench")


@pytest.fixture
def ladder(labtrust):
    def call(*arguments):
        size = ("--task", "coord_scale", "--smoke", "--seeds", "2")
        return labtrust("benchmark-ladder", *size, *arguments)

    return call


def test_rows_and_verdicts_are_json_and_progress_is_on_stderr(ladder, tmp_path):
    picture = tmp_path / "ladder.svg"
    answer = ladder("--agents", "noop,scripted", "--format", "json", "--plot", str(picture))
    report = json.loads(answer.out)

    assert answer.code == ExitCode.DONE, answer.err
    assert [row["agent"] for row in report["rows"] if row["primary"]] == ["noop", "scripted"]
    assert report["verdicts"][0]["separated"] is report["holds"] is True
    assert "ladder: 2 of 2" in answer.err
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_an_order_that_does_not_hold_is_an_answer_where_it_is_required(ladder):
    wrong = ("--agents", "scripted,noop", "--format", "csv")

    assert ladder(*wrong).code == ExitCode.DONE
    assert ladder(*wrong, "--require-order").code == ExitCode.ANSWER_IS_NO


@pytest.mark.parametrize(
    "arguments",
    [("--agents", "heroic"), ("--agents", ""), ("--seeds", "1"), ("--plot", "ladder.png")],
    ids=" ".join,
)
def test_what_cannot_be_played_is_a_bad_request(ladder, arguments):
    assert ladder(*arguments).code == ExitCode.BAD_REQUEST
