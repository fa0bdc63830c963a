"""Recovers a log after a crash: cuts off a torn last line, and touches nothing else.

A line is torn if it has no LF, or if it is the last one and is not JSON (blocks may reach the disk
out of order). Neither was acknowledged as durable by the writer. Any other damage is for a person
to look into, so it is an error and the file stays as it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.canonical import MAX_LINE, NotCanonicalError, Reason
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.verify import LogChecker, LogFaultError, open_log, read_lines

_TORN: Final = frozenset({Reason.NOT_JSON, Reason.NOT_UTF8})


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery did.

    Attributes:
        records_kept: Number of whole records in the log.
        bytes_dropped: Length of the torn tail that was cut off; 0 if there was none.
        head: Leaf hash of the last record kept (zeros if none).
        ended: Whether the log is complete; if not, it stays unfinished and so not valid.
    """

    records_kept: int
    bytes_dropped: int
    head: str
    ended: bool


def recover(path: str | os.PathLike[str]) -> Recovery:
    """Cut off the torn tail of a log, if it has one. Recovering twice changes nothing more.

    Raises:
        LedgerError: The file cannot be read or written, or a line before the tail is damaged;
            the message names the record, and the file is unchanged.
    """
    checker = LogChecker()
    try:
        size, kept = _measure(path, checker)
    except LogFaultError as fault:
        raise LedgerError(f"{path}: not a torn tail but damage: {fault}") from fault
    if kept < size:
        _truncate(path, kept)
    return Recovery(checker.records, size - kept, checker.head, checker.ended)


def _measure(path: str | os.PathLike[str], checker: LogChecker) -> tuple[int, int]:
    """Return the size of the file and the length of its whole lines, all of which were checked."""
    kept = 0
    with open_log(path) as file:
        size = os.fstat(file.fileno()).st_size
        for line in read_lines(file):
            last = kept + len(line) == size
            if last and not line.endswith(b"\n") and len(line) <= MAX_LINE + 1:
                break
            try:
                checker.feed(line.removesuffix(b"\n"))
            except LogFaultError as fault:
                if last and _is_torn(fault):
                    break
                raise
            kept += len(line)
    checker.settle()
    return size, kept


def _is_torn(fault: LogFaultError) -> bool:
    cause = fault.__cause__
    return isinstance(cause, NotCanonicalError) and cause.reason in _TORN


def _truncate(path: str | os.PathLike[str], length: int) -> None:
    try:
        with Path(path).open("r+b") as file:
            file.truncate(length)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise LedgerError(f"{path}: cannot cut the torn tail ({error.strerror})") from error
