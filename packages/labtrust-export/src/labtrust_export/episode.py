"""An episode's ledger as an exporter holds it: its bytes, read and verified once (L0)."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from labtrust_core.errors import LedgerError
from labtrust_core.ledger.merkle import leaf_hash
from labtrust_core.ledger.record import EndBody, EndRecord, Record, StartRecord
from labtrust_core.ledger.verify import LogChecker, feed_whole_line, read_lines
from labtrust_core.trust.checkpoints import EPISODE_ORIGIN
from labtrust_core.trust.notes import Checkpoint

from labtrust_export.receipts import ReceiptCollector
from labtrust_export.start import Start, read_start
from labtrust_export.statement import (
    RECEIPTS_DOMAIN,
    EpisodeFacts,
    episode_facts,
)


@dataclass(frozen=True, slots=True)
class EpisodeLog:
    """A ledger that verifies at L0.

    Attributes:
        data: Its bytes.
        start: What its start record states.
        end: What its end record states.
        receipts: What it tells of specimens and results; holds the leaf hashes.
        root: 32-byte Merkle root over all records.
    """

    data: bytes
    start: Start
    end: EndBody
    receipts: ReceiptCollector
    root: bytes

    @property
    def size(self) -> int:
        """Number of records."""
        return len(self.receipts.leaves)

    @property
    def head(self) -> str:
        """Leaf hash of the last record, as hexadecimal digits."""
        return self.receipts.leaves[-1].hex()

    @property
    def checkpoint(self) -> Checkpoint:
        """What the ledger's owner signs."""
        return Checkpoint(f"{EPISODE_ORIGIN}{self.receipts.leaves[0].hex()}", self.size, self.root)

    @property
    def has_receipts(self) -> bool:
        """Whether a bundle of its domain holds receipts."""
        return self.start.domain == RECEIPTS_DOMAIN

    @property
    def facts(self) -> EpisodeFacts:
        """What a statement says of it."""
        return episode_facts(self.start, self.end, self.size, self.head, self.root.hex())

    def lines(self) -> list[bytes]:
        """Return its lines without LF."""
        return self.data.split(b"\n")[:-1]


def read_episode(path: Path) -> EpisodeLog:
    """Read a ledger's file.

    Raises:
        LogFaultError: It breaks a rule; an unfinished one lacks its end record.
        StartSchemaError: Its start record is not complete.
        LedgerError: The file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path}: cannot read the log ({error.strerror})") from error
    return parse_episode(data)


def parse_episode(data: bytes) -> EpisodeLog:
    """Read a ledger's bytes.

    Raises:
        LogFaultError: It breaks a rule; an unfinished one lacks its end record.
        StartSchemaError: Its start record is not complete.
    """
    checker = LogChecker()
    collector = ReceiptCollector()
    ends: dict[type[Record], Record] = {}
    for line in read_lines(BytesIO(data)):
        record = feed_whole_line(checker, line)
        if record is not None:
            collector.add(record, leaf_hash(line[:-1]))
            ends[type(record)] = record
    checker.finish()
    first, last = ends[StartRecord], ends[EndRecord]  # the checker has seen that both are there
    assert isinstance(first, StartRecord)  # noqa: S101 - for the type
    assert isinstance(last, EndRecord)  # noqa: S101 - for the type
    return EpisodeLog(data, read_start(first), last.body, collector, checker.tree.root())
