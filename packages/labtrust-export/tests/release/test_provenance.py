"""Provenance and the bill of materials say what is true, and only that."""

import importlib.metadata
import json
import re
import subprocess
import types

import pytest
from labtrust_core.canonical import canonical_bytes
from labtrust_export.check_failed import CheckFailedError
from labtrust_export.envelope import read_envelope, signed
from labtrust_export.release import environment
from labtrust_export.release.build import BuildOptions, build_release
from labtrust_export.release.environment import (
    Distribution,
    installed_distributions,
    source_commit,
)
from labtrust_export.release.kinds import KINDS, bundle_folders, count_kinds, kind_of
from labtrust_export.release.sbom import read_sbom, sbom_bytes
from labtrust_export.release.verify import verify_release
from labtrust_export.trust_policy import TrustPolicy
from labtrust_export.verify.codes import Level
from labtrust_export.verify.verifier import verify_bundle

PROVENANCE = "provenance.intoto.json"
SBOM = "sbom.cdx.json"
TIME = "2026-11-22T10:00:00Z"


def at_l0(path):
    return verify_bundle(path, TrustPolicy(), upto=Level.L0)


@pytest.fixture
def release(stage):
    build_release(stage.bundles, [stage.keys("releaser")], at_l0, BuildOptions(finished_on=TIME))
    return stage.bundles


def statement_of(folder):
    return json.loads(read_envelope((folder / PROVENANCE).read_bytes()).payload)


@pytest.fixture
def code_after(release, stage):
    """Change provenance or bill, sign all again with the right key, and return the code."""

    def run(edit=None, *, data=None, name=PROVENANCE):
        key = stage.keys("releaser")
        if edit is not None:
            envelope = read_envelope((release / name).read_bytes())
            statement = json.loads(envelope.payload)
            edit(statement)
            payload = canonical_bytes(statement)
            sealed = signed(envelope.payload_type, payload, [(key.name, key.private)])
            data = sealed.encoded()
        (release / name).write_bytes(data)
        options = BuildOptions(provenance=False, sbom=False, force=True)
        build_release(release, [key], at_l0, options)
        report = verify_release(
            release, stage.trust, lambda path: verify_bundle(path, stage.trust, upto=Level.L0)
        )
        assert not report.ok
        return report.failure.code

    return run


def test_provenance_is_slsa_and_names_every_other_file(release):
    statement = statement_of(release)
    files = {
        path.relative_to(release).as_posix()
        for path in release.rglob("*")
        if path.is_file() and path.name not in (PROVENANCE, "RELEASE_MANIFEST.v0.1.json")
    }

    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    assert {item["name"] for item in statement["subject"]} == files
    assert (
        statement["predicate"]["buildDefinition"]["externalParameters"]["runs"][0]["plan"][
            "num_episodes"
        ]
        == 3
    )


def test_a_time_is_stated_only_if_somebody_gave_one(release, stage):
    assert statement_of(release)["predicate"]["runDetails"]["metadata"] == {"finishedOn": TIME}
    build_release(release, [stage.keys("releaser")], at_l0, BuildOptions(force=True))
    bill = json.loads((release / SBOM).read_bytes())

    assert "metadata" not in statement_of(release)["predicate"]["runDetails"]
    assert "timestamp" not in bill["metadata"]
    assert not re.search(rb"20[0-9]{2}-[0-9]{2}-[0-9]{2}T", (release / SBOM).read_bytes())


def test_versions_are_those_that_are_installed(release):
    details = statement_of(release)["predicate"]["runDetails"]
    found = details["builder"]["version"]

    assert found["labtrust-export"] == importlib.metadata.version("labtrust-export")
    assert json.loads((release / SBOM).read_bytes())["components"]


def plan_of(statement):
    return statement["predicate"]["buildDefinition"]["externalParameters"]["runs"][0]["plan"]


def dependencies_of(statement):
    return statement["predicate"]["buildDefinition"]["resolvedDependencies"]


@pytest.mark.parametrize(
    ("code", "edit"),
    [
        ("SUBJECTS", lambda statement: statement["subject"].pop()),
        ("SUBJECTS", lambda statement: statement["subject"][0]["digest"].update(sha256="0" * 64)),
        ("MISMATCH", lambda statement: plan_of(statement).update(base_seed=8)),
        ("MISMATCH", lambda statement: dependencies_of(statement).pop(0)),
        ("SCHEMA", lambda statement: statement.update(predicateType="urn:other")),
        ("SCHEMA", lambda statement: statement["predicate"].update(more=1)),
    ],
    ids=[
        "a file less",
        "another digest",
        "another plan",
        "no policy",
        "another type",
        "a field more",
    ],
)
def test_provenance_must_be_about_this_release(code_after, code, edit):
    assert code_after(edit) == f"RELEASE_PROVENANCE_{code}"


@pytest.mark.parametrize("data", [b"", b"{}\n", b"hello"])
def test_provenance_that_is_none_is_refused(code_after, data):
    assert code_after(data=data) == "RELEASE_PROVENANCE_SCHEMA"


def test_provenance_of_a_stranger_is_refused(release, stage, code_after):
    envelope = read_envelope((release / PROVENANCE).read_bytes())
    stranger = stage.keys("stranger")
    sealed = signed(envelope.payload_type, envelope.payload, [(stranger.name, stranger.private)])

    assert code_after(data=sealed.encoded()) == "RELEASE_PROVENANCE_KEY_UNKNOWN"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}\n",
        b'{"bomFormat":"CycloneDX","components":[],"specVersion":"1.6"}\n',
        b'{"bomFormat":"SPDX","components":[{"name":"a","purl":"pkg:a","version":"1"}]}\n',
    ],
)
def test_a_bill_that_is_none_is_refused(data):
    with pytest.raises(CheckFailedError) as caught:
        read_sbom(data)

    assert caught.value.code == "RELEASE_SBOM"


def test_a_bill_of_other_versions_than_the_provenance_is_refused(release, stage):
    bill = json.loads((release / SBOM).read_bytes())
    for item in bill["components"]:
        item["version"] = "9.9.9"
    (release / SBOM).write_bytes(canonical_bytes(bill) + b"\n")
    key = stage.keys("releaser")
    envelope = read_envelope((release / PROVENANCE).read_bytes())
    statement = json.loads(envelope.payload)
    from labtrust_export.release.files import digest_of

    for subject in statement["subject"]:
        subject["digest"]["sha256"] = digest_of(release, subject["name"])
    sealed = signed(envelope.payload_type, canonical_bytes(statement), [(key.name, key.private)])
    (release / PROVENANCE).write_bytes(sealed.encoded())
    options = BuildOptions(provenance=False, sbom=False, force=True)
    build_release(release, [key], at_l0, options)
    report = verify_release(
        release, stage.trust, lambda path: verify_bundle(path, stage.trust, upto=Level.L0)
    )

    assert report.failure.code == "RELEASE_SBOM"


def test_the_bill_is_the_same_twice_and_closed_under_dependencies():
    found = installed_distributions()
    bill = json.loads(sbom_bytes(found, None))
    refs = {item["bom-ref"] for item in bill["components"]}

    assert sbom_bytes(found, TIME) == sbom_bytes(installed_distributions(), TIME)
    assert all(set(item["dependsOn"]) <= refs for item in bill["dependencies"])
    assert {"labtrust-core", "labtrust-export", "cryptography", "msgspec"} <= read_sbom(
        sbom_bytes(found, None)
    ).keys()


@pytest.mark.parametrize("finished_on", [None, TIME])
def test_the_bill_follows_the_official_schema(finished_on):
    validation = pytest.importorskip("cyclonedx.validation.json", exc_type=ImportError)
    schema = pytest.importorskip("cyclonedx.schema").SchemaVersion.V1_6
    plain = Distribution("named", "1", None, "Some Licence", None, ())
    data = sbom_bytes([*installed_distributions(), plain], finished_on)

    assert validation.JsonStrictValidator(schema).validate_str(data.decode()) is None


def git(answers):
    """A git that answers by its first argument."""

    def run(command, **_options):
        answer = answers[command[3]]
        if answer is None:
            raise subprocess.CalledProcessError(1, command)
        return types.SimpleNamespace(stdout=answer.encode())

    return run


CLEAN = {
    "ls-files": "x\n",
    "rev-parse": "0123456789012345678901234567890123456789\n",
    "status": "",
}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, CLEAN["rev-parse"].strip()),
        ({"status": " M a.py\n"}, None),
        ({"status": "?? b.py\n"}, None),
        ({"status": None}, None),
        ({"ls-files": None}, None),
        ({"rev-parse": "no commit"}, None),
    ],
)
def test_a_commit_is_stated_only_of_a_clean_checkout(monkeypatch, changed, found):
    monkeypatch.setattr(environment.subprocess, "run", git(CLEAN | changed))
    monkeypatch.setattr(environment.shutil, "which", lambda _name: "/usr/bin/git")

    assert source_commit() == found


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda _name: None)

    assert source_commit() is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("results/a/results.json", "results"),
        ("results.json", "results"),
        ("a/episodes.jsonl", "episodes"),
        ("summary_coord.csv", "summary"),
        ("tables/run_info.csv", "table"),
        ("plots/a.svg", "plot"),
        ("SECURITY/plot.svg", "security"),
        ("x/SAFETY_CASE/case.json", "safety_case"),
        ("RISK_REGISTER_BUNDLE.v0.1.json", "risk_register"),
        ("TRANSPARENCY_LOG/proofs/a.tlog-proof", "transparency_log"),
        ("fhir/a/fhir_bundle.json", "fhir"),
        ("sbom.cdx.json", "sbom"),
        ("other/sbom.cdx.json", "other"),
        ("BENCHMARK_CARD.md", "card"),
        ("b/EvidenceBundle.v0.1/results.json", "bundle_file"),
        ("b/EvidenceBundle.v0.1x/results.json", "results"),
    ],
)
def test_the_kind_of_a_file_follows_from_its_path(path, kind):
    assert kind_of(path, ["b/EvidenceBundle.v0.1"]) == kind
    assert count_kinds([path], ["b/EvidenceBundle.v0.1"])[kind] == 1
    assert kind in KINDS


def test_bundles_are_found_by_name_and_by_content():
    found = bundle_folders(
        [
            "a/EvidenceBundle.v0.1/manifest.json",
            "b/EvidenceBundle.v0.1/deep/file",
            "c/episode_log.jsonl",
            "c/manifest.json",
            "d/manifest.json",
        ]
    )

    assert found == ["a/EvidenceBundle.v0.1", "b/EvidenceBundle.v0.1", "c"]
