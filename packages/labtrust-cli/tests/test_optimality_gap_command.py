"""`labtrust optimality-gap` compares crews with bounds that ship."""

import csv
import io
import json
import sys

import pytest
from labtrust_cli.exit_codes import ExitCode

pytest.importorskip("labtrust_bench.bounds", reason="the command belongs to labtrust-bench")

ONE = ("optimality-gap", "--instance", "one_blood_count")


def test_a_table_shows_bound_best_and_every_crew(labtrust):
    answer = labtrust(*ONE, "--agents", "plan,scripted")

    assert answer.code == ExitCode.DONE, answer.err
    head, line = answer.out.splitlines()
    assert head.split() == ["instance", "n", "bound", "best", "known", "plan", "scripted"]
    assert line.startswith("one_blood_count  1    984  984 optimal  +0.00 %  +")
    assert "instances: 1 of 1" in answer.err


def test_json_states_where_the_bound_comes_from(labtrust):
    found = json.loads(labtrust(*ONE, "--agents", "fcfs", "--format", "json").out)

    stated = found["instances"]["one_blood_count"]
    assert stated["solver"].startswith("ortools ")
    assert stated["objectives"]["makespan"]["bound"] == 246
    assert stated["objectives"]["makespan"]["proven"] is True
    (row,) = found["rows"]
    assert (row["agents"], row["bound"], row["released"]) == ("fcfs", 984, 1)


def test_csv_has_a_row_a_crew(labtrust):
    answer = labtrust(*ONE, "--agents", "plan,noop", "--objective", "makespan", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(answer.out)))

    assert [row["agents"] for row in rows] == ["plan", "noop"]
    assert rows[0]["value"] == "246"
    assert rows[1]["gap_percent"] == ""


def test_solving_without_the_solver_says_what_to_install(labtrust, monkeypatch):
    for name in ("ortools", "ortools.sat", "ortools.sat.python"):
        monkeypatch.setitem(sys.modules, name, None)
    answer = labtrust(*ONE, "--solve")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "pip install 'labtrust-bench[or]'" in answer.err
    assert answer.out == ""


def test_another_policy_makes_the_stored_bound_stale(labtrust, tmp_path):
    import shutil

    from labtrust_core.policy.directory import find_policy_dir

    folder = tmp_path / "policy"
    shutil.copytree(find_policy_dir(), folder)
    file = folder / "zones" / "zone_layout_policy.v0.1.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("travel_s: 15}", "travel_s: 25}"), encoding="utf-8")
    answer = labtrust("--policy-dir", str(folder), *ONE)

    assert answer.code == ExitCode.BAD_REQUEST
    assert "is stale" in answer.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--instance", "hundred"), "unknown instance"),
        (("--agents", "heroic"), "unknown crew"),
        (("--agents", ","), "names no crew"),
        (("--time-limit", "0"), "--time-limit"),
        (("--objective", "beauty"), "--objective"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_request_is_one_line(labtrust, arguments, message):
    answer = labtrust("optimality-gap", *arguments)

    assert answer.code == ExitCode.BAD_REQUEST
    assert answer.err.count("\n") == 1
    assert message in answer.err
