"""Checkpoints of logs: what the one of an episode's log states, and how a log's owner signs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.errors import LedgerError
from labtrust_core.ledger.merkle import MerkleTree, leaf_hash
from labtrust_core.ledger.verify import open_log, read_lines
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import Checkpoint, Note, sign_note

EPISODE_ORIGIN: Final = "labtrust/episode/"


@dataclass(frozen=True, slots=True)
class LogExtent:
    """What a log's bytes come to, whether or not they are a valid log.

    Attributes:
        checkpoint: Origin, number of records, root over all of them.
        head: Leaf hash of the last record, as hexadecimal digits.
    """

    checkpoint: Checkpoint
    head: str


def log_extent(path: Path) -> LogExtent:
    """Hash an episode's log, line by line; ``labtrust_core.ledger.verify`` says if it is one.

    Raises:
        LedgerError: It cannot be read, or is empty.
    """
    tree, origin, leaf = MerkleTree(), "", b""
    with open_log(path) as file:
        try:
            for line in read_lines(file):
                leaf = leaf_hash(line.removesuffix(b"\n"))
                origin = origin or f"{EPISODE_ORIGIN}{leaf.hex()}"
                tree.append(leaf)
        except OSError as error:
            raise LedgerError(f"{path}: cannot read the log ({error.strerror})") from error
    if not leaf:
        raise LedgerError(f"{path}: the log is empty")
    return LogExtent(Checkpoint(origin, tree.size, tree.root()), leaf.hex())


def signed_checkpoint(checkpoint: Checkpoint, key: SigningKey) -> bytes:
    """Return a checkpoint as a signed note, as it stands in a file."""
    signature = sign_note(checkpoint.text, key.name, key.private)
    return str(Note(checkpoint.text, (signature,))).encode()
