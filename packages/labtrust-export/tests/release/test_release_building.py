"""Runs and results of a release, and how its manifest comes to be."""

import shutil
from dataclasses import replace

import pytest
from labtrust_core.errors import UsageError
from labtrust_export.bundle import ExportKeys, build_run
from labtrust_export.check_failed import CheckFailedError
from labtrust_export.release import build as module
from labtrust_export.run_evidence import find_run

BUNDLE = "receipts/episode_0/EvidenceBundle.v0.1"
MANIFEST = "RELEASE_MANIFEST.v0.1.json"


def code_of(report):
    assert not report.ok
    return report.failure.code


# ------------------------------------------------------------------------------------------ runs


def drop_bundle(folder):
    shutil.rmtree(folder / "receipts/episode_1")


def test_a_run_without_one_of_its_episodes_is_no_release(release, master, verify, reseal_all):
    drop_bundle(release)
    reseal_all(release, master.keys("releaser"))

    assert code_of(verify(release)) == "RELEASE_EPISODE_MISSING"


def test_a_run_without_one_of_its_episodes_is_not_built(bare, stage, build):
    drop_bundle(bare)
    with pytest.raises(CheckFailedError) as caught:
        build(bare, stage.keys("releaser"))

    assert caught.value.code == "RELEASE_EPISODE_MISSING"
    assert "number 1" in caught.value.message


def test_one_episode_does_not_count_twice(bare, stage, build):
    shutil.copytree(bare / BUNDLE, bare / "again" / "EvidenceBundle.v0.1")
    with pytest.raises(CheckFailedError) as caught:
        build(bare, stage.keys("releaser"))

    assert caught.value.code == "RELEASE_EPISODE_DUPLICATE"


def test_bundles_of_one_run_carry_one_log(bare, stage, build):
    """A bundle that was exported before the run was over, when its log was shorter."""
    log = stage.run / "run_log.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    keys = ExportKeys((stage.keys("maker"),), stage.keys("log"))
    build_run(find_run(stage.run), stage.run / "early", keys)
    shutil.rmtree(bare / "receipts/episode_1")
    shutil.copytree(stage.run / "early/episode_1", bare / "receipts/episode_1")
    with pytest.raises(CheckFailedError) as caught:
        build(bare, stage.keys("releaser"))

    assert caught.value.code == "RELEASE_RUN_DIFFERS"


def test_an_open_run_is_told_and_no_failure_below_the_last_level(stage, tmp_path, verify, build):
    log = stage.run / "run_log.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    keys = ExportKeys((stage.keys("maker"),), stage.keys("log"))
    build_run(find_run(stage.run), tmp_path / "open", keys)
    build(tmp_path / "open", stage.keys("releaser"))
    report = verify(tmp_path / "open")

    assert report.ok, report.text()
    assert "not closed" in report.notes[0]


def test_a_bundle_below_the_level_that_is_asked_for_fails_the_release(release, verify, master):
    trust = replace(master.trust, policies=())
    report = verify(release, trust=trust)

    assert code_of(report) == "RELEASE_BUNDLE"
    assert report.failure.bundle_code == "POLICY_NOT_TRUSTED"


# --------------------------------------------------------------------------------------- results


@pytest.fixture
def with_results(bare, stage):
    """A release with its run's own results."""
    lines = (stage.run / "episodes.jsonl").read_bytes().splitlines()
    (bare / "episodes.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    episodes = b", ".join(lines)
    (bare / "results.json").write_bytes(b'{"task": "x", "episodes": [%s]}' % episodes)
    return bare


def test_results_that_the_run_log_states_are_vouched_for(with_results, stage, verify, build):
    build(with_results, stage.keys("releaser"))
    report = verify(with_results)

    assert report.ok
    assert report.notes == ["no run log here vouches for results/throughput/results.json"]


BETTER = (b'"released":1', b'"released":9')
TWICE = (b'{"released":1,"seed":8}', b'{"released":2,"seed":9}')
LEFT_OUT = {
    "results.json": (b'{"released":1,"seed":8}, ', b""),
    "episodes.jsonl": (b'{"released":1,"seed":8}\n', b""),
}


@pytest.fixture
def released(with_results, stage, build):
    build(with_results, stage.keys("releaser"))
    return with_results


@pytest.mark.parametrize("name", LEFT_OUT)
@pytest.mark.parametrize("how", ["better", "twice", "left out"])
def test_not_even_the_signer_can_change_one_of_a_runs_results(
    released, stage, verify, reseal_all, name, how
):
    path = released / name
    old, new = {"better": BETTER, "twice": TWICE, "left out": LEFT_OUT[name]}[how]
    changed = path.read_bytes().replace(old, new)
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    reseal_all(released, stage.keys("releaser"))

    assert code_of(verify(released)) == "RELEASE_RESULTS_MISMATCH"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"episodes":3}', '{"episodes":[1e999]}'])
def test_a_file_of_results_that_is_none_of_ours_is_only_noted(bare, stage, verify, text, build):
    (bare / "results.json").write_text(text, encoding="utf-8")
    build(bare, stage.keys("releaser"))

    assert "no run log here vouches for results.json" in verify(bare).notes


# --------------------------------------------------------------------------------- building whole


def test_a_private_key_is_not_released(bare, stage, build):
    shutil.copy(stage.keys.path("log"), bare / "log.pem")
    with pytest.raises(UsageError, match="private key"):
        build(bare, stage.keys("releaser"))


def test_what_a_killed_call_left_is_cleared_away(bare, stage, build, verify):
    (bare / ".release.partial" / "new").mkdir(parents=True)
    (bare / ".release.partial" / "new" / MANIFEST).touch()
    build(bare, stage.keys("releaser"))

    assert verify(bare).ok


def test_what_is_there_is_not_overwritten_unasked(release, stage, build):
    before = (release / MANIFEST).read_bytes()
    with pytest.raises(UsageError, match="--force"):
        build(release, stage.keys("releaser"))

    assert (release / MANIFEST).read_bytes() == before


@pytest.mark.parametrize("dies_at", range(6))
def test_a_disk_that_fails_leaves_the_folder_as_it_was(release, stage, monkeypatch, dies_at, build):
    def content():
        return {path: path.read_bytes() for path in release.rglob("*") if path.is_file()}

    before = content()
    calls = iter(range(100))

    class Failing(type(release)):
        """A path that cannot be renamed at the given call."""

        def replace(self, target):
            if next(calls) == dies_at:
                raise OSError(28, "No space left on device")
            return super().replace(target)

        def __truediv__(self, name):
            return Failing(super().__truediv__(name))

    monkeypatch.setattr(module, "Path", Failing)
    with pytest.raises(OSError, match="No space left"):
        build(Failing(release), stage.keys("attacker"), force=True)

    assert content() == before
    assert [item.name for item in release.parent.iterdir() if item.name.startswith(".rel")] == []


def test_without_provenance_and_bill_they_are_absent(bare, stage, verify, build):
    made = build(bare, stage.keys("releaser"), provenance=False, sbom=False)
    report = verify(bare)

    assert report.ok
    assert {"provenance", "sbom"} <= set(made.absent)
