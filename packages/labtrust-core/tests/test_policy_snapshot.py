"""A policy and its snapshot say the same."""

import json

import msgspec
import pytest
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, sha256_hex
from labtrust_core.domains import (
    document_kinds,
    get_domain,
    open_documents,
    policy_from_snapshot,
)
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.errors import PolicyError, UnknownNameError
from labtrust_core.policy.snapshot import (
    MAX_SNAPSHOT,
    document_digests,
    policy_of_snapshot,
    read_snapshot,
)

KINDS = document_kinds(get_domain("hospital_lab"))


@pytest.fixture(scope="module", params=[None, "upstream_compat"])
def opened(request):
    return open_documents(partner=request.param)


@pytest.fixture(scope="module")
def shipped():
    return open_documents().documents


def changed(snapshot, change):
    """Return a snapshot whose documents `change` has changed."""
    value = json.loads(snapshot)
    change(value["documents"])
    named = value["documents"]
    value["order"] = [item for item in value["order"] if item["path"][0] in named]
    return canonical_bytes(value)


def test_the_fingerprint_is_the_snapshots_digest(opened):
    documents = opened.documents

    assert sha256_hex(documents.snapshot) == documents.fingerprint
    assert json.loads(documents.snapshot).keys() == {"documents", "order"}


def test_the_snapshot_gives_the_same_documents(opened):
    documents = opened.documents
    found = policy_of_snapshot(documents.snapshot, KINDS, documents.partner)

    assert found.documents == documents.documents
    assert (found.fingerprint, found.partner) == (documents.fingerprint, documents.partner)
    assert found.directory is None


def test_an_episode_under_the_snapshot_has_the_same_ledger(opened):
    documents = opened.documents
    heads = []
    for policy in (
        opened.compiled,
        policy_from_snapshot(documents.snapshot, partner=documents.partner),
    ):
        engine = Engine(policy)
        config = EpisodeConfig("EP", 3, simulated=True, signatures_required=False)
        engine.reset({"workload": "busy_hour", "crew": "standard"}, config)
        engine.advance(1800)
        heads.append(engine.head)

    assert heads[0] == heads[1]


def test_each_document_has_a_digest(shipped):
    found = document_digests(shipped.snapshot)
    documents = json.loads(shipped.snapshot)["documents"]

    assert list(found) == sorted(kind.name for kind in KINDS)
    assert found["rbac"] == sha256_hex(canonical_bytes(documents["rbac"]))


def test_a_snapshot_with_a_missing_or_a_further_document_is_no_policy(shipped):
    fewer = changed(shipped.snapshot, lambda documents: documents.pop("rbac"))
    more = changed(shipped.snapshot, lambda documents: documents.update(extra={}))
    for data in (fewer, more):
        with pytest.raises(PolicyError, match="other documents than the domain needs"):
            policy_of_snapshot(data, KINDS)


def test_a_malformed_document_is_named_with_the_place(shipped):
    def change(documents):
        documents["capabilities"]["window_s"] = "soon"

    with pytest.raises(PolicyError) as caught:
        policy_of_snapshot(changed(shipped.snapshot, change), KINDS)

    assert (caught.value.file, caught.value.line) == (None, None)
    assert caught.value.path == "capabilities.window_s"
    assert "soon" in caught.value.found


def test_a_reference_that_leads_nowhere_is_named_with_the_place(shipped):
    def change(documents):
        documents["rbac"]["agents"]["A_RECEPTION"] = "ROLE_NOBODY"

    with pytest.raises(PolicyError) as caught:
        policy_from_snapshot(changed(shipped.snapshot, change))

    assert (caught.value.file, caught.value.path) == (None, "rbac.agents.A_RECEPTION")


@pytest.mark.parametrize(
    "spoil",
    [lambda data: data + b"\n", lambda data: data.replace(b":", b": ", 1), lambda _data: b"[]"],
    ids=["LF", "blank", "no object"],
)
def test_other_bytes_are_no_snapshot(shipped, spoil):
    data = spoil(shipped.snapshot)
    with pytest.raises(NotCanonicalError):
        read_snapshot(data)
    with pytest.raises(PolicyError, match="not canonical"):
        policy_of_snapshot(data, KINDS)


@pytest.mark.parametrize(
    "value",
    [{}, {"documents": {}}, {"documents": [], "order": []}, {"documents": {"a": 1}, "order": []}],
)
def test_another_shape_is_no_snapshot(value):
    with pytest.raises(PolicyError, match="not a snapshot of a policy"):
        read_snapshot(canonical_bytes(value))


def test_a_snapshot_is_not_longer_than_this():
    data = canonical_bytes({"documents": {"a": {"b": "x" * MAX_SNAPSHOT}}, "order": []})
    with pytest.raises(NotCanonicalError, match="at most"):
        read_snapshot(data)


def test_a_snapshot_is_of_a_domain_that_there_is(shipped):
    with pytest.raises(UnknownNameError):
        policy_from_snapshot(shipped.snapshot, "nowhere")


def test_documents_of_the_snapshot_are_those_of_the_types(shipped):
    for kind in KINDS:
        value = json.loads(shipped.snapshot)["documents"][kind.name]
        assert msgspec.convert(value, kind.type) == shipped.documents[kind.name]
