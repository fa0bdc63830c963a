"""`labtrust keygen`, `export-receipts` and `verify-receipt`."""

import json

import pytest
from labtrust_cli.exit_codes import ExitCode
from labtrust_core.ledger.writer import LogWriter
from labtrust_core.testing.laboratory import Laboratory, shipped_policy

pytest.importorskip("labtrust_export", reason="the commands belong to labtrust-export")

BUNDLE = "EvidenceBundle.v0.1"
TUBE = {"specimen_id": "S1", "panel_id": "BIOCHEM_PANEL_CORE", "container_type": "SERUM_SST"}
SIGNERS = ("bundle", "log", "release", "witness")


@pytest.fixture
def log(tmp_path):
    """The log of an episode in which a tube waits."""
    path = tmp_path / "log.jsonl"
    with LogWriter(path) as writer:
        lab = Laboratory({"specimens": [TUBE]}, sink=writer.write)
        lab.do("A_RECEPTION", "CREATE_ACCESSION", {"specimen_id": "S1"})
        lab.engine.finish()
    return path


@pytest.fixture
def keys(labtrust, tmp_path):
    """A folder of keys with a trust policy."""
    folder = tmp_path / "keys"
    answer = labtrust("keygen", "--out", str(folder))
    assert answer.code == ExitCode.DONE, answer.err
    return folder


@pytest.fixture
def export(labtrust, log, keys, tmp_path):
    """Run export-receipts with further options."""

    def call(*more, run=log):
        named = {"--run": run, "--out": tmp_path / "out", "--log-key": keys / "labtrust-log.key"}
        named["--bundle-key"] = keys / "labtrust-bundle.key"
        options = [text for name, value in named.items() for text in (name, str(value))]
        return labtrust("export-receipts", *options, *more)

    return call


def test_keygen_makes_a_set_of_keys_and_trusts_them_and_the_policy(keys):
    trust = json.loads((keys / "trust-policy.json").read_text())
    expected = [f"labtrust-{role}.{ending}" for role in SIGNERS for ending in ("key", "pub")]

    assert sorted(path.name for path in keys.iterdir()) == sorted([*expected, "trust-policy.json"])
    assert trust["policies"] == [shipped_policy().fingerprint]
    assert trust["agent_keys"] == [shipped_policy().keys.digest]
    for role in ("log", "bundle", "release"):
        assert trust[f"{role}_keys"] == (keys / f"labtrust-{role}.pub").read_text().splitlines()


def test_keygen_says_what_it_has_made(labtrust, tmp_path):
    options = ("--name", "me", "--role", "bundle", "--partner", "upstream_compat")
    answer = labtrust("keygen", "--out", str(tmp_path), *options, "--format", "json")

    assert answer.code == ExitCode.DONE, answer.err
    assert json.loads(answer.out) == {
        "keys": (tmp_path / "me-bundle.pub").read_text().splitlines(),
        "trust_policy": str(tmp_path / "trust-policy.json"),
    }
    trust = json.loads((tmp_path / "trust-policy.json").read_text())
    assert trust["policies"] == [
        shipped_policy(name).fingerprint for name in (None, "upstream_compat")
    ]


def test_keygen_replaces_nothing(labtrust, keys):
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    answer = labtrust("keygen", "--out", str(keys))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "trust-policy.json exists" in answer.err
    assert {path.name: path.read_bytes() for path in keys.iterdir()} == before


def test_keygen_puts_no_key_into_a_bundle(labtrust, export, tmp_path):
    assert export().code == ExitCode.DONE
    answer = labtrust("keygen", "--out", str(tmp_path / "out" / BUNDLE / "keys"))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "no key is written below" in answer.err


def test_what_is_accepted_is_said_to_be_trusted_on_first_use(labtrust, keys, tmp_path):
    log = tmp_path / "other.jsonl"
    with LogWriter(log) as writer:
        Laboratory(sink=writer.write, partner="upstream_compat")
    before = sorted(path.name for path in keys.iterdir())
    answer = labtrust("keygen", "--out", str(keys), "--accept", str(log))
    fingerprint = shipped_policy("upstream_compat").fingerprint

    assert answer.code == ExitCode.DONE, answer.err
    assert f"Trusted on first use, because {log} says so" in answer.err
    assert fingerprint in answer.err
    trust = json.loads((keys / "trust-policy.json").read_text())
    assert trust["policies"] == [shipped_policy().fingerprint, fingerprint]
    assert sorted(path.name for path in keys.iterdir()) == before


def test_export_writes_a_bundle_and_says_what_it_found(export, tmp_path):
    answer = export()

    assert answer.code == ExitCode.DONE, answer.err
    assert "EP: 3 records; 1 specimens (1 pending); 0 results" in answer.out
    assert str(tmp_path / "out" / BUNDLE) in answer.out
    assert (tmp_path / "out" / BUNDLE / "manifest.json").is_file()
    assert "episodes: 1 of 1" in answer.err


def test_export_gives_its_figures_as_json(export, tmp_path):
    answer = export("--format", "json", "--entity", "S1")

    (row,) = json.loads(answer.out)["episodes"]
    assert row == {
        "bundle": str(tmp_path / "out" / BUNDLE),
        "episode": "EP",
        "number": None,
        "policy_fingerprint": shipped_policy().fingerprint,
        "receipts": [str(tmp_path / "out" / "receipt_specimen_S1.v0.1.json")],
        "records": 3,
        "results": {},
        "specimens": {"PENDING": 1},
    }


def test_export_replaces_a_bundle_only_if_forced(export):
    assert export().code == ExitCode.DONE
    again = export()

    assert (again.code, "--force" in again.err) == (ExitCode.BAD_REQUEST, True)
    assert export("--force").code == ExitCode.DONE


def test_another_policy_is_a_bad_request_that_names_both(export, tmp_path):
    answer = export("--partner", "upstream_compat")

    assert answer.code == ExitCode.BAD_REQUEST
    assert shipped_policy().fingerprint in answer.err
    assert shipped_policy("upstream_compat").fingerprint in answer.err
    assert not (tmp_path / "out").exists()


def test_the_policy_folder_can_be_named(export, tmp_path):
    answer = export("--policy-dir", str(tmp_path))

    assert answer.code == ExitCode.BAD_REQUEST
    assert "holds no policy" in answer.err


def test_a_damaged_log_is_a_bad_request(export, log):
    log.write_bytes(log.read_bytes()[:-1])
    answer = export()

    assert answer.code == ExitCode.BAD_REQUEST
    assert "LOG_TORN_LINE" in answer.err


@pytest.mark.parametrize(
    ("options", "message"),
    [((), "--bundle-key"), (("--no-bundle",), "nothing to write")],
)
def test_what_cannot_be_done_is_said(labtrust, log, tmp_path, options, message):
    answer = labtrust(
        "export-receipts", "--run", str(log), "--out", str(tmp_path / "out"), *options
    )

    assert answer.code == ExitCode.BAD_REQUEST
    assert message in answer.err


def test_a_receipt_by_itself_holds_or_not(labtrust, export, keys, tmp_path):
    assert export("--no-bundle", "--entity", "S1").code == ExitCode.DONE
    path = tmp_path / "out" / "receipt_specimen_S1.v0.1.json"
    trust = str(keys / "trust-policy.json")
    check = ("verify-receipt", "--receipt", str(path), "--trust-policy", trust)
    good = labtrust(*check)

    assert (good.code, good.out) == (ExitCode.DONE, "holds: specimen S1, PENDING\n")
    assert json.loads(labtrust(*check, "--format", "json").out) == {
        "decision": "PENDING", "entity_id": "S1", "entity_type": "specimen", "ok": True,
    }  # fmt: skip
    path.write_bytes(path.read_bytes().replace(b"PENDING", b"HELD", 1))
    bad = labtrust(*check)
    assert bad.code == ExitCode.ANSWER_IS_NO
    assert bad.out.startswith("does not hold: RECEIPT_MISMATCH")
    answer = json.loads(labtrust(*check, "--format", "json").out)
    assert (answer["ok"], answer["code"]) == (False, "RECEIPT_MISMATCH")
