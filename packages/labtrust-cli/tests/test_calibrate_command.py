"""`labtrust calibrate` compares a site with published figures, in words, JSON and plots."""

import json
import shutil

import pytest
from labtrust_cli.exit_codes import ExitCode
from labtrust_core.policy.directory import find_policy_dir

pytest.importorskip("labtrust_bench", reason="the command belongs to labtrust-bench")

FIELDS = {
    "agrees",
    "ci_high",
    "ci_low",
    "id",
    "in_range",
    "kind",
    "note",
    "published",
    "published_high",
    "published_low",
    "quantity",
    "range",
    "reason",
    "simulated",
    "source",
    "unit",
}


@pytest.fixture(scope="module")
def policy_dir(tmp_path_factory):
    """A policy whose night is over after three hours."""
    folder = tmp_path_factory.mktemp("short") / "policy"
    shutil.copytree(find_policy_dir(), folder)
    file = folder / "workload" / "workload_profiles.v0.1.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("horizon_s: 28800", "horizon_s: 10800"), encoding="utf-8")
    return folder


@pytest.fixture
def calibrate(labtrust, policy_dir):
    def call(*arguments):
        site = ("--site", "night", "--days", "1", "--jobs", "1")
        return labtrust("--policy-dir", str(policy_dir), "calibrate", *site, *arguments)

    return call


def test_table_is_grouped_and_counted_and_says_what_is_off(calibrate, tmp_path):
    answer = calibrate("--plot", str(tmp_path / "plots"))

    assert answer.code == ExitCode.DONE, answer.err
    lines = answer.out.splitlines()
    assert lines.index("fitted") < lines.index("held-out") < lines.index("Where it is off:")
    assert "rows agree" in lines[-1]
    assert "days: 1 of 1" in answer.err
    assert "fewer than 20 days" in answer.err
    assert len(list((tmp_path / "plots").glob("*.svg"))) == 3


def test_rows_are_json(calibrate):
    report = json.loads(calibrate("--format", "json", "--seed", "3").out)

    assert (report["site"], report["days"], report["seed"]) == ("night", 1, 3)
    assert {frozenset(row) for row in report["rows"]} == {frozenset(FIELDS)}
    assert {row["kind"] for row in report["rows"]} == {"fitted", "held-out"}
    assert all(row["ci_low"] is None for row in report["rows"])
    assert "DEV_HAEM_01" in report["utilisation_percent"]
    assert "STAT blood count" in report["turnaround_90_min"]


def test_unknown_site_is_a_bad_request(labtrust):
    answer = labtrust("calibrate", "--site", "moon")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "district" in answer.err


@pytest.mark.parametrize("option", ["--days", "--jobs"])
def test_none_at_all_is_a_bad_request(labtrust, option):
    assert labtrust("calibrate", option, "0").code == ExitCode.BAD_REQUEST


def test_help_shows_an_example(labtrust):
    assert "labtrust calibrate --site district" in labtrust("calibrate", "--help").out
