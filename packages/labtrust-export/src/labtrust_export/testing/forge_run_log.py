"""Forgeries of the run's log: rules that it breaks, and episodes that it does not know."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from labtrust_core.canonical import canonical_bytes

from labtrust_export.testing.fields import at, other, paths, retyped, with_value, without, written
from labtrust_export.testing.forgery import Forged, Good, forges, good
from labtrust_export.testing.runs import record
from labtrust_export.testing.sealing import (
    RUN_LOG,
    Files,
    Record,
    checkpoints,
    joined,
    linked,
    resealed,
    sealed,
)
from labtrust_export.testing.spelling import misspelled

_CLOSE: Final = -1


def _run(bundle: Good, lines: Sequence[bytes], *, feed: bool = True) -> Files:
    """Return the bundle with another run log, its checkpoint and the manifest signed."""
    data = joined(lines) if feed else joined(lines)[:-1]
    files = bundle.files | {RUN_LOG: data}
    return resealed(checkpoints(files) if lines else files)


@forges(
    "run-spelling",
    "spells a record of the run otherwise",
    level="L0",
    bases=("run",),
)
def run_spelling(bundle: Good) -> Iterator[Forged]:
    """Yield run logs with a line that is not canonical."""
    lines = bundle.episode.run
    for index in (0, 1, len(lines) - 1):
        for what, bad in misspelled(lines[index]):
            changed = [*lines[:index], bad, *lines[index + 1 :]]
            yield Forged(f"{index}-{what}", _run(bundle, changed), "RUNLOG_NOT_CANONICAL")
    yield Forged("no-line-feed", _run(bundle, lines, feed=False), "RUNLOG_NOT_CANONICAL")
    yield Forged("empty", resealed(bundle.files | {RUN_LOG: b""}), "RUNLOG_NOT_CANONICAL")
    long = linked([*bundle.run[:-1], record("close", {"episodes": 3, "pad": "x" * 70_000})])
    yield Forged("long-line", _run(bundle, long), "RUNLOG_NOT_CANONICAL")


@forges(
    "run-shape",
    "leaves a field of a record of the run out, adds one or gives it another type",
    level="L0",
    bases=("run",),
)
def run_shape(bundle: Good) -> Iterator[Forged]:
    """Yield run logs with a record of another shape."""
    for index in (0, 1, 2, len(bundle.run) - 1):
        right = bundle.run[index]
        variants = {
            "extra": right | {"extra": 1},
            "extra-in-body": with_value(right, ("body", "extra"), 1),
            "kind-note": right | {"kind": "note"},
            "version-2": right | {"v": 2},
        }
        for path in paths(right, depth=2):
            variants[f"without-{written(path)}"] = without(right, path)
            variants[f"retyped-{written(path)}"] = with_value(right, path, retyped(at(right, path)))
        for what, changed in variants.items():
            lines = [
                *bundle.episode.run[:index],
                canonical_bytes(changed),
                *bundle.episode.run[index + 1 :],
            ]
            yield Forged(f"{index}-{what}", _run(bundle, lines), "RUNLOG_SCHEMA")


@forges(
    "run-chain",
    "changes, drops, doubles or swaps records of the run without rebuilding its chain",
    level="L0",
    bases=("run",),
)
def run_chain(bundle: Good) -> Iterator[Forged]:
    """Yield run logs whose places or links do not fit."""
    lines = list(bundle.episode.run)
    for index in range(len(lines) - 1):
        for what, changed in {
            "out": lines[:index] + lines[index + 1 :],
            "doubled": [*lines[: index + 1], *lines[index:]],
            "swapped": [*lines[:index], lines[index + 1], lines[index], *lines[index + 2 :]],
        }.items():
            yield Forged(f"{index}-{what}", _run(bundle, changed), "RUNLOG_CHAIN")
    for index, right in enumerate(bundle.run):
        for what, changed_record in {
            "zeros": right | {"prev": "0" * 64},
            "ones": right | {"prev": "1" * 64},
            "number": right | {"seq": right["seq"] + 1},
        }.items():
            if changed_record != right:
                line = canonical_bytes(changed_record)
                changed = [*lines[:index], line, *lines[index + 1 :]]
                yield Forged(f"{index}-{what}", _run(bundle, changed), "RUNLOG_CHAIN")


def _order(records: list[Record]) -> dict[str, list[Record]]:
    """Return runs in which something stands where it may not; every one is a list of its own."""
    plan, begin, end = records[0], records[1], records[2]
    middle, close = records[1:-1], records[-1]
    edits: dict[str, Callable[[list[Record]], object]] = {
        "second-plan": lambda run: run.insert(1, plan),
        "second-plan-late": lambda run: run.insert(-1, plan),
        "no-plan": lambda run: run.pop(0),
        "plan-last": lambda run: run.append(run.pop(0)),
        "dropped-begin": lambda run: run.pop(3),
        "dropped-end": lambda run: run.pop(4),
        "dropped-begin-and-end": lambda run: [run.pop(3), run.pop(3)],
        "begin-twice": lambda run: run.insert(1, begin),
        "end-twice": lambda run: run.insert(3, end),
        "again-without-resume": lambda run: run.__setitem__(slice(3, 3), [begin, end]),
        "end-first": lambda run: run.insert(1, run.pop(2)),
        "close-twice": lambda run: run.append(close),
        "goes-on": lambda run: run.extend(middle[:2]),
        "resume-behind": lambda run: run.append(record("resume", {"done": 3})),
        "close-early": lambda run: run.insert(3, run.pop()),
    }
    found = {}
    for what, edit in edits.items():
        run = copy.deepcopy(records)
        edit(run)
        found[what] = copy.deepcopy(run)
    return found


def _numbers(records: list[Record]) -> dict[str, list[Record]]:
    """Return runs with a wrong number or seed."""
    places: dict[str, tuple[tuple[int, str, int], ...]] = {
        "seed-more": ((1, "seed", 7),),
        "seeds-swapped": ((1, "seed", records[3]["body"]["seed"]),),
        "number-beyond": ((5, "number", 3), (5, "seed", records[5]["body"]["seed"] + 1)),
        "number-of-another": ((2, "number", 1),),
        "base-seed": ((0, "base_seed", 0),),
        "fewer-planned": ((0, "num_episodes", 2),),
        "close-fewer": ((_CLOSE, "episodes", 2),),
        "close-more": ((_CLOSE, "episodes", 4),),
        "more-planned": ((0, "num_episodes", 4),),
    }
    found = {}
    for what, changes in places.items():
        run = copy.deepcopy(records)
        for index, name, value in changes:
            run[index]["body"][name] = value
        found[what] = run
    return found


@forges(
    "run-order",
    "drops a beginning, plans twice, begins again until the result pleases, swaps seeds",
    level="L0",
    bases=("run",),
)
def run_order(bundle: Good) -> Iterator[Forged]:
    """Yield run logs that break the rules of a run, their chain rebuilt."""
    for what, records in (_order(bundle.run) | _numbers(bundle.run)).items():
        yield Forged(what, _run(bundle, linked(records)), "RUNLOG_ORDER")
    done = bundle.run
    done.insert(3, record("resume", {"done": 2}))
    yield Forged("resume-count", _run(bundle, linked(done)), "RUNLOG_ORDER")


@forges(
    "run-other-episode",
    "shows an episode that its run does not know: another one, replayed or cut to please",
    level="L0",
    bases=("run",),
)
def run_other_episode(bundle: Good) -> Iterator[Forged]:
    """Yield bundles whose run log holds no end of their episode."""
    for name in ("reception", "clocked", "signed", "enforced"):
        other_one = replace(good(name).episode, run=bundle.episode.run)
        yield Forged(name, sealed(other_one), "RUNLOG_EPISODE")
    for what, place, change in (
        ("other-head", "head", other),
        ("more-records", "records", other),
    ):
        records = bundle.run
        body = records[4]["body"]
        body[place] = change(body[place])
        yield Forged(what, _run(bundle, linked(records)), "RUNLOG_EPISODE")


@forges(
    "run-rebuilt",
    "changes a record of the run and rebuilds its chain, but cannot sign its checkpoint",
    level="L0",
    bases=("run",),
)
def run_rebuilt(bundle: Good) -> Iterator[Forged]:
    """Yield run logs that are consistent and not what their checkpoint states."""
    for index in (2, 6):
        records = bundle.run
        records[index]["body"]["result"] = "0" * 64
        files = bundle.files | {RUN_LOG: joined(linked(records))}
        yield Forged(f"result-{index}", resealed(files), "RUN_CHECKPOINT_ROOT")
    records = bundle.run
    records[0]["body"]["run"]["task"] = "another"
    files = bundle.files | {RUN_LOG: joined(linked(records))}
    yield Forged("plan", resealed(files), "RUN_CHECKPOINT_ORIGIN")
    records = bundle.run
    records.insert(3, record("resume", {"done": 1}))
    files = bundle.files | {RUN_LOG: joined(linked(records))}
    yield Forged("resumed", resealed(files), "RUN_CHECKPOINT_SIZE")
