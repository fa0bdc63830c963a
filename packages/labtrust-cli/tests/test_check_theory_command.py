"""`labtrust check-theory` compares the simulator with theory, in words, JSON and a plot."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode
from labtrust_core.hospital_lab.things import Device

CASE = "centrifuge started every 10"


@pytest.fixture
def check(labtrust):
    def call(*arguments):
        return labtrust("check-theory", "--case", CASE, "--customers", "4000", *arguments)

    return call


def test_table_shows_what_theory_says_and_what_was_measured(check):
    answer = check()

    assert answer.code == ExitCode.DONE, answer.err
    assert "standard error" in answer.out
    assert f"{CASE}  wait       5.00000" in answer.out
    assert "3 of 3 within 4 standard errors" in answer.out


def test_rows_are_json(check):
    report = json.loads(check("--format", "json", "--seed", "3").out)

    assert report["seed"] == 3
    assert [row["quantity"] for row in report["rows"]] == ["wait", "wait > 9", "waiting"]
    assert set(report["rows"][0]) == {
        "case",
        "quantity",
        "source",
        "exact",
        "simulated",
        "standard_error",
        "within",
    }


def test_a_row_outside_is_the_answer_no(labtrust, monkeypatch):
    monkeypatch.setattr(Device, "idle_unit", lambda _device, _now: 0)
    case = "M/M/5 without a queue, 4 offered"
    answer = labtrust("check-theory", "--case", case, "--customers", "4000")

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "NO" in answer.out


def test_progress_goes_to_stderr(check):
    assert "cases: 1 of 1" in check().err


def test_plot_is_written(check, tmp_path):
    file = tmp_path / "theory.svg"
    assert check("--plot", str(file)).code == ExitCode.DONE
    assert file.read_text(encoding="utf-8").startswith("<svg")


def test_plot_of_another_kind_is_a_bad_request(check, tmp_path):
    answer = check("--plot", str(tmp_path / "theory.png"))

    assert answer.code == ExitCode.BAD_REQUEST
    assert ".svg" in answer.err


def test_unknown_case_is_a_bad_request(labtrust):
    assert labtrust("check-theory", "--case", "M/M/0").code == ExitCode.BAD_REQUEST


def test_too_few_customers_are_a_bad_request(labtrust):
    assert labtrust("check-theory", "--customers", "10").code == ExitCode.BAD_REQUEST
