"""Appends to a transparency log: entries first, then the checkpoint that signs them, then proofs.

Only what is durable is signed, and what was signed is never cut or rewritten. A crash leaves
entries that no checkpoint covers; the same command again finds the same entries and goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labtrust_core.errors import DocumentError, SignatureError, UsageError
from labtrust_core.ledger.durable import exclusive, write_whole
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import (
    MAX_NOTE,
    Checkpoint,
    Note,
    parse_checkpoint,
    parse_note,
    sign_note,
)

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.durable import append_durably, read_at_most
from labtrust_export.note_trust import NoteTrust
from labtrust_export.proof_text import MAX_PROOF, ProofTextError, inclusion_text, parse_inclusion
from labtrust_export.seen import departure, nothing_seen, read_seen, write_seen
from labtrust_export.transparency import CHECKPOINT, ENTRIES, PROOF_SUFFIX, PROOFS
from labtrust_export.transparency.entries import (
    Entry,
    derived_origin,
    find_manifests,
    leaves_of,
    read_entries,
    require_origin,
)


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did.

    Attributes:
        checkpoint: The log as it is now.
        added: Entries that are new.
        known: How many of those found were there already.
    """

    checkpoint: Checkpoint
    added: tuple[Entry, ...]
    known: int


def append_to_log(
    source: Path,
    out: Path,
    key: SigningKey,
    *,
    origin: str | None = None,
    state: Path | None = None,
) -> Appended:
    """Log every release and bundle below a folder that the log does not have yet.

    Args:
        source: Folder of a release, a bundle, or any folder with such below it.
        out: The log's folder; made if need be, else continued.
        key: The log's key; the checkpoint that is there must be signed by it.
        origin: Name of a new log; by default it follows from its first entry. A log that is there
            keeps its own, and another is refused.
        state: A file that remembers how far the log was; it is made if need be. A log that is
            smaller or another than it was is refused.

    Raises:
        UsageError: Nothing is found, or the folder or the origin cannot be used.
        DocumentError: A manifest is none.
        CheckFailedError: The log that is there is damaged, or not what it was (``TRANSPARENCY_…``).
        OSError: It cannot be written; run again.
    """
    found = find_manifests(source)
    if origin is not None:
        require_origin(origin)
    _require_log_folder(out)
    try:
        (out / PROOFS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    with exclusive(out / ENTRIES, out / ENTRIES):
        return _Log(out, key).append(found, origin, state)


def _require_log_folder(out: Path) -> None:
    """Refuse a folder that holds what no log has; clear away what a crash left half written."""
    if not out.is_dir():
        return
    for item in [*out.iterdir(), *(out / PROOFS).glob(".*")]:
        if item.name.startswith(".") and ".partial-" in item.name:
            item.unlink()
        elif item.parent == out and item.name not in (CHECKPOINT, ENTRIES, PROOFS):
            raise UsageError(f"{out} holds {item.name}; expected a transparency log or nothing")


class _Log:
    """The log of a folder, whose lock is held."""

    def __init__(self, folder: Path, key: SigningKey) -> None:
        self._folder = folder
        self._key = key
        self._cut_torn_line()
        self._entries = read_entries((folder / ENTRIES).read_bytes())
        self._leaves = leaves_of(self._entries)
        self._note = self._signed_note()
        self._signed = 0 if self._note is None else parse_checkpoint(self._note.text).size

    def append(self, found: Sequence[Entry], origin: str | None, state: Path | None) -> Appended:
        """Append what is new of ``found``, and sign."""
        self._require_unchanged(origin, state)
        self._require_refound(found)
        there = {entry.digest for entry in self._entries[: self._signed]}
        self._add([entry for entry in found if entry.digest not in self._digests()])
        note = self._note
        if note is None or self._signed < len(self._entries):
            note = self._sign(origin)
        checkpoint = parse_checkpoint(note.text)
        _require_same_origin(origin, checkpoint.origin)
        self._write_proofs(note)
        if state is not None:
            before = read_seen(state) if state.exists() else nothing_seen()
            write_seen(state, before.with_seen(checkpoint))
        added = tuple(self._entries[self._signed :])
        return Appended(checkpoint, added, sum(entry.digest in there for entry in found))

    def _digests(self) -> set[str]:
        return {entry.digest for entry in self._entries}

    def _cut_torn_line(self) -> None:
        """Cut off half a line that no checkpoint can cover, since it was never whole."""
        path = self._folder / ENTRIES
        data = path.read_bytes()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            with path.open("r+b") as file:
                file.truncate(whole)

    def _signed_note(self) -> Note | None:
        """Return the checkpoint that is there, if it is this key's and of these entries."""
        path = self._folder / CHECKPOINT
        if not path.exists():
            if any((self._folder / PROOFS).glob(f"*{PROOF_SUFFIX}")):
                raise CheckFailedError("TRANSPARENCY_FILE_MISSING", CHECKPOINT, "proofs are there")
            return None
        try:
            note = parse_note(read_at_most(path, MAX_NOTE))
            checkpoint = parse_checkpoint(note.text)
        except SignatureError as error:
            raise CheckFailedError(
                "TRANSPARENCY_CHECKPOINT_NOTE", CHECKPOINT, str(error)
            ) from error
        NoteTrust((self._key.public(),)).require(note, "TRANSPARENCY_CHECKPOINT", CHECKPOINT)
        if not 0 < checkpoint.size <= len(self._leaves):
            message = f"{len(self._leaves)} entries, the checkpoint says {checkpoint.size}"
            raise CheckFailedError("TRANSPARENCY_CHECKPOINT_SIZE", CHECKPOINT, message)
        if MerkleProver(self._leaves).root(checkpoint.size) != checkpoint.root:
            message = "the entries are not those that were signed"
            raise CheckFailedError("TRANSPARENCY_CHECKPOINT_ROOT", CHECKPOINT, message)
        return note

    def _require_unchanged(self, origin: str | None, state: Path | None) -> None:
        if state is None or not state.exists():
            return
        seen = read_seen(state).logs
        if self._note is None:
            # A log that lost everything has no origin any more; its first entry may still tell.
            derived = [derived_origin(leaf) for leaf in self._leaves[:1]]
            if any(name in seen for name in (origin, *derived)):
                raise CheckFailedError(
                    "TRANSPARENCY_ROLLBACK", CHECKPOINT, "the state knows of one"
                )
            return
        checkpoint = parse_checkpoint(self._note.text)
        code = departure(seen.get(checkpoint.origin), checkpoint, MerkleProver(self._leaves))
        if code is not None:
            message = f"the state {state} has seen another or a longer log"
            raise CheckFailedError(f"TRANSPARENCY_{code}", CHECKPOINT, message)

    def _require_refound(self, found: Sequence[Entry]) -> None:
        """Take over entries that a crash left unsigned only if they are found again."""
        known = {(entry.digest, entry.kind, entry.path) for entry in found}
        for entry in self._entries[self._signed :]:
            if (entry.digest, entry.kind, entry.path) not in known:
                raise CheckFailedError(
                    "TRANSPARENCY_ENTRY_UNSIGNED",
                    f"entry {entry.seq}",
                    "no checkpoint covers it; log the folder that was being logged once more",
                )

    def _add(self, new: Sequence[Entry]) -> None:
        first = len(self._entries)
        numbered = [
            Entry(entry.digest, entry.kind, entry.path, first + place)
            for place, entry in enumerate(new)
        ]
        if numbered:
            data = b"".join(entry.line() + b"\n" for entry in numbered)
            append_durably(self._folder / ENTRIES, data)
        self._entries += numbered
        self._leaves += leaves_of(numbered)

    def _sign(self, origin: str | None) -> Note:
        if self._note is not None:
            name = parse_checkpoint(self._note.text).origin
            _require_same_origin(origin, name)
        else:
            name = origin or derived_origin(self._leaves[0])
        text = Checkpoint(name, len(self._leaves), MerkleProver(self._leaves).root()).text
        note = Note(text, (sign_note(text, self._key.name, self._key.private),))
        write_whole(self._folder / CHECKPOINT, str(note).encode())
        return note

    def _write_proofs(self, note: Note) -> None:
        """Write the proofs that are missing, and give witnesses' lines to those that lack them."""
        prover = MerkleProver(self._leaves)
        for entry in self._entries:
            path = self._folder / PROOFS / f"{entry.digest}{PROOF_SUFFIX}"
            if not path.exists() or _is_of(path, note):
                text = str(inclusion_text(prover, entry.seq, note))
                if not path.exists() or path.read_text(encoding="utf-8") != text:
                    write_whole(path, text.encode())


def _require_same_origin(wanted: str | None, there: str) -> None:
    if wanted is not None and wanted != there:
        raise UsageError(f"the log's origin is {there}, not {wanted}; a log keeps its origin")


def _is_of(path: Path, note: Note) -> bool:
    """Whether a proof is about the checkpoint that is in force."""
    try:
        return parse_inclusion(read_at_most(path, MAX_PROOF)).note.text == note.text
    except ProofTextError as error:
        raise DocumentError(f"not a proof: {error}", file=path) from error
