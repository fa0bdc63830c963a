"""Writes the log of a run; every record is on the disk before the writer says so.

What is written passes the checker first, so the writer makes no log that a reader refuses. Opened
again after a crash, it cuts off a torn last line and goes on; any other damage is an error and the
file stays as it is. After a failed write nothing more is taken.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from labtrust_core.canonical import NotCanonicalError, Reason, canonical_bytes
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.record import VERSION
from labtrust_core.ledger.run_log import (
    KINDS,
    RunBody,
    RunLogChecker,
    RunLogFaultError,
)
from labtrust_core.ledger.verify import open_log, read_lines

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_TORN: Final = frozenset({Reason.NOT_JSON, Reason.NOT_UTF8})


class RunLogWriter:
    """A run log that grows. Use it as a context manager, or call ``close``.

    Attributes:
        path: The file.
        checker: What the log says so far: its order, origin, number of records, tree.
    """

    def __init__(self, path: Path) -> None:
        """Open the log, which is checked if it is there already, or make an empty one.

        Args:
            path: The file; its folder must exist.

        Raises:
            RunLogFaultError: A record breaks a rule.
            LedgerError: The file cannot be read or written.
        """
        self.path = path
        self.checker = RunLogChecker()
        self._failed = False
        self._fd: int | None = None
        kept = _checked(path, self.checker) if path.exists() else 0
        try:
            self._fd = os.open(path, _FLAGS, 0o644)
            if os.fstat(self._fd).st_size > kept:
                os.ftruncate(self._fd, kept)
            os.fsync(self._fd)
            _sync_folder(path.parent)
        except OSError as error:
            self.close()
            raise self._error("cannot open the run log", error) from error

    def write(self, body: RunBody) -> None:
        """Append a record; it is on the disk when this returns.

        Raises:
            RunLogFaultError: It may not stand here; nothing is written.
            LedgerError: It cannot be written, an earlier write failed, or the writer is closed.
        """
        if self._fd is None or self._failed:
            raise self._error("closed" if self._fd is None else "an earlier write failed")
        checker = self.checker
        placed = {"v": VERSION, "seq": checker.records, "prev": checker.head}
        record = {**placed, "kind": KINDS[type(body)], "body": msgspec.to_builtins(body)}
        line = canonical_bytes(record) + b"\n"
        checker.feed(line)
        self._failed = True
        try:
            while line:
                line = line[os.write(self._fd, line) :]
            os.fsync(self._fd)
        except OSError as error:
            raise self._error("cannot write", error) from error
        self._failed = False

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _error(self, what: str, cause: OSError | None = None) -> LedgerError:
        tail = f" ({cause.strerror})" if cause else ""
        return LedgerError(f"{self.path}: {what}{tail}")


def _checked(path: Path, checker: RunLogChecker) -> int:
    """Check a log that is there, but for a torn last line; return the length of what is whole."""
    kept = 0
    with open_log(path) as file:
        size = os.fstat(file.fileno()).st_size
        for line in read_lines(file):
            try:
                checker.feed(line)
            except RunLogFaultError as fault:
                if kept + len(line) == size and _is_torn(line, fault):
                    break
                raise
            kept += len(line)
    return kept


def _is_torn(line: bytes, fault: RunLogFaultError) -> bool:
    """Whether the last line is what a crash leaves: without its LF, or no JSON at all."""
    cause = fault.__cause__
    return not line.endswith(b"\n") or (
        isinstance(cause, NotCanonicalError) and cause.reason in _TORN
    )


def _sync_folder(folder: Path) -> None:
    """Make the file's name as durable as its bytes, where the platform can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
