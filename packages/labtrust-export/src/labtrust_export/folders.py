"""Folders that appear whole or not at all, on the disk before their names are.

Everything is written to a hidden sibling first and renamed when all is done, so that a reader never
meets half of it and an error leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from labtrust_core.errors import UsageError
from labtrust_core.ledger.files import OS_FILES


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write new files into a folder, made if need be, and force them and their names to the disk.

    Raises:
        OSError: They cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        with (folder / name).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    OS_FILES.sync_folder(folder)


@contextmanager
def whole_entries(out: Path, names: Sequence[str], *, force: bool = False) -> Iterator[Path]:
    """Yield a hidden folder; what is written there under ``names`` is in ``out`` afterwards.

    Args:
        out: A folder, which may exist and hold other things.
        names: Files or folders, as paths below ``out``; the list may grow during the work.
        force: Replace those that are there, once the work has ended well.

    Raises:
        UsageError: One of them is there and ``force`` is false, or nothing can be written there.
    """
    _require_free(out, names, force=force)
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; expected a folder or nothing")
    staging = out / f".partial-{os.getpid()}"
    made = [place for place in (out, *out.parents) if not place.exists()]
    done = False
    try:
        staging.mkdir(parents=True)
        yield staging
        _require_free(out, names, force=force)
        for name in names:
            _place(staging / name, out / name)
        done = True
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        if not done:
            _remove_empty(made)


def _require_free(out: Path, names: Sequence[str], *, force: bool) -> None:
    found = next((name for name in names if os.path.lexists(out / name)), None)
    if found is not None and not force:
        raise UsageError(f"{out / found} exists; name another place or add --force")


def _place(source: Path, target: Path) -> None:
    """Give a finished entry its name, in place of what has it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    old = target.with_name(f".{target.name}.replaced-{os.getpid()}")
    if os.path.lexists(target):
        target.rename(old)
    source.rename(target)
    OS_FILES.sync_folder(target.parent)
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.unlink(missing_ok=True)


def _remove_empty(places: Sequence[Path]) -> None:
    """Remove folders that were made for nothing, the innermost first."""
    for place in places:
        try:
            place.rmdir()
        except OSError:  # somebody else has put something there
            return
