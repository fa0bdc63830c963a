"""Verifies an episode log at level L0 (bytes): canonical, of the right shape, linked, complete.

A log is read once, line by line. Memory is one line, O(log n) hashes of the tree and the set of
event ids. The first problem ends the verification and names the record at fault. Where the hash of
a record is not what the next one says, either of the two may have been changed; the record after
them tells which, and until it is read the verdict waits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Literal

from labtrust_core.canonical import MAX_LINE, NotCanonicalError, Reason
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.merkle import MerkleTree, leaf_hash
from labtrust_core.ledger.record import (
    NO_PREV,
    EndRecord,
    EventRecord,
    Record,
    RecordSchemaError,
    StartRecord,
    read_record,
)


class LogCode(StrEnum):
    """What is wrong with a log; one code a failure."""

    EMPTY = "LOG_EMPTY"
    LINE_TOO_LONG = "LOG_LINE_TOO_LONG"
    TORN_LINE = "LOG_TORN_LINE"
    NOT_CANONICAL = "LOG_NOT_CANONICAL"
    RECORD_SCHEMA = "LOG_RECORD_SCHEMA"
    SEQ_GAP = "LOG_SEQ_GAP"
    START_MISSING = "LOG_START_MISSING"
    START_REPEATED = "LOG_START_REPEATED"
    END_CHECK = "LOG_END_CHECK"
    CHAIN_BROKEN = "LOG_CHAIN_BROKEN"
    TIME_BACKWARDS = "LOG_TIME_BACKWARDS"
    EVENT_DUPLICATE = "LOG_EVENT_DUPLICATE"
    COUNT_MISMATCH = "LOG_COUNT_MISMATCH"
    ROOT_MISMATCH = "LOG_ROOT_MISMATCH"
    TRAILING_DATA = "LOG_TRAILING_DATA"
    TRUNCATED = "LOG_TRUNCATED"


class LogFaultError(LedgerError):
    """A log breaks a rule.

    Attributes:
        code: The rule.
        record: Index of the record at fault (its line, from 0).
        message: What was found and what was expected.
    """

    def __init__(self, code: LogCode, record: int, message: str) -> None:
        self.code = code
        self.record = record
        self.message = message
        super().__init__(f"{code} at record {record}: {message}")


@dataclass(frozen=True, slots=True)
class LogProblem:
    """The one problem of a log that failed: ``LogCode`` string, record from 0, and words."""

    code: str
    record: int
    message: str


@dataclass(frozen=True, slots=True)
class LogReport:
    """Result of a verification.

    Attributes:
        ok: Whether the log is complete and unbroken.
        level: The level reached: ``"L0"``, or None on failure.
        records: Number of records that passed.
        head: Leaf hash of the end record, as hexadecimal digits; None on failure.
        root: Merkle root over all records; None on failure.
        problem: What failed, or None.
    """

    ok: bool
    level: Literal["L0"] | None
    records: int
    head: str | None
    root: str | None
    problem: LogProblem | None


class LogChecker:
    """Checks the lines of one log as they come: ``feed`` each, then ``finish``.

    Attributes:
        records: Number of records that passed.
        head: Leaf hash of the last of them, as hexadecimal digits.
        tree: Merkle tree over them.
        ended: Whether the last of them is the end record.
    """

    def __init__(self) -> None:
        self.records = 0
        self.head = NO_PREV
        self.tree = MerkleTree()
        self.ended = False
        self._t = 0
        self._events = 0
        self._ids: set[str] = set()
        self._doubted: str | None = None  # leaf hash of a record whose prev does not match

    def feed(self, line: bytes) -> Record | None:
        """Check the next line (without its LF) and return its record.

        Returns:
            The record, or None while a verdict waits: the next call or ``finish`` then fails.

        Raises:
            LogFaultError: A record breaks a rule; it names the record, which may be an earlier one.
        """
        if self.ended:
            raise self._fault(LogCode.TRAILING_DATA, "the log goes on after its end record")
        if self._doubted is not None:
            raise self._chain_fault(line)
        record = self._read(line)
        self._check_place(record)
        leaf = leaf_hash(line)
        if record.prev != self.head:
            self._doubted = leaf.hex()
            if isinstance(record, EndRecord):  # it vouches for itself, so the doubt is settled
                raise self._chain_fault(b"")
            return None
        self._check_content(record)
        self.head = leaf.hex()
        self.tree.append(leaf)
        self.records += 1
        return record

    def settle(self) -> None:
        """Say what is left to say about the lines so far.

        Raises:
            LogFaultError: The last record does not continue the chain.
        """
        if self._doubted is not None:
            raise self._chain_fault(b"")

    def finish(self) -> None:
        """Check that the log is complete.

        Raises:
            LogFaultError: It is empty, or has no end record.
        """
        self.settle()
        if not self.records:
            raise self._fault(LogCode.EMPTY, "the log holds no record")
        if not self.ended:
            raise self._fault(LogCode.TRUNCATED, "the end record is missing")

    def _read(self, line: bytes) -> Record:
        try:
            return read_record(line)
        except NotCanonicalError as error:
            too_long = error.reason is Reason.LINE_TOO_LONG
            code = LogCode.LINE_TOO_LONG if too_long else LogCode.NOT_CANONICAL
            raise self._fault(code, str(error)) from error
        except RecordSchemaError as error:
            raise self._fault(LogCode.RECORD_SCHEMA, str(error)) from error

    def _check_place(self, record: Record) -> None:
        if record.seq != self.records:
            message = f"sequence number {record.seq}, expected {self.records}"
            raise self._fault(LogCode.SEQ_GAP, message)
        if not self.records and not isinstance(record, StartRecord):
            raise self._fault(LogCode.START_MISSING, "the first record must be a start record")
        if self.records and isinstance(record, StartRecord):
            raise self._fault(LogCode.START_REPEATED, "a log holds one episode, so one start")
        if isinstance(record, EndRecord) and record.check != record.expected_check():
            raise self._fault(LogCode.END_CHECK, "the end record does not match its own digest")

    def _check_content(self, record: Record) -> None:
        if record.t < self._t:
            message = f"t={record.t} after t={self._t}"
            raise self._fault(LogCode.TIME_BACKWARDS, message)
        self._t = record.t
        if isinstance(record, EventRecord):
            self._events += 1
            self._check_id(record)
        elif isinstance(record, EndRecord):
            self._check_end(record)
            self.ended = True

    def _check_id(self, record: EventRecord) -> None:
        """Refuse a second event of one id that took effect; one that was refused may stand here."""
        event_id = record.event.get("event_id")
        if record.outcome.get("status") == "BLOCKED" or not isinstance(event_id, str):
            return
        if event_id in self._ids:
            message = f"an event with the id {event_id!r} has taken effect before"
            raise self._fault(LogCode.EVENT_DUPLICATE, message)
        self._ids.add(event_id)

    def _check_end(self, record: EndRecord) -> None:
        if record.body.events != self._events:
            message = f"the end record counts {record.body.events} events, found {self._events}"
            raise self._fault(LogCode.COUNT_MISMATCH, message)
        root = self.tree.root().hex()
        if record.body.root != root:
            message = f"the end record states the root {record.body.root}, found {root}"
            raise self._fault(LogCode.ROOT_MISMATCH, message)

    def _chain_fault(self, after: bytes) -> LogFaultError:
        """Name the record that broke the chain: the doubted one, or the one before it.

        The doubted record is exonerated unless the line after it contradicts it as well.
        """
        doubted = self.records
        try:
            blamed = bool(after) and read_record(after).prev != self._doubted
        except (NotCanonicalError, RecordSchemaError):
            blamed = False
        if blamed or not doubted:
            message = "its prev is not the hash of the record before it"
            return LogFaultError(LogCode.CHAIN_BROKEN, doubted, message)
        message = "its hash is not what the record after it says"
        return LogFaultError(LogCode.CHAIN_BROKEN, doubted - 1, message)

    def _fault(self, code: LogCode, message: str) -> LogFaultError:
        return LogFaultError(code, self.records, message)


def open_log(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a log for reading.

    Raises:
        LedgerError: It cannot be opened.
    """
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise LedgerError(f"{path}: cannot read the log ({error.strerror})") from error


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield each line with its LF. A line beyond the limit is cut just past it, without an LF."""
    while line := file.readline(MAX_LINE + 2):
        yield line


def verify_log(path: str | os.PathLike[str]) -> LogReport:
    """Verify one episode log at level L0 and report the first problem, if any.

    Raises:
        LedgerError: The file cannot be read.
    """
    checker = LogChecker()
    with open_log(path) as file:
        try:
            for line in read_lines(file):
                feed_whole_line(checker, line)
            checker.finish()
        except LogFaultError as fault:
            problem = LogProblem(str(fault.code), fault.record, fault.message)
            return LogReport(
                ok=False, level=None, records=checker.records, head=None, root=None, problem=problem
            )
        except OSError as error:
            raise LedgerError(f"{path}: cannot read the log ({error.strerror})") from error
    root = checker.tree.root().hex()
    return LogReport(
        ok=True, level="L0", records=checker.records, head=checker.head, root=root, problem=None
    )


def verified_records(path: str | os.PathLike[str]) -> list[Record]:
    """Return the records of a log, read once, that verifies at level L0.

    Raises:
        LogFaultError: The log breaks a rule.
        LedgerError: The file cannot be read.
    """
    checker = LogChecker()
    records: list[Record] = []
    with open_log(path) as file:
        try:
            for line in read_lines(file):
                feed_whole_line(checker, line)
                records.append(read_record(line.removesuffix(b"\n")))
        except OSError as error:
            raise LedgerError(f"{path}: cannot read the log ({error.strerror})") from error
    checker.finish()
    return records


def feed_whole_line(checker: LogChecker, line: bytes) -> Record | None:
    """Check the next line, with its LF as ``read_lines`` gives it; as ``LogChecker.feed`` else.

    Raises:
        LogFaultError: A record breaks a rule, or the line is torn.
    """
    if line.endswith(b"\n") or len(line) > MAX_LINE or checker.ended:
        return checker.feed(line.removesuffix(b"\n"))
    checker.settle()
    message = "the last line has no LF: the log was cut, or is still being written"
    raise LogFaultError(LogCode.TORN_LINE, checker.records, message)
