"""The Merkle tree against RFC 6962, section 2.1."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.ledger.merkle import MerkleTree, leaf_hash, root_of

REFERENCE_LEAVES = [
    bytes.fromhex(data)
    for data in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]


def recursive_root(entries):
    """The definition of the RFC, word for word: split at the largest power of two below n."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    left, right = recursive_root(entries[:split]), recursive_root(entries[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@pytest.mark.parametrize("size", range(9))
def test_the_root_over_reference_leaves_equals_the_definition(size):
    entries = REFERENCE_LEAVES[:size]
    assert root_of(map(leaf_hash, entries)) == recursive_root(entries)


@pytest.mark.parametrize(
    ("size", "prefix"), [(0, "e3b0c442"), (1, "6e340b9c"), (3, "aeb6bcfe"), (8, "5dc9da79")]
)
def test_the_root_over_reference_leaves_has_the_published_value(size, prefix):
    assert root_of(map(leaf_hash, REFERENCE_LEAVES[:size])).hex().startswith(prefix)


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_the_incremental_root_equals_the_definition_at_every_size(entries):
    tree = MerkleTree()
    for index, entry in enumerate(entries):
        assert tree.root() == recursive_root(entries[:index])
        tree.append(leaf_hash(entry))
    assert tree.root() == recursive_root(entries)
    assert tree.size == len(entries)


def test_a_copy_grows_on_its_own():
    tree = MerkleTree()
    for data in REFERENCE_LEAVES[:5]:
        tree.append(leaf_hash(data))
    twin = tree.copy()
    twin.append(leaf_hash(b"x"))
    assert tree.root() == recursive_root(REFERENCE_LEAVES[:5])
    assert twin.root() == recursive_root([*REFERENCE_LEAVES[:5], b"x"])


def test_a_leaf_is_never_an_inner_node():
    pair = leaf_hash(b"a") + leaf_hash(b"b")
    assert leaf_hash(pair) != root_of([leaf_hash(b"a"), leaf_hash(b"b")])
