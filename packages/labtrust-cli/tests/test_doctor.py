"""`labtrust doctor` says what is installed, what is missing and whether the policy is sound."""

import json
import platform

import pytest
from labtrust_cli.commands import doctor
from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.installation import MissingExtra, extra_packages, missing_extras
from labtrust_core.settings import POLICY_DIR


@pytest.fixture
def report():
    return doctor.Report(
        python="3.11.7",
        executable="/usr/bin/python",
        system="Linux x86_64",
        distributions={"labtrust-core": "0.1.0", "labtrust-env": None},
        missing=(MissingExtra("labtrust-bench", "plots", ("matplotlib",)),),
        plugins=(),
        policy=doctor.PolicyHealth("/policy", ("zones.yaml: is empty",)),
    )


def test_sound_installation_is_done_and_good(labtrust):
    answer = labtrust("doctor", "--format", "json")

    seen = json.loads(answer.out)
    assert answer.code == ExitCode.DONE, seen["policy"]
    assert seen["python"] == platform.python_version()
    assert seen["distributions"]["labtrust-cli"]
    assert seen["policy"]["problems"] == []


def test_policy_that_cannot_be_found_is_the_answer_no(labtrust, monkeypatch, tmp_path):
    monkeypatch.setenv(POLICY_DIR, str(tmp_path))

    answer = labtrust("doctor")

    assert answer.code == ExitCode.ANSWER_IS_NO
    assert "problem" in answer.out


def test_text_names_what_is_missing_and_what_is_wrong(report):
    lines = [" ".join(line.split()) for line in doctor.as_text(report).splitlines()]

    assert "labtrust-env not installed" in lines
    assert "extra labtrust-bench[plots] missing matplotlib" in lines
    assert "problem zones.yaml: is empty" in lines


def test_extras_are_read_from_requirements():
    requirements = [
        "numpy>=2",
        "matplotlib>=3.9 ; extra == 'plots'",
        'pillow; python_version >= "3.11" and extra == "plots"',
        "torch; extra == 'marl'",
    ]

    assert extra_packages(requirements) == {"plots": {"matplotlib", "pillow"}, "marl": {"torch"}}


def test_extras_of_an_installed_distribution_are_checked():
    missing = missing_extras(["pytest"])

    assert all(extra.distribution == "pytest" and extra.packages for extra in missing)
