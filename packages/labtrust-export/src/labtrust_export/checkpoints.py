"""Checkpoints that go into evidence: those that a run has brought along, or new ones."""

from __future__ import annotations

from pathlib import Path

from labtrust_core.errors import DocumentError, LedgerError, UsageError
from labtrust_core.trust.checkpoints import signed_checkpoint
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import (
    Checkpoint,
    Note,
    NoteError,
    parse_checkpoint,
    parse_note,
    signers,
)

from labtrust_export.trust_policy import TrustPolicy


class EvidenceError(DocumentError):
    """A file that is to become evidence is not in order."""


def checkpoint_for(expected: Checkpoint, found: Path | None, key: SigningKey | None) -> bytes:
    """Return the signed checkpoint of a log: the one that is there, else a new one.

    Args:
        expected: What it must state.
        found: A file beside the log, if there is one.
        key: Who signs a new one.

    Raises:
        EvidenceError: The one that is there states something else: the log or the checkpoint is
            not what was signed.
        UsageError: None is there and there is no key.
    """
    if found is None:
        if key is None:
            raise UsageError("the log has no checkpoint yet; name the key that signs it: --log-key")
        return signed_checkpoint(expected, key)
    data, stated = read_checkpoint(found)
    if stated != expected:
        raise EvidenceError(
            "the checkpoint is not of the log beside it",
            file=found,
            found=f"{stated.origin} with {stated.size} records, root {stated.root.hex()}",
            expected=f"{expected.origin} with {expected.size}, root {expected.root.hex()}",
        )
    return data


def read_checkpoint(path: Path) -> tuple[bytes, Checkpoint]:
    """Read a checkpoint's file: its bytes, and what the note states.

    Raises:
        EvidenceError: It is no signed note of a checkpoint.
        LedgerError: It cannot be read.
    """
    try:
        data = path.read_bytes()
        return data, parse_checkpoint(parse_note(data).text)
    except OSError as error:
        raise LedgerError(f"{path}: cannot read the checkpoint ({error.strerror})") from error
    except NoteError as error:
        raise EvidenceError(f"no checkpoint: {error}", file=path) from error


def signature_fault(note: Note, trust: TrustPolicy) -> tuple[str, str] | None:
    """Return why a checkpoint is not signed as a caller demands, or None.

    Returns:
        ``SIGNATURE`` (a trusted key has a bad line), ``KEY_UNKNOWN`` (no log key signed) or
        ``WITNESS`` (too few witnesses cosigned), and words.
    """
    good, bad = signers(note, trust.log_keys)
    seen, false = signers(note, trust.witnesses.keys)
    if bad or false:
        return "SIGNATURE", f"the signature of {min(bad | false)} does not verify"
    if not good:
        return "KEY_UNKNOWN", "no key that is trusted with logs has signed the checkpoint"
    if len(seen) < trust.witnesses.quorum:
        found = f"{len(seen)} of {trust.witnesses.quorum} witnesses have cosigned the checkpoint"
        return "WITNESS", found
    return None
