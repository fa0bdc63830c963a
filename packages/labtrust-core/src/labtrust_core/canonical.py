"""Canonical bytes: the one JSON spelling (RFC 8785) of a value, its strict reader, and SHA-256.

Everything that is hashed or signed passes through here. Two encoders share the work:

- ``encode_plain`` is the quick one. It is byte-equal to RFC 8785 for *plain* values: trees of
  ``None``, ``bool``, ``int`` within 2^53-1, ``str``, ``list`` or ``tuple``, and ``dict`` with ASCII
  keys. It does not look whether it was given one.
- ``canonical_bytes`` scans first. Fractions and non-ASCII keys go to the ``rfc8785`` library, since
  the spelling of numbers and the UTF-16 order of keys are where quick encoders differ; what has no
  canonical form is a ``NotCanonicalError``.
"""

from __future__ import annotations

import json
import re
from enum import IntFlag, StrEnum
from hashlib import sha256
from math import isfinite
from typing import Any, Final, NoReturn, TypeAlias

import msgspec
import rfc8785

from labtrust_core.errors import CanonicalError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = dict[str, Json]

LEAF_PREFIX: Final = b"\x00"  # RFC 6962: keeps a leaf from being taken for an inner node
MAX_DEPTH: Final = 32  # nested containers; a scalar has depth 0
MAX_INT: Final = 2**53 - 1  # beyond it a JSON number is no longer exact everywhere
MAX_LINE: Final = 64 * 1024  # bytes of one canonical line, without its LF
MAX_NODES: Final = 1_000_000  # of one value; bounds the scan of foreign and cyclic objects

_EXACT_DIGITS: Final = 17  # a sign and the sixteen digits of 2^53-1
# possessive, and an open string ends with the line: linear in time and small in memory on any bytes
_STRING_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)

_TEXT_ONLY: Final = frozenset({str})
_FLAT_LEAVES: Final = frozenset({str, bool, type(None)})
_FLAT_ITEMS: Final = 200  # of one list in a flat mapping

encode_plain: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder().decode


class Reason(StrEnum):
    """Why a value has no canonical form, or a line is not in it."""

    NOT_JSON_TYPE = "not-json-type"
    NON_FINITE = "non-finite-number"
    INT_TOO_LARGE = "int-too-large"
    SURROGATE = "lone-surrogate"
    KEY_NOT_TEXT = "key-not-text"
    TOO_DEEP = "too-deep"
    TOO_LARGE = "too-large"
    LINE_TOO_LONG = "line-too-long"
    CARRIAGE_RETURN = "carriage-return"
    OUTER_SPACE = "outer-space"
    NOT_UTF8 = "not-utf-8"
    NOT_JSON = "not-json"
    DUPLICATE_KEY = "duplicate-key"
    NOT_OBJECT = "not-an-object"
    NOT_CANONICAL = "not-canonical"


class NotCanonicalError(CanonicalError):
    """A value has no canonical form, or a line is not in it.

    Attributes:
        reason: The rule that is broken; its string is stable and meant for programs.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        self.reason = reason
        super().__init__(f"{reason}: {message}")


class Shape(IntFlag):
    """What a scan found; ``PLAIN`` (nothing) means that ``encode_plain`` may be used."""

    PLAIN = 0
    FLOAT = 1
    WIDE_KEY = 2
    NOT_JSON_TYPE = 4
    NON_FINITE = 8
    BIG_INT = 16
    SURROGATE = 32
    KEY_NOT_TEXT = 64
    TOO_DEEP = 128
    TOO_LARGE = 256


_REFUSALS: Final = (
    (Shape.TOO_LARGE, Reason.TOO_LARGE, f"the value has more than {MAX_NODES} nodes"),
    (Shape.TOO_DEEP, Reason.TOO_DEEP, f"containers are nested deeper than {MAX_DEPTH}"),
    (Shape.NOT_JSON_TYPE, Reason.NOT_JSON_TYPE, "a node has a type that JSON does not know"),
    (Shape.KEY_NOT_TEXT, Reason.KEY_NOT_TEXT, "a key is not a string"),
    (Shape.SURROGATE, Reason.SURROGATE, "a lone surrogate, which UTF-8 cannot carry"),
    (Shape.NON_FINITE, Reason.NON_FINITE, "a number is NaN or infinite"),
    (Shape.BIG_INT, Reason.INT_TOO_LARGE, f"an integer lies outside -{MAX_INT}..{MAX_INT}"),
)


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of ``data`` as 64 lower-case hexadecimal digits."""
    return sha256(data).hexdigest()


# ---------------------------------------------------------------------------------------- scanning
# Types are compared with ``is``: a foreign type may lie in ``__class__`` and raise in ``__hash__``.


def scan(value: object) -> Shape:
    """Return what stands between ``value`` and the quick encoder.

    Total and bounded: goes level by level, looks at exact types only, and stops below ``MAX_DEPTH``
    containers or beyond ``MAX_NODES`` nodes, so that cyclic and foreign objects do no harm.
    """
    found = 0
    level: list[Any] = [value]
    room = MAX_NODES
    depth = 0
    while level:
        if depth == MAX_DEPTH and any(_is_container(item) for item in level):
            return Shape(found) | Shape.TOO_DEEP
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                if not item.isascii() and not has_utf8(item):
                    found |= Shape.SURROGATE
            elif kind is dict or kind is list or kind is tuple:
                room -= len(item)
                if room < 0:
                    return Shape(found) | Shape.TOO_LARGE
                found |= _open(item, below)
            elif kind is not bool and item is not None:
                found |= _number_flags(item)
        level = below
        depth += 1
    return Shape(found) if found else Shape.PLAIN


def _is_container(item: object) -> bool:
    kind = type(item)
    return kind is dict or kind is list or kind is tuple


def has_utf8(text: str) -> bool:
    """Whether UTF-8 can carry ``text``: it holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _open(container: Any, below: list[Any]) -> int:  # noqa: ANN401  # a dict, list or tuple
    """Add the children of a container to the next level; return the flags that its keys raise."""
    if type(container) is not dict:
        below += container
        return 0
    below += container.values()
    found = 0
    for key in container:
        if type(key) is not str:
            found |= Shape.KEY_NOT_TEXT
        elif not key.isascii():
            found |= Shape.WIDE_KEY if has_utf8(key) else Shape.SURROGATE
    return found


def _number_flags(item: Any) -> int:  # noqa: ANN401  # anything that is no text, container, bool or None
    kind = type(item)
    if kind is int:
        return 0 if -MAX_INT <= item <= MAX_INT else Shape.BIG_INT
    if kind is float:
        return Shape.FLOAT if isfinite(item) else Shape.NON_FINITE
    return Shape.NOT_JSON_TYPE


# ---------------------------------------------------------------------------------------- encoding


def canonical_bytes(value: object) -> bytes:
    """Return the RFC 8785 form of ``value``, choosing the encoder by a scan.

    Raises:
        NotCanonicalError: The value has no canonical form; ``reason`` says why.
    """
    shape = scan(value)
    if shape is Shape.PLAIN:
        return encode_plain(value)
    for flag, reason, message in _REFUSALS:
        if shape & flag:
            raise NotCanonicalError(reason, message)
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # the scan has narrowed it to JSON


def is_flat(fields: dict[Any, Any]) -> bool:
    """Whether a mapping holds nothing but exact texts, small integers and short lists of texts.

    Most events and outcomes are flat. What remains to be seen before the quick encoder may be
    trusted is that keys are ASCII and that texts hold no lone surrogate.
    """
    if not _TEXT_ONLY.issuperset(map(type, fields)):
        return False
    for value in fields.values():
        kind = type(value)
        if kind is int:
            if not -MAX_INT <= value <= MAX_INT:
                return False
        elif kind is list:
            if len(value) > _FLAT_ITEMS or not _TEXT_ONLY.issuperset(map(type, value)):
                return False
        elif kind not in _FLAT_LEAVES:
            return False
    return True


def _is_ascii(value: dict[Any, Any]) -> bool:
    try:
        return encode_plain(value).isascii()
    except UnicodeEncodeError:
        return False


def embed(value: object) -> object:
    """Return what ``encode_plain`` spells canonically wherever it stands in a plain value.

    A plain value is returned as it is; one with fractions or non-ASCII keys as its finished bytes.

    Raises:
        NotCanonicalError: The value has no canonical form.
    """
    if type(value) is dict and is_flat(value) and _is_ascii(value):
        return value
    if scan(value) is Shape.PLAIN:
        return value
    return msgspec.Raw(canonical_bytes(value))


# ----------------------------------------------------------------------------------------- reading


def parse_canonical(line: bytes, limit: int = MAX_LINE) -> JsonObject:
    """Return the object that ``line`` (without its LF) spells, if it spells it canonically.

    Integers beyond 2^53-1 are read as the doubles that JSON makes of them.

    Args:
        line: The bytes.
        limit: How many of them are accepted.

    Raises:
        NotCanonicalError: The line is not the canonical form of an object; ``reason`` says why.
    """
    if len(line) <= limit:
        try:
            value = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _parse_slowly(line, limit)
        if type(value) is dict and scan(value) is Shape.PLAIN and encode_plain(value) == line:
            return value
    return _parse_slowly(line, limit)


def _parse_slowly(line: bytes, limit: int) -> JsonObject:
    """Parse what the quick way cannot vouch for, and name the first rule that it breaks."""
    if len(line) > limit:
        message = f"{len(line)} bytes, at most {limit} are allowed"
        raise NotCanonicalError(Reason.LINE_TOO_LONG, message)
    if b"\r" in line:
        raise NotCanonicalError(Reason.CARRIAGE_RETURN, "the line holds a CR")
    if line != line.strip():
        raise NotCanonicalError(Reason.OUTER_SPACE, "white space before or after the value")
    if _nesting(line) > MAX_DEPTH:
        message = f"containers are nested deeper than {MAX_DEPTH}"
        raise NotCanonicalError(Reason.TOO_DEEP, message)
    value = _load(line)
    if type(value) is not dict:
        raise NotCanonicalError(Reason.NOT_OBJECT, "the line must hold a JSON object")
    if canonical_bytes(value) != line:
        raise NotCanonicalError(Reason.NOT_CANONICAL, "the bytes differ from the RFC 8785 form")
    return value


def _nesting(line: bytes) -> int:
    deepest = depth = 0
    for byte in _STRING_TOKEN.sub(b"", line):
        if byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def _load(line: bytes) -> Json:
    try:
        value: Json = json.loads(
            line.decode(),
            object_pairs_hook=_without_duplicates,
            parse_constant=_refuse_constant,
            parse_int=_exact_number,
        )
    except UnicodeDecodeError as error:
        raise NotCanonicalError(Reason.NOT_UTF8, f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        message = f"{error.msg} at character {error.pos}"
        raise NotCanonicalError(Reason.NOT_JSON, message) from error
    return value


def _without_duplicates(pairs: list[tuple[str, Json]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise NotCanonicalError(Reason.DUPLICATE_KEY, "an object names one key twice")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise NotCanonicalError(Reason.NON_FINITE, f"{name} is no JSON number")


def _exact_number(digits: str) -> int | float:
    if len(digits) > _EXACT_DIGITS:
        return float(digits)
    number = int(digits)
    return number if -MAX_INT <= number <= MAX_INT else float(number)
