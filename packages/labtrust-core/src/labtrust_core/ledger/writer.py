"""Writes an episode log: JSON Lines, appended, flushed and synced as asked.

What ``write`` has accepted is *acknowledged* at once with ``sync="record"``, and by the next
``flush`` or by ``close`` otherwise. After a failed write nothing more is taken, since the file may
end in half a line; ``labtrust_core.ledger.recover`` repairs it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias

from labtrust_core.canonical import MAX_LINE
from labtrust_core.errors import LedgerError

Sync: TypeAlias = Literal["none", "record", "close"]

_SYNCS: Final = ("none", "record", "close")
_BUFFER: Final = 256 * 1024  # bytes that are gathered before they go to the operating system
_FLAGS: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_APPEND
    | getattr(os, "O_BINARY", 0)  # the two flags that only some platforms have
    | getattr(os, "O_CLOEXEC", 0)
)


class LogWriter:
    """A new log file. Use it as a context manager, or call ``close``.

    Attributes:
        path: The file.
        lines: Number of lines accepted so far.
    """

    def __init__(self, path: str | os.PathLike[str], *, sync: Sync = "close") -> None:
        """Create the file; its folder must exist.

        Args:
            path: A file that does not exist, or is empty.
            sync: When to force the file to the disk: ``"record"`` on every write, ``"close"`` on
                closing, ``"none"`` never.

        Raises:
            LedgerError: The file cannot be created, is no regular file or holds something already.
        """
        if sync not in _SYNCS:
            raise LedgerError(f"sync must be one of {', '.join(_SYNCS)}, found {sync!r}")
        self.path = Path(path)
        self.lines = 0
        self._sync = sync
        self._pending = bytearray()
        self._fd: int | None = None
        self._failed = False
        try:
            fd = os.open(self.path, _FLAGS, 0o644)
            status = os.fstat(fd)
        except OSError as error:
            raise self._error("cannot create the log", error) from error
        if not stat.S_ISREG(status.st_mode) or status.st_size:
            os.close(fd)
            raise self._error("a log is only written to a new file; this is not an empty one")
        self._fd = fd

    def write(self, line: bytes) -> None:
        """Append one canonical line (without its LF).

        Raises:
            LedgerError: The line is too long or holds an LF; the file cannot be written; or the
                writer is closed, or has failed before.
        """
        if self._fd is None or self._failed:
            raise self._error(
                "the log is closed" if self._fd is None else "an earlier write failed"
            )
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
            LedgerError: The file cannot be written.
        """
        if self._fd is None:
            raise self._error("the log is closed")
        try:
            while self._pending:
                written = os.write(self._fd, self._pending)
                del self._pending[:written]
            if self._sync == "record":
                os.fsync(self._fd)
        except OSError as error:
            self._failed = True
            raise self._error("cannot write", error) from error

    def close(self) -> None:
        """Flush, sync if asked and close; closing twice does nothing.

        Raises:
            LedgerError: The file cannot be written or synced; it is closed all the same.
        """
        if self._fd is None:
            return
        try:
            if not self._failed:
                self.flush()
                if self._sync != "none":
                    os.fsync(self._fd)
                    _sync_folder(self.path.parent)
        except OSError as error:
            raise self._error("cannot sync", error) from error
        finally:
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


def _sync_folder(folder: Path) -> None:
    """Make the file's name as durable as its bytes, where the platform can."""
    if os.name != "posix":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
