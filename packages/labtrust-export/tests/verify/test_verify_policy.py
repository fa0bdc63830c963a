"""The policy of a bundle: its bytes, its shape, and trust documents that cannot be read."""

import json
import types
from dataclasses import replace

import pytest
from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.policy.model import TRUST_DOCUMENTS
from labtrust_export.testing.sealing import relinked
from labtrust_export.verify.codes import LEVELS, Level
from labtrust_export.verify.episode import EpisodePass
from labtrust_export.verify.policy import MAX_POLICY, StatedPolicy, read_policy, trust_documents
from labtrust_export.verify.report import FaultError

NAMES = [kind.name for kind in TRUST_DOCUMENTS]
BASE = "reception"  # nothing in it is signed, so that level L1 asks the policy for nothing


@pytest.fixture
def under(kit):
    """Give the function that returns the files of an episode under a policy that was changed."""

    def change(edit):
        bundle = kit.good(BASE)
        policy = json.loads(bundle.episode.policy)
        edit(policy)
        data = canonical_bytes(policy)
        records = bundle.records
        records[0]["body"]["policy_fingerprint"] = sha256_hex(data)
        lines = relinked(records, bundle.episode.agents)
        return kit.sealed(replace(bundle.told(lines), policy=data))

    return change


def forget(name):
    """Return the edit that takes a document out of a policy."""

    def edit(policy):
        del policy["documents"][name]
        policy["order"] = [item for item in policy["order"] if item["path"][0] != name]

    return edit


@pytest.fixture
def documents(kit):
    """The documents of a good policy, which may be changed."""
    return json.loads(kit.good(BASE).episode.policy)["documents"]


def refusal(content):
    """Return the code and the file with which a policy's bytes are refused."""
    with pytest.raises(FaultError) as caught:
        read_policy(content)
    return caught.value.code, caught.value.file, caught.value.record


def test_a_policy_ends_with_an_lf_and_with_nothing_else(kit):
    snapshot = kit.good(BASE).episode.policy

    assert read_policy(snapshot + b"\n").data == snapshot
    for end in (b"", b" ", b"}", b"\n\n"):
        assert refusal(snapshot + end)[0] == "POLICY_NOT_CANONICAL"


@pytest.mark.parametrize("name", NAMES)
def test_a_trusted_policy_without_a_trust_document_ends_at_the_rules(under, verdict, name):
    report = verdict(under(forget(name)))
    assert (report.failure.code, report.failure.level) == ("POLICY_SCHEMA", Level.L2)
    assert (report.failure.file, report.reached) == ("policy.json", Level.L1)
    assert not report.ok
    assert name in report.failure.message


def test_a_trusted_policy_whose_exclusive_roles_are_not_defined_ends_at_the_rules(under, verdict):
    def edit(policy):
        policy["documents"]["rbac"]["exclusive_roles"].append(["ROLE_NOBODY", "ROLE_RUNNER"])

    report = verdict(under(edit))
    assert (report.failure.code, report.failure.level) == ("POLICY_SCHEMA", Level.L2)
    assert (report.failure.file, report.reached) == ("policy.json", Level.L1)
    assert "ROLE_NOBODY" in report.failure.message


def test_what_rules_are_missing_does_not_matter_below_the_rules(under, verdict):
    report = verdict(under(forget("tokens")), "L1")
    assert report.failure is None
    assert report.reached is Level.L1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("found", [None, [], {"no such field": 1}])
def test_a_trust_document_of_another_shape_is_refused(documents, name, found):
    documents[name] = found
    with pytest.raises(FaultError) as caught:
        trust_documents(StatedPolicy(b"", "", documents))
    fault = caught.value
    assert (fault.code, fault.file, fault.record) == ("POLICY_SCHEMA", "policy.json", None)
    assert f"document {name}: " in fault.message


def test_trust_documents_are_what_the_policy_states(documents):
    found = trust_documents(StatedPolicy(b"", "", documents))
    assert set(found.rbac.roles) == set(documents["rbac"]["roles"])
    assert set(found.workflow.actions) == set(documents["workflow"]["actions"])
    assert set(found.tokens.types) == set(documents["tokens"]["types"])
    assert found.keys.max_head_lag == documents["keys"]["max_head_lag"]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"{ }\n", b"\n", b"{}\n\n"])
def test_a_policy_that_is_not_spelt_canonically_is_refused(content):
    assert refusal(content) == ("POLICY_NOT_CANONICAL", "policy.json", None)


def test_a_policy_of_another_shape_is_refused():
    assert refusal(b"{}\n") == ("POLICY_SCHEMA", "policy.json", None)


def test_a_policy_is_known_by_its_bytes_without_the_last(kit):
    data = kit.good(BASE).episode.policy
    found = read_policy(data + b"\n")
    assert (found.data, found.fingerprint) == (data, sha256_hex(data))
    assert found.documents == json.loads(data)["documents"]


def test_a_policy_may_be_as_long_as_its_limit_and_an_lf():
    assert MAX_POLICY == 4 * 2**20 + 1


@pytest.mark.parametrize("upto", LEVELS)
@pytest.mark.parametrize("known", [True, False])
def test_a_ledger_is_read_for_what_is_asked_and_no_more(kit, upto, known):
    episode = kit.good(BASE).episode
    policy = read_policy(episode.policy + b"\n") if known else None
    found = EpisodePass(policy, upto)
    lines = [line + b"\n" for line in episode.lines]
    found.read(types.SimpleNamespace(lines=lambda: iter(lines)))
    assert (found.faults, found.start is None, found.end is None) == ({}, False, False)
    assert (found.signatures is not None) is (known and upto is not Level.L0)
    assert (found._rules is not None) is (known and upto not in (Level.L0, Level.L1))
