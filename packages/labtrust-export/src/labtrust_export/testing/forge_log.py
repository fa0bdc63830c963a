"""Forgeries of the log as bytes: every one signed by the producer, who lies or has lost his keys.

Whoever holds the producer's keys can make the manifest fit. What remains are the log's own rules.
"""

from __future__ import annotations

import copy
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
from labtrust_export.testing.forgery import Forged, Good, forges, good
from labtrust_export.testing.sealing import (
    CHECKPOINT,
    LOG_FILE,
    Files,
    Record,
    checked,
    checkpoints,
    joined,
    relinked,
    resealed,
)
from labtrust_export.testing.spelling import misspelled

_LONG: Final = 70_000


def _sealed(bundle: Good, lines: Sequence[bytes]) -> Files:
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
                _sealed(bundle, _replaced(lines, index, bad)),
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
        yield Forged(str(index), _sealed(bundle, lines), "LOG_LINE_TOO_LONG")
    bomb = _replaced(bundle.episode.lines, 1, b"[" * _LONG)
    yield Forged("depth-bomb", _sealed(bundle, bomb), "LOG_LINE_TOO_LONG")


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
        closed = [(name,) for name in record]
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
            yield Forged(f"{index}-{what}", _sealed(bundle, lines), "LOG_RECORD_SCHEMA")


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
            yield Forged(f"{index}-{written(path)}", _sealed(bundle, lines), code)
            if len(path) > 1 and record["kind"] != "end":
                lines = _replaced(
                    bundle.episode.lines, index, canonical_bytes(without(record, path))
                )
                yield Forged(
                    f"{index}-without-{written(path)}", _sealed(bundle, lines), "LOG_CHAIN_BROKEN"
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


@forges(
    "records-moved",
    "takes records out, doubles or swaps them, and leaves their places and links alone",
    level="L0",
    bases=("signed", "clocked"),
    holes=("B16", "B18"),
)
def records_moved(bundle: Good) -> Iterator[Forged]:
    """Yield logs in which a record is missing, stands twice or has changed places."""
    lines = list(bundle.episode.lines)
    for index in range(len(lines) - 1):
        swapped = [*lines[:index], lines[index + 1], lines[index], *lines[index + 2 :]]
        for what, changed in {
            "out": lines[:index] + lines[index + 1 :],
            "doubled": [*lines[: index + 1], *lines[index:]],
            "swapped": swapped,
        }.items():
            yield Forged(f"{index}-{what}", _sealed(bundle, changed), "LOG_SEQ_GAP")


@forges(
    "records-renumbered",
    "takes out or swaps events and numbers them anew, but does not rebuild the chain",
    level="L0",
    bases=("signed", "clocked"),
    holes=("B16", "B17", "B19"),
)
def records_renumbered(bundle: Good) -> Iterator[Forged]:
    """Yield logs whose numbers fit and whose chain does not."""
    events = len(bundle.records) - 2
    for index in range(1, events):
        out = bundle.records
        del out[index]
        swapped = bundle.records
        swapped[index], swapped[index + 1] = swapped[index + 1], swapped[index]
        for what, records in {"out": out, "swapped": swapped}.items():
            for place, record in enumerate(records):
                record["seq"] = place
            checked(records[-1])
            lines = [canonical_bytes(record) for record in records]
            codes = frozenset({"LOG_CHAIN_BROKEN", "LOG_TIME_BACKWARDS"})
            yield Forged(f"{index}-{what}", _sealed(bundle, lines), codes)


@forges(
    "chain-constant",
    "overwrites the links of the chain with constants",
    level="L0",
    bases=("signed", "clocked"),
    holes=("S03", "B17"),
)
def chain_constant(bundle: Good) -> Iterator[Forged]:
    """Yield logs with invented links."""
    for what, digit in {"zeros": "0", "ones": "1"}.items():
        records = bundle.records
        for record in records[1:-1]:
            record["prev"] = digit * 64
        lines = [canonical_bytes(record) for record in records]
        yield Forged(f"all-but-last-{what}", _sealed(bundle, lines), "LOG_CHAIN_BROKEN")
        records = bundle.records
        records[-1]["prev"] = records[-1]["body"]["root"] = digit * 64
        lines = [canonical_bytes(record) for record in (*records[:-1], checked(records[-1]))]
        yield Forged(f"end-{what}", _sealed(bundle, lines), "LOG_CHAIN_BROKEN")


@forges(
    "log-invented",
    "replaces the log by one invented line, or by lines that no episode has",
    level="L0",
    bases=("signed",),
    holes=("S03", "B20"),
)
def log_invented(bundle: Good) -> Iterator[Forged]:
    """Yield logs that are no episode."""
    start, event, end = bundle.records[0], bundle.records[1], bundle.records[-1]
    zeros = {"prev": "0" * 64, "seq": 0}
    root = copy.deepcopy(end) | zeros
    root["body"] |= {"root": "1" * 64, "events": 0}
    for what, records, code in (
        ("one-event", [event | zeros], "LOG_START_MISSING"),
        ("one-end", [checked(root)], "LOG_START_MISSING"),
        ("start-only", [start], "LOG_TRUNCATED"),
        ("two-starts", [start, start | {"seq": 1}], "LOG_START_REPEATED"),
    ):
        lines = [canonical_bytes(record) for record in records]
        yield Forged(what, _sealed(bundle, lines), code)


@forges(
    "log-truncated",
    "cuts the tail off, at any record",
    level="L0",
    bases=("signed", "clocked"),
    holes=("S02", "B18"),
)
def log_truncated(bundle: Good) -> Iterator[Forged]:
    """Yield logs without an end."""
    for count in range(1, len(bundle.episode.lines)):
        lines = bundle.episode.lines[:count]
        yield Forged(str(count), _sealed(bundle, lines), "LOG_TRUNCATED")


@forges(
    "log-goes-on",
    "puts something behind the end, such as another episode",
    level="L0",
    bases=("signed", "clocked"),
    holes=("B30",),
)
def log_goes_on(bundle: Good) -> Iterator[Forged]:
    """Yield logs that go on after their end record."""
    lines = bundle.episode.lines
    rest = {
        "end-again": lines[-1:],
        "itself": lines,
        "blank-line": (b"",),
        "another": good("amended").episode.lines,
        "torn": (),
    }
    for what, more in rest.items():
        files = bundle.files | {LOG_FILE: joined([*lines, *more])}
        if what == "torn":
            files[LOG_FILE] += b"{"
        yield Forged(what, resealed(files), "LOG_TRAILING_DATA")


@forges(
    "episodes-joined",
    "makes one log of several episodes, links and end made to fit",
    level="L0",
    bases=("enforced",),
    holes=("B30",),
)
def episodes_joined(bundle: Good) -> Iterator[Forged]:
    """Yield logs with a second start."""
    for name in ("frozen", "amended"):
        records = [*bundle.records[:-1], *good(name).records]
        yield Forged(name, _sealed(bundle, relinked(records)), "LOG_START_REPEATED")
        own = [*bundle.records, *good(name).records[1:]]
        yield Forged(f"{name}-ends", _sealed(bundle, relinked(own)), "LOG_TRAILING_DATA")


@forges(
    "end-lies",
    "states another number, root or reason in the end record, its check made to fit",
    level="L0",
    bases=("signed", "clocked"),
)
def end_lies(bundle: Good) -> Iterator[Forged]:
    """Yield logs whose end record does not say what stands before it."""
    events = bundle.records[-1]["body"]["events"]
    for what, change, code in (
        ("one-more", {"events": events + 1}, "LOG_COUNT_MISMATCH"),
        ("one-less", {"events": events - 1}, "LOG_COUNT_MISMATCH"),
        ("none", {"events": 0}, "LOG_COUNT_MISMATCH"),
        ("root-zeros", {"root": "0" * 64}, "LOG_ROOT_MISMATCH"),
        ("root-ones", {"root": "1" * 64}, "LOG_ROOT_MISMATCH"),
        ("root-before", {"root": bundle.records[-1]["prev"]}, "LOG_ROOT_MISMATCH"),
    ):
        end = bundle.records[-1]
        end["body"] |= change
        lines = [*bundle.episode.lines[:-1], canonical_bytes(checked(end))]
        yield Forged(what, _sealed(bundle, lines), code)
    end = bundle.records[-1] | {"check": "0" * 64}
    lines = [*bundle.episode.lines[:-1], canonical_bytes(end)]
    yield Forged("check-zeros", _sealed(bundle, lines), "LOG_END_CHECK")


@forges(
    "time-backwards",
    "turns the clock of a record back, the chain rebuilt",
    level="L0",
    bases=("signed", "clocked"),
)
def time_backwards(bundle: Good) -> Iterator[Forged]:
    """Yield logs in which time runs backwards."""
    for index in range(2, len(bundle.records)):
        records = bundle.records
        if records[index - 1]["t"]:
            records[index]["t"] = records[index - 1]["t"] - 1
            yield Forged(str(index), _sealed(bundle, relinked(records)), "LOG_TIME_BACKWARDS")


@forges(
    "event-twice",
    "lets an accepted event take effect a second time, the chain rebuilt",
    level="L0",
    bases=("signed", "clocked", "amended"),
    holes=("B19",),
)
def event_twice(bundle: Good) -> Iterator[Forged]:
    """Yield logs in which one event id takes effect twice."""
    for index, record in enumerate(bundle.records[1:-1], 1):
        if record["outcome"]["status"] == "ACCEPTED":
            records = bundle.records
            records.insert(index + 1, copy.deepcopy(records[index]))
            files = _sealed(bundle, relinked(records, bundle.episode.agents))
            yield Forged(str(index), files, "LOG_EVENT_DUPLICATE")


@forges(
    "log-rebuilt",
    "changes a record and rebuilds chain and end, but cannot sign a checkpoint",
    level="L0",
    bases=("signed", "clocked"),
    holes=("S01", "B15", "B19"),
)
def log_rebuilt(bundle: Good) -> Iterator[Forged]:
    """Yield logs that are consistent and not what the checkpoint states."""
    old = bundle.files[CHECKPOINT]
    for index in range(1, len(bundle.records) - 1):
        changed, gone = bundle.records, bundle.records
        changed[index]["event"]["rationale"] = "I was told to"
        del gone[index]
        twice = bundle.records
        again = copy.deepcopy(twice[index])
        again["event"]["event_id"] = "once-more"
        twice.insert(index + 1, again)
        for what, records, code in (
            ("changed", changed, "CHECKPOINT_ROOT"),
            ("out", gone, "CHECKPOINT_SIZE"),
            ("in", twice, "CHECKPOINT_SIZE"),
        ):
            files = bundle.files | {LOG_FILE: joined(relinked(records)), CHECKPOINT: old}
            yield Forged(f"{index}-{what}", resealed(files), code)
    seed = bundle.records
    seed[0]["body"]["config"]["seed"] += 1
    files = bundle.files | {LOG_FILE: joined(relinked(seed)), CHECKPOINT: old}
    yield Forged("seed", resealed(files), "CHECKPOINT_ORIGIN")
