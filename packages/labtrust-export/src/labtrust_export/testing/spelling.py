"""The same JSON, or what looks like it, spelled otherwise: every form that a strict reader refuses.

Two readers of one text must not disagree on what it says, so there is one spelling of everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Final

_INTEGER: Final = re.compile(rb'(?<=":)(0|[1-9][0-9]*)(?=[,}])')
_TEXT: Final = re.compile(rb'(?<=":")([A-Za-z])')
_DEEP: Final = 40

_NUMBERS: Final = {
    "fraction": b"1.0",
    "exponent": b"1e0",
    "minus-zero": b"-0",
    "plus": b"+1",
    "leading-zero": b"01",
    "nan": b"NaN",
    "infinity": b"Infinity",
    "minus-infinity": b"-Infinity",
    "overflow": b"1e400",
    "beyond-exact": b"9007199254740993",
    "hundred-digits": b"1" * 100,
    "hexadecimal": b"0x1",
}

_IN_TEXT: Final = {
    "escape": rb"\u0041",
    "lone-surrogate": rb"\ud800",
    "reversed-surrogates": rb"\udc00\ud800",
    "surrogate-bytes": b"\xed\xa0\x80",
    "invalid-utf-8": b"\xff",
    "overlong": b"\xc0\xaf",
    "slash-escape": rb"\/",
    "control": b"\x01",
    "tab": b"\t",
    "line-feed": b"\n",
    "upper-case-escape": rb"\u001F",
}


def _spaced(line: bytes) -> bytes:
    return line.replace(b":", b": ", 1)


def _reordered(line: bytes) -> bytes:
    value = json.loads(line)
    turned = {name: value[name] for name in sorted(value, reverse=True)}
    return json.dumps(turned, separators=(",", ":"), ensure_ascii=False).encode()


def _doubled(line: bytes) -> bytes:
    """The first member stands twice, as some readers take the first and some the last."""
    value = json.loads(line)
    name = min(value)
    member = json.dumps({name: value[name]}, separators=(",", ":"), ensure_ascii=False)
    return member[:-1].encode() + b"," + line[1:]


def _nested(line: bytes) -> bytes:
    value = json.loads(line)
    deep: object = 0
    for _ in range(_DEEP):
        deep = [deep]
    return json.dumps(value | {"~deep": deep}, separators=(",", ":"), ensure_ascii=False).encode()


_WHOLE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "space-inside": _spaced,
    "space-before": lambda line: b" " + line,
    "space-after": lambda line: line + b" ",
    "tab-after": lambda line: line + b"\t",
    "carriage-return": lambda line: line + b"\r",
    "byte-order-mark": lambda line: b"\xef\xbb\xbf" + line,
    "utf-16": lambda line: line.decode().encode("utf-16-le"),
    "reordered": _reordered,
    "doubled-key": _doubled,
    "nested": _nested,
    "cut": lambda line: line[:-1],
    "trailing-comma": lambda line: line[:-1] + b",}",
    "two-values": lambda line: line + line,
    "comment": lambda line: line + b"/**/",
    "list": lambda line: b"[" + line + b"]",
    "null": lambda _line: b"null",
    "text": lambda _line: b'"{}"',
    "nothing": lambda _line: b"",
    "nul": lambda line: line + b"\0",
    "depth-bomb": lambda _line: b"[" * 20_000 + b"]" * 20_000,
}


def _put(place: re.Pattern[bytes], text: bytes, line: bytes) -> bytes:
    """Return a line with a text, taken as it is, at the first such place."""
    return place.sub(lambda _found: text, line, count=1)


def misspelled(line: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield spellings of the object in a canonical line that no strict reader accepts.

    Yields:
        Name of the trick, and the bytes (without LF); tricks that need a number or a text are left
        out where there is none.
    """
    for name, spell in _WHOLE.items():
        if (bad := spell(line)) != line:
            yield name, bad
    for tricks, place in ((_NUMBERS, _INTEGER), (_IN_TEXT, _TEXT)):
        for name, text in tricks.items():
            if place.search(line):
                yield name, _put(place, text, line)
