"""The forms of evidence for the second verifier: canonical JSON, shapes, keys, notes, trees.

Written from `docs/reference/evidence.md` alone; nothing of LabTrust is imported. Every reader
raises `ValueError` and nothing else.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Final, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Shape: TypeAlias = "str | list[Shape] | tuple[Shape, ...] | dict[str, Shape]"

MAX_INTEGER: Final = 2**53 - 1
MAX_DEPTH: Final = 32
MAX_NOTE: Final = 64 * 1024
MAX_SIGNATURES: Final = 16
LOG_KEY, WITNESS_KEY = 1, 4  # type bytes

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_NAME: Final = "[!-*,-~]{1,200}"  # printable ASCII without blank and plus


# --- canonical JSON (RFC 8785) ---


def canonical(value: Json, depth: int = MAX_DEPTH) -> str:
    """Return the RFC 8785 form of a value."""
    if isinstance(value, list | dict) and not depth:
        raise ValueError(f"containers are nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        keys = sorted(value, key=utf16)
        pairs = (f"{canonical(key)}:{canonical(value[key], depth - 1)}" for key in keys)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(item, depth - 1) for item in value) + "]"
    if isinstance(value, str):
        return encode_basestring(value)  # its escapes are those of RFC 8785
    if isinstance(value, float):
        return _number(value)
    return json.dumps(value)


def utf16(key: str) -> bytes:
    """Return the UTF-16 units of a key, which keys are sorted by."""
    return key.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """Spell a double as ECMAScript does: the shortest digits that read back as the same double."""
    if value != value or abs(value) == float("inf"):  # noqa: PLR0124 - NaN differs from itself
        raise ValueError("not a number of JSON")
    if not value:
        return "0"
    sign, figures, exponent = Decimal(repr(value)).normalize().as_tuple()
    digits, minus = "".join(map(str, figures)), "-" * sign
    point = len(digits) + int(exponent)  # where the decimal point stands, from the first digit
    if len(digits) <= point <= 21:  # noqa: PLR2004 - the bounds are ECMAScript's
        return minus + digits.ljust(point, "0")
    if 0 < point <= 21:  # noqa: PLR2004 - as above
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:  # noqa: PLR2004 - as above
        return f"{minus}0.{'0' * -point}{digits}"
    mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{minus}{mantissa}e{point - 1:+d}"


def _integer(written: str) -> Json:
    """Beyond 2^53-1 a number is a double, however it is written."""
    short = len(written) <= 17 and abs(int(written)) <= MAX_INTEGER  # noqa: PLR2004 - 16 digits
    return int(written) if short else float(written)


def _no_constant(written: str) -> Json:
    raise ValueError(f"{written} is no JSON")


@lru_cache(maxsize=16384)
def read_canonical(data: bytes) -> dict[str, Json]:
    """Return the object whose canonical form `data` is. It is shared: do not change it."""
    try:
        value = json.loads(data.decode(), parse_int=_integer, parse_constant=_no_constant)
        if isinstance(value, dict) and canonical(value).encode() == data:
            return value  # a duplicate key is lost in reading, so the bytes differ
    except RecursionError:
        raise ValueError(f"containers are nested deeper than {MAX_DEPTH}") from None
    raise ValueError("the bytes are not the canonical form of a JSON object")


def digest_of(value: Json) -> str:
    """Return the SHA-256 of the canonical form."""
    return sha256(canonical(value).encode()).hexdigest()


def unbase64(written: str) -> bytes:
    """Return what standard base64 with padding, unused bits zero, stands for."""
    raw = base64.b64decode(written, validate=True)
    if base64.b64encode(raw).decode() != written:
        raise ValueError("not the base64 that an encoder writes")
    return raw


# --- what may stand where: lenient access, and shapes ---


def table(value: Json) -> dict[str, Json]:
    """Return an object, or an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def items(value: Json) -> list[Json]:
    """Return a list, or an empty one where there is none."""
    return value if isinstance(value, list) else []


def number(value: Json) -> int:
    """Return an integer, or 0 where there is none."""
    return value if isinstance(value, int) else 0


def text(value: Json) -> str | None:
    """Return a text, or None where there is none."""
    return value if isinstance(value, str) else None


def texts(value: Json) -> list[str]:
    """Return the texts of a list."""
    return [item for item in items(value) if isinstance(item, str)]


_KINDS: Final[dict[str, Callable[[Json], bool]]] = {
    "null": lambda value: value is None,
    "text": lambda value: isinstance(value, str),
    "name": lambda value: isinstance(value, str) and value != "",
    "truth": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int,  # true is none
    "number": lambda value: type(value) is int and value >= 0,
    "one": lambda value: type(value) is int and value == 1,
    "count": lambda value: type(value) is int and value >= 1,
    "object": lambda value: isinstance(value, dict),
    "digest": lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9a-f]{64}", value)),
    "base64": lambda value: isinstance(value, str) and _is_base64(value),
}


def _is_base64(written: str) -> bool:
    try:
        unbase64(written)
    except ValueError:
        return False
    return True


def fits(value: Json, shape: Shape) -> bool:
    """Whether a value has a shape.

    A shape is the name of a kind, `=` and a text, a tuple of alternatives, a list of the shape of
    its items, or an object: exactly these fields, where one with `?` may be absent or null; with
    `...` any others too; with `*` alone any fields of that shape.
    """
    if isinstance(shape, str):
        return value == shape[1:] if shape[0] == "=" else _KINDS[shape](value)
    if isinstance(shape, tuple):
        return any(fits(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    if not isinstance(value, dict):
        return False
    if "*" in shape:
        return all(fits(item, shape["*"]) for item in value.values())
    known = {name.removesuffix("?") for name in shape}
    return ("..." in shape or value.keys() <= known) and all(
        value.get(name[:-1]) is None or fits(value[name[:-1]], one)
        if name.endswith("?")
        else name == "..." or (name in value and fits(value[name], one))
        for name, one in shape.items()
    )


# --- keys and signatures ---


class Key(NamedTuple):
    """A key in its written form, its parts: name, key id, type byte, public key."""

    written: str
    name: str
    key_id: str
    kind: int
    public: bytes


@lru_cache(maxsize=4096)
def is_accepted_key(public: bytes) -> bool:
    """Whether 32 bytes are the canonical encoding of a point, and not one of low order."""
    y = int.from_bytes(public, "little") & ((1 << 255) - 1)
    square = y * y % _P
    # y is 1 or -1 at order 1 or 2, 0 at order 4, and becomes 0 when a point of order 8 is doubled.
    low = y * (square - 1) * (_D * square * square + 2 * square - 1) % _P == 0
    x_square = (square - 1) * pow(_D * square + 1, -1, _P) % _P
    return len(public) == 32 and y < _P and not low and pow(x_square, _P // 2, _P) == 1  # noqa: PLR2004


def read_key(written: str, kind: int) -> Key:
    """Return the key of type `kind` with this written form."""
    match = re.fullmatch(rf"({_NAME})\+([0-9a-f]{{8}})\+(.+)", written)
    raw = unbase64(match[3]) if match else b""
    if not match or raw[:1] != bytes([kind]) or not is_accepted_key(raw[1:]):
        raise ValueError(f"{written!r} is no key of type {kind}")
    if sha256(match[1].encode() + b"\n" + raw).hexdigest()[:8] != match[2]:
        raise ValueError(f"{written!r} does not have the id of its key")
    return Key(written, match[1], match[2], kind, raw[1:])


@lru_cache(maxsize=65536)
def signed_by(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether it is a signature of an accepted key."""
    if not is_accepted_key(public):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def pae(kind: str, payload: bytes) -> bytes:
    """Return the pre-authentication encoding of a typed payload."""
    return b"DSSEv1 %d %b %d %b" % (len(kind.encode()), kind.encode(), len(payload), payload)


# --- signed notes ---


class Note(NamedTuple):
    """A signed note: its text, and of each line the name, the key id and the signature."""

    text: str
    lines: list[tuple[str, str, bytes]]

    def is_signed(self, line: tuple[str, str, bytes], key: Key) -> bool:
        """Whether a line under the id of `key` holds a good signature of it."""
        signature, message = line[2], self.text.encode()
        if key.kind == WITNESS_KEY:
            time = int.from_bytes(signature[:8], "big")
            signature, message = signature[8:], b"cosignature/v1\ntime %d\n%b" % (time, message)
        return signed_by(key.public, signature, message)


def parse_note(data: bytes) -> Note:
    """Read a signed note."""
    body, _, tail = data.decode().rpartition("\n\n")
    *written, last = tail.split("\n")
    if len(data) > MAX_NOTE or not body or last or not 0 < len(written) <= MAX_SIGNATURES:
        raise ValueError("a note is a text, an empty line, and 1 to 16 signature lines")
    if any(sign < " " and sign != "\n" for sign in body):
        raise ValueError("a note's text holds no control characters but LF")
    lines: list[tuple[str, str, bytes]] = []
    for line in written:
        match = re.fullmatch(f"\u2014 ({_NAME}) (.+)", line)
        raw = unbase64(match[2]) if match else b""
        if not match or len(raw) <= 4:  # noqa: PLR2004 - the bytes of the key id
            raise ValueError(f"no signature line: {line[:80]!r}")
        lines.append((match[1], raw[:4].hex(), raw[4:]))
    return Note(body + "\n", lines)


# --- Merkle trees (RFC 6962) ---


def leaf_hash(line: bytes) -> bytes:
    """Return the leaf hash of a line without its LF."""
    return sha256(b"\0" + line).digest()


class Tree:
    """The tree over some leaf hashes, at least one; a node without a sibling moves up as it is."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.levels = [leaves]
        while len(level := self.levels[-1]) > 1:
            paired = [
                sha256(b"\1" + left + right).digest()
                for left, right in zip(level[::2], level[1::2], strict=False)
            ]
            self.levels.append(paired + level[len(paired) * 2 :])

    @property
    def root(self) -> bytes:
        """The root."""
        return self.levels[-1][0]

    def path(self, index: int) -> list[str]:
        """Return the siblings of a leaf on the way to the root, lowest first, in hexadecimal."""
        found: list[str] = []
        for level in self.levels[:-1]:
            if index ^ 1 < len(level):
                found.append(level[index ^ 1].hex())
            index //= 2
        return found
