"""Keys are made with a trust policy that trusts them, and never where evidence lies."""

import stat

import pytest
from labtrust_core.errors import UsageError
from labtrust_core.testing.laboratory import shipped_policy
from labtrust_core.trust.key_files import read_signing_key, read_verifier_key
from labtrust_core.trust.keys import KeyRegistry
from labtrust_core.trust.notes import COSIGNATURE, NoteError
from labtrust_export.bundle import build_bundle
from labtrust_export.checkpoints import EvidenceError
from labtrust_export.keygen import (
    ROLES,
    Trusted,
    extend_trust,
    make_keys,
    stated_by,
    trusted_policy,
)
from labtrust_export.run_evidence import EpisodeSource
from labtrust_export.trust_policy import read_trust_policy

ONE = Trusted("1" * 64, "a" * 64)
TWO = Trusted("2" * 64, "a" * 64)


def make(folder, trusted=(ONE,), owners=("me",), roles=tuple(ROLES)):
    return make_keys(folder, trusted, owners, roles)


def test_every_role_gets_a_key_and_the_trust_policy_trusts_it(tmp_path):
    made = make(tmp_path)
    trust = read_trust_policy(tmp_path / "trust-policy.json")

    assert trust.log_keys == tuple(made["log"])
    assert trust.bundle_keys == tuple(made["bundle"])
    assert trust.release_keys == tuple(made["release"])
    assert (trust.witnesses.keys, trust.witnesses.quorum) == (tuple(made["witness"]), 0)
    assert (trust.bundle_threshold, trust.release_threshold) == (1, 1)
    assert (trust.policies, trust.agent_keys) == (("1" * 64,), ("a" * 64,))


@pytest.mark.parametrize("role", ROLES)
def test_a_key_lies_in_two_files_and_only_its_owner_reads_the_private_one(tmp_path, role):
    made = make(tmp_path / "keys")
    path = tmp_path / "keys" / f"me-{role}.key"

    assert read_verifier_key(path.with_suffix(".pub")) == made[role][0]
    assert read_signing_key(path).public(ROLES[role]) == made[role][0]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (made[role][0].kind == COSIGNATURE) == (role == "witness")


def test_owners_and_roles_are_chosen(tmp_path):
    make(tmp_path, owners=("a", "org/b"), roles=("bundle",))
    stems = ("a-bundle", "org-b-bundle")
    expected = [f"{stem}.{ending}" for stem in stems for ending in ("key", "pub")]

    assert sorted(path.name for path in tmp_path.iterdir()) == [*expected, "trust-policy.json"]
    assert [key.name for key in read_trust_policy(tmp_path / "trust-policy.json").bundle_keys] == [
        "a-bundle", "org/b-bundle",
    ]  # fmt: skip


@pytest.mark.parametrize("there", ["me-log.key", "me-log.pub", "trust-policy.json"])
def test_what_is_there_stays_and_nothing_is_added(tmp_path, there):
    (tmp_path / there).write_text("mine")
    with pytest.raises(UsageError, match="exists"):
        make(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_a_name_that_no_key_can_have_makes_nothing(tmp_path):
    with pytest.raises(NoteError, match="not a name for a key"):
        make(tmp_path / "keys", owners=("me", "two words"))

    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize("below", ["", "keys", "a/b"])
@pytest.mark.parametrize("evidence", ["manifest.json", "episode_log.jsonl", "run_log.jsonl"])
def test_no_key_is_made_where_evidence_lies_or_below(tmp_path, below, evidence):
    (tmp_path / evidence).touch()
    with pytest.raises(UsageError, match=evidence):
        make(tmp_path / below)

    assert [path.name for path in tmp_path.iterdir()] == [evidence]


def test_the_policy_in_force_is_known_by_fingerprint_and_its_keys():
    for partner in (None, "upstream_compat"):
        policy = shipped_policy(partner)
        expected = Trusted(policy.fingerprint, KeyRegistry(policy.keys.keys).digest)
        assert trusted_policy(partner) == expected


def test_a_log_and_a_bundle_say_what_they_were_made_under(log, tmp_path, signing):
    out = tmp_path / "out"
    summary = build_bundle(EpisodeSource(log), out, signing.keys)
    policy = shipped_policy()
    expected = Trusted(policy.fingerprint, policy.keys.digest)

    for place in (log, out, summary.path):
        assert stated_by(place) == expected


@pytest.mark.parametrize("line", [b"", b"{}\n", b"x" * 70_000])
def test_what_is_no_log_says_nothing(tmp_path, line):
    path = tmp_path / "log"
    path.write_bytes(line)
    with pytest.raises(EvidenceError, match="log: "):
        stated_by(path)


def test_a_log_that_begins_otherwise_says_nothing(log, tmp_path):
    path = tmp_path / "rest"
    path.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(EvidenceError, match="no start record"):
        stated_by(path)
    with pytest.raises(UsageError, match="expected a log or a bundle"):
        stated_by(tmp_path)


def test_trust_is_extended_and_each_is_named_once(tmp_path):
    made = make(tmp_path)
    found = extend_trust(tmp_path, [TWO, ONE])

    assert found == read_trust_policy(tmp_path / "trust-policy.json")
    assert (found.policies, found.agent_keys) == (("1" * 64, "2" * 64), ("a" * 64,))
    assert found.log_keys == tuple(made["log"])
