"""The conformance kit: written, read, complete, and run with a verifier as a subprocess."""

import json
import sys
from pathlib import Path

import pytest
from labtrust_export.testing.accepted import ACCEPTED
from labtrust_export.testing.battery import classes
from labtrust_export.testing.conformance import main, run_kit
from labtrust_export.testing.forgery import BASES
from labtrust_export.testing.kit import EXPECTED, Kit, KitError, make_kit, read_kit
from labtrust_export.testing.subject import main as subject

SUBJECT = [sys.executable, "-m", "labtrust_export.testing.subject"]
LIAR = [sys.executable, "-c", 'print(\'{"level": "L2", "code": null}\')']
MUTE = [sys.executable, "-c", "raise SystemExit('no')"]
COMMITTED = Path(__file__).parents[3] / "benchmarks" / "conformance"


@pytest.fixture(scope="module")
def kit():
    return make_kit()


@pytest.fixture
def few(kit):
    """Some cases of the kit: the first of each level, good and bad, and one with a trick."""
    chosen = {(case.level, case.code is None): case for case in kit.cases}
    chosen |= {case.trick: case for case in kit.cases if case.trick}
    return Kit(list(chosen.values()), kit.blobs)


def test_the_kit_holds_every_class_every_good_bundle_and_what_is_accepted(kit):
    names = [case.name for case in kit.cases]
    firsts = {name.split("/")[0] for name in names}

    assert len(set(names)) == len(names)
    assert {kind.name for kind in classes()} <= firsts
    assert {f"good/{name}/L2" for name in BASES} <= set(names)
    assert {f"accepted/{item.name}" for item in ACCEPTED} <= set(names)


def test_a_kit_is_written_the_same_to_the_byte(kit, tmp_path):
    kit.write(tmp_path / "one")
    read_kit(tmp_path / "one").write(tmp_path / "two")

    for file in sorted((tmp_path / "one").iterdir()):
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_a_kit_is_read_back_as_it_was_written(kit, tmp_path):
    kit.write(tmp_path)
    again = read_kit(tmp_path)

    assert again.cases == kit.cases
    assert again.blobs == kit.blobs
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 2_000_000


def test_a_verifier_that_is_right_agrees_with_every_case(few):
    assert run_kit(few, SUBJECT, "L4") == (len(few.cases), [])


def test_a_verifier_that_accepts_everything_is_found_out(few):
    bad = [case for case in few.cases if case.level == "L2" and case.code is not None]
    count, wrong = run_kit(Kit(bad, few.blobs), LIAR, "L2")

    assert (count, len(wrong)) == (1, 1)
    assert "None after L2; expected RULE_" in wrong[0]


def test_a_verifier_that_says_nothing_is_found_out(few):
    count, wrong = run_kit(Kit(few.cases[:1], few.blobs), MUTE, "L4")

    assert (count, len(wrong)) == (1, 1)
    assert "exit code 1: no" in wrong[0]


def test_cases_above_the_verifiers_level_are_left_out(few):
    count, _wrong = run_kit(few, LIAR, "L0")

    assert count == sum(case.level == "L0" for case in few.cases)


def test_the_command_runs_a_verifier_and_says_how_many_agree(few, tmp_path, capsys):
    Kit(few.cases[:2], few.blobs).write(tmp_path)

    assert main(["--kit", str(tmp_path), "--max-level", "L4", "--", *SUBJECT]) == 0
    assert capsys.readouterr().out == "2 of 2 cases agree\n"
    assert main(["--kit", str(tmp_path), "--max-level", "L4", "--", *MUTE]) == 1


def test_the_command_unpacks_cases_as_folders(few, tmp_path):
    Kit(few.cases[:1], few.blobs).write(tmp_path / "kit")

    assert main(["--kit", str(tmp_path / "kit"), "--unpack", str(tmp_path / "out")]) == 0
    place = tmp_path / "out" / "0000"
    assert (place / "name.txt").read_text().strip() == few.cases[0].name
    assert {file.name for file in (place / "EvidenceBundle.v0.1").iterdir()} == set(
        few.cases[0].files
    )


def test_a_folder_that_is_no_kit_is_refused(kit, few, tmp_path):
    assert main(["--kit", str(tmp_path), "--", *MUTE]) == 2
    Kit(few.cases[:1], few.blobs).write(tmp_path)
    (tmp_path / EXPECTED).write_text("{}")
    with pytest.raises(KitError):
        read_kit(tmp_path)
    Kit(kit.cases, few.blobs | {"0" * 64: b"other"}).write(tmp_path)
    with pytest.raises(KitError, match="not the one of its digest"):
        read_kit(tmp_path)
    Kit(kit.cases, {}).write(tmp_path)
    with pytest.raises(KitError, match="missing"):
        read_kit(tmp_path)


def test_the_example_of_a_verifier_answers_bad_requests_with_two(tmp_path):
    policy = tmp_path / "trust-policy.json"
    policy.write_text("{}")

    assert subject([str(tmp_path), str(policy)]) == 2


@pytest.mark.skipif(not COMMITTED.is_dir(), reason="the kit is not part of the distribution")
def test_the_committed_kit_is_the_one_that_is_made_now(kit):
    committed = read_kit(COMMITTED)

    again = "python -m labtrust_export.testing.conformance --write benchmarks/conformance"
    assert committed.cases == kit.cases, f"make it again: {again}"
    assert json.loads((COMMITTED / EXPECTED).read_text())["version"] == "0.1"
