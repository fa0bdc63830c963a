"""Receipts: what a ledger tells of every specimen and every result, derived from its records alone.

A receipt says what became of the one thing, when, where and why, names the records that say so,
and proves that the deciding one stands in the ledger. The rules are in
``labtrust_export.receipt_rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec
from labtrust_core.canonical import canonical_bytes, parse_canonical
from labtrust_core.errors import LabTrustError
from labtrust_core.ledger.proofs import Hashes, MerkleProver
from labtrust_core.ledger.record import EventRecord, Record, StartRecord

from labtrust_export.receipt_rules import (
    KINDS,
    OPEN,
    Birth,
    Decision,
    Entities,
    EntityType,
    Kind,
    Noted,
    Step,
)
from labtrust_export.start import Count

VERSION: Final = "0.1"
_KEPT_PROOFS: Final = 1000
MAX_RECEIPT: Final = 16 * 1024 * 1024  # bytes of a line; one entity may have all records name it


class ReceiptError(LabTrustError):
    """A line is no receipt."""


class InclusionProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That a record stands in a ledger.

    Attributes:
        leaf: Leaf hash of the record's line.
        path: Siblings on the way to the root, the lowest first.
        record: The record's sequence number.
        root: Merkle root over the whole ledger.
        size: Number of records.
    """

    leaf: str
    path: tuple[str, ...]
    record: int
    root: str
    size: int


class ReceiptCounts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many receipts a ledger yields."""

    results: Count
    specimens: Count


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the ledger tells of one specimen or one result; times in seconds of simulation."""

    version: Literal["0.1"] = VERSION
    entity_type: EntityType
    entity_id: str
    specimen_id: str | None
    result_id: str | None
    panel_id: str | None
    analyte_code: str | None
    value: str | None
    units: str | None
    records: tuple[int, ...]
    device_ids: tuple[str, ...]
    decision: Decision
    decided_by: int | None
    timestamps: dict[str, int]
    reason_codes: tuple[str, ...]
    tokens_consumed: tuple[str, ...]
    violations: tuple[str, ...]
    critical_calls: tuple[int, ...]
    proof: InclusionProof

    def line(self) -> bytes:
        """Return the canonical form, without LF."""
        return canonical_bytes(msgspec.to_builtins(self))


class ReceiptCollector:
    """Takes the records of one ledger as they are read, and then says what they tell.

    Nothing in a record is an error. Keeps 32 bytes a record and what receipts hold.

    Attributes:
        leaves: The leaf hashes of the records so far.
    """

    def __init__(self) -> None:
        self.leaves = Hashes()
        self._devices = _RunDevices()
        self._found = {kind.name: Entities(kind) for kind in KINDS}

    def add(self, record: Record, leaf: bytes) -> None:
        """Take the next record, of whatever kind, and its 32-byte leaf hash."""
        self.leaves.append(leaf)
        if isinstance(record, StartRecord):
            for entities in self._found.values():
                entities.begin(record)
        elif isinstance(record, EventRecord):
            step = Step(record)
            self._devices.take(step)
            for entities in self._found.values():
                entities.take(step)

    def counts(self) -> ReceiptCounts:
        """Return how many receipts there are."""
        return ReceiptCounts(
            results=self._found["result"].count,
            specimens=self._found["specimen"].count,
        )

    def receipts(self) -> Iterator[Receipt]:
        """Yield the receipts, sorted as they stand in ``receipts.jsonl``.

        The records taken are all of the ledger.
        """
        if not self.leaves:
            return
        prover = Prover(self.leaves)
        for entities in self._found.values():
            for entity_id, noted, birth in entities.come():
                yield self._receipt(entities.kind, (entity_id, noted, birth), prover.proof)

    def receipt(
        self, entity_type: EntityType, entity_id: str, proof: Callable[[int], InclusionProof]
    ) -> Receipt | None:
        """Return the receipt of one entity, or None where it has not come.

        Args:
            entity_type: What it is.
            entity_id: Its id.
            proof: Returns the proof of a record by its sequence number.
        """
        entities = self._found[entity_type]
        found = entities.get(entity_id)
        return None if found is None else self._receipt(entities.kind, (entity_id, *found), proof)

    def sources(self, entity_type: EntityType, entity_id: str) -> list[int]:
        """Return the numbers of the records that a receipt follows from, in order.

        They are the first record, those that name the entity, and those that say which devices its
        run was on.
        """
        found = self._found[entity_type].get(entity_id)
        if found is None:
            return [0]
        noted, birth = found
        return sorted({0, *noted.records, *self._devices.of(birth.run_id).values()})

    def _receipt(
        self,
        kind: Kind,
        entity: tuple[str, Noted, Birth],
        proof: Callable[[int], InclusionProof],
    ) -> Receipt:
        entity_id, noted, birth = entity
        decision, decided_by = _decision(noted, birth)
        is_result = kind.name == "result"
        return Receipt(
            entity_type=kind.name,
            entity_id=entity_id,
            specimen_id=birth.specimen_id if is_result else entity_id,
            result_id=entity_id if is_result else None,
            panel_id=birth.panel_id,
            analyte_code=birth.analyte_code,
            value=birth.value,
            units=birth.units,
            records=tuple(noted.records),
            device_ids=tuple(sorted({*noted.devices, *self._devices.of(birth.run_id)})),
            decision=decision,
            decided_by=decided_by,
            timestamps=noted.timestamps(kind, birth),
            reason_codes=tuple(sorted(noted.reasons)),
            tokens_consumed=tuple(sorted(noted.tokens)),
            violations=tuple(sorted(noted.violations)),
            critical_calls=tuple(noted.calls or ()),
            proof=proof(decided_by or 0),
        )


def receipts_of(records: Iterable[Record], leaves: Iterable[bytes]) -> list[Receipt]:
    """Return the receipts that a ledger yields, sorted as they stand in ``receipts.jsonl``.

    Args:
        records: All records of one ledger, in order.
        leaves: The 32-byte leaf hashes of all of them.

    Raises:
        ValueError: There are more of the one than of the other.
    """
    collector = ReceiptCollector()
    for record, leaf in zip(records, leaves, strict=True):
        collector.add(record, leaf)
    return list(collector.receipts())


def receipt_file(receipts: Iterable[Receipt]) -> bytes:
    """Return the bytes of ``receipts.jsonl``: a receipt a line, each with an LF."""
    return b"".join(receipt.line() + b"\n" for receipt in receipts)


def read_receipt(line: bytes) -> Receipt:
    """Return the receipt that a line (without its LF) spells.

    Raises:
        NotCanonicalError: The line is not the canonical form of an object.
        ReceiptError: It is, but of no receipt.
    """
    try:
        return msgspec.convert(parse_canonical(line, MAX_RECEIPT), Receipt)
    except msgspec.ValidationError as error:
        raise ReceiptError(f"not a receipt: {error}") from error


class Prover:
    """Inclusion proofs in one ledger; the last are kept, since neighbours share records."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """Build the tree over the 32-byte leaf hashes of all records."""
        self._leaves = leaves
        self._tree = MerkleProver(leaves)
        self._root = self._tree.root().hex()
        self._made: dict[int, InclusionProof] = {}

    def proof(self, record: int) -> InclusionProof:
        """Return the proof of a record.

        Raises:
            IndexError: There is no such record.
        """
        if record not in self._made:
            if len(self._made) == _KEPT_PROOFS:
                self._made.clear()
            path = tuple(item.hex() for item in self._tree.inclusion(record))
            leaf = self._leaves[record].hex()
            self._made[record] = InclusionProof(leaf, path, record, self._root, len(self._leaves))
        return self._made[record]


class _RunDevices:
    """Which devices accepted records name together with a run, and the first record of each."""

    def __init__(self) -> None:
        self._devices: dict[str, dict[str, int]] = {}

    def take(self, step: Step) -> None:
        """Note one event record."""
        run, device = step.args.get("run_id"), step.args.get("device_id")
        if step.accepted and isinstance(run, str) and isinstance(device, str):
            self._devices.setdefault(run, {}).setdefault(device, step.seq)

    def of(self, run_id: str | None) -> dict[str, int]:
        """Return the devices of a run and the record that says so; none where there is no run."""
        return {} if run_id is None else self._devices.get(run_id, {})


def _decision(noted: Noted, birth: Birth) -> tuple[Decision, int | None]:
    """Return the decision and the record that brought it."""
    if noted.refused_last and noted.decision in OPEN:
        return "BLOCKED", noted.records[-1]
    return noted.decision, birth.seq if noted.decided_by is None else noted.decided_by
