"""HL7's own definitions of R4 (extra `fhir`) have nothing against what runs of any task become."""

import pytest

pytest.importorskip("labtrust_export")
pytest.importorskip("labtrust_bench")
pytest.importorskip("pyfhircheck")

from labtrust_bench.tasks.registry import TASKS
from labtrust_cli.exit_codes import ExitCode
from labtrust_core.policy.snapshot import read_snapshot
from labtrust_export.episode import read_episode
from labtrust_export.fhir.export import encoded, fhir_bundle
from labtrust_export.fhir.official import OfficialValidator
from labtrust_export.fhir.reader import read_bundle
from labtrust_export.fhir.validate import errors_of, validate_bundle
from labtrust_export.policy_in_force import PolicyInForce


@pytest.fixture(scope="module")
def official():
    """Return the validator, loaded once."""
    return OfficialValidator()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("task", sorted(TASKS.names()))
def test_a_run_of_every_task_is_sound_by_the_official_definitions(
    labtrust, tmp_path, official, task
):
    args = ("run-benchmark", "--task", task, "--smoke", "--seed", "7")
    assert labtrust(*args, "--out-dir", str(tmp_path / "run")).code == ExitCode.DONE
    log = read_episode(tmp_path / "run/logs/episode_0.jsonl")
    documents = read_snapshot(PolicyInForce().snapshot_for(log.start))
    path = tmp_path / "fhir_bundle.json"
    path.write_bytes(encoded(fhir_bundle(log, documents)))
    found = errors_of(validate_bundle(read_bundle(path), None, official))
    assert [str(item) for item in found] == []
