"""Inputs as instructions: bytes that say what to change in a good document.

A fuzzer that changes the bytes of a signed or canonical document hardly gets past the first check.
Here its bytes choose a place in the document's JSON and what to put there, and the document is
spelled canonically again; so the checks behind the first are reached too.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from labtrust_core.canonical import MAX_INT, NotCanonicalError, canonical_bytes
from labtrust_export.testing.fields import at, other, paths, retyped

Value: TypeAlias = Any  # a JSON value that is taken apart

EDITED: Final = b"\x00"
"""First byte of an input that holds instructions; no document begins with it."""

_BYTES_OF_A_STEP: Final = 4
_MAX_STEPS: Final = 4
_VALUES: Final[tuple[Value, ...]] = (
    None, True, False, 0, 1, -1, 2, MAX_INT, -MAX_INT, 2.0**53, 1e300, 0.5, "", "x", "0", "\x00",
    "\u00e9", "\U0001f9ea", "0" * 64, "f" * 64, "AAAA", "SYSTEM", "BLOCKED", "x" * 7000, [], {},
    [[]], [""], {"": {}}, ["x", "x"], [0] * 600, {"\u00e9": 1},
)  # fmt: skip


def edited(value: Value, instructions: bytes) -> Value:
    """Return a copy of a JSON value with some places changed.

    Args:
        value: The value.
        instructions: Four bytes a change: two for the place, one for what to do, one for with what.
    """
    found = copy.deepcopy(value)
    for step in range(0, min(len(instructions), _MAX_STEPS * _BYTES_OF_A_STEP), _BYTES_OF_A_STEP):
        _change(found, instructions[step : step + _BYTES_OF_A_STEP])
    return found


def _change(value: Value, step: bytes) -> None:
    places = list(paths(value))
    if len(step) < _BYTES_OF_A_STEP or not places:
        return
    path = places[int.from_bytes(step[:2], "big") % len(places)]
    parent: Value = at(value, path[:-1])
    key: Value = path[-1]
    deed, what = step[2] % 8, step[3]
    if deed == 0:
        del parent[key]
    elif deed == 1:
        parent[key] = other(parent[key])
    elif deed == 2:  # noqa: PLR2004 - one of eight deeds
        parent[key] = retyped(parent[key])
    elif deed == 3:  # noqa: PLR2004 - as above
        parent[key] = copy.deepcopy(at(value, places[what * 7 % len(places)]))
    elif deed == 4 and isinstance(parent, list):  # noqa: PLR2004 - as above
        parent.insert(what % (len(parent) + 1), copy.deepcopy(parent[key]))
    elif deed == 5 and isinstance(parent, dict):  # noqa: PLR2004 - as above
        parent[f"{key}{what}"] = copy.deepcopy(parent[key])
    else:
        parent[key] = copy.deepcopy(_VALUES[what % len(_VALUES)])


def document_of(data: bytes, good: Sequence[Value], ending: bytes = b"") -> bytes:
    """Return the document that an input stands for: itself, or an edited good one.

    Args:
        data: The input.
        good: Good documents, as JSON.
        ending: What follows the canonical form in a file.
    """
    if not data.startswith(EDITED) or len(data) == 1:
        return data
    value = edited(good[data[1] % len(good)], data[2:])
    try:
        return canonical_bytes(value) + ending
    except NotCanonicalError:  # an edit nested it too deeply
        return data


def edits(number: int) -> list[bytes]:
    """Return some instructions to begin with."""
    return [
        EDITED + bytes([place % 7, place * 37 % 256, place * 101 % 256, place, place * 3 % 256])
        for place in range(number)
    ]


def spliced(good: bytes, instructions: bytes) -> bytes:
    """Return bytes with a piece replaced: three bytes for the place, one for the length."""
    if len(instructions) < _BYTES_OF_A_STEP or not good:
        return good
    place = int.from_bytes(instructions[:3], "big") % len(good)
    return good[:place] + instructions[4:] + good[place + instructions[3] :]
