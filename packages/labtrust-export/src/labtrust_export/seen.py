"""What somebody has seen of logs: size and root of each, in a file of his own that only grows.

    {"logs": {origin: {"root": digest, "size": number}}, "version": "0.1", "witness": key or null}

The file is canonical JSON with an LF and replaced whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, parse_canonical
from labtrust_core.errors import DocumentError, UsageError
from labtrust_core.ledger.durable import write_whole
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.trust.notes import Checkpoint

MAX_STATE: Final = 64 * 1024 * 1024
VERSION: Final = "0.1"


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The largest tree of one log that was seen: its root (64 hexadecimal digits) and size."""

    root: str
    size: int


class SeenLogs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that was seen, by origin; for a witness also its key in written form."""

    logs: dict[str, Seen]
    version: str
    witness: str | None

    def with_seen(self, checkpoint: Checkpoint) -> SeenLogs:
        """Return this and what a checkpoint states."""
        seen = Seen(checkpoint.root.hex(), checkpoint.size)
        return SeenLogs({**self.logs, checkpoint.origin: seen}, self.version, self.witness)


def nothing_seen(witness: str | None = None) -> SeenLogs:
    """Return the state of somebody who has seen nothing yet."""
    return SeenLogs({}, VERSION, witness)


def read_seen(path: Path) -> SeenLogs:
    """Read a state file.

    Raises:
        UsageError: It is missing or cannot be read.
        DocumentError: It is not in the documented form.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the state {path}: {error.strerror}") from error
    try:
        found = msgspec.convert(parse_canonical(data.removesuffix(b"\n"), MAX_STATE), SeenLogs)
    except (NotCanonicalError, msgspec.ValidationError) as error:
        raise DocumentError(f"not a state of logs: {error}", file=path) from error
    if found.version != VERSION or any(not _is_seen(item) for item in found.logs.values()):
        raise DocumentError("not a state of logs: a version, a size or a root is wrong", file=path)
    return found


def write_seen(path: Path, state: SeenLogs) -> None:
    """Put a state on the disk, durably.

    Raises:
        OSError: It cannot be written; the old one is still there.
    """
    write_whole(path, canonical_bytes(msgspec.to_builtins(state)) + b"\n")


def departure(seen: Seen | None, checkpoint: Checkpoint, prover: MerkleProver) -> str | None:
    """Say how a log departs from what was seen of it: ``"ROLLBACK"``, ``"FORK"``, or None.

    Args:
        seen: What was seen, if anything.
        checkpoint: The log as it is stated now.
        prover: Its leaves, of which the checkpoint's root was computed.
    """
    if seen is None:
        return None
    if checkpoint.size < seen.size:
        return "ROLLBACK"
    return None if prover.root(seen.size).hex() == seen.root else "FORK"


def _is_seen(item: Seen) -> bool:
    return item.size > 0 and len(item.root) == 64 and set(item.root) <= set("0123456789abcdef")  # noqa: PLR2004 - digits of a digest
