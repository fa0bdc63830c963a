"""A receipt by itself: one file that anybody can check against a trust policy, without the ledger.

    {"version": "0.1", "receipt": {...}, "checkpoint": note, "records": [{"line", "path"}, ...]}

It holds the records that the receipt follows from, each as its line with the path to the root that
the signed checkpoint states. That these are all records about the entity, no such file can show:
whoever must know it needs the bundle.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from typing import Final, Literal

import msgspec
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, parse_canonical
from labtrust_core.errors import LabTrustError, LedgerError
from labtrust_core.ledger.merkle import leaf_hash, root_from_inclusion
from labtrust_core.ledger.record import Record, read_record
from labtrust_core.trust.checkpoints import EPISODE_ORIGIN
from labtrust_core.trust.notes import Checkpoint, Note, NoteError, parse_checkpoint, parse_note

from labtrust_export.checkpoints import signature_fault
from labtrust_export.episode import EpisodeLog
from labtrust_export.receipt_rules import EntityType
from labtrust_export.receipts import Prover, Receipt, ReceiptCollector
from labtrust_export.start import Digest
from labtrust_export.trust_policy import TrustPolicy

MAX_PORTABLE: Final = 64 * 1024 * 1024  # bytes

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]")
_KEPT: Final = 60


class ReceiptCode(StrEnum):
    """What is wrong with a receipt by itself, in the order of the checks."""

    NOT_CANONICAL = "RECEIPT_NOT_CANONICAL"
    SCHEMA = "RECEIPT_SCHEMA"
    CHECKPOINT_NOTE = "CHECKPOINT_NOTE"
    CHECKPOINT_SHAPE = "CHECKPOINT_SHAPE"
    RECORD = "RECEIPT_RECORD"
    CHECKPOINT_ORIGIN = "CHECKPOINT_ORIGIN"
    PROOF = "RECEIPT_PROOF"
    MISMATCH = "RECEIPT_MISMATCH"
    SIGNATURE = "CHECKPOINT_SIGNATURE"
    KEY_UNKNOWN = "CHECKPOINT_KEY_UNKNOWN"
    WITNESS = "CHECKPOINT_WITNESS"


class PortableReceiptError(LabTrustError):
    """A receipt by itself does not hold.

    Attributes:
        code: The first rule that it breaks.
    """

    def __init__(self, code: ReceiptCode, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base: every field is required, and there are no others."""


class ProvenRecord(_Closed, frozen=True):
    """A record's line without LF, and its path to the root, the lowest sibling first."""

    line: str
    path: tuple[Digest, ...]


class PortableReceipt(_Closed, frozen=True):
    """The file: a receipt, the signed checkpoint, and the records that the receipt follows from."""

    version: Literal["0.1"]
    receipt: Receipt
    checkpoint: str
    records: tuple[ProvenRecord, ...]

    def encoded(self) -> bytes:
        """Return the file's bytes: canonical JSON and an LF."""
        return canonical_bytes(msgspec.to_builtins(self)) + b"\n"


def portable_receipts(log: EpisodeLog, note: bytes, entity_id: str) -> Iterator[PortableReceipt]:
    """Yield the receipt of the result and of the specimen that have an id, as far as there are.

    Args:
        log: The episode's ledger.
        note: Its signed checkpoint.
        entity_id: What is asked for.
    """
    prover = Prover(log.receipts.leaves)
    lines = log.lines()
    kinds: tuple[EntityType, ...] = ("result", "specimen")
    for kind in kinds:
        receipt = log.receipts.receipt(kind, entity_id, prover.proof)
        if receipt is not None:
            records = (
                ProvenRecord(line=lines[number].decode(), path=prover.proof(number).path)
                for number in log.receipts.sources(kind, entity_id)
            )
            yield PortableReceipt(
                version="0.1", receipt=receipt, checkpoint=note.decode(), records=tuple(records)
            )


def receipt_file_name(receipt: Receipt) -> str:
    """Return the name of the file of a receipt; no two entities share one.

    An id that a file name cannot hold is cut down to what it can, with its digest behind it.
    """
    name = receipt.entity_id
    if not _PLAIN_ID.match(name):
        name = f"{_UNSAFE.sub('_', name)[:_KEPT]}-{sha256(name.encode()).hexdigest()}"
    return f"receipt_{receipt.entity_type}_{name}.v0.1.json"


def check_portable(data: bytes, trust: TrustPolicy) -> PortableReceipt:
    """Check a receipt by itself against the caller's trust policy, and return it.

    Raises:
        PortableReceiptError: It does not hold; ``code`` names the first rule that it breaks.
    """
    portable = _parsed(data)
    note, checkpoint = _stated(portable)
    records = list(_proven(portable, checkpoint))
    _require_said(portable, checkpoint, records)
    fault = signature_fault(note, trust)
    if fault is not None:
        raise PortableReceiptError(ReceiptCode(f"CHECKPOINT_{fault[0]}"), fault[1])
    return portable


def _parsed(data: bytes) -> PortableReceipt:
    if not data.endswith(b"\n"):
        raise PortableReceiptError(ReceiptCode.NOT_CANONICAL, "the file does not end with an LF")
    try:
        return msgspec.convert(parse_canonical(data[:-1], MAX_PORTABLE), PortableReceipt)
    except NotCanonicalError as error:
        raise PortableReceiptError(ReceiptCode.NOT_CANONICAL, str(error)) from error
    except msgspec.ValidationError as error:
        raise PortableReceiptError(ReceiptCode.SCHEMA, f"no receipt by itself: {error}") from error


def _stated(portable: PortableReceipt) -> tuple[Note, Checkpoint]:
    try:
        note = parse_note(portable.checkpoint.encode())
    except NoteError as error:
        raise PortableReceiptError(ReceiptCode.CHECKPOINT_NOTE, str(error)) from error
    try:
        return note, parse_checkpoint(note.text)
    except NoteError as error:
        raise PortableReceiptError(ReceiptCode.CHECKPOINT_SHAPE, str(error)) from error


def _proven(portable: PortableReceipt, checkpoint: Checkpoint) -> Iterator[tuple[Record, bytes]]:
    """Yield each record and its leaf hash, once it is proven to stand in the ledger."""
    last = -1
    for item in portable.records:
        try:
            record = read_record(item.line.encode())
        except (NotCanonicalError, LedgerError) as error:
            raise PortableReceiptError(ReceiptCode.RECORD, str(error)) from error
        if record.seq <= last or (last < 0 and record.seq):
            raise PortableReceiptError(
                ReceiptCode.RECORD, "the records are the first of the ledger and more, in order"
            )
        last, leaf = record.seq, leaf_hash(item.line.encode())
        if not record.seq and checkpoint.origin != f"{EPISODE_ORIGIN}{leaf.hex()}":
            raise PortableReceiptError(
                ReceiptCode.CHECKPOINT_ORIGIN, f"the checkpoint is of {checkpoint.origin}"
            )
        path = [bytes.fromhex(digest) for digest in item.path]
        if root_from_inclusion(leaf, last, checkpoint.size, path) != checkpoint.root:
            raise PortableReceiptError(
                ReceiptCode.PROOF, f"record {last} is not in the ledger of the checkpoint"
            )
        yield record, leaf
    if last < 0:
        raise PortableReceiptError(ReceiptCode.RECORD, "there are no records")


def _require_said(
    portable: PortableReceipt, checkpoint: Checkpoint, records: list[tuple[Record, bytes]]
) -> None:
    """Refuse a receipt that does not follow from the records, or whose proof is another one."""
    collector = ReceiptCollector()
    for record, leaf in records:
        collector.add(record, leaf)
    said = portable.receipt
    proof = said.proof
    found = collector.receipt(said.entity_type, said.entity_id, lambda _number: proof)
    if found is None or found.line() != said.line():
        raise PortableReceiptError(ReceiptCode.MISMATCH, "the receipt is not what its records tell")
    place = next(
        (at for at, (record, _leaf) in enumerate(records) if record.seq == (said.decided_by or 0)),
        None,
    )
    expected = (checkpoint.size, checkpoint.root.hex(), said.decided_by or 0)
    if place is None or (proof.size, proof.root, proof.record) != expected:
        raise PortableReceiptError(ReceiptCode.PROOF, "the receipt's proof is of another ledger")
    if (proof.leaf, proof.path) != (records[place][1].hex(), portable.records[place].path):
        raise PortableReceiptError(ReceiptCode.PROOF, "the receipt's proof is of another record")
