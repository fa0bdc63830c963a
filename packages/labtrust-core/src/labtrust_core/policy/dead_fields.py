"""Find policy fields that no code reads: such a field is prose that pretends to be policy.

A field counts as read when some module takes an attribute of that name (or names it in
``getattr``). That can miss a dead field whose name something else bears; it never accuses a field
that is read.
"""

from __future__ import annotations

import ast
import sys
import typing
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from labtrust_core.policy.model import Closed

PROSE: Final = frozenset({"version", "description", "title", "source", "note", "namespace"})
"""Fields for people, which nothing has to read."""

TEST_KIT: Final = "testing"
"""Folder of a distribution's test kit."""


def dead_fields(kind: type[Closed], folders: Iterable[Path]) -> list[str]:
    """Return the fields in ``kind``, as ``Struct.field``, that no code in ``folders`` reads."""
    read = frozenset[str]().union(*(attributes_read(folder) for folder in folders))
    return [
        f"{struct.__name__}.{name}"
        for struct in structs_in(kind)
        for name in struct.__struct_fields__
        if name not in read and name not in PROSE
    ]


def structs_in(kind: type[msgspec.Struct]) -> list[type[msgspec.Struct]]:
    """Return ``kind`` and every struct type that its fields hold, at any depth, each once."""
    found: dict[type[msgspec.Struct], None] = {}
    waiting = [kind]
    while waiting:
        struct = waiting.pop()
        if struct not in found:
            found[struct] = None
            hints = typing.get_type_hints(struct).values()
            waiting += [inner for hint in hints for inner in _structs(hint)]
    return list(found)


def _structs(hint: object) -> Iterator[type[msgspec.Struct]]:
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        yield hint
    for argument in typing.get_args(hint):
        yield from _structs(argument)


def code_of(module_names: Iterable[str]) -> tuple[Path, ...]:
    """Return where the code of modules lies: folders of packages, files of lone modules."""
    places: dict[Path, None] = {}
    for name in module_names:
        folders = getattr(sys.modules.get(name.partition(".")[0]), "__path__", ())
        file = sys.modules[name].__file__
        if folders:
            places |= dict.fromkeys(Path(folder) for folder in folders)
        elif file is not None:
            places[Path(file)] = None
    return tuple(places)


@cache
def attributes_read(place: Path) -> frozenset[str]:
    """Return every attribute name that the Python code at ``place`` (a folder or a file) reads."""
    return frozenset[str]().union(*(attributes_in(file) for file in code_files(place)))


def code_files(place: Path) -> list[Path]:
    """Return the Python files at ``place`` (a folder or a file), in order.

    Folders called ``testing`` are left out: what only a test kit reads, no code reads.
    """
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return [file for file in files if TEST_KIT not in file.relative_to(place).parts]


@cache
def attributes_in(file: Path) -> frozenset[str]:
    """Return every attribute name that one file of Python code reads."""
    return frozenset(_attributes(ast.parse(file.read_text(encoding="utf-8"))))


def _attributes(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "getattr"
        ):
            name = node.args[1] if len(node.args) > 1 else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield name.value
