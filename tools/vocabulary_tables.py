"""The tables of `docs/reference`: which code produces each registered name, and what shows it.

Made from the policy, from the laboratory's and the engine's own lists, and from a run of the golden
suite; used by `generate_reference_docs.py`.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import labtrust_core
from docs_markdown import POLICY, code, table
from labtrust_core.domains import open_documents
from labtrust_core.engine.actions import ENGINE_EMITS, ENGINE_REASON_CODES
from labtrust_core.golden.report import ASSERTION_FAILED
from labtrust_core.golden.runner import run_golden
from labtrust_core.hospital_lab.documents.kinds import LAB_DOCUMENTS
from labtrust_core.hospital_lab.lab import HOSPITAL_LAB
from labtrust_core.policy.dead_fields import PROSE, attributes_in, code_files, structs_in
from labtrust_core.policy.load import Policy
from labtrust_core.policy.model import TRUST_DOCUMENTS, Emits, ReasonCodes, Tokens

CORE: Final = Path(inspect.getfile(labtrust_core)).parent
SHOWN: Final = 3  # modules or scenarios named in a cell


def _first(items: list[str]) -> str:
    more = len(items) - SHOWN
    return code(items[:SHOWN]) + (f" and {more} more" if more > 0 else "")


@cache
def _policy() -> Policy:
    return open_documents(POLICY).documents


@cache
def _scenarios(kind: str) -> dict[str, list[str]]:
    """Return, for each name of a kind of coverage, the golden scenarios that reach it."""
    cells = run_golden(policy_dir=POLICY).coverage[kind]
    return {name: list(columns["reached"]) for name, columns in cells.items()}


@cache
def _strings(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _modules(name: str) -> list[str]:
    """Return the modules of core that name ``name``, its test kit left out."""
    return [_dotted(file) for file in code_files(CORE) if name in _strings(file)]


def _dotted(file: Path) -> str:
    return ".".join(file.relative_to(CORE).with_suffix("").parts)


def _owner(name: str, engine: frozenset[str], laboratory: frozenset[str]) -> str:
    if name == ASSERTION_FAILED:
        return "golden runner"
    owners = (("engine", engine), ("laboratory", laboratory))
    return ", ".join(owner for owner, names in owners if name in names) or "invariant"


def reason_codes_section() -> str:
    """Return the tables of reason codes, one a namespace, and of those that nothing returns."""
    registry = _policy().get("reason_codes", ReasonCodes)
    types = _policy().get("tokens", Tokens).types
    shown = _scenarios("reason_codes")
    parts = []
    for namespace in dict.fromkeys(item.namespace for item in registry.codes.values()):
        rows = (
            (
                f"`{name}`",
                item.severity,
                item.description,
                _owner(name, ENGINE_REASON_CODES, HOSPITAL_LAB.reason_codes),
                _first(shown.get(name, [])),
                "never"
                if item.non_overridable
                else code(kind for kind, rule in types.items() if name in rule.lifts),
            )
            for name, item in registry.codes.items()
            if item.namespace == namespace
        )
        head = ("code", "severity", "meaning", "from", "shown by", "lifted by")
        parts += [f"## {namespace}", table(head, rows)]
    reserved = ((f"`{name}`", note) for name, note in registry.reserved.items())
    parts += ["## Reserved", table(("code", "kept for, or why not in use"), reserved)]
    return "\n\n".join(parts)


def emits_section() -> str:
    """Return the tables of emitted names: by category, and those that nothing emits."""
    vocabulary = _policy().get("emits", Emits)
    shown = _scenarios("emits")
    rows = (
        (
            f"`{name}`",
            category.replace("_", " "),
            _owner(name, ENGINE_EMITS, HOSPITAL_LAB.emitted),
            _first(_modules(name)),
            _first(shown.get(name, [])),
        )
        for category, names in vocabulary.categories.items()
        for name in names
    )
    reserved = ((f"`{name}`", note) for name, note in vocabulary.reserved.items())
    return "\n\n".join(
        [
            table(("name", "category", "from", "modules", "shown by"), rows),
            table(("reserved name", "kept for, or why not in use"), reserved),
        ]
    )


def fields_section() -> str:
    """Return every field of every policy document, with the modules of core that read it."""
    rows = (
        (f"`{kind.path.partition('/')[0]}`", f"`{struct}.{field}`", _first(_readers(field)))
        for kind in (*TRUST_DOCUMENTS, *LAB_DOCUMENTS)
        for struct, field in _fields(kind.type)
    )
    return table(("folder", "field", "read in"), rows)


def _fields(kind: type) -> Iterator[tuple[str, str]]:
    for struct in structs_in(kind):
        for field in struct.__struct_fields__:
            if field not in PROSE:
                yield struct.__name__, field


@cache
def _readers(field: str) -> list[str]:
    return [_dotted(file) for file in code_files(CORE) if field in attributes_in(file)]
