"""Files that are there whole or not at all, also after a kill or a loss of power."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from labtrust_core.ledger.files import OS_FILES

PARTIAL: Final = ".partial"
"""How the name of a file ends that is being written; a tidy-up may remove it."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` when it is complete and on the disk."""
    partial = path.with_name(f".{path.name}{PARTIAL}")
    with partial.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    OS_FILES.sync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file at once, in place of the one that is there."""
    with whole_file(path) as file:
        file.write(data)


def write_all(handle: int, data: bytes) -> None:
    """Write all of ``data`` to an open file, and force it to the disk."""
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)
