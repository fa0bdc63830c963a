"""Sections of `docs/` about policy and what always holds under it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from docs_markdown import POLICY, code, one_line, table
from labtrust_core.domains import open_documents
from labtrust_core.hospital_lab.documents.kinds import LAB_DOCUMENTS
from labtrust_core.hospital_lab.lab import HOSPITAL_LAB
from labtrust_core.policy.documents import path_text, read_document
from labtrust_core.policy.load import SUITE_FOLDER, merged
from labtrust_core.policy.model import TRUST_DOCUMENTS, Workflow
from labtrust_core.testing.world_invariants import (
    CHANGE_INVARIANTS,
    STATE_INVARIANTS,
    statement,
)

OVERLAY: Final = POLICY / "partners" / "upstream_compat"


def overlay_section() -> str:
    """Return every value that the overlay `upstream_compat` changes, file by file."""
    parts = []
    for file in sorted(OVERLAY.rglob("*.yaml")):
        if file.parent == OVERLAY / SUITE_FOLDER:
            continue  # scenarios, which change nothing
        relative = file.relative_to(OVERLAY).as_posix()
        base, overlay = read_document(POLICY / relative).data, read_document(file).data
        rows = [
            (f"`{path_text(path)}`", _value(base, path), _value(merged(base, overlay), path))
            for path in _leaves(overlay)
            if _at(base, path) != _at(merged(base, overlay), path)
        ]
        comment = re.findall(r"^\s*# (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        parts += [
            f"### {relative}",
            " ".join(comment),
            table(("value", "default", "overlay"), rows),
        ]
    return "\n\n".join(parts)


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - JSON data of any shape
    if not isinstance(value, dict):
        yield path
        return
    for key, item in value.items():
        yield from _leaves(item, (*path, key))


def _at(value: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401 - JSON data of any shape
    for key in path:
        if key not in value:
            return None
        value = value[key]
    return value


def _value(document: dict[str, Any], path: tuple[str | int, ...]) -> str:
    value = _at(document, path)
    if isinstance(value, list):
        return code(str(item) for item in value)
    return f"`{json.dumps(value)}`"


def documents_section() -> str:
    """Return the policy files with what each holds."""
    rows = (
        (f"`{kind.path}`", owner, _meaning(inspect.getdoc(kind.type) or ""))
        for owner, kinds in (("trust", TRUST_DOCUMENTS), ("laboratory", LAB_DOCUMENTS))
        for kind in kinds
    )
    return table(("file", "part", "what it holds"), rows)


def _meaning(docstring: str) -> str:
    """Return the first paragraphs of a docstring in one line, without the folder that opens it."""
    text = one_line(docstring.partition("Attributes:")[0]).replace("``", "`")
    text = re.sub(r"^`[^`]*`[:.] ", "", text)
    return text[:1].upper() + text[1:]


def actions_section() -> str:
    """Return every action with its guards in order, and its handling time."""
    rules = open_documents(POLICY).documents.get("workflow", Workflow).actions
    rows = ((f"`{name}`", code(rule.guards), str(rule.handling_s)) for name, rule in rules.items())
    return table(("action", "guards, in order", "handling, s"), rows)


def guards_section() -> str:
    """Return every guard of the laboratory with the question that it answers."""
    rules = open_documents(POLICY).documents.get("workflow", Workflow).actions
    used = dict.fromkeys(guard for rule in rules.values() for guard in rule.guards)
    rows = (
        (f"`{name}`", one_line((inspect.getdoc(HOSPITAL_LAB.guards[name]) or "").split("\n\n")[0]))
        for name in used
    )
    return table(("guard", "question"), rows)


def assumed_section() -> str:
    """Return what policy marks as assumed: what its comments say, and the values marked so."""
    rows = []
    for file in sorted(POLICY.rglob("*.yaml")):
        relative = file.relative_to(POLICY)
        if relative.parts[0] in {SUITE_FOLDER, "partners"}:
            continue
        said, values = _assumed(file)
        if said or values:
            rows.append((f"`{relative.as_posix()}`", " ".join(said) or "-", code(values)))
    return table(("file", "its comments", "values marked as assumed"), rows)


def _assumed(file: Path) -> tuple[list[str], list[str]]:
    text = file.read_text(encoding="utf-8")
    comments = re.findall(r"(?:^ *# .*\n)+", text, re.MULTILINE)
    blocks = (one_line(re.sub(r"^ *# ", "", block, flags=re.MULTILINE)) for block in comments)
    sentences = (item for block in blocks for item in re.split(r"(?<=\.) (?=[A-Z])", block))
    places: dict[int, tuple[str | int, ...]] = {}
    for path, number in read_document(file).lines.items():
        places.setdefault(number, path)
    marked = [
        places[number]
        for number, line in enumerate(text.splitlines(), 1)
        if "assumed" in line and number in places
    ]
    values = [path_text(path[:-1] if path[-1] == "source" else path) for path in marked]
    return [item for item in sentences if "assumed" in item], values


def invariants_section() -> str:
    """Return what the invariants of the laboratory say, those of a state and those of a change."""
    state = [statement(name) for name in STATE_INVARIANTS]
    change = [statement(name) for name in CHANGE_INVARIANTS]
    heads = (f"Of every state ({len(state)})", f"Of every change ({len(change)})")
    return "\n\n".join(
        "\n".join([f"{head}:", "", *(f"- {sentence}" for sentence in said)])
        for head, said in zip(heads, (state, change), strict=True)
    )
