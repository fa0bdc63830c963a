"""Writes the log of a run; every record is on the disk before the writer says so.

What is written passes the checker first, so the writer makes no log that a reader refuses. Opened
again after a crash, it cuts off a torn last line and goes on; any other damage is an error and the
file stays as it is. After a failed write nothing more is taken.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from labtrust_core.canonical import MAX_LINE, NotCanonicalError, Reason, canonical_bytes
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.files import OS_FILES, FileLayer
from labtrust_core.ledger.record import VERSION
from labtrust_core.ledger.run_log import KINDS, RunBody, RunLogChecker, RunLogFaultError
from labtrust_core.ledger.verify import read_lines

_TORN: Final = frozenset({Reason.NOT_JSON, Reason.NOT_UTF8})


class RunLogWriter:
    """A run log that grows. Use it as a context manager, or call ``close``.

    Attributes:
        path: The file.
        checker: What the log says so far: its order, origin, number of records, tree.
    """

    def __init__(self, path: Path, *, files: FileLayer = OS_FILES) -> None:
        """Open the log, which is checked if it is there already, or make an empty one.

        Args:
            path: The file; its folder must exist.
            files: What the file lies on.

        Raises:
            RunLogFaultError: A record breaks a rule.
            LedgerError: The file cannot be read or written.
        """
        self.path = path
        self.checker = RunLogChecker()
        self._files = files
        self._failed = False
        self._fd: int | None = None
        try:
            kept = self._checked()
            self._fd = files.open_append(path)
            if files.size(self._fd) > kept:
                files.truncate(self._fd, kept)
            files.sync(self._fd)
            files.sync_folder(path.parent)
        except OSError as error:
            self.close()
            raise self._error("cannot open the run log", error) from error

    def write(self, body: RunBody) -> None:
        """Append a record; it is on the disk when this returns.

        Raises:
            RunLogFaultError: It may not stand here; nothing is written.
            NotCanonicalError: It has no canonical form; nothing is written.
            LedgerError: It cannot be written, an earlier write failed, or the writer is closed.
        """
        if self._fd is None or self._failed:
            raise self._error("closed" if self._fd is None else "an earlier write failed")
        checker = self.checker
        placed = {"v": VERSION, "seq": checker.records, "prev": checker.head}
        record = {**placed, "kind": KINDS[type(body)], "body": msgspec.to_builtins(body)}
        line = canonical_bytes(record) + b"\n"
        checker.feed(line)
        self._failed = True  # until all of it is done, whatever interrupts it
        try:
            while line:
                line = line[self._files.write(self._fd, line) :]
            self._files.sync(self._fd)
        except OSError as error:
            raise self._error("cannot write", error) from error
        self._failed = False

    def close(self) -> None:
        """Close the file; closing twice does nothing."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            with suppress(OSError):  # every record is on the disk already
                self._files.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _checked(self) -> int:
        """Check what is there, but for a torn last line; return the length of what is whole."""
        kept = 0
        try:
            file = self._files.open_read(self.path)
        except FileNotFoundError:
            return 0
        with file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            for line in read_lines(file):
                try:
                    self.checker.feed(line)
                except RunLogFaultError as fault:
                    if kept + len(line) == size and _is_torn(line, fault):
                        break
                    raise
                kept += len(line)
        return kept

    def _error(self, what: str, cause: OSError | None = None) -> LedgerError:
        tail = f" ({cause.strerror})" if cause else ""
        return LedgerError(f"{self.path}: {what}{tail}")


def _is_torn(line: bytes, fault: RunLogFaultError) -> bool:
    """Whether the last line is what a crash leaves: without its LF or a sector, or no JSON."""
    cause = fault.__cause__
    if not line.endswith(b"\n"):
        return len(line) <= MAX_LINE + 1
    return isinstance(cause, NotCanonicalError) and cause.reason in _TORN
