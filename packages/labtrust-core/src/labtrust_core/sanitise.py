"""Make anything at all into canonical data, so that a malformed event can be recorded."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from labtrust_core.canonical import MAX_INT, Json, JsonObject, canonical_bytes, has_utf8

UNREPRESENTABLE: Final = "$unrepresentable"  # tag: {"$unrepresentable": <what stood here>}
VALUE: Final = "$value"  # what a ledger puts around what is no object
PAIRS: Final = "$pairs"  # an object whose keys cannot be kept, as a list of [key, value]

_SANE_DEPTH: Final = 20
_SANE_ITEMS: Final = 256  # of one list or object
_SANE_FIELDS: Final = 64  # of the outermost object
_SANE_TEXT: Final = 2_048  # characters of one string
_SANE_KEY: Final = 64  # characters of one key
_FIELD_BYTES: Final = 8 * 1024  # of one field of the outermost object
_TOTAL_BYTES: Final = 16 * 1024  # of all fields, tags and keys not counted
_FOREIGN_NAMES: Final[tuple[tuple[type, str], ...]] = (
    (bytes, "bytes"),
    (bytearray, "bytes"),
    (set, "set"),
    (frozenset, "set"),
    (complex, "complex"),
)


class _OverBudgetError(Exception):
    """The value being cleaned would take more bytes than it may."""


def sanitise(value: object) -> Json:
    """Return canonical data that stands for ``value``, whatever it is; never raises.

    Deterministic, bounded (less than 48 KiB, ``_SANE_DEPTH`` deep) and without a call into foreign
    code: a node that JSON cannot carry becomes ``{"$unrepresentable": <kind>}``, the kind from a
    closed list (``set``, ``bytes``, ``object``, ``non-finite``, ``too-deep``, ``too-large`` ...),
    and an object with unusable keys becomes ``{"$pairs": [[key, value], ...]}``. What is canonical
    and within the bounds comes back equal, and so does all that came from here: a replay that reads
    a sanitised event from the log records the same bytes again.
    """
    if type(value) is not dict or _is_tag(value):
        return _clean_field(value, 0)
    if len(value) > _SANE_FIELDS:
        return _tag("too-large")
    if not all(_is_sane_key(key) for key in value):
        return {PAIRS: _clean_field(_pairs(value), 1)}
    room = _TOTAL_BYTES
    fields: JsonObject = {}
    for key, item in value.items():
        clean = _clean_field(item, 1)
        if not _is_tag(clean):  # tags are free, so that a second pass drops nothing more
            cost = len(canonical_bytes(clean))
            if cost > room:
                clean = _tag("too-large")
            else:
                room -= cost
        fields[key] = clean
    return fields


def _clean_field(value: object, depth: int) -> Json:
    try:
        return _Cleaner(_FIELD_BYTES).clean(value, depth)
    except _OverBudgetError:
        return _tag("too-large")


class _Cleaner:
    """Cleans one value within a budget of bytes, charged for what comes out."""

    __slots__ = ("room",)

    def __init__(self, room: int) -> None:
        self.room = room

    def clean(self, value: Any, depth: int) -> Json:  # noqa: ANN401  # the one door for anything at all
        kind = type(value)
        if kind is dict and not _is_tag(value):
            return self._clean_items(value, depth)
        if kind is list or kind is tuple:
            return self._clean_list(value, depth)
        clean = _clean_leaf(value)
        self._charge(clean)
        return clean

    def _clean_list(self, items: list[Any] | tuple[Any, ...], depth: int) -> Json:
        tag = _refused_container(items, depth)
        self._charge(tag or [])
        return tag or [self.clean(item, depth + 1) for item in items]

    def _clean_items(self, items: dict[Any, Any], depth: int) -> Json:
        tag = _refused_container(items, depth)
        self._charge(tag or {})
        if tag:
            return tag
        if not all(_is_sane_key(key) for key in items):
            items = {PAIRS: _pairs(items)}
        fields: JsonObject = {}
        for key, item in items.items():
            self._charge(key)
            fields[key] = self.clean(item, depth + 1)
        return fields

    def _charge(self, clean: Json) -> None:
        self.room -= len(canonical_bytes(clean)) + 1  # and a comma or colon
        if self.room < 0:
            raise _OverBudgetError


def _clean_leaf(value: Any) -> Json:  # noqa: ANN401  # anything but a list or an untagged dict
    fault = _leaf_fault(value)
    if fault is not None:
        return _tag(fault)
    clean: Json = value
    return clean


def _leaf_fault(value: Any) -> str | None:  # noqa: ANN401  # anything but a list or an untagged dict
    kind = type(value)
    if kind is str:
        if len(value) > _SANE_TEXT:
            return "long-text"
        return None if value.isascii() or has_utf8(value) else "lone-surrogate"
    if kind is int:
        return None if -MAX_INT <= value <= MAX_INT else "big-integer"
    if kind is float:
        return None if isfinite(value) else "non-finite"
    if kind is bool or kind is dict or value is None:  # the only dict that comes here is a tag
        return None
    return next((name for known, name in _FOREIGN_NAMES if kind is known), "object")


def _refused_container(items: Any, depth: int) -> JsonObject | None:  # noqa: ANN401  # dict, list, tuple
    if depth >= _SANE_DEPTH:
        return _tag("too-deep")
    return _tag("too-large") if len(items) > _SANE_ITEMS else None


def _tag(kind: str) -> JsonObject:
    return {UNREPRESENTABLE: kind}


def _is_tag(value: Any) -> bool:  # noqa: ANN401  # anything at all
    if type(value) is not dict or len(value) != 1:
        return False
    ((key, kind),) = value.items()
    if type(key) is not str or key != UNREPRESENTABLE or type(kind) is not str:
        return False
    return len(kind) <= _SANE_KEY and kind.isascii()


def _is_sane_key(key: Any) -> bool:  # noqa: ANN401  # anything that was a key
    return type(key) is str and len(key) <= _SANE_KEY and (key.isascii() or has_utf8(key))


def _pairs(items: dict[Any, Any]) -> list[list[Any]]:
    return [[key, item] for key, item in items.items()]
