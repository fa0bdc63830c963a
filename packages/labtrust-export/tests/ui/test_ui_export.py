"""The zip for a viewer: what is in it, of runs of every kind, and that it is always the same."""

import hashlib
import json
import zipfile
from importlib import resources

import pytest
from jsonschema import Draft202012Validator
from labtrust_core.canonical import canonical_bytes
from labtrust_core.domains import open_documents
from labtrust_core.errors import DocumentError, LabTrustError, UsageError
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.testing.laboratory import Laboratory
from labtrust_export.episode import parse_episode
from labtrust_export.receipts import receipt_file
from labtrust_export.ui.export import export_zip
from labtrust_export.ui.model import TYPES
from labtrust_export.ui.schemas import schema_files

TUBE = {"specimen_id": "S1", "panel_id": "BIOCHEM_PANEL_CORE", "container_type": "SERUM_SST"}


def play(path, specimen="S1"):
    """Write the log of a short episode; return the hash of its last record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with LogWriter(path) as log:
        lab = Laboratory({"specimens": [{**TUBE, "specimen_id": specimen}]}, sink=log.write)
        lab.do("A_RECEPTION", "CREATE_ACCESSION", {"specimen_id": specimen})
        lab.do("A_RECEPTION", "RELEASE_RESULT", {"result_id": "R1"})
        lab.engine.step({"nonsense": True})
        lab.engine.finish()
    return lab.engine.head


def results(path, task, heads, **more):
    """Write a results file of episodes with these logs."""
    body = {
        "schema_version": "0.2",
        "task": task,
        "agent_baseline_id": "scripted",
        "policy_fingerprint": open_documents().documents.fingerprint,
        "episodes": [
            {"seed": number, "metrics": {}, "ledger": {"head": head, "length": 5}}
            for number, head in enumerate(heads)
        ],
        **more,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(canonical_bytes(body) + b"\n")


def bundle(folder, specimen="S1"):
    """Write what a viewer looks at in an evidence bundle."""
    play(folder / "episode_log.jsonl", specimen)
    (folder / "manifest.json").write_text("{}\n", encoding="utf-8")
    (folder / "policy.json").write_bytes(open_documents().documents.snapshot + b"\n")


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run of two episodes."""
    folder = tmp_path / "run"
    heads = [play(folder / f"logs/episode_{n}.jsonl", f"S{n}") for n in range(2)]
    results(folder / "results.json", "a_task", heads)
    (folder / "manifest.json").write_text('{"format": "labtrust-run/1"}', encoding="utf-8")
    (folder / "run_log.jsonl").write_text("{}\n", encoding="utf-8")
    return folder


@pytest.fixture
def zipped(tmp_path):
    """Return a function that exports a folder and reads the zip's JSON files and names."""

    def export(folder):
        target = tmp_path / "out.zip"
        export_zip(folder, target)
        with zipfile.ZipFile(target) as archive:
            assert archive.testzip() is None
            files = {name: json.loads(archive.read(name)) for name in TYPES}
            return files, archive.namelist()

    return export


def references(files):
    for episode in files["index.json"]["episodes"]:
        yield from (episode[f"{what}_ref"] for what in ("results", "log", "receipts"))
    yield from (item["results_ref"] for item in files["index.json"]["baselines"])
    for item in files["receipts_index.json"]:
        yield from (f"{item['path']}/{name}" for name in item["receipt_files"])


def test_everything_that_is_referred_to_is_in_the_zip(run, zipped):
    files, names = zipped(run)
    assert len(set(names)) == len(names)
    assert {name for name in references(files) if name is not None} <= set(names)


def test_files_are_of_their_schemas(run, zipped):
    files, _names = zipped(run)
    for name, text in schema_files().items():
        part = name.removeprefix("ui_").partition(".")[0]
        Draft202012Validator(json.loads(text)).validate(files[f"{part}.json"])


def test_shipped_schemas_are_those_of_the_types():
    folder = resources.files("labtrust_export.ui").joinpath("schemas")
    shipped = {item.name: item.read_text(encoding="utf-8") for item in folder.iterdir()}
    assert shipped == schema_files(), "run tools/generate_export_data.py"


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    digests = set()
    for name in ("one.zip", "two.zip"):
        export_zip(run, tmp_path / name)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_logs_and_results_are_there_byte_for_byte_and_receipts_as_a_bundle_has_them(run, tmp_path):
    export_zip(run, tmp_path / "out.zip")
    log = (run / "logs/episode_1.jsonl").read_bytes()
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.read("episodes/a_task-1/episode_log.jsonl") == log
        assert archive.read("results/results.json") == (run / "results.json").read_bytes()
        receipts = parse_episode(log).receipts.receipts()
        assert archive.read("episodes/a_task-1/receipts.jsonl") == receipt_file(receipts)


def test_every_event_is_there_with_its_id_and_its_refusal(run, zipped):
    events = zipped(run)[0]["events.json"]
    first = [item for item in events if item["episode_key"] == "a_task-0"]
    assert [item["status"] for item in first] == ["ACCEPTED", "BLOCKED", "BLOCKED"]
    assert first[0]["event_id"] == "e0"
    assert first[1]["blocked_reason_code"] == "RBAC_ACTION_DENY"
    assert first[2]["agent_id"] is None
    assert {item["episode_index"] for item in events} == {0, 1}


def test_reason_codes_are_those_of_the_policy(run, zipped):
    found = zipped(run)[0]["reason_codes.json"]
    assert found["codes"]["RBAC_ACTION_DENY"]["severity"].startswith("P")
    assert found["version"] == "0.1"


def test_a_run_is_told_by_its_manifest(run, zipped):
    index = zipped(run)[0]["index.json"]
    assert index["run_type"] == "run_benchmark"
    assert index["tasks"] == ["a_task"]
    assert [item["episode_index"] for item in index["episodes"]] == [0, 1]


def test_a_quick_evaluation_is_told_by_its_files(tmp_path, zipped):
    folder = tmp_path / "quick"
    for task, specimen in (("one", "S1"), ("two", "S2")):
        head = play(folder / f"logs/{task}/episode_0.jsonl", specimen)
        results(folder / f"{task}.json", task, [head])
    (folder / "summary.md").write_text("# Summary\n", encoding="utf-8")
    index = zipped(folder)[0]["index.json"]
    assert index["run_type"] == "quick_eval"
    assert [item["results_ref"] for item in index["episodes"]] == [
        "results/one.json",
        "results/two.json",
    ]


def test_bundles_bring_their_policy_and_need_no_results(tmp_path, zipped):
    folder = tmp_path / "evidence"
    bundle(folder / "episode_0" / "EvidenceBundle.v0.1")
    bundle(folder / "episode_1" / "EvidenceBundle.v0.1", "S2")
    files, _names = zipped(folder)
    assert files["index.json"]["run_type"] == "evidence_bundles"
    assert [item["results_ref"] for item in files["index.json"]["episodes"]] == [None, None]
    assert len(files["receipts_index.json"]) == 2


def test_a_release_is_told_by_its_manifest_and_its_episodes_count_once(run, zipped):
    (run / "RELEASE_MANIFEST.v0.1.json").write_text("{}", encoding="utf-8")
    bundle(run / "receipts" / "EvidenceBundle.v0.1", "S0")
    index = zipped(run)[0]["index.json"]
    assert index["run_type"] == "package_release"
    assert len(index["episodes"]) == 2


def test_an_episode_of_the_results_without_a_log_is_listed_without_one(run, zipped):
    (run / "logs/episode_1.jsonl").unlink()
    files, _names = zipped(run)
    assert files["index.json"]["episodes"][1]["log_ref"] is None
    assert {item["episode_index"] for item in files["events.json"]} == {0}


def test_two_runs_of_one_task_have_keys_of_their_own(tmp_path, zipped):
    for name in ("first", "second"):
        head = play(tmp_path / "runs" / name / "logs/episode_0.jsonl", name)
        results(tmp_path / "runs" / name / "results.json", "a/task", [head])
    episodes = zipped(tmp_path / "runs")[0]["index.json"]["episodes"]
    assert [item["episode_key"] for item in episodes] == ["a-task-0", "a-task-0.2"]


def test_a_folder_without_a_log_is_refused(tmp_path):
    results(tmp_path / "empty" / "results.json", "a_task", ["0" * 64])
    with pytest.raises(UsageError, match="no log"):
        export_zip(tmp_path / "empty", tmp_path / "out.zip")


def test_a_log_that_does_not_verify_is_refused(run, tmp_path):
    path = run / "logs/episode_0.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"S0"', b'"SX"'))
    with pytest.raises(DocumentError, match="does not verify"):
        export_zip(run, tmp_path / "out.zip")


def test_an_unfinished_log_is_refused(run, tmp_path):
    path = run / "logs/episode_0.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(DocumentError, match="end record"):
        export_zip(run, tmp_path / "out.zip")


def test_a_log_of_another_policy_is_refused_unless_its_bundle_brings_it(run, tmp_path):
    (tmp_path / "policy").mkdir()
    with pytest.raises(LabTrustError, match="policy"):
        export_zip(run, tmp_path / "out.zip", tmp_path / "policy")
    bundle(run / "receipts" / "EvidenceBundle.v0.1")
    assert export_zip(run, tmp_path / "out.zip", tmp_path / "policy").episodes == 2


def test_links_out_of_the_folder_are_not_followed(run, tmp_path, zipped):
    play(tmp_path / "elsewhere.jsonl", "S9")
    (run / "logs/episode_9.jsonl").symlink_to(tmp_path / "elsewhere.jsonl")
    assert len(zipped(run)[0]["index.json"]["episodes"]) == 2
