"""Checkpoints of the ledger and of the run's log: what they state, and who signed them."""

from __future__ import annotations

from labtrust_core.ledger.run_log import RUN_CHECKPOINT
from labtrust_core.trust.notes import (
    MAX_NOTE,
    Checkpoint,
    Note,
    NoteError,
    parse_checkpoint,
    parse_note,
    signers,
)

from labtrust_export.statement import CHECKPOINT
from labtrust_export.trust_policy import TrustPolicy
from labtrust_export.verify.report import FaultError

_PREFIX = {CHECKPOINT: "CHECKPOINT", RUN_CHECKPOINT: "RUN_CHECKPOINT"}


def checked_note(file: str, content: bytes | None, expected: Checkpoint) -> Note:
    """Return a checkpoint's note, which states what is expected.

    Args:
        file: ``checkpoint`` or ``run_checkpoint``.
        content: Its bytes; None where they are too many.
        expected: Origin, size and root of the log that was read.

    Raises:
        FaultError: The file's code ``NOTE``, ``SHAPE``, ``ORIGIN``, ``SIZE`` or ``ROOT``.
    """
    prefix = _PREFIX[file]
    if content is None:
        raise FaultError(f"{prefix}_NOTE", f"more than {MAX_NOTE} bytes", file=file)
    try:
        note = parse_note(content)
    except NoteError as error:
        raise FaultError(f"{prefix}_NOTE", str(error), file=file) from error
    try:
        found = parse_checkpoint(note.text)
    except NoteError as error:
        raise FaultError(f"{prefix}_SHAPE", str(error), file=file) from error
    for part, stated, wanted in (
        ("ORIGIN", found.origin, expected.origin),
        ("SIZE", found.size, expected.size),
        ("ROOT", found.root.hex(), expected.root.hex()),
    ):
        if stated != wanted:
            message = f"the checkpoint states {stated}, the log has {wanted}"
            raise FaultError(f"{prefix}_{part}", message, file=file)
    return note


def check_note_signatures(file: str, note: Note, trust: TrustPolicy) -> list[str]:
    """Return the trusted log keys and witnesses that signed a checkpoint, by their names.

    Raises:
        FaultError: The file's code ``SIGNATURE``, ``KEY_UNKNOWN`` or ``WITNESS``.
    """
    prefix = _PREFIX[file]
    good, bad = signers(note, trust.log_keys)
    seen, unseen = signers(note, trust.witnesses.keys)
    if bad or unseen:
        message = f"the signature of {min(bad | unseen)} does not verify"
        raise FaultError(f"{prefix}_SIGNATURE", message, file=file)
    if not good:
        named = ", ".join(f"{line.name}+{line.key_id.hex()}" for line in note.signatures)
        trusted = ", ".join(str(key) for key in trust.log_keys) or "nobody"
        raise FaultError(
            f"{prefix}_KEY_UNKNOWN", f"signed by {named}; trusted are {trusted}", file=file
        )
    if len(seen) < trust.witnesses.quorum:
        message = f"cosigned by {len(seen)} trusted witnesses, expected {trust.witnesses.quorum}"
        raise FaultError(f"{prefix}_WITNESS", message, file=file)
    return [_name(key) for key in (*sorted(good), *sorted(seen))]


def _name(key: str) -> str:
    return "+".join(key.split("+", 2)[:2])
