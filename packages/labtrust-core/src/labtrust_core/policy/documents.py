"""Read a YAML file into plain data with the line of every place, refusing what could hide or harm.

The reader knows JSON's types only (YAML 1.2 core schema): ``null``, ``true``/``false``, decimal
integers and fractions, and text. It refuses duplicate keys, anchors and aliases (so no alias
bombs), tags, several documents in one file, an empty file, files over one mebibyte and nesting
deeper than 32.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Final

import yaml

from labtrust_core.canonical import MAX_INT
from labtrust_core.errors import PolicyError

MAX_BYTES: Final = 1_048_576
MAX_DEPTH: Final = 32

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_DIGITS: Final = 17  # a sign and the sixteen digits of 2^53-1
_FRACTION: Final = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?\Z")
_NO_TAG: Final = frozenset({None, "!"})
_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}

DocumentPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """One file as plain data.

    Attributes:
        file: Where it was read from.
        data: The top-level mapping.
        lines: Place inside the document (keys and indices from the top) to line number, from 1.
    """

    file: Path
    data: dict[str, Any]
    lines: dict[DocumentPath, int]

    def line_of(self, path: DocumentPath) -> int:
        """Return the line of ``path``, or of the nearest enclosing place that has one."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def path_text(path: DocumentPath) -> str:
    """Return ``path`` as people write it: ``zones.Z_A.roles[2]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def read_document(file: Path) -> SourceDocument:
    """Read one policy file.

    Raises:
        PolicyError: The file is missing, unreadable, too large, empty, no YAML or uses what the
            reader refuses; names the file and, where there is one, the line.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(
            f"cannot read the file: {error.strerror}", file=file, expected="a readable YAML file"
        ) from error
    if len(raw) > MAX_BYTES:
        raise PolicyError("the file is too large", file=file, expected=f"at most {MAX_BYTES} bytes")
    try:
        text = raw.decode()
        return _Builder(file).document(text)
    except UnicodeDecodeError as error:
        raise PolicyError("the file is not UTF-8", file=file, found=str(error)) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise PolicyError(
            f"not valid YAML: {error.problem}", file=file, line=line, expected="YAML"
        ) from error
    except yaml.YAMLError as error:
        raise PolicyError(f"not valid YAML: {error}", file=file, expected="YAML") from error


def _line(event: yaml.Event) -> int:
    """Return the line that an event starts on, from 1 (the parser marks every event)."""
    return event.start_mark.line + 1 if event.start_mark else 1


class _Builder:
    """Builds data and line numbers from the parser's events; one instance a file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines: dict[DocumentPath, int] = {}
        self.events: Iterator[yaml.Event] = iter(())

    def document(self, text: str) -> SourceDocument:
        self.events = iter(yaml.parse(text, Loader=_LOADER))
        next(self.events)  # stream start
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            raise PolicyError(
                "the file is empty", file=self.file, found="nothing", expected="a mapping"
            )
        data = self.value(next(self.events), ())
        next(self.events)  # document end
        rest = next(self.events)
        if not isinstance(rest, yaml.StreamEndEvent):
            raise self.error("more than one document in the file", rest, expected="one document")
        if not isinstance(data, dict):
            raise PolicyError(
                "the document is not a mapping",
                file=self.file,
                line=1,
                found="nothing" if data is None else type(data).__name__,
                expected="a mapping",
            )
        return SourceDocument(self.file, data, self.lines)

    def value(self, event: yaml.Event, path: DocumentPath) -> Any:  # noqa: ANN401 - JSON data of any shape
        self.lines.setdefault(path, _line(event))
        if len(path) > MAX_DEPTH:
            raise self.error(
                "nested too deeply", event, path, expected=f"at most {MAX_DEPTH} levels"
            )
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent) or anchor:
            raise self.error("anchors and aliases are not allowed", event, path, found=f"&{anchor}")
        tag = getattr(event, "tag", None)
        if tag not in _NO_TAG:
            raise self.error("tags are not allowed", event, path, found=str(tag))
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path)
        return self.mapping(path)

    def sequence(self, path: DocumentPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items))))
        return items

    def mapping(self, path: DocumentPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            if not isinstance(key, yaml.ScalarEvent) or key.anchor or key.tag not in _NO_TAG:
                raise self.error("a key is not plain text", key, path, expected="a text key")
            name = key.value
            if name in data:
                raise self.error("duplicate key", key, (*path, name), found=f"{name} a second time")
            self.lines[*path, name] = _line(key)
            data[name] = self.value(next(self.events), (*path, name))
        return data

    def scalar(
        self, event: yaml.ScalarEvent, path: DocumentPath
    ) -> str | int | float | bool | None:
        text: str = event.value
        if event.style in {"'", '"', "|", ">"}:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _INTEGER.match(text):
            if len(text) > _DIGITS or abs(int(text)) > MAX_INT:
                raise self.error(
                    "integer too large",
                    event,
                    path,
                    found=text[:_DIGITS],
                    expected="at most 2^53-1",
                )
            return int(text)
        if _FRACTION.match(text):
            return self.fraction(event, path)
        return text

    def fraction(self, event: yaml.ScalarEvent, path: DocumentPath) -> float:
        number = float(event.value)
        if not isfinite(number):
            found = event.value[:_DIGITS]
            raise self.error("number too large", event, path, found=found, expected="a double")
        return number

    def error(
        self,
        message: str,
        event: yaml.Event,
        path: DocumentPath = (),
        *,
        found: str = "",
        expected: str = "",
    ) -> PolicyError:
        return PolicyError(
            message,
            file=self.file,
            line=_line(event),
            path=path_text(path),
            found=found,
            expected=expected,
        )
