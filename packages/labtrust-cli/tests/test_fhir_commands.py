"""`labtrust export-fhir`, `validate-fhir` and `ui-export`, from a run to a checked Bundle."""

import json
import sys
import zipfile

import pytest

pytest.importorskip("labtrust_export")

from labtrust_cli.exit_codes import ExitCode
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.testing.laboratory import Laboratory
from labtrust_export.episode import read_episode
from labtrust_export.policy_in_force import PolicyInForce
from labtrust_export.receipts import receipt_file

TUBE = {"specimen_id": "S1", "panel_id": "BIOCHEM_PANEL_CORE", "container_type": "SERUM_SST"}


def evidence_of(log, folder):
    """Write what an export reads of an evidence bundle."""
    folder.mkdir(parents=True)
    episode = read_episode(log)
    (folder / "episode_log.jsonl").write_bytes(episode.data)
    (folder / "policy.json").write_bytes(PolicyInForce().snapshot_for(episode.start) + b"\n")
    (folder / "receipts.jsonl").write_bytes(receipt_file(episode.receipts.receipts()))
    return folder


@pytest.fixture
def command(labtrust):
    """Run a command line of anything that can be written."""

    def call(*arguments):
        return labtrust(*map(str, arguments))

    return call


@pytest.fixture
def evidence(tmp_path):
    """Return evidence of a short episode."""
    with LogWriter(tmp_path / "log.jsonl") as log:
        lab = Laboratory({"specimens": [TUBE]}, sink=log.write)
        lab.do("A_RECEPTION", "CREATE_ACCESSION", {"specimen_id": "S1"})
        lab.do("A_RECEPTION", "RELEASE_RESULT", {"result_id": "R1"})
        lab.engine.finish()
    return evidence_of(tmp_path / "log.jsonl", tmp_path / "EvidenceBundle.v0.1")


def test_a_bundle_is_exported_and_found_sound(command, evidence, tmp_path):
    out = tmp_path / "fhir"
    result = command("export-fhir", "--receipts", evidence, "--out", out)
    assert result.code == ExitCode.DONE, result.err
    result = command("validate-fhir", "--bundle", out / "fhir_bundle.json", "--format", "json")
    assert result.code == ExitCode.DONE
    assert json.loads(result.out)["errors"] == 0


def test_an_existing_file_is_kept_without_force(command, evidence, tmp_path):
    args = ("export-fhir", "--receipts", evidence, "--out", tmp_path, "--filename", "x.json")
    assert command(*args).code == ExitCode.DONE
    assert command(*args).code == ExitCode.BAD_REQUEST
    assert command(*args, "--force").code == ExitCode.DONE


@pytest.mark.parametrize("name", ["../x.json", "a/b.json", ""])
def test_a_file_name_with_folders_is_refused(command, evidence, tmp_path, name):
    args = ("export-fhir", "--receipts", evidence, "--out", tmp_path / "o", "--filename", name)
    assert command(*args).code == ExitCode.BAD_REQUEST


def test_a_folder_without_evidence_is_a_bad_request(command, tmp_path):
    (tmp_path / "empty").mkdir()
    args = ("export-fhir", "--receipts", tmp_path / "empty", "--out", tmp_path / "fhir")
    assert command(*args).code == ExitCode.BAD_REQUEST
    assert not (tmp_path / "fhir").exists()


def test_a_fault_is_shown_with_its_place_and_ends_with_one(command, evidence, tmp_path):
    command("export-fhir", "--receipts", evidence, "--out", tmp_path)
    path = tmp_path / "fhir_bundle.json"
    bundle = json.loads(path.read_bytes())
    bundle["total"] = 3
    path.write_text(json.dumps(bundle), encoding="utf-8")
    result = command("validate-fhir", "--bundle", path)
    assert result.code == ExitCode.ANSWER_IS_NO
    assert "Bundle.total" in result.out


@pytest.mark.parametrize("text", ["[]", "{}", "no JSON"])
def test_what_is_no_bundle_never_passes(command, tmp_path, text):
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    assert command("validate-fhir", "--bundle", path).code == ExitCode.BAD_REQUEST


def test_an_empty_value_set_never_passes(command, evidence, tmp_path):
    command("export-fhir", "--receipts", evidence, "--out", tmp_path)
    values = tmp_path / "values.json"
    values.write_text('{"version": "1", "value_sets": {}}', encoding="utf-8")
    args = ("validate-fhir", "--bundle", tmp_path / "fhir_bundle.json", "--terminology", values)
    assert command(*args).code == ExitCode.BAD_REQUEST


def test_without_the_extra_the_official_check_says_what_to_install(
    command, evidence, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyfhircheck", None)
    command("export-fhir", "--receipts", evidence, "--out", tmp_path)
    result = command("validate-fhir", "--bundle", tmp_path / "fhir_bundle.json", "--official")
    assert result.code == ExitCode.BAD_REQUEST
    assert "pip install 'labtrust-export[fhir]'" in result.err


def test_a_run_of_bundles_becomes_a_zip(command, evidence, tmp_path):
    (evidence / "manifest.json").write_text("{}", encoding="utf-8")
    target = tmp_path / "run.zip"
    result = command("ui-export", "--run", evidence, "--out", target)
    assert result.code == ExitCode.DONE, result.err
    assert "1 episodes, 2 events" in result.out
    assert "index.json" in zipfile.ZipFile(target).namelist()
    assert command("ui-export", "--run", evidence, "--out", target).code == 2


def test_a_folder_with_nothing_to_show_leaves_no_zip(command, tmp_path):
    (tmp_path / "empty").mkdir()
    target = tmp_path / "run.zip"
    result = command("ui-export", "--run", tmp_path / "empty", "--out", target)
    assert result.code == ExitCode.BAD_REQUEST
    assert not target.exists()


TASKS = (
    "adversarial_disruption",
    "coord_risk",
    "coord_scale",
    "device_outage_surge",
    "insider_key_misuse",
    "multi_site_stat",
    "qc_cascade",
    "reagent_stockout",
    "stat_insertion",
    "throughput_sla",
)


@pytest.mark.parametrize("task", TASKS)
def test_a_run_of_every_task_gives_a_sound_bundle_and_a_zip(command, tmp_path, task):
    pytest.importorskip("labtrust_bench")
    run = tmp_path / "run"
    args = ("run-benchmark", "--task", task, "--smoke", "--seed", 7, "--out-dir", run)
    assert command(*args).code == ExitCode.DONE
    evidence = evidence_of(run / "logs/episode_0.jsonl", tmp_path / "evidence")
    command("export-fhir", "--receipts", evidence, "--out", tmp_path)
    result = command("validate-fhir", "--bundle", tmp_path / "fhir_bundle.json")
    assert result.code == ExitCode.DONE, result.err
    result = command("ui-export", "--run", run, "--out", tmp_path / "run.zip")
    assert result.code == ExitCode.DONE, result.err
