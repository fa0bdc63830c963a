"""The Merkle tree against RFC 6962, section 2.1."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.ledger import merkle
from labtrust_core.ledger.merkle import (
    MerkleTree,
    is_consistent,
    leaf_hash,
    root_from_inclusion,
    root_of,
)
from labtrust_core.ledger.proofs import MerkleProver

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


def recursive_inclusion(index, leaves):
    """The path of the RFC, word for word."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*recursive_inclusion(index, leaves[:split]), root_of(leaves[split:])]
    return [*recursive_inclusion(index - split, leaves[split:]), root_of(leaves[:split])]


def recursive_consistency(old, leaves, *, whole=True):
    """The proof of the RFC, word for word."""
    if old == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if old <= split:
        return [
            *recursive_consistency(old, leaves[:split], whole=whole),
            root_of(leaves[split:]),
        ]
    return [
        *recursive_consistency(old - split, leaves[split:], whole=False),
        root_of(leaves[:split]),
    ]


LEAVES = [leaf_hash(bytes([number])) for number in range(35)]
PROVER = MerkleProver(LEAVES)


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_a_prover_answers_for_every_smaller_tree(size):
    leaves = LEAVES[:size]
    root = root_of(leaves)
    assert PROVER.root(size) == root
    for index in range(size):
        path = PROVER.inclusion(index, size)
        assert path == recursive_inclusion(index, leaves)
        assert root_from_inclusion(leaves[index], index, size, path) == root
    for old in range(1, size + 1):
        proof = PROVER.consistency(old, size)
        assert proof == recursive_consistency(old, leaves)
        assert is_consistent((old, PROVER.root(old)), (size, root), proof)


def test_a_prover_answers_for_the_whole_tree_unless_told_otherwise():
    size = PROVER.size
    assert size == len(LEAVES)
    assert PROVER.root() == root_of(LEAVES)
    assert PROVER.inclusion(3) == PROVER.inclusion(3, size)
    assert PROVER.consistency(3) == PROVER.consistency(3, size)


def test_a_prover_of_nothing_knows_the_root_of_nothing():
    assert MerkleProver([]).root() == root_of([])


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("root", (36,)),
        ("root", (-1,)),
        ("inclusion", (35,)),
        ("inclusion", (-1,)),
        ("inclusion", (5, 5)),
        ("inclusion", (0, 36)),
        ("consistency", (0,)),
        ("consistency", (36,)),
        ("consistency", (6, 5)),
    ],
)
def test_a_prover_refuses_what_is_not_in_its_tree(question, numbers):
    with pytest.raises(IndexError):
        getattr(PROVER, question)(*numbers)


@given(st.integers(2, 35), st.data())
def test_a_proof_for_another_place_or_of_another_length_leads_elsewhere(size, data):
    index = data.draw(st.integers(0, size - 1))
    path = PROVER.inclusion(index, size)
    other = data.draw(st.integers(0, size - 1).filter(lambda place: place != index))
    root = PROVER.root(size)
    assert root_from_inclusion(LEAVES[index], other, size, path) != root
    assert root_from_inclusion(LEAVES[index], index, size, path[:-1]) != root
    assert root_from_inclusion(LEAVES[index], index, size, [*path, root]) is None


def test_a_leaf_and_a_sibling_that_are_cut_elsewhere_lead_nowhere():
    left, right = LEAVES[:2]
    assert root_from_inclusion(left, 0, 2, [right]) == PROVER.root(2)
    assert root_from_inclusion(left + right[:1], 0, 2, [right[1:]]) is None


def test_many_proofs_over_a_long_log_cost_few_hashes(monkeypatch):
    leaves = [leaf_hash(number.to_bytes(2, "big")) for number in range(6_500)]
    prover = MerkleProver(leaves)
    hashed = []
    monkeypatch.setattr(merkle, "sha256", lambda data: hashed.append(data) or hashlib.sha256(data))
    for index in range(0, 6_500, 3):
        assert len(prover.inclusion(index)) <= 13
    assert len(hashed) < 13 * 2_167


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 3), (3, 7), (4, 8), (6, 7)])
def test_a_consistency_proof_is_of_both_roots(old, new):
    prover = MerkleProver([leaf_hash(b"%d" % number) for number in range(new)])
    proof, other = prover.consistency(old), leaf_hash(b"other")
    first, second = (old, prover.root(old)), (new, prover.root())

    assert is_consistent(first, second, proof)
    assert not is_consistent((old, other), second, proof)
    assert not is_consistent(first, (new, other), proof)
    assert not is_consistent(second, first, proof)
