"""Verifies a transparency log: entries, checkpoint, keys, every proof, and what was seen before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labtrust_core.errors import SignatureError, UsageError
from labtrust_core.ledger.merkle import root_from_inclusion
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.trust.notes import MAX_NOTE, Checkpoint, Note, parse_checkpoint, parse_note

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.durable import read_at_most
from labtrust_export.note_trust import NoteTrust
from labtrust_export.proof_text import (
    MAX_PROOF,
    ConsistencyText,
    InclusionText,
    ProofTextError,
    consistency_text,
    parse_inclusion,
)
from labtrust_export.seen import SeenLogs, departure
from labtrust_export.transparency import (
    CHECKPOINT,
    DERIVED_ORIGIN,
    ENTRIES,
    PROOF_SUFFIX,
    PROOFS,
)
from labtrust_export.transparency.entries import (
    Entry,
    derived_origin,
    leaves_of,
    read_entries,
)


@dataclass(frozen=True, slots=True)
class LogVerdict:
    """A log that verifies: what its checkpoint states, and its entries."""

    checkpoint: Checkpoint
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class _Tree:
    """The log as it is: what its checkpoint states, its leaves, and proofs of them."""

    checkpoint: Checkpoint
    leaves: list[bytes]
    prover: MerkleProver


def verify_log_folder(folder: Path, trust: NoteTrust, seen: SeenLogs | None = None) -> LogVerdict:
    """Verify a transparency log; the first check that fails ends it.

    Args:
        folder: The log.
        trust: The caller's keys.
        seen: What the caller has seen of logs, if he remembers.

    Raises:
        CheckFailedError: A check failed; the format's page lists codes and order.
    """
    _require_files(folder)
    data = (folder / ENTRIES).read_bytes()
    if not data:
        raise CheckFailedError("TRANSPARENCY_EMPTY", ENTRIES, "no entry")
    entries = read_entries(data)
    leaves = leaves_of(entries)
    prover = MerkleProver(leaves)
    note, checkpoint = _read_checkpoint(folder, leaves[0], prover)
    trust.require(note, "TRANSPARENCY_CHECKPOINT", CHECKPOINT)
    _require_proofs(folder / PROOFS, entries, _Tree(checkpoint, leaves, prover), trust)
    if seen is not None:
        code = departure(seen.logs.get(checkpoint.origin), checkpoint, prover)
        if code is not None:
            message = "the caller has seen another or a longer log of this origin"
            raise CheckFailedError(f"TRANSPARENCY_{code}", CHECKPOINT, message)
    return LogVerdict(checkpoint, tuple(entries))


def _require_files(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        raise CheckFailedError(
            "TRANSPARENCY_NOT_A_FOLDER", str(folder), "missing, no folder, or a link"
        )
    there = {item.name: item for item in folder.iterdir()}
    for name in sorted(there):
        item = there[name]
        regular = item.is_dir() if name == PROOFS else item.is_file()
        if item.is_symlink() or not regular:
            raise CheckFailedError("TRANSPARENCY_FILE_KIND", name, "not what a log has there")
    for name in (CHECKPOINT, ENTRIES, PROOFS):
        if name not in there:
            raise CheckFailedError("TRANSPARENCY_FILE_MISSING", name, "it is not there")
    for name in sorted(set(there) - {CHECKPOINT, ENTRIES, PROOFS}):
        raise CheckFailedError("TRANSPARENCY_FILE_EXTRA", name, "a log has no such file")


def _read_checkpoint(folder: Path, first: bytes, prover: MerkleProver) -> tuple[Note, Checkpoint]:
    prefix = "TRANSPARENCY_CHECKPOINT"
    try:
        note = parse_note(read_at_most(folder / CHECKPOINT, MAX_NOTE))
    except SignatureError as error:
        raise CheckFailedError(f"{prefix}_NOTE", CHECKPOINT, str(error)) from error
    try:
        checkpoint = parse_checkpoint(note.text)
    except SignatureError as error:
        raise CheckFailedError(f"{prefix}_SHAPE", CHECKPOINT, str(error)) from error
    _require_origin(checkpoint.origin, first)
    if checkpoint.size != prover.size:
        message = f"{prover.size} entries, the checkpoint says {checkpoint.size}"
        raise CheckFailedError(f"{prefix}_SIZE", CHECKPOINT, message)
    if prover.root() != checkpoint.root:
        raise CheckFailedError(f"{prefix}_ROOT", CHECKPOINT, "not the root of the entries")
    return note, checkpoint


def _require_origin(origin: str, first: bytes) -> None:
    """Refuse an origin of another kind of log, and a derived one that is not this log's."""
    if origin.startswith("labtrust/") and origin != derived_origin(first):
        message = f"found {origin}, expected {DERIVED_ORIGIN}<leaf hash of the first entry>"
        raise CheckFailedError("TRANSPARENCY_CHECKPOINT_ORIGIN", CHECKPOINT, message)


def _require_proofs(folder: Path, entries: list[Entry], tree: _Tree, trust: NoteTrust) -> None:
    wanted = {f"{entry.digest}{PROOF_SUFFIX}": entry for entry in entries}
    there = {item.name: item for item in folder.iterdir()}
    for name in sorted(set(wanted) | set(there)):
        place = f"{PROOFS}/{name}"
        if name not in there:
            raise CheckFailedError("TRANSPARENCY_PROOF_MISSING", place, "the entry has no proof")
        if name not in wanted:
            raise CheckFailedError("TRANSPARENCY_PROOF_EXTRA", place, "no entry has this proof")
        if there[name].is_symlink() or not there[name].is_file():
            raise CheckFailedError("TRANSPARENCY_FILE_KIND", place, "not a regular file")
        try:
            proof = parse_inclusion(read_at_most(there[name], MAX_PROOF))
        except ProofTextError as error:
            raise CheckFailedError("TRANSPARENCY_PROOF_SHAPE", place, str(error)) from error
        _require_proof(proof, place, wanted[name].seq, tree)
        # An older checkpoint may lack witnesses that cosigned a later one.
        NoteTrust(trust.log_keys, trust.witnesses).require(proof.note, "TRANSPARENCY_PROOF", place)


def _require_proof(proof: InclusionText, place: str, seq: int, tree: _Tree) -> None:
    old, now = proof.checkpoint, tree.checkpoint
    same = (old.origin, proof.index) == (now.origin, seq) and seq < old.size <= now.size
    if not same or tree.prover.root(old.size) != old.root:
        message = "its checkpoint or its index is not this log's"
        raise CheckFailedError("TRANSPARENCY_PROOF_CHECKPOINT", place, message)
    if root_from_inclusion(tree.leaves[seq], seq, old.size, proof.hashes) != old.root:
        raise CheckFailedError(
            "TRANSPARENCY_PROOF_PATH", place, "the path does not lead to the root"
        )


def consistency_of(folder: Path, old: int) -> ConsistencyText:
    """Return the proof that a log continues its first ``old`` entries, for a witness.

    Raises:
        CheckFailedError: The folder is no log whose checkpoint covers its entries.
        UsageError: The log is not that long.
    """
    _require_files(folder)
    leaves = leaves_of(read_entries((folder / ENTRIES).read_bytes()))
    if not 0 <= old <= len(leaves) or not leaves:
        raise UsageError(f"the log has {len(leaves)} entries; asked for the first {old}")
    prover = MerkleProver(leaves)
    note, _checkpoint = _read_checkpoint(folder, leaves[0], prover)
    return consistency_text(prover, old, note)
