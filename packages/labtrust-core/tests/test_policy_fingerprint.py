"""The fingerprint covers every value of the shipped policy, and nothing else."""

import copy
import dataclasses
import json

import pytest
import yaml
from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import PolicyError
from labtrust_core.hospital_lab.documents.kinds import LAB_DOCUMENTS
from labtrust_core.policy import load
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.documents import read_document
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS
from labtrust_core.policy.snapshot import policy_of_snapshot, read_snapshot

KINDS = (*TRUST_DOCUMENTS, *LAB_DOCUMENTS)


def leaves(value, path=()):
    """Yield the path of every leaf; an empty collection is one."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for number, item in enumerate(value):
            yield from leaves(item, (*path, number))
    else:
        yield path


def other(value):
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    return (
        {None: "x"}.get(value, "x")
        if value is None
        else type(value)("x" if isinstance(value, list) else {"x": 1})
    )


def with_other(data, path):
    changed = copy.deepcopy(data)
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = other(place[path[-1]])
    return changed


@pytest.fixture
def fingerprint_of(monkeypatch):
    """The fingerprint of one kind's policy when its file holds given data.

    The conversion to types is left out: a changed leaf need not be allowed to be fingerprinted.
    """

    def fingerprint(kind, source, data):
        changed = dataclasses.replace(source, data=data)
        with monkeypatch.context() as patch:
            patch.setattr(load, "read_document", lambda _file: changed)
            patch.setattr(load, "typed", lambda data, _kind, _stack: data)
            return load_policy(source.file.parent, (kind,)).fingerprint

    return fingerprint


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_every_leaf_is_covered(fingerprint_of, kind):
    source = read_document(find_policy_dir() / kind.path)
    places = list(leaves(source.data))

    seen = {fingerprint_of(kind, source, with_other(source.data, path)) for path in places}

    assert len(seen) == len(places)
    assert fingerprint_of(kind, source, source.data) not in seen


def test_every_document_is_covered(toy):
    documents = toy.documents()
    seen = {load_policy(toy.directory(), TRUST_DOCUMENTS).fingerprint}
    for name in documents:
        changed = {**documents, name: {**documents[name], "description": "changed"}}
        seen.add(load_policy(toy.directory(changed), TRUST_DOCUMENTS).fingerprint)

    assert len(seen) == len(documents) + 1


def rewritten(folder, change):
    """Write the policy anew, each document's data changed, and return the fingerprint."""
    directory = find_policy_dir()
    for kind in KINDS:
        file = folder / kind.path
        file.parent.mkdir(parents=True, exist_ok=True)
        data = change(kind.name, read_document(directory / kind.path).data)
        file.write_text("# other words\n" + yaml.safe_dump(data, sort_keys=False))
    return load_policy(folder, KINDS).fingerprint


def test_comments_and_the_order_of_fields_are_not_covered(tmp_path):
    def fields_backwards(_name, data):
        return dict(reversed(data.items()))

    current = load_policy(find_policy_dir(), KINDS).fingerprint
    assert rewritten(tmp_path, fields_backwards) == current


def test_the_order_of_identifiers_is_covered_because_behaviour_depends_on_it(tmp_path):
    def rules_backwards(name, data):
        if name != "enforcement":
            return data
        return {**data, "rules": dict(reversed(data["rules"].items()))}

    current = load_policy(find_policy_dir(), KINDS).fingerprint
    assert rewritten(tmp_path, rules_backwards) != current


def test_a_snapshot_brings_back_every_mapping_in_its_order():
    policy = load_policy(find_policy_dir(), KINDS)
    again = policy_of_snapshot(policy.snapshot, KINDS)
    for name, document in policy.documents.items():
        assert repr(again.documents[name]) == repr(document)
    assert again.fingerprint == policy.fingerprint


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        (["enforcement", "nowhere"], []),
        (["enforcement", "rules", 3], []),
        (["enforcement", "rules"], ["one"]),
    ],
)
def test_an_order_of_something_else_is_refused(path, keys):
    snapshot = json.loads(load_policy(find_policy_dir(), KINDS).snapshot)
    snapshot["order"].append({"keys": keys, "path": path})
    with pytest.raises(PolicyError, match="order"):
        read_snapshot(canonical_bytes(snapshot))
