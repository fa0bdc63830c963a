"""What the ledger asks of a disk, and the operating system's answer to it.

Everything that writes or repairs a log goes through a ``FileLayer``, so that tests can give it a
disk that fails and loses power at any call. Two rules hold for whoever calls it: what was written
survives a loss of power only after ``sync`` (a file's bytes and length) and ``sync_folder`` (its
name); and after a call has failed, nothing is known of what it wrote. A failed ``sync`` is never
tried again: the system may have dropped the bytes and would call the second try a success.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final, Protocol

_ADDED: Final = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)  # where there are such
_APPEND: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | _ADDED
_EDIT: Final = os.O_RDWR | _ADDED


class FileLayer(Protocol):
    """The calls. Every one of them raises ``OSError`` when it fails."""

    def open_append(self, path: Path) -> int:
        """Open a regular file for appending, and create it if it is missing; return its number."""

    def open_edit(self, path: Path) -> int:
        """Open a file that exists, to change its length; return its number."""

    def open_read(self, path: Path) -> BinaryIO:
        """Open a file for reading from its beginning."""

    def size(self, fd: int) -> int:
        """Return the length of an open file, in bytes."""

    def write(self, fd: int, data: bytes | bytearray) -> int:
        """Write at the end of a file; return how many bytes were taken, at least one."""

    def truncate(self, fd: int, length: int) -> None:
        """Cut a file to a length."""

    def sync(self, fd: int) -> None:
        """Force a file's bytes and length to the disk."""

    def close(self, fd: int) -> None:
        """Close a file. Its number is gone even if this fails."""

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another name at once, in place of whatever had it."""

    def sync_folder(self, folder: Path) -> None:
        """Force the names in a folder to the disk, where the platform can."""


class OsFiles:
    """The files of the operating system."""

    def open_append(self, path: Path) -> int:
        """Open a regular file for appending, and create it if it is missing; return its number."""
        fd = os.open(path, _APPEND, 0o644)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file")
        return fd

    def open_edit(self, path: Path) -> int:
        """Open a file that exists, to change its length; return its number."""
        return os.open(path, _EDIT)

    def open_read(self, path: Path) -> BinaryIO:
        """Open a file for reading from its beginning."""
        return path.open("rb")

    def size(self, fd: int) -> int:
        """Return the length of an open file, in bytes."""
        return os.fstat(fd).st_size

    def write(self, fd: int, data: bytes | bytearray) -> int:
        """Write at the end of a file; return how many bytes were taken, at least one."""
        taken = os.write(fd, data)
        if not taken:
            raise OSError(errno.EIO, "nothing was taken")
        return taken

    def truncate(self, fd: int, length: int) -> None:
        """Cut a file to a length."""
        os.ftruncate(fd, length)

    def sync(self, fd: int) -> None:
        """Force a file's bytes and length to the disk."""
        os.fsync(fd)

    def close(self, fd: int) -> None:
        """Close a file. Its number is gone even if this fails."""
        os.close(fd)

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another name at once, in place of whatever had it."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """Force the names in a folder to the disk, where the platform can."""
        if os.name != "posix":
            return
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


OS_FILES: Final = OsFiles()
