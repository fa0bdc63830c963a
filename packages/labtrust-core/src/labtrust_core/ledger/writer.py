"""Writes an episode log: JSON Lines, appended, flushed and synced as asked.

What ``write`` has accepted is *acknowledged* when ``write`` returns with ``sync="record"``, and
when the next ``flush`` or ``close`` returns otherwise. Acknowledged lines survive the end of the
process; with ``"record"`` also a loss of power, and with ``"close"`` once ``close`` has returned.
After anything has failed nothing more is acknowledged, since the file may end in half a line and
the disk may lack what it was told to keep; ``labtrust_core.ledger.recover`` repairs it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias

from labtrust_core.canonical import MAX_LINE
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.files import OS_FILES, FileLayer

Sync: TypeAlias = Literal["none", "record", "close"]

_SYNCS: Final = ("none", "record", "close")
_BUFFER: Final = 256 * 1024  # bytes that are gathered before they go to the operating system


class LogWriter:
    """A new log file. Use it as a context manager, or call ``close``.

    Attributes:
        path: The file.
        lines: Number of lines accepted so far.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, sync: Sync = "close", files: FileLayer = OS_FILES
    ) -> None:
        """Create the file; its folder must exist.

        Args:
            path: A file that does not exist, or is empty.
            sync: When to force the file to the disk: ``"record"`` on every write, ``"close"`` on
                closing, ``"none"`` never.
            files: What the file lies on.

        Raises:
            LedgerError: The file cannot be created, is no regular file or holds something already.
        """
        if sync not in _SYNCS:
            raise LedgerError(f"sync must be one of {', '.join(_SYNCS)}, found {sync!r}")
        self.path = Path(path)
        self.lines = 0
        self._files = files
        self._sync = sync
        self._pending = bytearray()
        self._fd: int | None = None
        self._failed = False
        self._open()

    def _open(self) -> None:
        try:
            fd = self._files.open_append(self.path)
        except OSError as error:
            raise self._error("cannot create the log", error) from error
        try:
            size = self._files.size(fd)
            if self._sync == "record":
                self._files.sync_folder(self.path.parent)  # a record without a file is lost
        except OSError as error:
            self._let_go(fd)
            raise self._error("cannot create the log", error) from error
        if size:
            self._let_go(fd)
            raise self._error("a log is only written to a new file; this is not an empty one")
        self._fd = fd

    def write(self, line: bytes) -> None:
        """Append one canonical line (without its LF).

        Raises:
            LedgerError: The line is too long or holds an LF; the file cannot be written; or the
                writer is closed, or has failed before.
        """
        self._usable()
        if len(line) > MAX_LINE or b"\n" in line:
            raise self._error(f"a line has no LF and at most {MAX_LINE} bytes")
        self._pending += line
        self._pending += b"\n"
        self.lines += 1
        if self._sync == "record" or len(self._pending) >= _BUFFER:
            self.flush()

    def flush(self) -> None:
        """Hand all accepted lines to the operating system; with ``sync="record"``, to the disk.

        Raises:
            LedgerError: The file cannot be written; or the writer is closed, or has failed before.
        """
        fd = self._usable()
        if not self._pending:
            return
        self._failed = True  # until all of it is done, whatever interrupts it
        try:
            while self._pending:
                written = self._files.write(fd, self._pending)
                del self._pending[:written]
            if self._sync == "record":
                self._files.sync(fd)
        except OSError as error:
            raise self._error("cannot write", error) from error
        self._failed = False

    def close(self) -> None:
        """Flush, sync if asked and close; closing twice does nothing.

        Raises:
            LedgerError: The file cannot be written, synced or closed, or something failed before;
                it is closed all the same, and not all lines are acknowledged.
        """
        if self._fd is None:
            return
        fd = self._fd
        try:
            self.flush()
            if self._sync == "close":
                self._files.sync(fd)
                self._files.sync_folder(self.path.parent)
        except BaseException as error:
            self._fd = None
            self._let_go(fd)
            if isinstance(error, OSError):
                raise self._error("cannot sync", error) from error
            raise
        self._fd = None
        try:
            self._files.close(fd)
        except OSError as error:
            raise self._error("cannot close", error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._failed and error is not None and self._fd is not None:
            fd, self._fd = self._fd, None  # what failed is on its way already
            self._let_go(fd)
            return
        self.close()

    def _usable(self) -> int:
        """Return the number of the file, which still takes lines."""
        if self._fd is None:
            raise self._error("the log is closed")
        if self._failed:
            raise self._error("an earlier write failed")
        return self._fd

    def _let_go(self, fd: int) -> None:
        with suppress(OSError):  # another failure is being told
            self._files.close(fd)

    def _error(self, what: str, cause: OSError | None = None) -> LedgerError:
        tail = f" ({cause.strerror})" if cause else ""
        return LedgerError(f"{self.path}: {what}{tail}")
