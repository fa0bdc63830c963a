"""Output folders and files that appear whole or not at all, and never over something that exists.

Everything is written to a hidden sibling first and renamed when the work is done, so that a reader
never meets half a result and an error leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from labtrust_core.errors import UsageError

RUNS: Final = "labtrust_runs"

force_option = click.option("--force", is_flag=True, help="Replace what is already there.")


@dataclass(frozen=True, slots=True)
class Staging:
    """A place to write to, and where it will be found afterwards.

    Attributes:
        path: Write here; it is gone after the work.
        target: The final place, for messages.
    """

    path: Path
    target: Path


def default_folder(command: str, now: datetime | None = None) -> Path:
    """`./labtrust_runs/<command>_<UTC timestamp>`, with a number behind it when that is taken.

    Args:
        command: Name of the command; hyphens become underscores.
        now: Time to name it after instead of the present.
    """
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    first = Path(RUNS, f"{command.replace('-', '_')}_{moment}")
    folder, number = first, 1
    while folder.exists():
        number += 1
        folder = first.with_name(f"{first.name}_{number}")
    return folder


@contextmanager
def fresh_folder(out: Path | None, *, command: str, force: bool = False) -> Iterator[Staging]:
    """A folder that exists afterwards if, and only if, the work inside ended well.

    Args:
        out: Where the user wants it, or None for the default folder.
        command: Name of the command, for the default folder.
        force: Replace an existing folder, after the work has ended well.

    Raises:
        UsageError: The folder exists and `force` is false, or it cannot be written.
    """
    staging = _prepare(out or default_folder(command), force=force)
    if staging.target.exists() and not staging.target.is_dir():
        raise UsageError(f"{staging.target} is a file; expected a folder or nothing")
    try:
        staging.path.mkdir()
    except OSError as error:
        raise _unwritable(staging.target, error) from error
    try:
        yield staging
        _replace(staging)
    finally:
        shutil.rmtree(staging.path, ignore_errors=True)


@contextmanager
def fresh_file(out: Path, *, force: bool = False) -> Iterator[Staging]:
    """A file that exists afterwards if, and only if, the work inside ended well.

    Args:
        out: Where the user wants it.
        force: Replace an existing file, after the work has ended well.

    Raises:
        UsageError: The file exists and `force` is false, or it cannot be written.
    """
    staging = _prepare(out, force=force)
    if staging.target.is_dir():
        raise UsageError(f"{staging.target} is a folder; expected a file or nothing")
    try:
        staging.path.touch()
    except OSError as error:
        raise _unwritable(staging.target, error) from error
    try:
        yield staging
        staging.path.replace(staging.target)
    finally:
        staging.path.unlink(missing_ok=True)


def _prepare(target: Path, *, force: bool) -> Staging:
    if target.exists() and not force:
        raise UsageError(f"{target} exists; name another place or add --force")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(target, error) from error
    return Staging(_sibling(target, "partial"), target)


def _replace(staging: Staging) -> None:
    old = _sibling(staging.target, "replaced")
    if staging.target.exists():
        staging.target.rename(old)
    staging.path.rename(staging.target)
    shutil.rmtree(old, ignore_errors=True)


def _sibling(target: Path, purpose: str) -> Path:
    """A hidden name in the same folder, and so on the same disk; one per process."""
    return target.with_name(f".{target.name}.{purpose}-{os.getpid()}")


def _unwritable(target: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {target}: {error.strerror}")
