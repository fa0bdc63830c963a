"""Forgeries of the order of records: moved, cut, doubled, joined, and chained anew or not.

As in ``forge_log``, the producer signs every one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from labtrust_core.canonical import canonical_bytes

from labtrust_export.testing.forge_log import lied
from labtrust_export.testing.forgery import Forged, Good, forges, good
from labtrust_export.testing.sealing import (
    CHECKPOINT,
    LOG_FILE,
    checked,
    joined,
    relinked,
    resealed,
)


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
            yield Forged(f"{index}-{what}", lied(bundle, changed), "LOG_SEQ_GAP")


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
            yield Forged(f"{index}-{what}", lied(bundle, lines), codes)


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
        yield Forged(f"all-but-last-{what}", lied(bundle, lines), "LOG_CHAIN_BROKEN")
        records = bundle.records
        records[-1]["prev"] = records[-1]["body"]["root"] = digit * 64
        lines = [canonical_bytes(record) for record in (*records[:-1], checked(records[-1]))]
        yield Forged(f"end-{what}", lied(bundle, lines), "LOG_CHAIN_BROKEN")


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
        yield Forged(what, lied(bundle, lines), code)


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
        yield Forged(str(count), lied(bundle, lines), "LOG_TRUNCATED")


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
        yield Forged(name, lied(bundle, relinked(records)), "LOG_START_REPEATED")
        own = [*bundle.records, *good(name).records[1:]]
        yield Forged(f"{name}-ends", lied(bundle, relinked(own)), "LOG_TRAILING_DATA")


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
        yield Forged(what, lied(bundle, lines), code)
    end = bundle.records[-1] | {"check": "0" * 64}
    lines = [*bundle.episode.lines[:-1], canonical_bytes(end)]
    yield Forged("check-zeros", lied(bundle, lines), "LOG_END_CHECK")


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
            yield Forged(str(index), lied(bundle, relinked(records)), "LOG_TIME_BACKWARDS")


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
            files = lied(bundle, relinked(records, bundle.episode.agents))
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
