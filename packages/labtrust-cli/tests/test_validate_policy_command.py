"""`labtrust validate-policy` says whether a policy is sound, and if not, where."""

import json
import shutil
from pathlib import Path

import pytest
from labtrust_cli.exit_codes import ExitCode
from labtrust_core.policy.directory import find_policy_dir

RBAC = "rbac/rbac_policy.v0.1.yaml"


@pytest.fixture
def broken(tmp_path):
    """A policy in which an agent holds a role that does not exist."""
    folder = Path(shutil.copytree(find_policy_dir(), tmp_path / "policy"))
    text = (folder / RBAC).read_text()
    (folder / RBAC).write_text(text.replace("A_QC: ROLE_QC", "A_QC: ROLE_QX"))
    return folder


def test_sound_policy_is_done_and_good(labtrust):
    answer = labtrust("validate-policy")

    assert answer.code == ExitCode.DONE, answer.err
    assert answer.out.startswith("policy OK: ")


def test_problem_is_one_line_on_stderr_and_the_answer_no(labtrust, broken):
    answer = labtrust("validate-policy", "--policy-dir", str(broken))

    assert answer.code == ExitCode.ANSWER_IS_NO
    (line,) = [line for line in answer.err.splitlines() if "ROLE_QX" in line]
    assert f"{broken / RBAC}:" in line
    assert "policy OK" not in answer.out


def test_problems_are_json(labtrust, broken):
    answer = labtrust("validate-policy", "--policy-dir", str(broken), "--format", "json")

    report = json.loads(answer.out)
    assert (report["ok"], report["fingerprint"]) == (False, None)
    assert "agents.A_QC" in {problem["path"] for problem in report["problems"]}


def test_missing_folder_is_a_bad_request(labtrust, tmp_path):
    assert (
        labtrust("validate-policy", "--policy-dir", str(tmp_path / "no")).code
        == ExitCode.BAD_REQUEST
    )


def test_unknown_partner_is_a_bad_request(labtrust):
    answer = labtrust("validate-policy", "--partner", "nobody")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "upstream_compat" in answer.err


def test_unknown_domain_is_a_bad_request(labtrust):
    answer = labtrust("validate-policy", "--domain", "nowhere")

    assert answer.code == ExitCode.BAD_REQUEST
    assert "hospital_lab" in answer.err
