"""Signatures from near: the life of an agent's key, and notes and their signers."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core.ledger.run_log import RUN_CHECKPOINT
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import (
    COSIGNATURE,
    Checkpoint,
    Note,
    NoteSignature,
    cosign,
    key_of,
    parse_note,
    sign_note,
)
from labtrust_export.checkpoints import signature_fault
from labtrust_export.start import StatedKey
from labtrust_export.statement import CHECKPOINT
from labtrust_export.trust_policy import TrustPolicy, Witnesses
from labtrust_export.verify import agents
from labtrust_export.verify.checkpoints import check_note_signatures, checked_note
from labtrust_export.verify.report import FaultError

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
STATED = Checkpoint("labtrust/episode/E", 3, b"r" * 32)


def note_of(text):
    return str(Note(text, (sign_note(text, "log", KEY),))).encode()


def key(status="ACTIVE", first=None, last=None):
    return StatedKey(
        agent_id="A",
        role_id="R",
        public_key="",
        status=status,
        not_before_s=first,
        not_after_s=last,
    )


@pytest.mark.parametrize(
    ("stated", "t_s", "reason"),
    [
        (key(), 0, None),
        (key(first=5), 4, "SIG_KEY_NOT_YET_VALID"),
        (key(first=5), 5, None),
        (key(last=5), 5, None),
        (key(last=5), 6, "SIG_KEY_EXPIRED"),
        (key(first=0, last=0), 0, None),
        (key("REVOKED"), 0, "SIG_KEY_REVOKED"),
        (key("EXPIRED"), 0, "SIG_KEY_EXPIRED"),
        (key("REVOKED", first=5), 0, "SIG_KEY_REVOKED"),
    ],
)
def test_a_key_counts_within_its_life_only(stated, t_s, reason):
    assert agents._out_of_life(stated, t_s) == reason


@pytest.mark.parametrize(
    ("file", "prefix"), [(CHECKPOINT, "CHECKPOINT"), (RUN_CHECKPOINT, "RUN_CHECKPOINT")]
)
@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "NOTE"), (b"no note", "NOTE"), (note_of("a\n"), "SHAPE")],
)
def test_what_is_no_checkpoint_is_refused(file, prefix, content, code):
    with pytest.raises(FaultError) as caught:
        checked_note(file, content, STATED)
    assert (caught.value.code, caught.value.file) == (f"{prefix}_{code}", file)


@pytest.mark.parametrize(
    ("expected", "part"),
    [
        (Checkpoint("other", 3, b"r" * 32), "ORIGIN"),
        (Checkpoint("labtrust/episode/E", 4, b"r" * 32), "SIZE"),
        (Checkpoint("labtrust/episode/E", 3, b"s" * 32), "ROOT"),
    ],
)
def test_a_checkpoint_that_states_something_else_is_refused(expected, part):
    content = note_of(STATED.text)
    assert checked_note(CHECKPOINT, content, STATED).signatures
    with pytest.raises(FaultError) as caught:
        checked_note(CHECKPOINT, content, expected)
    assert caught.value.code == f"CHECKPOINT_{part}"


def test_signers_of_a_note_are_named_by_their_name_and_key_id():
    public = SigningKey("log", KEY).public()
    note = parse_note(note_of(STATED.text))

    named = check_note_signatures(CHECKPOINT, note, TrustPolicy(log_keys=(public,)))

    assert named == [f"log+{public.key_id.hex()}"]
    with pytest.raises(FaultError) as caught:
        check_note_signatures(CHECKPOINT, note, TrustPolicy())
    assert caught.value.code == "CHECKPOINT_KEY_UNKNOWN"


WITNESS = Ed25519PrivateKey.from_private_bytes(b"w" * 32)


def lie(signature):
    """Return a signature line whose signature is over something else."""
    changed = signature.signature[:-1] + bytes([signature.signature[-1] ^ 1])
    return NoteSignature(signature.name, signature.key_id, changed)


@pytest.mark.parametrize(
    ("lines", "quorum", "fault"),
    [
        ("LW", 1, None),
        ("L", 0, None),
        ("L", 1, "WITNESS"),
        ("W", 1, "KEY_UNKNOWN"),
        ("lW", 1, "SIGNATURE"),
        ("Lw", 0, "SIGNATURE"),
    ],
)
def test_a_log_key_and_enough_witnesses_must_have_signed(lines, quorum, fault):
    log = sign_note(STATED.text, "log", KEY)
    seen = cosign(STATED.text, "witness", WITNESS, 7)
    made = {"L": log, "W": seen, "l": lie(log), "w": lie(seen)}
    note = Note(STATED.text, tuple(made[line] for line in lines))
    trust = TrustPolicy(
        log_keys=(key_of("log", KEY),),
        witnesses=Witnesses((key_of("witness", WITNESS, COSIGNATURE),), quorum),
    )

    found = signature_fault(note, trust)

    assert (None if found is None else found[0]) == fault
    if fault is None:
        assert len(check_note_signatures(CHECKPOINT, note, trust)) == len(lines)
        return
    with pytest.raises(FaultError) as caught:
        check_note_signatures(CHECKPOINT, note, trust)
    assert caught.value.code == f"CHECKPOINT_{fault}"
