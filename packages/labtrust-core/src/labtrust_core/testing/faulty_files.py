"""A simulated disk for tests: it knows what was written from what is durable, and fails on request.

Reads see the page cache. A loss of power keeps what was synced; of the rest it keeps nothing, all,
the beginning, or any mixture of 512-byte sectors, in which a sector that never arrived reads as
zeros. The name of a new or renamed file is durable once its folder was synced. After a failed sync
the unsynced bytes never become durable, though a later sync is called a success.
"""

from __future__ import annotations

import errno
import io
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import BinaryIO, Final, Literal, NoReturn, TypeAlias

SECTOR: Final = 512  # bytes that a disk writes wholly or not at all

Call: TypeAlias = Literal[
    "open_append", "open_edit", "write", "truncate", "sync", "close", "replace", "sync_folder"
]
CALLS: Final[tuple[Call, ...]] = (
    "open_append",
    "open_edit",
    "write",
    "truncate",
    "sync",
    "close",
    "replace",
    "sync_folder",
)


class Kind(StrEnum):
    """What goes wrong in a call.

    An error leaves the disk as it was, but for ``PARTIAL``, which takes half of a write and then
    fails; ``SHORT`` takes half and says so. ``CRASH`` loses power before the call, ``CRASH_AFTER``
    when it has been done and nobody has heard of it.
    """

    EIO = "EIO"
    ENOSPC = "ENOSPC"
    EINTR = "EINTR"
    PARTIAL = "PARTIAL"
    SHORT = "SHORT"
    CRASH = "CRASH"
    CRASH_AFTER = "CRASH_AFTER"


CRASHES: Final = frozenset({Kind.CRASH, Kind.CRASH_AFTER})
_OF_WRITES: Final = frozenset({Kind.PARTIAL, Kind.SHORT})
_ERRORS: Final = {
    Kind.EIO: errno.EIO,
    Kind.ENOSPC: errno.ENOSPC,
    Kind.EINTR: errno.EINTR,
    Kind.PARTIAL: errno.EIO,
}


class Loss(StrEnum):
    """What a loss of power leaves of bytes and names that were not synced."""

    ALL = "nothing of them is left"
    NONE = "they are all there"
    PREFIX = "the beginning of them is there"
    SECTORS = "any sectors of them are there"


class PowerLossError(BaseException):
    """The machine is off. No program can handle this, so it is no ``Exception``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The ``nth`` call (from 0) of a name fails in a way."""

    call: Call
    nth: int
    kind: Kind


class _File:
    """The contents of a file: durable first, then as after each call since; reads see the last."""

    def __init__(self, data: bytes = b"") -> None:
        self.versions = [data]
        self.forgetful = False

    @property
    def seen(self) -> bytes:
        return self.versions[-1]

    def change(self, data: bytes) -> None:
        self.versions.append(data)

    def sync(self) -> None:
        if not self.forgetful:
            del self.versions[:-1]

    def left(self, loss: Loss, random: Random) -> bytes:
        """Return what is found after a loss of power."""
        if loss is Loss.ALL:
            return self.versions[0]
        if loss is Loss.NONE:
            return self.seen
        if loss is Loss.PREFIX:
            last = random.randrange(len(self.versions))
            shorter = len(self.versions[max(last - 1, 0)])
            data = self.versions[last]
            return data[: random.randint(min(shorter, len(data)), len(data))]
        return self._sectors(random)

    def _sectors(self, random: Random) -> bytes:
        length = len(random.choice(self.versions))
        sectors = []
        for start in range(0, length, SECTOR):
            size = min(SECTOR, length - start)
            piece = random.choice(self.versions)[start : start + size]
            sectors.append(piece.ljust(size, b"\x00"))
        return b"".join(sectors)


class FaultyFiles:
    """A ``FileLayer`` on a simulated disk. Folders need not be made.

    Attributes:
        calls: How often each of ``CALLS`` was made.
    """

    def __init__(self, fault: Fault | None = None) -> None:
        self.calls: Counter[Call] = Counter()
        self._fault = fault
        self._off = False
        self._names: list[dict[Path, _File]] = [{}]  # durable first, as in _File
        self._open: dict[int, _File] = {}
        self._next = 3

    # ------------------------------------------------------------------------------- for the test

    def put(self, path: Path, data: bytes) -> None:
        """Lay a durable file on the disk."""
        file = _File(data)
        self._names = [{**names, path: file} for names in self._names]

    def content(self, path: Path) -> bytes | None:
        """Return what a reader sees, or None where there is no such file."""
        file = self._names[-1].get(path)
        return None if file is None else file.seen

    def paths(self) -> list[Path]:
        """Return the names of all files, sorted."""
        return sorted(self._names[-1])

    def arm(self, fault: Fault | None) -> None:
        """Choose the next fault; calls count from here."""
        self._fault = fault
        self.calls.clear()

    def after_power_loss(self, loss: Loss, seed: int = 0) -> FaultyFiles:
        """Return the disk as it is found when the power is back, without any fault."""
        random = Random(seed)  # noqa: S311  # draws of a test
        last = {Loss.ALL: 0, Loss.NONE: -1}.get(loss, random.randrange(len(self._names)))
        found = FaultyFiles()
        for path, file in self._names[last].items():
            found.put(path, file.left(loss, random))
        return found

    # ------------------------------------------------------------------------------ the file layer

    def open_append(self, path: Path) -> int:
        """Open a file for appending, and create it if it is missing."""
        with self._call("open_append"):
            if path not in self._names[-1]:
                self._names.append({**self._names[-1], path: _File()})
            return self._opened(path)

    def open_edit(self, path: Path) -> int:
        """Open a file that exists."""
        with self._call("open_edit"):
            return self._opened(path)

    def open_read(self, path: Path) -> BinaryIO:
        """Open a file for reading."""
        return io.BytesIO(self._found(path).seen)

    def size(self, fd: int) -> int:
        """Return the length of an open file."""
        return len(self._open[fd].seen)

    def write(self, fd: int, data: bytes | bytearray) -> int:
        """Write at the end of a file."""
        file, half = self._open[fd], max(1, len(data) // 2)
        with self._call("write") as kind:
            taken = half if kind in _OF_WRITES else len(data)
            file.change(file.seen + bytes(data[:taken]))
            if kind is Kind.PARTIAL:
                self._fail(kind)
        return taken

    def truncate(self, fd: int, length: int) -> None:
        """Cut a file to a length."""
        file = self._open[fd]
        with self._call("truncate"):
            file.change(file.seen[:length])

    def sync(self, fd: int) -> None:
        """Make a file's bytes durable."""
        file = self._open[fd]
        try:
            with self._call("sync"):
                file.sync()
        except OSError:
            file.forgetful = True
            raise

    def close(self, fd: int) -> None:
        """Close a file."""
        del self._open[fd]
        with self._call("close"):
            pass

    def replace(self, source: Path, target: Path) -> None:
        """Give a file another name."""
        with self._call("replace"):
            file = self._found(source)
            rest = {path: other for path, other in self._names[-1].items() if path != source}
            self._names.append({**rest, target: file})

    def sync_folder(self, folder: Path) -> None:
        """Make the names in a folder durable."""
        with self._call("sync_folder"):
            now = self._names[-1]
            kept = {path: file for path, file in self._names[0].items() if path.parent != folder}
            synced = {path: file for path, file in now.items() if path.parent == folder}
            self._names = [kept | synced, now]

    # --------------------------------------------------------------------------------------- within

    @contextmanager
    def _call(self, name: Call) -> Iterator[Kind | None]:
        """Count a call, and fail before or after it where that is its fault."""
        if self._off:
            raise PowerLossError
        number = self.calls[name]
        self.calls[name] += 1
        fault = self._fault
        kind = fault.kind if fault and (fault.call, fault.nth) == (name, number) else None
        if kind is Kind.CRASH:
            self._lose_power()
        if kind in _ERRORS and not (name == "write" and kind in _OF_WRITES):
            self._fail(kind)
        yield kind
        if kind is Kind.CRASH_AFTER:
            self._lose_power()

    def _lose_power(self) -> NoReturn:
        self._off = True
        raise PowerLossError

    def _fail(self, kind: Kind) -> NoReturn:
        raise OSError(_ERRORS[kind], os.strerror(_ERRORS[kind]))

    def _found(self, path: Path) -> _File:
        try:
            return self._names[-1][path]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from None

    def _opened(self, path: Path) -> int:
        self._open[self._next] = self._found(path)
        self._next += 1
        return self._next - 1
