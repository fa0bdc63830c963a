"""What a fuzz target is, and what counts as a finding."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from labtrust_core.errors import LabTrustError

MAX_SECONDS: Final = 1.0  # of the processor, for one input
MAX_INPUT: Final = 70_000  # bytes; a ledger's line has at most 65,536

T = TypeVar("T")


class FindingError(AssertionError):
    """A property does not hold for an input."""


@dataclass(frozen=True)
class Target:
    """A reader, and what must hold of it for any bytes.

    Attributes:
        name: Its name.
        about: What is read, a few words.
        check: Reads an input; raises ``FindingError``, or what the reader should not have raised.
        seeds: Returns inputs to begin with; good ones among them.
    """

    name: str
    about: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]

    def attempt(self, data: bytes) -> None:
        """Try an input.

        Raises:
            FindingError: A property does not hold, or it took too long.
        """
        begun = time.process_time()
        self.check(data)
        taken = time.process_time() - begun
        require(taken < MAX_SECONDS, f"{len(data)} bytes took {taken:.1f} s")


def require(holds: object, message: str) -> None:
    """Make a finding unless a property holds."""
    if not holds:
        raise FindingError(message)


def accepted(
    read: Callable[[], T], errors: type[Exception] | tuple[type[Exception], ...] = LabTrustError
) -> T | None:
    """Return what a reader returns, or None where it refuses with an error of its own."""
    try:
        return read()
    except errors:
        return None


def scratch() -> Path:
    """Return a folder for the files of this process."""
    return Path(_scratch().name)


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    """Keep the folder until the process ends."""
    return tempfile.TemporaryDirectory(prefix="labtrust-fuzz-")


def file_of(name: str, data: bytes) -> Path:
    """Return a scratch file that holds some bytes."""
    path = scratch() / name
    path.write_bytes(data)
    return path
