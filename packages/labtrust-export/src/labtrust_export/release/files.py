"""The files of a release: which there are, whether they may be there, and their digests."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Final

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.release import MANIFEST

MAX_FILES: Final = 100_000
MAX_PATH: Final = 1000
MAX_PARTS: Final = 32
_PART: Final = re.compile(r"[A-Za-z0-9._+-]{1,255}\Z")
_NOT_PARTS: Final = (".", "..")


def is_legal(path: str) -> bool:
    """Whether a relative path with slashes may name a file of a release."""
    parts = path.split("/")
    if len(path) > MAX_PATH or len(parts) > MAX_PARTS:
        return False
    return all(_PART.match(part) and part not in _NOT_PARTS for part in parts)


def list_files(folder: Path) -> list[str]:
    """Return the relative paths of all files but the manifest, in order of code points.

    Raises:
        CheckFailedError: ``RELEASE_NOT_A_FOLDER``, ``…_EMPTY``, ``…_FILE_KIND``,
            ``…_NAME_ILLEGAL``, ``…_NAME_CLASH``, ``…_FOLDER_EMPTY``, in this order.
    """
    if folder.is_symlink() or not folder.is_dir():
        message = "missing, no folder, or a link"
        raise CheckFailedError("RELEASE_NOT_A_FOLDER", str(folder), message)
    found = dict(sorted(_walk(folder, "")))
    files = [path for path, mode in found.items() if stat.S_ISREG(mode)]
    folders = [path for path, mode in found.items() if stat.S_ISDIR(mode)]
    if not set(files) - {MANIFEST}:
        raise CheckFailedError("RELEASE_EMPTY", "", "the folder holds no file")
    _require_kinds(found)
    _require_names(found)
    full = {path.rpartition("/")[0] for path in found}
    for path in folders:
        if path not in full:
            raise CheckFailedError("RELEASE_FOLDER_EMPTY", path, "nothing is in it; remove it")
    return [path for path in files if path != MANIFEST]


def digest_of(folder: Path, path: str) -> str:
    """Return the SHA-256 of a file of a release, as 64 hexadecimal digits."""
    with (folder / path).open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, int]]:
    """Give path and mode of every entry; links are not followed."""
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            path = f"{prefix}{entry.name}"
            mode = entry.stat(follow_symlinks=False).st_mode
            yield path, mode
            too_many = count >= MAX_FILES or path.count("/") >= MAX_PARTS
            if stat.S_ISDIR(mode) and not too_many:
                yield from _walk(folder / entry.name, f"{path}/")
            if too_many:
                message = f"more than {MAX_FILES} files in a folder, or deeper than {MAX_PARTS}"
                raise CheckFailedError("RELEASE_NAME_ILLEGAL", ascii(path), message)


def _require_kinds(found: dict[str, int]) -> None:
    for path, mode in found.items():
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            message = "a link or a special file; a release holds regular files and folders"
            raise CheckFailedError("RELEASE_FILE_KIND", ascii(path), message)


def _require_names(found: dict[str, int]) -> None:
    for path in found:
        if not is_legal(path):
            message = "names consist of A-Za-z0-9._+-, paths of at most 1000 characters"
            raise CheckFailedError("RELEASE_NAME_ILLEGAL", ascii(path), message)
    folded: dict[str, str] = {}
    for path in found:
        other = folded.setdefault(path.lower(), path)
        if other != path:
            message = f"some disks take it for {other}"
            raise CheckFailedError("RELEASE_NAME_CLASH", path, message)
