"""Published vectors: Merkle proofs, canonical JSON, Ed25519, signed notes, DSSE."""

import base64
import hashlib
import itertools
import json
import struct
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from labtrust_core.canonical import canonical_bytes, parse_canonical
from labtrust_core.errors import SignatureError
from labtrust_core.ledger.merkle import is_consistent, leaf_hash, root_from_inclusion, root_of
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.policy.model import Key
from labtrust_core.trust.keys import check_public_key
from labtrust_core.trust.notes import (
    NoteError,
    parse_checkpoint,
    parse_note,
    sign_note,
    signers,
    verifier_key,
)
from labtrust_core.trust.signatures import is_signed, pre_authentication


def load(name):
    return json.loads((Path(__file__).parent / "vectors" / f"{name}.json").read_bytes())


# ------------------------------------------------------------------------------------------ Merkle

MERKLE = load("merkle")
LEAVES = [leaf_hash(bytes.fromhex(data)) for data in MERKLE["leaves"]]
ROOTS = [bytes.fromhex(root) for root in MERKLE["roots"]]
SOME = bytes.fromhex(MERKLE["some_hash"])
EMPTY = ROOTS[0]
WORD = 2**64  # the published cases count in 64-bit words


def proof_of(item):
    return [bytes.fromhex(text) for text in item]


def flipped(proof, at, bit):
    changed = list(proof)
    changed[at] = bytes([changed[at][0] ^ bit]) + changed[at][1:]
    return changed


def inclusion_cases():
    """Yield name, index, size, root, leaf, proof and whether they agree."""
    for case, (index, size, texts) in enumerate(MERKLE["inclusion"]):
        proof, root, leaf = proof_of(texts), ROOTS[size], LEAVES[index]
        yield f"{case}-happy-path", index, size, root, leaf, proof, True
        wrong = {
            "index-1": ((index - 1) % WORD, size, root, leaf, proof),
            "index+1": (index + 1, size, root, leaf, proof),
            "index^2": (index ^ 2, size, root, leaf, proof),
            "size*2": (index, size * 2, root, leaf, proof),
            "size/2": (index, size // 2, root, leaf, proof),
            "wrong-leaf": (index, size, root, b"WrongLeaf", proof),
            "empty-root": (index, size, EMPTY, leaf, proof),
            "random-root": (index, size, SOME, leaf, proof),
            "trailing-garbage": (index, size, root, leaf, [*proof, b""]),
            "trailing-root": (index, size, root, leaf, [*proof, root]),
            "preceding-garbage": (index, size, root, leaf, [b"", *proof]),
            "preceding-root": (index, size, root, leaf, [root, *proof]),
        }
        for at in range(len(proof)):
            wrong[f"modified-{at}"] = (index, size, root, leaf, flipped(proof, at, 8))
        if proof:
            wrong["removed"] = (index, size, root, leaf, proof[:-1])
        if len(proof) > 1:
            wrong["inserted"] = (index, size, root, leaf, [proof[0], SOME, *proof[1:]])
        for name, values in wrong.items():
            yield f"{case}-{name}", *values, False
    data = leaf_hash(b"data")
    yield "single-matching", 0, 1, data, data, [], True
    yield "single-empty-leaf", 0, 1, data, b"", [], False
    yield "single-empty-root", 0, 1, b"", data, [], False
    yield "single-empty-root-and-leaf", 0, 1, b"", b"", [], False
    for (index, size), (name, root, leaf) in itertools.product(
        ((0, 0), (0, 1), (1, 0), (2, 1)),
        (
            ("random-leaf", b"", SOME),
            ("empty-root", EMPTY, b""),
            ("empty-root-and-random-leaf", EMPTY, SOME),
        ),
    ):
        yield f"additional-{index}-{size}-{name}", index, size, root, leaf, [], False


def consistency_cases():
    """Yield name, old size, new size, old root, new root, proof and whether they agree."""
    for case, (old, new, texts) in enumerate(MERKLE["consistency"]):
        proof, root1, root2 = proof_of(texts), ROOTS[old], ROOTS[new]
        yield f"{case}-happy-path", old, new, root1, root2, proof, True
        if not proof:
            continue
        wrong = {
            "size1-1": (old - 1, new, root1, root2, proof),
            "size1+1": (old + 1, new, root1, root2, proof),
            "size1^2": (old ^ 2, new, root1, root2, proof),
            "size2*2": (old, new * 2, root1, root2, proof),
            "size2/2": (old, new // 2, root1, root2, proof),
            "wrong-root1": (old, new, b"WrongRoot", root2, proof),
            "wrong-root2": (old, new, root1, b"WrongRoot", proof),
            "swapped-roots": (old, new, root2, root1, proof),
            "empty-proof": (old, new, root1, root2, []),
            "trailing-garbage": (old, new, root1, root2, [*proof, b""]),
            "trailing-root1": (old, new, root1, root2, [*proof, root1]),
            "trailing-root2": (old, new, root1, root2, [*proof, root2]),
            "preceding-garbage": (old, new, root1, root2, [b"", *proof]),
            "preceding-root1": (old, new, root1, root2, [root1, *proof]),
            "preceding-root2": (old, new, root1, root2, [root2, *proof]),
            "preceding-proof": (old, new, root1, root2, [proof[0], *proof]),
            "truncated": (old, new, root1, root2, proof[:-1]),
        }
        for at in range(len(proof)):
            wrong[f"modified-{at}"] = (old, new, root1, root2, flipped(proof, at, 16))
        for name, values in wrong.items():
            yield f"{case}-{name}", *values, False
    root1, root2 = b"don't care 1", b"don't care 2"
    for number, (old, new, first, second, proof, good) in enumerate(
        (
            (0, 0, root1, root2, [], False),
            (1, 1, root1, root2, [], False),
            (0, 0, root1, root1, [], True),
            (1, 1, root2, root2, [], True),
            (0, 1, root1, root2, [], False),
            (0, 1, EMPTY, root2, [], False),
            (1, 0, root1, root2, [], False),
            (2, 1, root1, root2, [], False),
            (1, 2, root1, root2, [], False),
            (0, 0, EMPTY, root2, [], False),
            (1, 1, EMPTY, root2, [], False),
            (0, 0, EMPTY, EMPTY, [EMPTY], False),
            (0, 1, EMPTY, EMPTY, [EMPTY], False),
            (1, 1, EMPTY, EMPTY, [EMPTY], False),
        )
    ):
        yield f"additional-{number}", old, new, first, second, proof, good


INCLUSION = list(inclusion_cases())
CONSISTENCY = list(consistency_cases())


def test_there_are_as_many_cases_as_published():
    assert (len(INCLUSION), len(CONSISTENCY)) == (98, 98)


@pytest.mark.parametrize("size", range(9))
def test_the_root_over_the_reference_leaves_is_published(size):
    assert root_of(LEAVES[:size]) == ROOTS[size]
    assert MerkleProver(LEAVES).root(size) == ROOTS[size]


@pytest.mark.parametrize("case", INCLUSION, ids=lambda case: case[0])
def test_an_inclusion_case_is_judged_as_published(case):
    _, index, size, root, leaf, proof, good = case
    assert (root_from_inclusion(leaf, index, size, proof) == root) is good


@pytest.mark.parametrize("case", CONSISTENCY, ids=lambda case: case[0])
def test_a_consistency_case_is_judged_as_published(case):
    _, old, new, root1, root2, proof, good = case
    assert is_consistent((old, root1), (new, root2), proof) is good


def test_the_prover_makes_the_published_proofs():
    prover = MerkleProver(LEAVES)
    for index, size, texts in MERKLE["inclusion"]:
        assert prover.inclusion(index, size) == proof_of(texts)
    for old, new, texts in MERKLE["consistency"]:
        assert prover.consistency(old, new) == proof_of(texts)


# ---------------------------------------------------------------------------------- canonical JSON

JCS = load("jcs")
ES6 = load("es6_numbers")


@pytest.mark.parametrize("name", JCS)
def test_a_file_has_the_published_canonical_form(name):
    source, expected = JCS[name]
    assert canonical_bytes(json.loads(source)).decode() == expected
    assert canonical_bytes(parse_canonical(expected.encode())).decode() == expected


def number_bits():
    """Yield the doubles of the published sequence, as integers of 64 bits."""
    for text in ES6["static"]:
        yield int(text, 16)
    yield from range(0x0010000000000000, 0x0010000000000000 + ES6["series"])
    block = bytes(32)
    while True:
        block = hashlib.sha256(block).digest()
        for bits in struct.unpack("<4Q", block):
            if bits << 1 & WORD - 1 and bits >> 52 & 0x7FF != 0x7FF:  # not zero, and finite
                yield bits


def number_digest(count):
    digest = hashlib.sha256()
    for bits in itertools.islice(number_bits(), count):
        (number,) = struct.unpack("<d", struct.pack("<Q", bits))
        digest.update(b"%x,%b\n" % (bits, canonical_bytes(number)))
    return digest.hexdigest()


@pytest.mark.parametrize("count", [1_000, 10_000, 100_000])
def test_numbers_are_spelt_as_published(count):
    assert number_digest(count) == ES6["sha256"][str(count)]


@pytest.mark.slow
def test_a_million_numbers_are_spelt_as_published():
    assert number_digest(1_000_000) == ES6["sha256"]["1000000"]


# ----------------------------------------------------------------------------------------- Ed25519

WYCHEPROOF = [(public, *case) for public, cases in load("wycheproof_ed25519") for case in cases]


def in_base64(digits):
    return base64.b64encode(bytes.fromhex(digits)).decode()


def is_accepted(public, message, signature):
    """Whether a registered key's signature counts; a key that is not registered has none."""
    key = Key(public_key=in_base64(public), agent_id="A", role_id="R")
    try:
        check_public_key("K", key.public_key)
    except SignatureError:
        return False
    return is_signed(key, in_base64(signature), bytes.fromhex(message))


@pytest.mark.parametrize("case", WYCHEPROOF, ids=lambda case: f"{case[1]}-{case[5]}")
def test_a_wycheproof_case_is_judged_as_published(case):
    public, _, message, signature, result, flag = case
    accepted = is_accepted(public, message, signature)
    if result == "acceptable":
        assert flag in {"MixedOrderPublicKey", "SmallOrderPublicKey"}
        assert not accepted or flag == "MixedOrderPublicKey"
    else:
        assert accepted == (result == "valid")


def test_there_are_as_many_wycheproof_cases_as_published():
    assert len(WYCHEPROOF) == 210


@pytest.mark.parametrize("digits", load("low_order"))
def test_a_published_encoding_of_low_order_is_refused(digits):
    with pytest.raises(SignatureError, match=r"low order|canonical"):
        check_public_key("K", in_base64(digits))


# ------------------------------------------------------------------------------------------- notes

NOTES = load("notes")
GO = NOTES["go"]
PETER, ENOCH = map(verifier_key, GO["keys"])


def go_note(*signatures):
    return parse_note((GO["text"] + "\n" + "".join(signatures)).encode())


def test_the_published_key_is_read_and_written():
    assert [str(PETER), str(ENOCH)] == GO["keys"]


@pytest.mark.parametrize("text", GO["bad_keys"])
def test_a_published_bad_key_is_refused(text):
    with pytest.raises(NoteError):
        verifier_key(text)


def test_every_mangling_of_the_published_key_is_refused():
    good = GO["keys"][0]
    parts = [good[i:j] for i in range(len(good)) for j in range(i + 1, len(good) + 1)]
    changed = [good[:i] + chr(ord(good[i]) + 1) + good[i + 1 :] for i in range(len(good))]
    for text in {"", *parts, *changed} - {good}:
        with pytest.raises(SignatureError):
            verifier_key(text)


def test_the_published_note_is_signed_alike():
    raw = base64.b64decode(GO["private"].split("+", 4)[4])
    private = Ed25519PrivateKey.from_private_bytes(raw[1:])
    assert go_note(GO["signatures"][0]).signatures == (
        sign_note(GO["text"], "PeterNeumann", private),
    )


def test_the_published_notes_are_verified():
    note = go_note(*GO["signatures"])
    assert str(note) == GO["text"] + "\n" + "".join(GO["signatures"])
    assert signers(note, [PETER]) == ({str(PETER)}, set())
    assert signers(note, [PETER, ENOCH]) == (set(GO["keys"]), set())
    assert signers(note, []) == (set(), set())


def test_a_published_bad_signature_is_seen():
    line = GO["signatures"][0]
    note = go_note(line[:60] + "ABCD" + line[60:])
    assert signers(note, [PETER]) == (set(), {str(PETER)})


PETER_LINE = GO["signatures"][0]


@pytest.mark.parametrize(
    "text",
    [
        GO["text"],
        GO["text"] + "\n",
        GO["text"] + "\n" + PETER_LINE[:-1],
        "\x01" + GO["text"] + "\n" + PETER_LINE,
        GO["text"] + "\n" + PETER_LINE.replace("PeterNeumann", "Bad Name"),
        GO["text"] + "\n" + PETER_LINE + "Unexpected line.\n",
        GO["text"] + "\n" + PETER_LINE * 101,
    ],
)
def test_a_published_malformed_note_is_refused(text):
    with pytest.raises(NoteError):
        parse_note(text.encode())


@pytest.mark.parametrize("name", ["c2sp_note", "c2sp_cosigned"])
def test_an_example_of_c2sp_is_read_and_written(name):
    assert str(parse_note(NOTES[name].encode())) == NOTES[name]


def test_the_cosigned_example_is_a_checkpoint_with_the_published_time():
    note = parse_note(NOTES["c2sp_cosigned"].encode())
    checkpoint = parse_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert int.from_bytes(note.signatures[1].signature[:8], "big") == 1679315147


# -------------------------------------------------------------------------------------------- DSSE


def test_the_encoding_of_dsse_has_the_published_bytes_and_signature():
    dsse = load("dsse")
    message = pre_authentication(dsse["type"], dsse["body"].encode())
    assert message.decode() == dsse["pae"]
    raw = base64.b64decode(dsse["signature"])
    signature = encode_dss_signature(*(int.from_bytes(raw[at : at + 32], "big") for at in (0, 32)))
    numbers = ec.EllipticCurvePublicNumbers(int(dsse["x"]), int(dsse["y"]), ec.SECP256R1())
    public = numbers.public_key()
    public.verify(signature, message, ec.ECDSA(SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(signature, message + b" ", ec.ECDSA(SHA256()))
