"""The whole battery: every class of forgeries, and how a verifier is tried with them."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from labtrust_export.testing.forgery import CLASSES, LEVELS, Forgery, ForgeryClass
from labtrust_export.testing.tricks import written
from labtrust_export.verify.codes import CODES

_MODULES: Final = (
    "bytes",
    "files",
    "manifest",
    "log",
    "chain",
    "start",
    "notes",
    "receipts",
    "run_log",
    "keys",
    "agents",
    "rules",
    "outcomes",
    "history",
)


def classes() -> list[ForgeryClass]:
    """Return every class of forgeries, by level and name."""
    for name in _MODULES:
        importlib.import_module(f"labtrust_export.testing.forge_{name}")
    return sorted(CLASSES.values(), key=lambda kind: (kind.level, kind.name))


def forgeries(
    *, thorough: bool = False, levels: Iterable[str] = LEVELS, most: int | None = None
) -> Iterator[Forgery]:
    """Yield the forgeries that are to be refused at one of some levels.

    Args:
        thorough: Try every place and every byte; ten times as many.
        levels: The levels.
        most: How many of one class on one bundle at most, spread evenly over them; all by default.
    """
    wanted = set(levels)
    for kind in classes():
        if kind.level in wanted:
            found = kind.forgeries(thorough=thorough)
            yield from found if most is None else some(kind, most)


def some(kind: ForgeryClass, most: int) -> Iterator[Forgery]:
    """Yield at most so many forgeries of a class on each bundle, the first and then evenly."""
    for _base, group in groupby(kind.forgeries(), key=lambda forgery: forgery.base):
        items = list(group)
        count = min(most, len(items))
        yield from (items[place * len(items) // count] for place in range(count))


class Verdict(NamedTuple):
    """What a verifier says: the highest level reached, or None, and the code of the failure."""

    level: str | None
    code: str | None


Verifier = Callable[[Path, Forgery], Verdict]
"""Takes the folder of a forged bundle and the forgery, of which it may know the caller's part:
trust policy, state, and the level that is asked for."""


def below(level: str) -> str | None:
    """Return the level below one, or None below the first."""
    place = LEVELS.index(level)
    return LEVELS[place - 1] if place else None


def complaint(forgery: Forgery, verdict: Verdict) -> str:
    """Return what is wrong with a verdict on a forgery, or nothing."""
    code = verdict.code
    if code in forgery.codes and code in CODES and verdict.level == below(CODES[code].level):
        return ""
    codes = " or ".join(sorted(forgery.codes))
    return f"{forgery.name}: {code} after {verdict.level}, expected {codes} and what is below it"


def tried(
    verifier: Verifier, found: Iterable[Forgery], place: Path
) -> Iterator[tuple[Forgery, Verdict]]:
    """Show each forgery to a verifier and yield its verdict.

    Args:
        verifier: The verifier.
        found: The forgeries.
        place: A folder to write to; it is left empty.
    """
    for number, forgery in enumerate(found):
        folder = place / str(number)
        bundle = written(folder, forgery.made.files, forgery.made.trick)
        try:
            yield forgery, verifier(bundle, forgery)
        finally:
            shutil.rmtree(folder)
