"""Every field of a JSON value, changed one at a time."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

Value: TypeAlias = Any  # a JSON value that is taken apart
Path: TypeAlias = tuple[str | int, ...]

_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")
_TYPED: Final = "x"


def paths(value: Value, depth: int = 32) -> Iterator[Path]:
    """Yield the path of every member and item, outer ones first, to a depth."""
    if depth == 0:
        return
    if isinstance(value, dict):
        found: list[tuple[str | int, Value]] = list(value.items())
    elif isinstance(value, list):
        found = list(enumerate(value))
    else:
        return
    for key, item in found:
        yield (key,)
        for path in paths(item, depth - 1):
            yield (key, *path)


def at(value: Value, path: Path) -> Value:
    """Return what stands at a path."""
    for key in path:
        value = value[key]
    return value


def with_value(value: Value, path: Path, new: Value) -> Value:
    """Return a copy with something else at a path."""
    found = copy.deepcopy(value)
    at(found, path[:-1])[path[-1]] = new
    return found


def without(value: Value, path: Path) -> Value:
    """Return a copy without what stands at a path."""
    found = copy.deepcopy(value)
    del at(found, path[:-1])[path[-1]]
    return found


def other(value: Value) -> Value:
    """Return another value of the same type; of nothing, a text."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        digest = ("1" if value[:1] == "0" else "0") + value[1:]
        return digest if _DIGEST.match(value) else value + "x"
    if isinstance(value, list):
        return [*value, "x"]
    return {**value, "x": 1} if isinstance(value, dict) else "x"


def retyped(value: Value) -> Value:
    """Return something of a type that cannot stand in its place."""
    if isinstance(value, (bool, int)):
        return [value]
    if isinstance(value, str) or value is None:
        return {_TYPED: 1}
    return 7


def written(path: Path) -> str:
    """Return a path as text."""
    return ".".join(map(str, path))
