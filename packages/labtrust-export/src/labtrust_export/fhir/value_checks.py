"""Checks of single values, wherever they stand: nothing empty, dates, quantities, codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from labtrust_export.fhir.codes import Element, ValueSet
from labtrust_export.fhir.finding import Finding

_ZONE: Final = r"(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)"
_DAY: Final = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
_TIME: Final = r"([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?"
_INSTANT: Final = re.compile(f"{_DAY}T{_TIME}{_ZONE}")
_DATE_TIME: Final = re.compile(rf"\d{{4}}(-(0[1-9]|1[0-2])|{_DAY[5:]}(T{_TIME}{_ZONE})?)?")
_SHOWN: Final = 80
_INSTANTS: Final = frozenset({"issued", "recorded", "timestamp", "lastUpdated"})
_DATE_TIMES: Final = frozenset({"receivedTime", "authoredOn"})
_DIV: Final = re.compile(r'<div [^<>]*xmlns="http://www\.w3\.org/1999/xhtml".*</div>', re.DOTALL)


def shown(value: object) -> str:
    """Return a value as a message shows it: cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def check_values(where: str, value: object) -> Iterator[Finding]:
    """Yield what is wrong with the values below a place."""
    if isinstance(value, dict):
        if not value:
            yield Finding(where, "empty", "an empty object")
        yield from _check_parts(where, value)
        for name, item in value.items():
            yield from _check_named(f"{where}.{name}", name, item)
            yield from check_values(f"{where}.{name}", item)
    elif isinstance(value, list):
        if not value:
            yield Finding(where, "empty", "an empty list")
        for number, item in enumerate(value):
            if item is not None:  # stands for "no extension" in a list of extensions of values
                yield from check_values(f"{where}[{number}]", item)
    elif value is None or value == "":
        yield Finding(where, "empty", "null or an empty text")


def _check_named(where: str, name: str, item: object) -> Iterator[Finding]:
    if name in _INSTANTS and not (isinstance(item, str) and _INSTANT.fullmatch(item)):
        yield Finding(where, "instant", f"{shown(item)} is no instant: date, time and zone")
    dated = name in _DATE_TIMES or (name.endswith("DateTime") and not name.startswith("_"))
    if dated and not (isinstance(item, str) and _DATE_TIME.fullmatch(item)):
        yield Finding(where, "date-time", f"{shown(item)} is no date, and no instant")
    if name == "div" and not (isinstance(item, str) and _DIV.fullmatch(item.strip())):
        yield Finding(where, "narrative", "a narrative is a div of XHTML")


def _check_parts(where: str, value: Element) -> Iterator[Finding]:
    """Check an object whose kind its own names tell: quantities and codings."""
    name = where.rpartition(".")[2].partition("[")[0]
    is_quantity = name.endswith("Quantity") or {"value", "unit"} <= value.keys()
    if is_quantity or (name in {"low", "high"} and "value" in value):
        number = value.get("value", 0)
        if isinstance(number, bool) or not isinstance(number, (int, float, Decimal)):
            yield Finding(f"{where}.value", "decimal", f"{shown(number)} is no number")
        if "code" in value and "system" not in value:
            yield Finding(f"{where}.code", "qty-3", "a unit's code needs its system")


def check_codes(where: str, value: object, allowed: ValueSet) -> Iterator[Finding]:
    """Yield codes that the value set does not hold; a system that it does not name is one, too."""
    sets = {system: frozenset(codes) for system, codes in allowed.value_sets.items()}
    yield from _check_codes(where, value, sets)


def _check_codes(
    where: str, value: object, sets: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _check_codes(f"{where}[{number}]", item, sets)
    elif isinstance(value, dict):
        if _is_coded(where, value):
            yield from _check_code(where, value.get("system"), value.get("code"), sets)
        for name, item in value.items():
            yield from _check_codes(f"{where}.{name}", item, sets)


def _is_coded(where: str, value: Element) -> bool:
    return ("system" in value and "code" in value) or bool(re.search(r"\.coding\[\d+\]$", where))


def _check_code(
    where: str, system: object, code: object, sets: Mapping[str, frozenset[str]]
) -> Iterator[Finding]:
    if not isinstance(system, str) or system not in sets:
        message = f"the value set does not know the system {shown(system)}"
        yield Finding(f"{where}.system", "unknown-system", message, source="terminology")
    elif code not in sets[system]:
        message = f"the value set has no {shown(code)} of {system}"
        yield Finding(f"{where}.code", "unknown-code", message, source="terminology")
