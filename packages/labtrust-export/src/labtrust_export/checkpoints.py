"""Checkpoints that go into evidence: those that a run has brought along, or new ones."""

from __future__ import annotations

from pathlib import Path

from labtrust_core.errors import LedgerError, UsageError
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import (
    Checkpoint,
    Note,
    NoteError,
    parse_checkpoint,
    parse_note,
    sign_note,
)


class CheckpointError(LedgerError):
    """A checkpoint that lies beside a log is not that log's."""


def signed_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Return a checkpoint as a signed note, as it stands in a file."""
    signature = sign_note(checkpoint.text, key.name, key.private)
    return str(Note(checkpoint.text, (signature,))).encode()


def checkpoint_for(expected: Checkpoint, found: Path | None, key: SigningKey | None) -> bytes:
    """Return the signed checkpoint of a log: the one that is there, else a new one.

    Args:
        expected: What it must state.
        found: A file beside the log, if there is one.
        key: Who signs a new one.

    Raises:
        CheckpointError: The one that is there states something else: the log or the checkpoint is
            not what was signed.
        UsageError: None is there and there is no key.
    """
    if found is None:
        if key is None:
            raise UsageError("the log has no checkpoint yet; name the key that signs it: --log-key")
        return signed_checkpoint(expected, key)
    data, stated = read_checkpoint(found)
    if stated != expected:
        raise CheckpointError(
            f"{found} is of {stated.origin} with {stated.size} records, root {stated.root.hex()}; "
            f"the log is {expected.origin} with {expected.size}, root {expected.root.hex()}"
        )
    return data


def read_checkpoint(path: Path) -> tuple[bytes, Checkpoint]:
    """Read a checkpoint's file: its bytes, and what the note states.

    Raises:
        CheckpointError: It is no signed note of a checkpoint.
        LedgerError: It cannot be read.
    """
    try:
        data = path.read_bytes()
        return data, parse_checkpoint(parse_note(data).text)
    except OSError as error:
        raise LedgerError(f"{path}: cannot read the checkpoint ({error.strerror})") from error
    except NoteError as error:
        raise CheckpointError(f"{path}: no checkpoint: {error}") from error
