"""`labtrust verify-bundle`: levels, exit codes, report, state."""

import json

import pytest

pytest.importorskip("labtrust_export")

from labtrust_export.testing.forgery import good, honest_trust
from labtrust_export.testing.runs import with_run
from labtrust_export.testing.sealing import sealed


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A bundle with a closed run, and the trust policy of a caller who trusts its makers."""
    place = tmp_path_factory.mktemp("evidence")
    folder = place / "EvidenceBundle.v0.1"
    folder.mkdir()
    for name, data in sealed(with_run(good("signed").episode)).items():
        (folder / name).write_bytes(data)
    trust = place / "trust-policy.json"
    trust.write_text(json.dumps(honest_trust()))
    return folder, trust


@pytest.fixture
def verify(labtrust):
    """Give the function that runs the command on a bundle and a trust policy."""

    def call(bundle, *more):
        folder, trust = bundle
        return labtrust(
            "verify-bundle", "--bundle", str(folder), "--trust-policy", str(trust), *more
        )

    return call


def test_a_good_bundle_is_verified_by_default_to_replay(bundle, verify):
    answer = verify(bundle)
    assert answer.code == 0, answer.err
    text = answer.out
    for level in ("L0 bytes: ok", "L1 keys: ok", "L2 rules: ok", "L3 replay: ok"):
        assert level in text
    assert "level reached L3, required L3" in text


def test_a_forged_bundle_is_explained(bundle, verify, tmp_path):
    folder = tmp_path / "forged"
    folder.mkdir()
    for file in bundle[0].iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    log = folder / "episode_log.jsonl"
    log.write_bytes(log.read_bytes().replace(b"ACCEPTED", b"BLOCKED!", 1))
    answer = verify((folder, bundle[1]))
    assert answer.code == 1
    text = answer.out
    assert "BUNDLE_FILE_DIGEST" in text
    assert "means:" in text
    assert "NOT verified" in text


def test_json_names_level_and_code(bundle, verify, tmp_path):
    answer = verify((tmp_path / "nowhere", bundle[1]), "--format", "json")
    assert answer.code == 1
    report = json.loads(answer.out)
    assert report["ok"] is False
    assert report["failure"]["code"] == "BUNDLE_NOT_A_FOLDER"
    assert report["reached"] is None


def test_history_is_remembered_in_the_state(bundle, verify, tmp_path):
    state = tmp_path / "state.json"
    for _ in range(2):
        answer = verify(bundle, "--require-level", "L4", "--state", str(state))
        assert answer.code == 0, answer.err
    (seen,) = json.loads(state.read_text())["runs"].values()
    assert seen["size"] > 0
    assert f"seen before {seen['size']} records" in answer.out


def test_a_state_stays_as_it_is_when_the_bundle_fails(bundle, verify, tmp_path):
    state = tmp_path / "state.json"
    assert verify(bundle, "--require-level", "L4", "--state", str(state)).code == 0
    changed = json.loads(state.read_text())
    for seen in changed["runs"].values():
        seen["size"] += 5
    state.write_text(json.dumps(changed))
    assert verify(bundle, "--require-level", "L4", "--state", str(state)).code == 1
    assert json.loads(state.read_text()) == changed


@pytest.mark.parametrize(
    "more",
    [
        ("--require-level", "L4"),
        ("--state", "state.json"),
        ("--require-level", "L5"),
        ("--trust-policy", "nowhere.json"),
    ],
)
def test_a_bad_request_is_exit_code_two(bundle, verify, more, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert verify(bundle, *more).code == 2


def test_a_trust_policy_that_is_none_is_a_bad_request(bundle, verify, tmp_path):
    trust = tmp_path / "trust.json"
    trust.write_text("{}")
    assert verify((bundle[0], trust)).code == 2


def test_a_state_that_is_none_is_a_bad_request(bundle, verify, tmp_path):
    state = tmp_path / "state.json"
    state.write_text("[]")
    assert verify(bundle, "--require-level", "L4", "--state", str(state)).code == 2


def test_a_long_file_is_told_of_on_stderr(bundle, verify, monkeypatch):
    monkeypatch.setattr("labtrust_cli.commands.verify_bundle.LONG", 1)
    assert "episode_log.jsonl: 100 %" in verify(bundle).err
