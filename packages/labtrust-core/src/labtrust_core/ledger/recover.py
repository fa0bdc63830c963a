"""Recovers a log after a crash: cuts off a torn last line, and touches nothing else.

A line is torn if it has no LF, or if it is the last one and is not JSON (sectors may reach the disk
out of order, and one that did not reads as zeros). No such line was acknowledged by a writer that
syncs each record. Any other damage is for a person to look into, so it is an error and the file
stays as it is.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.canonical import MAX_LINE, NotCanonicalError, Reason
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.files import OS_FILES, FileLayer
from labtrust_core.ledger.verify import LogChecker, LogFaultError, read_lines

_TORN: Final = frozenset({Reason.NOT_JSON, Reason.NOT_UTF8})


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a recovery did.

    Attributes:
        records_kept: Number of whole records in the log; they are on the disk.
        bytes_dropped: Length of the torn tail that was cut off; 0 if there was none.
        head: Leaf hash of the last record kept (zeros if none).
        ended: Whether the log is complete; if not, it stays unfinished and so not valid.
    """

    records_kept: int
    bytes_dropped: int
    head: str
    ended: bool


def recover(path: str | os.PathLike[str], *, files: FileLayer = OS_FILES) -> Recovery:
    """Cut off the torn tail of a log, if it has one, and force the rest to the disk.

    Recovering twice changes nothing more, also where the first time was cut short.

    Args:
        path: The log.
        files: What the file lies on.

    Raises:
        LedgerError: The file cannot be read or written; or a line before the tail is damaged:
            the message names the record, and the file is unchanged.
    """
    checker = LogChecker()
    try:
        size, kept = _measure(Path(path), checker, files)
    except LogFaultError as fault:
        raise LedgerError(f"{path}: not a torn tail but damage: {fault}") from fault
    except OSError as error:
        raise LedgerError(f"{path}: cannot read the log ({error.strerror})") from error
    try:
        _settle(Path(path), kept if kept < size else None, files)
    except OSError as error:
        raise LedgerError(f"{path}: cannot repair the log ({error.strerror})") from error
    return Recovery(checker.records, size - kept, checker.head, checker.ended)


def _measure(path: Path, checker: LogChecker, files: FileLayer) -> tuple[int, int]:
    """Return the size of the file and the length of its whole lines, all of which were checked."""
    kept = 0
    with files.open_read(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        for line in read_lines(file):
            last = kept + len(line) == size
            if last and _is_cut(line):
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


def _is_cut(line: bytes) -> bool:
    """Whether a last line lacks its LF or a sector; JSON holds no zero byte."""
    return len(line) <= MAX_LINE + 1 and (not line.endswith(b"\n") or b"\x00" in line)


def _is_torn(fault: LogFaultError) -> bool:
    cause = fault.__cause__
    return isinstance(cause, NotCanonicalError) and cause.reason in _TORN


def _settle(path: Path, length: int | None, files: FileLayer) -> None:
    """Cut the file to a length, if one is given, and force it to the disk."""
    fd = files.open_edit(path)
    try:
        if length is not None:
            files.truncate(fd, length)
        files.sync(fd)
    except OSError:
        with suppress(OSError):  # the first failure is told
            files.close(fd)
        raise
    files.close(fd)
    files.sync_folder(path.parent)
