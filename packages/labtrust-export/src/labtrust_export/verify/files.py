"""The files of a bundle: a look at the folder, and reading each file once while it is hashed.

What is checked is what was hashed: a file is opened once, and its digest is taken of the very bytes
that the checks are given. A name that changes hands while a verification runs changes nothing, and
a file that changes while it is read no longer has its digest.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from labtrust_core.canonical import MAX_LINE

from labtrust_export.statement import FILE_NAME, KNOWN_FILES, MANIFEST
from labtrust_export.verify.report import FaultError

_CHUNK: Final = 1024 * 1024
_PROGRESS_LINES: Final = 10_000

Progress = Callable[[str, int, int], None]
"""Told now and then: name of the file, bytes read, bytes there are."""


def no_progress(_file: str, _read: int, _size: int) -> None:
    """Progress that nobody wants to see."""


class Folder:
    """A bundle's folder as it was found: one listing, taken once.

    Attributes:
        path: Where it is.
        known: Names of files of a bundle that are there.
        strange: The first legal name, in order, of a file that no bundle has; or None.
    """

    def __init__(self, path: Path) -> None:
        """Look at the folder; memory does not grow with what lies in it.

        Raises:
            FaultError: It is missing, empty, or holds what no bundle holds.
        """
        self.path = path
        self.known: set[str] = set()
        self.strange: str | None = None
        odd, illegal, count = None, None, 0
        for entry in _entries(path):
            count += 1
            if not entry.is_file(follow_symlinks=False):
                odd = _first(odd, entry.name)
            elif not FILE_NAME.match(entry.name):
                illegal = _first(illegal, entry.name)
            elif entry.name in KNOWN_FILES or entry.name == MANIFEST:
                self.known.add(entry.name)
            else:
                self.strange = _first(self.strange, entry.name)
        if not count:
            raise FaultError("BUNDLE_EMPTY", "the folder holds nothing")
        if odd is not None:
            message = f"{odd!a} is no regular file; expected files only, no links or folders"
            raise FaultError("BUNDLE_FILE_KIND", message)
        if illegal is not None:
            message = f"{illegal!a}; expected a name of A-Z, a-z, 0-9, dot, dash, underline"
            raise FaultError("BUNDLE_NAME_ILLEGAL", message)


def _first(one: str | None, other: str) -> str:
    return other if one is None else min(one, other)


def _entries(path: Path) -> Iterator[os.DirEntry[str]]:
    try:
        if not stat.S_ISDIR(path.lstat().st_mode):
            raise FaultError("BUNDLE_NOT_A_FOLDER", "the path is no folder, or is a link")
        with os.scandir(path) as entries:
            yield from entries
    except (OSError, ValueError) as error:
        message = f"the folder cannot be read: {error}"
        raise FaultError("BUNDLE_NOT_A_FOLDER", message) from error


class HashedFile:
    """One file of a bundle, read once from its beginning to its end.

    Attributes:
        name: Its name.
        size: Its number of bytes when it was opened.
    """

    def __init__(self, name: str, file: BinaryIO, progress: Progress) -> None:
        self.name = name
        self.size = os.fstat(file.fileno()).st_size
        self._file = file
        self._hash = hashlib.sha256()
        self._read = 0
        self._progress = progress

    def lines(self, limit: int = MAX_LINE) -> Iterator[bytes]:
        """Yield each line with its LF; one beyond the limit is cut just past it, without an LF."""
        number = 0
        while line := self._file.readline(limit + 2):
            self._take(line)
            number += 1
            if number % _PROGRESS_LINES == 0:
                self._progress(self.name, self._read, self.size)
            yield line

    def content(self, limit: int) -> bytes | None:
        """Return what the file holds, or None where that is more than ``limit`` bytes."""
        data = self._file.read(limit + 1)
        self._take(data)
        return data if len(data) <= limit else None

    def digest(self) -> str:
        """Read what is left, and return the SHA-256 (hex) of the whole file."""
        while chunk := self._file.read(_CHUNK):
            self._take(chunk)
        self._progress(self.name, self._read, self._read)
        return self._hash.hexdigest()

    def _take(self, data: bytes) -> None:
        self._hash.update(data)
        self._read += len(data)


@contextmanager
def opened(folder: Path, name: str, progress: Progress = no_progress) -> Iterator[HashedFile]:
    """Open a file of a bundle, follow no link, and close it in the end.

    Raises:
        FaultError: It is gone, no regular file any more, or cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(folder / name, flags), "rb", buffering=_CHUNK) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FaultError("BUNDLE_FILE_KIND", f"{name} is no regular file", file=name)
            yield HashedFile(name, file, progress)
    except OSError as error:
        message = f"{name} cannot be read: {error.strerror}"
        raise FaultError("BUNDLE_FILE_KIND", message, file=name) from error
