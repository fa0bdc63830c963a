"""Bounded reading, and adding to a file for good."""

from __future__ import annotations

import os
from pathlib import Path


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
