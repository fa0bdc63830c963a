"""Files that a crash leaves whole, and locks that end with their process, however that ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from labtrust_core.errors import UsageError
from labtrust_core.ledger.files import OS_FILES

PARTIAL: Final = ".partial"
"""How the name of a file ends that is being written; a tidy-up may remove it."""

_LOCKED_BYTE: Final = 1 << 40  # behind anything that is ever written


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when it is complete and on the disk.

    Raises:
        OSError: It cannot be written; what was there is as it was.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    OS_FILES.sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Put a file in place: after a crash it is the old one or the new one, never a part.

    Raises:
        OSError: It cannot be written; what was there is as it was.
    """
    with whole_file(path) as file:
        file.write(data)


@contextmanager
def exclusive(path: Path, guarded: Path) -> Iterator[None]:
    """Hold the lock of a file, which is made if need be and must not be replaced meanwhile.

    Args:
        path: The file; its bytes are left alone.
        guarded: What nobody else may use meanwhile, for the message.

    Raises:
        UsageError: Another process holds it, or the file cannot be opened.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    try:
        handle = os.open(path, flags, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write {guarded}: {error.strerror}") from error
    try:
        try:
            _take(handle)
        except OSError as error:
            raise UsageError(f"{guarded} is in use by another process") from error
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
