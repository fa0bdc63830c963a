"""Reading a FHIR Bundle, or a value set, from a file that anybody may have written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, NoReturn

import msgspec
from labtrust_core.errors import DocumentError, UsageError

from labtrust_export.fhir.codes import Element, ValueSet

MAX_DEPTH: Final = 64  # containers in one another; what FHIR needs is far below


def read_bundle(path: Path) -> Element:
    """Read a Bundle.

    Raises:
        UsageError: The file is missing or cannot be read.
        DocumentError: It is no JSON, names a key twice, holds a number that is none, is nested too
            deeply, or is no Bundle.
    """
    try:
        value = json.loads(
            _read(path),
            object_pairs_hook=_object,
            parse_float=Decimal,
            parse_constant=_no_number,
        )
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"this is no JSON: {str(error)[:200]}", file=path) from error
    if _depth(value) > MAX_DEPTH:
        raise DocumentError(f"containers are nested deeper than {MAX_DEPTH}", file=path)
    kind = value.get("resourceType") if isinstance(value, dict) else type(value).__name__
    if not isinstance(value, dict) or kind != "Bundle":
        raise DocumentError(
            "this is no FHIR Bundle", file=path, found=str(kind)[:60], expected="Bundle"
        )
    return value


def read_value_set(path: Path) -> ValueSet:
    """Read which codes may stand in a Bundle: ``{"version", "value_sets": {system: [codes]}}``.

    Raises:
        UsageError: The file is missing or cannot be read.
        DocumentError: It is not of this shape, or allows nothing.
    """
    try:
        found = msgspec.json.decode(_read(path), type=ValueSet)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"this is no value set: {error}", file=path) from error
    empty = [system for system, codes in found.value_sets.items() if not codes]
    if not found.value_sets or empty:
        raise DocumentError(
            "the value set allows nothing", file=path, path=empty[0] if empty else "value_sets"
        )
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _object(pairs: Sequence[tuple[str, object]]) -> Element:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {doubled!r} stands twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _depth(value: object) -> int:
    level: list[object] = [value]
    depth = 0
    while level and depth <= MAX_DEPTH:
        below: list[object] = []
        for item in level:
            if isinstance(item, dict):
                below += item.values()
            elif isinstance(item, list):
                below += item
        level = below
        depth += 1
    return depth
