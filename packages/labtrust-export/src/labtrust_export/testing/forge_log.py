"""Forgeries of the log as bytes: every one signed by the producer, who lies or has lost his keys.

Whoever holds the producer's keys can make the manifest fit. What remains are the log's own rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from labtrust_core.canonical import canonical_bytes

from labtrust_export.testing.fields import (
    Path,
    at,
    other,
    paths,
    retyped,
    with_value,
    without,
    written,
)
from labtrust_export.testing.forgery import Forged, Good, forges
from labtrust_export.testing.sealing import (
    LOG_FILE,
    Files,
    Record,
    checkpoints,
    joined,
    resealed,
)
from labtrust_export.testing.spelling import misspelled

_LONG: Final = 70_000


def lied(bundle: Good, lines: Sequence[bytes]) -> Files:
    """Return the bundle with other lines in its log; the producer signs note and manifest."""
    files = bundle.files | {LOG_FILE: joined(lines)}
    if lines:
        files = checkpoints(files)
    return resealed(files)


def _replaced(lines: Sequence[bytes], index: int, line: bytes) -> list[bytes]:
    return [*lines[:index], line, *lines[index + 1 :]]


def _some(bundle: Good) -> list[int]:
    """Return the places that a quick run looks at: start, two events, end."""
    count = len(bundle.episode.lines)
    return list(range(count)) if bundle.thorough else [0, 1, count // 2, count - 1]


@forges(
    "log-spelling",
    "spells a record otherwise, so that two readers may read two things",
    level="L0",
    bases=("signed", "clocked"),
    holes=("B31",),
)
def log_spelling(bundle: Good) -> Iterator[Forged]:
    """Yield logs with a line that is not canonical."""
    lines = bundle.episode.lines
    for index in _some(bundle):
        for what, bad in misspelled(lines[index]):
            yield Forged(
                f"{index}-{what}",
                lied(bundle, _replaced(lines, index, bad)),
                "LOG_NOT_CANONICAL" if b"\n" not in bad else _BROKEN_IN_TWO,
            )


_BROKEN_IN_TWO: Final = "LOG_NOT_CANONICAL"


@forges("log-empty", "empties the log", level="L0", bases=("signed",), holes=("B20",))
def log_empty(bundle: Good) -> Iterator[Forged]:
    """Yield logs of nothing."""
    yield Forged("empty", resealed(bundle.files | {LOG_FILE: b""}), "LOG_EMPTY")
    blank = resealed(bundle.files | {LOG_FILE: b"\n"})
    yield Forged("blank-line", blank, "LOG_NOT_CANONICAL")


@forges(
    "log-long-line", "hides something in a line too long to read", level="L0", bases=("signed",)
)
def log_long_line(bundle: Good) -> Iterator[Forged]:
    """Yield logs with a line beyond the limit."""
    for index in (0, 1, len(bundle.episode.lines) - 1):
        record = bundle.records[index] | {"pad": "x" * _LONG}
        lines = _replaced(bundle.episode.lines, index, canonical_bytes(record))
        yield Forged(str(index), lied(bundle, lines), "LOG_LINE_TOO_LONG")
    bomb = _replaced(bundle.episode.lines, 1, b"[" * _LONG)
    yield Forged("depth-bomb", lied(bundle, bomb), "LOG_LINE_TOO_LONG")


@forges("log-torn", "cuts the log in the middle of a line", level="L0", bases=("signed", "clocked"))
def log_torn(bundle: Good) -> Iterator[Forged]:
    """Yield logs whose last line has no LF."""
    data = bundle.files[LOG_FILE]
    ends = [len(line) + 1 for line in bundle.episode.lines]
    cuts = {"last-line-feed": len(data) - 1, "half": len(data) // 2, "one-byte": 1}
    cuts |= {f"within-{index}": sum(ends[:index]) + 5 for index in range(len(ends))}
    for what, cut in cuts.items():
        files = resealed(bundle.files | {LOG_FILE: data[:cut]})
        yield Forged(what, files, "LOG_TORN_LINE")


@forges(
    "record-shape",
    "leaves a field of a record out, adds one or gives it another type",
    level="L0",
    bases=("signed", "clocked"),
)
def record_shape(bundle: Good) -> Iterator[Forged]:
    """Yield logs with a record of another shape."""
    records = bundle.records
    for index in _some(bundle):
        record = records[index]
        closed: list[Path] = [(name,) for name in record]
        if record["kind"] == "end":
            closed += [("body", name) for name in record["body"]]
        variants = {f"without-{written(path)}": without(record, path) for path in closed}
        variants |= {
            f"retyped-{written(path)}": with_value(record, path, retyped(at(record, path)))
            for path in closed
        }
        variants |= {
            "extra": record | {"extra": 1},
            "negative-t": record | {"t": -1},
            "version-2": record | {"v": 2},
            "kind-note": record | {"kind": "note"},
            "short-prev": record | {"prev": record["prev"][1:]},
            "capital-prev": record | {"prev": "A" + record["prev"][1:]},
        }
        for what, changed in variants.items():
            lines = _replaced(bundle.episode.lines, index, canonical_bytes(changed))
            yield Forged(f"{index}-{what}", lied(bundle, lines), "LOG_RECORD_SCHEMA")


@forges(
    "record-field",
    "changes or deletes one field of one record; file hashes, note and manifest are made to fit",
    level="L0",
    bases=("clocked",),
    slow_bases=("signed", "roster", "enforced"),
    holes=("S01", "B14", "B15", "B21", "B23"),
)
def record_field(bundle: Good) -> Iterator[Forged]:
    """Yield logs with one field of one record changed, its links left as they are."""
    for index, record in enumerate(bundle.records):
        for path in paths(record, depth=32 if bundle.thorough else 3):
            if isinstance(at(record, path), (dict, list)) and len(path) == 1:
                continue
            changed = with_value(record, path, _legal(path, at(record, path)))
            lines = _replaced(bundle.episode.lines, index, canonical_bytes(changed))
            code = _field_code(record, path)
            yield Forged(f"{index}-{written(path)}", lied(bundle, lines), code)
            if len(path) > 1 and record["kind"] != "end":
                lines = _replaced(
                    bundle.episode.lines, index, canonical_bytes(without(record, path))
                )
                yield Forged(
                    f"{index}-without-{written(path)}", lied(bundle, lines), "LOG_CHAIN_BROKEN"
                )


def _legal(path: Path, value: object) -> object:
    """Return another value that may stand there."""
    if path == ("kind",):
        return "event" if value == "end" else "end"
    if path == ("origin",):
        return "agent" if value != "agent" else "clockwork"
    if path == ("body", "reason"):
        return "aborted"
    return other(value)


def _field_code(record: Record, path: Path) -> str:
    """Return the code that a changed field of a record must meet."""
    if path in {("kind",), ("v",)}:
        return "LOG_RECORD_SCHEMA"
    if path == ("seq",):
        return "LOG_SEQ_GAP"
    return "LOG_END_CHECK" if record["kind"] == "end" else "LOG_CHAIN_BROKEN"
