"""The order of a policy's mappings, which canonical JSON does not keep and behaviour depends on.

A policy lists its rules, panels and zones in an order: enforcement answers in it, draws go through
it. So the text behind a fingerprint states it beside the documents, for every mapping of
identifiers whose keys do not stand in canonical order::

    {"documents": {...}, "order": [{"keys": [...], "path": [...]}, ...]}
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import PolicyError
from labtrust_core.policy.model import Document

Path: TypeAlias = tuple[str | int, ...]
_Place: TypeAlias = tuple[int, bytes]


class KeyOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The order of one mapping: its keys, and the way to it from the documents."""

    keys: list[str]
    path: list[str | int]


def snapshot_of(effective: Mapping[str, Any], documents: Mapping[str, Document]) -> bytes:
    """Return a policy as one canonical text, without LF.

    Args:
        effective: Document name to its data.
        documents: The same as types, which tell identifiers from fields.
    """
    order = [
        {"keys": keys, "path": list(path)}
        for name in sorted(documents, key=_canonical)
        for path, keys in _unsorted(documents[name], (name,))
    ]
    return canonical_bytes({"documents": dict(effective), "order": order})


def put_in_order(documents: dict[str, Any], order: Iterable[KeyOrder]) -> None:
    """Bring mappings below ``documents`` into the order that is stated for them.

    Raises:
        PolicyError: A path does not come after the one before or leads nowhere, or the keys are not
            those of the mapping, each once.
    """
    last: list[_Place] = []
    for item in order:
        place = [_place(step) for step in item.path]
        mapping = _mapping_at(documents, item.path) if place > last else None
        last = place
        if mapping is None or sorted(mapping) != sorted(item.keys):
            raise PolicyError(
                "an order is stated that is not that of a mapping's keys, or not in its place",
                path=".".join(map(str, item.path)),
                found=", ".join(item.keys)[:200],
                expected="no such item" if mapping is None else ", ".join(sorted(mapping))[:200],
            )
        kept = dict(mapping)
        mapping.clear()
        mapping.update((key, kept[key]) for key in item.keys)


def _mapping_at(documents: dict[str, Any], path: list[str | int]) -> dict[str, Any] | None:
    found: Any = documents
    for step in path:
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            return None
    return found if isinstance(found, dict) else None


def _unsorted(value: object, path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield the mappings whose keys are not in canonical order, by path; fields are no keys."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        for name, attribute in sorted(names):
            yield from _unsorted(getattr(value, attribute), (*path, name))
    elif isinstance(value, dict):
        keys = list(value)
        in_order = sorted(keys, key=_canonical)
        if keys != in_order:
            yield path, keys
        for key in in_order:
            yield from _unsorted(value[key], (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _unsorted(item, (*path, index))


def _place(step: str | int) -> _Place:
    """Return what sorts the steps of paths; a number never stands beside a key."""
    return (step, b"") if isinstance(step, int) else (0, _canonical(step))


def _canonical(key: str) -> bytes:
    """Sort keys as RFC 8785 does: by UTF-16 code units."""
    return key.encode("utf-16-be")
