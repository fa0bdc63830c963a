"""Proofs as texts: what is written is read back, and nothing else is taken for one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.ledger.merkle import is_consistent, leaf_hash, root_from_inclusion
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.trust.notes import Checkpoint, Note, NoteSignature, parse_checkpoint
from labtrust_export.proof_text import (
    ProofTextError,
    consistency_text,
    inclusion_text,
    parse_consistency,
    parse_inclusion,
)

HASH = "A" * 43 + "="
NOTE = f"log\n2\n{HASH}\n\n\u2014 log AAAAAAAA\n"


def tree(size):
    leaves = [leaf_hash(b"%d" % item) for item in range(size)]
    prover = MerkleProver(leaves)
    text = Checkpoint("lab.example/log", size, prover.root()).text
    return leaves, prover, Note(text, (NoteSignature("log", b"abcd", b"x" * 64),))


@settings(deadline=None)
@given(size=st.integers(1, 70), data=st.data())
def test_an_inclusion_proof_travels(size, data):
    leaves, prover, note = tree(size)
    index = data.draw(st.integers(0, size - 1))
    found = parse_inclusion(str(inclusion_text(prover, index, note)).encode())
    root = root_from_inclusion(leaves[index], found.index, size, found.hashes)

    assert root == found.checkpoint.root == prover.root()


@settings(deadline=None)
@given(size=st.integers(1, 70), data=st.data())
def test_a_consistency_proof_travels(size, data):
    _leaves, prover, note = tree(size)
    old = data.draw(st.integers(0, size))
    found = parse_consistency(str(consistency_text(prover, old, note)).encode())
    now = parse_checkpoint(found.note.text)

    assert found.old == old
    assert is_consistent((old, prover.root(old)), (size, now.root), found.hashes) == (old > 0)


def test_a_proof_looks_as_the_format_says():
    _leaves, prover, note = tree(2)
    lines = str(inclusion_text(prover, 1, note)).split("\n")

    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 1"]
    assert (len(lines[2]), lines[3], lines[4]) == (44, "", "lab.example/log")


@pytest.mark.parametrize(
    "head",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v2\nindex 0",
        "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 0",
        "c2sp.org/tlog-proof@v1\nindex 00",
        "c2sp.org/tlog-proof@v1\nindex -1",
        "c2sp.org/tlog-proof@v1\nindex 1\nAAAA",
        "c2sp.org/tlog-proof@v1\nindex 1\n" + "\n".join([HASH] * 65),
        "c2sp.org/tlog-proof@v1\r\nindex 1",
    ],
    ids=["empty", "no index", "version", "extra", "zeros", "negative", "short", "many", "cr"],
)
def test_what_is_no_proof_is_refused(head):
    with pytest.raises(ProofTextError):
        parse_inclusion(f"{head}\n\n{NOTE}".encode())
    assert parse_inclusion(f"c2sp.org/tlog-proof@v1\nindex 0\n\n{NOTE}".encode()).index == 0


@given(data=st.binary(max_size=300))
def test_nothing_but_the_typed_error_comes_of_any_bytes(data):
    for prefix in (b"", b"old 1\n\n", b"c2sp.org/tlog-proof@v1\nindex 0\n\n"):
        for read in (parse_inclusion, parse_consistency):
            with pytest.raises(ProofTextError):
                read(prefix + data)


def test_a_proof_that_is_too_long_is_refused():
    with pytest.raises(ProofTextError, match="more than"):
        parse_inclusion(b"x" * 200_000)
