"""A release verifies as it was signed, and whatever is done to it has its one code."""

import json
import os
import shutil
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import UsageError
from labtrust_export.check_failed import CheckFailedError
from labtrust_export.envelope import read_envelope, signed
from labtrust_export.release.verify import verify_release
from labtrust_export.testing.holes import RELEASE_HOLES
from labtrust_export.trust_policy import TrustPolicy
from labtrust_export.verify.codes import Level
from labtrust_export.verify.history import History
from labtrust_export.verify.verifier import verify_bundle

BUNDLE = "receipts/episode_0/EvidenceBundle.v0.1"
MANIFEST = "RELEASE_MANIFEST.v0.1.json"


def code_of(report):
    assert not report.ok
    return report.failure.code


def test_a_release_verifies(release, verify):
    report = verify(release, Level.L2)

    assert report.ok, report.text()
    assert report.reached == "L2"
    assert len(report.bundles) == 3
    assert report.predicate.kinds["plot"] == 1
    assert "transparency_log" in report.predicate.absent


def test_a_release_verifies_to_the_last_level(release, master):
    history = History()
    report = verify_release(
        release,
        master.trust,
        lambda path: verify_bundle(path, master.trust, upto=Level.L4, history=history),
    )

    assert report.ok, report.text()
    assert next(iter(history.runs.values())).size == 8


def test_building_twice_gives_the_same_bytes(bare, release, master, verify, build):
    build(bare, master.keys("releaser"))

    for name in (MANIFEST, "provenance.intoto.json", "sbom.cdx.json"):
        assert (bare / name).read_bytes() == (release / name).read_bytes()
    assert verify(bare).ok


# -------------------------------------------------------- the tamperings that upstream lets through


def put(path, text):
    return lambda folder: (folder / path).write_text(text, encoding="utf-8")


def tamper_log(folder):
    path = folder / BUNDLE / "episode_log.jsonl"
    path.write_bytes(path.read_bytes().replace(b"A_RUNNER", b"A_RUNNES", 1))


def rehash_bundle(folder):
    """Make the bundle's manifest list what is there, without its key."""
    path = folder / BUNDLE / "manifest.json"
    document = json.loads(path.read_bytes())
    envelope = read_envelope(path.read_bytes())
    statement = json.loads(envelope.payload)
    for subject in statement["subject"]:
        data = (folder / BUNDLE / subject["name"]).read_bytes()
        subject["digest"]["sha256"] = sha256(data).hexdigest()
    import base64

    document["payload"] = base64.b64encode(canonical_bytes(statement)).decode()
    path.write_bytes(canonical_bytes(document) + b"\n")


def tamper_and_rehash(folder):
    tamper_log(folder)
    rehash_bundle(folder)


def drop_bundle(folder):
    shutil.rmtree(folder / "receipts/episode_1")


def drop_bundle_and_manifest(folder):
    drop_bundle(folder)
    (folder / MANIFEST).unlink()


def replace_security_with_sum(folder):
    data = '{"blocked":28}\n'
    put("SECURITY/attack_results.json", data)(folder)
    put("SECURITY/attack_results.json.sha256", sha256(data.encode()).hexdigest())(folder)


def add_executable(folder):
    put("install.sh", "#!/bin/sh\n")(folder)
    (folder / "install.sh").chmod(0o755)


def empty_manifest(folder):
    """Give the manifest no subject; the signature stays."""
    import base64

    path = folder / MANIFEST
    document = json.loads(path.read_bytes())
    statement = json.loads(base64.b64decode(document["payload"]))
    statement["subject"] = []
    document["payload"] = base64.b64encode(canonical_bytes(statement)).decode()
    path.write_bytes(canonical_bytes(document) + b"\n")


UPSTREAM = {
    "R01 throughput": (put("results/throughput/results.json", '{"throughput":9}\n'), "FILE_DIGEST"),
    "R02 summary": (put("summary.csv", "task,throughput\nx,9\n"), "FILE_DIGEST"),
    "R02 plot": (put("plots/throughput.svg", "<svg> </svg>\n"), "FILE_DIGEST"),
    "R02 card": (put("BENCHMARK_CARD.md", "# Better\n"), "FILE_DIGEST"),
    "R02 metadata": (put("metadata.json", '{"seed":8}\n'), "FILE_DIGEST"),
    "R02 fhir": (put("fhir/fhir_bundle.json", "{}"), "FILE_DIGEST"),
    "R03 results gone": (lambda folder: shutil.rmtree(folder / "results"), "FILE_MISSING"),
    "R04 executable": (add_executable, "FILE_EXTRA"),
    "R05 bundle log": (tamper_log, "FILE_DIGEST"),
    "R06 bundle log and manifest": (tamper_and_rehash, "FILE_DIGEST"),
    "R08 bundle gone": (drop_bundle, "FILE_MISSING"),
    "R08 bundle and manifest gone": (drop_bundle_and_manifest, "FILE_MISSING"),
    "R09 manifest gone": (lambda folder: (folder / MANIFEST).unlink(), "FILE_MISSING"),
    "R09 manifest emptied": (put(MANIFEST, '{"artifacts":[]}\n'), "ENVELOPE_SCHEMA"),
    "R09 subjects emptied": (empty_manifest, "SUBJECTS"),
    "R10 inner manifest edited": (put("MANIFEST.v0.1.json", "{}"), "FILE_DIGEST"),
    "R10 inner manifest gone": (lambda f: (f / "MANIFEST.v0.1.json").unlink(), "FILE_MISSING"),
    "R11 security": (put("SECURITY/attack_results.json", "{}"), "FILE_DIGEST"),
    "R11 security with its sum": (replace_security_with_sum, "FILE_DIGEST"),
}


OF_THEIR_OWN = {"R07", "R12"}
"""Rows with a test of their own: a manifest that is built again, and an empty folder."""


def test_every_row_of_upstreams_table_is_tried():
    assert {case[:3] for case in UPSTREAM} | OF_THEIR_OWN == set(RELEASE_HOLES)


@pytest.mark.parametrize("case", UPSTREAM)
def test_what_upstream_lets_through_is_found(release, verify, case):
    tamper, code = UPSTREAM[case]
    tamper(release)

    assert code_of(verify(release)) == f"RELEASE_{code}"


@settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_found(release, verify, data):
    path = data.draw(st.sampled_from(sorted(item for item in release.rglob("*") if item.is_file())))
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    changed = content[at] ^ data.draw(st.integers(1, 255))
    path.write_bytes(content[:at] + bytes([changed]) + content[at + 1 :])
    report = verify(release)
    path.write_bytes(content)

    assert code_of(report).startswith("RELEASE_")


def test_a_folder_in_place_of_the_manifest_is_refused(release, verify):
    (release / MANIFEST).unlink()
    (release / MANIFEST).mkdir()
    (release / MANIFEST / "file").touch()

    assert code_of(verify(release)) == "RELEASE_FILE_MISSING"


@pytest.mark.parametrize("case", ["R01 throughput", "R04 executable", "R11 security with its sum"])
def test_a_manifest_rebuilt_with_the_shipped_command_needs_the_key(
    release, verify, stage, case, build
):
    UPSTREAM[case][0](release)
    build(release, stage.keys("attacker"), force=True)

    assert code_of(verify(release)) == "RELEASE_KEY_UNKNOWN"


def test_an_attackers_key_under_a_trusted_name_is_a_bad_signature(release, verify, tmp_path, build):
    from labtrust_core.trust.key_files import read_signing_key, write_key

    write_key(tmp_path / "fake", "releaser")
    build(release, read_signing_key(tmp_path / "fake" / "releaser.key"), force=True)

    assert code_of(verify(release)) == "RELEASE_KEY_UNKNOWN"


def test_a_tampered_bundle_is_not_even_built_into_a_release(release, stage, build):
    tamper_and_rehash(release)
    with pytest.raises(CheckFailedError) as caught:
        build(release, stage.keys("attacker"), force=True)

    assert caught.value.code == "RELEASE_BUNDLE"


def test_a_bundle_that_its_maker_forged_is_found_in_a_release_of_the_releaser(
    release, master, verify, build
):
    rehash_bundle_as(build, release, master.keys("releaser"))
    report = verify(release)

    assert code_of(report) == "RELEASE_BUNDLE"
    assert report.failure.bundle_code == "ENVELOPE_KEY_UNKNOWN"
    assert report.to_dict()["failure"]["bundle_code"] == "ENVELOPE_KEY_UNKNOWN"
    assert report.failure.place == BUNDLE


def rehash_bundle_as(build, folder, key):
    """Sign a bundle with a key that is not a bundle's, then release it."""
    path = folder / BUNDLE / "manifest.json"
    envelope = read_envelope(path.read_bytes())
    path.write_bytes(
        signed(envelope.payload_type, envelope.payload, [(key.name, key.private)]).encoded()
    )
    build(folder, key, force=True)


# ------------------------------------------------------------------------------- bytes and names


def make_fifo(folder):
    os.mkfifo(folder / "pipe")


def link(folder):
    (folder / "notes.txt").symlink_to("/etc/hostname")


def link_folder(folder):
    (folder / "more").symlink_to(folder / "plots")


LAYOUT = {
    "RELEASE_FILE_KIND": [link, link_folder, make_fifo],
    "RELEASE_NAME_ILLEGAL": [
        lambda folder: (folder / "a b.txt").touch(),
        lambda folder: (folder / "ünï.txt").touch(),
        lambda folder: (folder / "a\nb").touch(),
        lambda folder: (folder / os.fsdecode(b"\xff")).touch(),
    ],
    "RELEASE_NAME_CLASH": [
        lambda folder: (folder / "Summary.CSV").touch(),
        lambda folder: (
            put("PLOTS2/x", "")(make(folder / "PLOTS2").parent)
            or put("plots2/y", "")(make(folder / "plots2").parent)
        ),
    ],
    "RELEASE_FOLDER_EMPTY": [lambda folder: (folder / "empty").mkdir()],
}


def make(folder):
    folder.mkdir()
    return folder


@pytest.mark.parametrize("code", LAYOUT)
def test_what_may_not_stand_in_a_release_is_refused_when_verifying(built, tmp_path, verify, code):
    for number, tamper in enumerate(LAYOUT[code]):
        folder = shutil.copytree(built, tmp_path / str(number))
        tamper(folder)
        assert code_of(verify(folder)) == code


@pytest.mark.parametrize("code", LAYOUT)
def test_what_may_not_stand_in_a_release_is_refused_when_building(bare, stage, code, build):
    LAYOUT[code][0](bare)
    with pytest.raises(CheckFailedError) as caught:
        build(bare, stage.keys("releaser"))

    assert caught.value.code == code
    assert not (bare / MANIFEST).exists()


def test_no_folder_and_an_empty_one_are_no_release(tmp_path, verify, release):
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").symlink_to(release)

    assert code_of(verify(tmp_path / "none")) == "RELEASE_NOT_A_FOLDER"
    assert code_of(verify(tmp_path / "linked")) == "RELEASE_NOT_A_FOLDER"
    assert code_of(verify(tmp_path / "empty")) == "RELEASE_EMPTY"


def test_nothing_is_built_from_nothing(tmp_path, stage, build):
    (tmp_path / "empty").mkdir()
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "results.json").touch()
    for folder in ("none", "empty", "plain"):
        with pytest.raises(UsageError):
            build(tmp_path / folder, stage.keys("releaser"))
    with pytest.raises(UsageError, match="itself an evidence bundle"):
        build(stage.bundles / "episode_0/EvidenceBundle.v0.1", stage.keys("releaser"))
    with pytest.raises(UsageError, match="at least one key"):
        build(stage.bundles)


# ---------------------------------------------------------------------------------- the manifest


def in_predicate(**fields):
    return lambda statement: statement["predicate"].update(fields)


EDITS = {
    "RELEASE_STATEMENT_SCHEMA": [
        lambda statement: statement.update(more=1),
        lambda statement: statement.update(predicateType="urn:other"),
        in_predicate(version="0.2"),
        in_predicate(bundles={}),
        lambda statement: statement["predicate"].pop("absent"),
    ],
    "RELEASE_SUBJECTS": [
        lambda statement: statement["subject"].reverse(),
        lambda statement: statement["subject"].append(statement["subject"][-1]),
        lambda statement: statement["subject"][-1].update(name="../../etc/hostname"),
        lambda statement: statement["subject"][-1].update(name="/etc/hostname"),
    ],
    "RELEASE_PREDICATE_MISMATCH": [
        in_predicate(absent=[]),
        in_predicate(bundles=[]),
        in_predicate(sbom=None),
        in_predicate(provenance="0" * 64),
        lambda statement: statement["predicate"]["kinds"].update(plot=2),
        lambda statement: statement["predicate"]["bundles"][0].update(episode="EP-9"),
        lambda statement: statement["predicate"]["bundles"][0].update(run=None),
    ],
}


@pytest.mark.parametrize("code", EDITS)
def test_a_signer_cannot_state_what_the_files_do_not_say(
    built, tmp_path, master, verify, code, reseal
):
    for number, edit in enumerate(EDITS[code]):
        folder = shutil.copytree(built, tmp_path / str(number))
        reseal(folder, master.keys("releaser"), edit)
        assert code_of(verify(folder)) == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"{ }\n", "RELEASE_ENVELOPE_NOT_CANONICAL"),
        (b"{}", "RELEASE_ENVELOPE_NOT_CANONICAL"),
        (b"{}\n", "RELEASE_ENVELOPE_SCHEMA"),
        (
            b'{"payload":"e30=","payloadType":"text/plain","signatures":[]}\n',
            "RELEASE_ENVELOPE_TYPE",
        ),
        (
            b'{"payload":"eyB9","payloadType":"application/vnd.in-toto+json","signatures":[]}\n',
            "RELEASE_STATEMENT_NOT_CANONICAL",
        ),
    ],
)
def test_a_manifest_that_is_none_is_refused(release, verify, data, code):
    (release / MANIFEST).write_bytes(data)

    assert code_of(verify(release)) == code


def test_an_unsigned_manifest_is_refused(release, verify):
    document = json.loads((release / MANIFEST).read_bytes())
    document["signatures"] = []
    (release / MANIFEST).write_bytes(canonical_bytes(document) + b"\n")

    assert code_of(verify(release)) == "RELEASE_UNSIGNED"


def test_a_bad_signature_under_a_trusted_keys_id_is_refused(release, verify):
    document = json.loads((release / MANIFEST).read_bytes())
    document["signatures"][0]["sig"] = "AAAA" + document["signatures"][0]["sig"][4:]
    (release / MANIFEST).write_bytes(canonical_bytes(document) + b"\n")

    assert code_of(verify(release)) == "RELEASE_SIGNATURE"


def test_the_threshold_counts_keys(bare, stage, verify, build):
    trust = replace(
        stage.trust,
        release_keys=(*stage.trust.release_keys, stage.keys("second").public()),
        release_threshold=2,
    )
    build(bare, stage.keys("releaser"))
    assert code_of(verify(bare, trust=trust)) == "RELEASE_THRESHOLD"
    build(bare, stage.keys("releaser"), stage.keys("releaser"), force=True)
    assert code_of(verify(bare, trust=trust)) == "RELEASE_THRESHOLD"
    build(bare, stage.keys("releaser"), stage.keys("second"), force=True)
    report = verify(bare, trust=trust)

    assert report.ok
    assert len(report.signed_by) == 2


def test_a_caller_who_trusts_nobody_verifies_nothing(release, verify):
    assert code_of(verify(release, trust=TrustPolicy())) == "RELEASE_KEY_UNKNOWN"


def test_a_release_without_bundles_fails(release, master, verify, reseal_all):
    shutil.rmtree(release / "receipts")
    reseal_all(release, master.keys("releaser"))

    assert code_of(verify(release)) == "RELEASE_NO_BUNDLES"
