"""Proofs as texts that travel: C2SP's tlog-proof, and what a witness is asked (tlog-witness).

    c2sp.org/tlog-proof@v1          old <size>
    index <number>                  <base64 of a hash>
    <base64 of a hash>              …
    …                               (empty line)
    (empty line)                    checkpoint
    checkpoint

Both end with the checkpoint, verbatim, as a signed note.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from labtrust_core.errors import SignatureError
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.trust.keys import decode_base64
from labtrust_core.trust.notes import MAX_NOTE, Checkpoint, Note, parse_checkpoint, parse_note

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_HASHES: Final = 64  # no tree is higher
MAX_PROOF: Final = 2 * MAX_NOTE
_NUMBER: Final = re.compile(r"(0|[1-9][0-9]{0,15})\Z")
_HASH_BYTES: Final = 32


class ProofTextError(SignatureError):
    """A text is no proof."""


@dataclass(frozen=True, slots=True)
class InclusionText:
    """That an entry is in a log.

    Attributes:
        index: The entry's place, from 0.
        hashes: The path to the root, lowest sibling first, 32 bytes each.
        note: The checkpoint as it was signed.
    """

    index: int
    hashes: tuple[bytes, ...]
    note: Note

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note states."""
        return parse_checkpoint(self.note.text)

    def __str__(self) -> str:
        """The file's text."""
        return f"{HEADER}\nindex {self.index}\n{_lines(self.hashes)}\n{self.note}"


@dataclass(frozen=True, slots=True)
class ConsistencyText:
    """That a checkpoint continues an earlier tree.

    Attributes:
        old: Size of the earlier tree; 0 where there was none.
        hashes: The proof, 32 bytes each.
        note: The later checkpoint as it was signed.
    """

    old: int
    hashes: tuple[bytes, ...]
    note: Note

    def __str__(self) -> str:
        """The file's text."""
        return f"old {self.old}\n{_lines(self.hashes)}\n{self.note}"


def inclusion_text(prover: MerkleProver, index: int, note: Note) -> InclusionText:
    """Prove that an entry is in the tree of a checkpoint.

    Args:
        prover: The log as it is now; what stands behind the checkpoint is left out.
        index: The entry's place.
        note: The checkpoint.

    Raises:
        NoteError: The note is no checkpoint.
        IndexError: The entry is not in its tree.
    """
    size = parse_checkpoint(note.text).size
    return InclusionText(index, tuple(prover.inclusion(index, size)), note)


def consistency_text(prover: MerkleProver, old: int, note: Note) -> ConsistencyText:
    """Prove that the tree of a checkpoint begins with the first ``old`` leaves.

    Raises:
        NoteError: The note is no checkpoint.
        IndexError: ``old`` is beyond its tree.
    """
    size = parse_checkpoint(note.text).size
    hashes = tuple(prover.consistency(old, size)) if old else ()
    return ConsistencyText(old, hashes, note)


def parse_inclusion(data: bytes) -> InclusionText:
    """Read a tlog-proof.

    Raises:
        ProofTextError: It is none; a line with extra data, which nobody signs, is refused too.
    """
    head, note = _split(data)
    if len(head) < 2 or head[0] != HEADER or not head[1].startswith("index "):  # noqa: PLR2004 - two lines
        raise ProofTextError(f"a proof begins with {HEADER!r} and a line 'index <number>'")
    return InclusionText(_number(head[1].removeprefix("index ")), _hashes(head[2:]), note)


def parse_consistency(data: bytes) -> ConsistencyText:
    """Read what a witness is asked.

    Raises:
        ProofTextError: It is no such text.
    """
    head, note = _split(data)
    if not head[0].startswith("old "):
        raise ProofTextError("a consistency proof begins with a line 'old <size>'")
    return ConsistencyText(_number(head[0].removeprefix("old ")), _hashes(head[1:]), note)


def _lines(hashes: Sequence[bytes]) -> str:
    return "".join(f"{base64.b64encode(item).decode()}\n" for item in hashes)


def _split(data: bytes) -> tuple[list[str], Note]:
    """Return the lines before the first empty one, and the checkpoint behind it."""
    head, gap, rest = data.partition(b"\n\n")
    if len(data) > MAX_PROOF:
        raise ProofTextError(f"a proof of more than {MAX_PROOF} bytes")
    if not gap or not head.isascii():
        raise ProofTextError("a proof is lines, an empty line and a checkpoint")
    try:
        note = parse_note(rest)
        parse_checkpoint(note.text)
    except SignatureError as error:
        raise ProofTextError(f"the proof's checkpoint: {error}") from error
    return head.decode("ascii").split("\n"), note


def _number(text: str) -> int:
    if not _NUMBER.match(text):
        raise ProofTextError(f"not a number: {text[:40]!r}")
    return int(text)


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    found = [decode_base64(line) for line in lines]
    hashes = tuple(item for item in found if item is not None and len(item) == _HASH_BYTES)
    if len(hashes) < len(lines) or len(lines) > MAX_HASHES:
        raise ProofTextError(f"hashes are base64 of 32 bytes, at most {MAX_HASHES} of them")
    return hashes
