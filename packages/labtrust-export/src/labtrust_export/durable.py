"""Files that survive a crash whole, locks that end with their process, and bounded reading."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from labtrust_core.errors import UsageError
from labtrust_core.ledger.files import OS_FILES

_LOCKED_BYTE: Final = 1 << 40  # behind anything that is ever written


def replace_durably(path: Path, data: bytes) -> None:
    """Put a file in place: after a crash it is the old one or the new one, never a part.

    Raises:
        OSError: It cannot be written; what was there is as it was.
    """
    staged = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with staged.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
    OS_FILES.sync_folder(path.parent)


def read_at_most(path: Path, limit: int) -> bytes:
    """Return a file's bytes; of a longer one only so many that a reader sees that it is too long.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return file.read(limit + 1)


def append_durably(path: Path, data: bytes) -> None:
    """Add bytes to the end of a file and force them to the disk.

    Raises:
        OSError: They cannot be written; some of them may have been.
    """
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made if need be and must not be replaced meanwhile.

    Raises:
        UsageError: Another process holds it, or the file cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    try:
        handle = os.open(path, flags, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    try:
        try:
            _take(handle)
        except OSError as error:
            raise UsageError(f"{path} is in use by another process") from error
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
