"""What a folder holds, told by the content of its files: logs, results, evidence bundles.

So any layout will do: a run, a quick evaluation, bundles, a release, a folder of all of these.
Links are not followed, hidden files not looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
from labtrust_core.canonical import MAX_LINE
from labtrust_core.errors import CanonicalError, DocumentError, LedgerError, UsageError
from labtrust_core.ledger.record import StartRecord, read_record

from labtrust_export.start import Start, read_start
from labtrust_export.statement import EPISODE_LOG, MANIFEST, POLICY
from labtrust_export.ui.model import RunType

_RELEASE: Final = "RELEASE_MANIFEST.v0.1.json"
_RUN_FORMAT: Final = "labtrust-run/"
_SUMMARY: Final = "summary.md"


class _Ledger(msgspec.Struct, frozen=True):
    head: str


class _ResultsEpisode(msgspec.Struct, frozen=True):
    seed: int
    ledger: _Ledger | None = None


class Results(msgspec.Struct, frozen=True):
    """A results file, as far as an index needs it."""

    schema_version: str
    task: str
    agent_baseline_id: str
    policy_fingerprint: str
    episodes: list[_ResultsEpisode]


class _Manifest(msgspec.Struct, frozen=True):
    format: str


@dataclass(frozen=True, slots=True)
class FoundLog:
    """A log by its path below the folder, and what its start record states."""

    path: str
    start: Start
    in_bundle: bool


@dataclass(slots=True)
class Found:
    """Everything that a folder holds, in the order of paths."""

    folder: Path
    logs: list[FoundLog] = field(default_factory=list)
    results: list[tuple[str, Results]] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    run_type: RunType = "other"


def discover(folder: Path) -> Found:
    """Look through a folder.

    Raises:
        UsageError: It holds no log of an episode, or cannot be read.
        DocumentError: The start record of a log is not complete.
    """
    found = Found(folder)
    names: list[str] = []
    for path in sorted(_files(folder)):
        names.append(path)
        if path.endswith(".jsonl"):
            _take_log(found, path)
        elif path.endswith(".json"):
            _take_results(found, path)
            if path.rpartition("/")[2] == POLICY:
                found.policies.append(path)
    if not found.logs:
        raise UsageError(f"{folder} holds no log of an episode; nothing can be shown")
    found.run_type = _run_type(found, frozenset(names))
    return found


def _files(folder: Path) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error

    for root, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(root, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def _take_log(found: Found, path: str) -> None:
    """Take a file whose first line is the start record of a ledger."""
    with (found.folder / path).open("rb") as file:
        first = file.readline(MAX_LINE + 2)
    try:
        record = read_record(first.removesuffix(b"\n"))
    except (CanonicalError, LedgerError):
        return  # JSON Lines of another kind
    if not isinstance(record, StartRecord):
        return
    try:
        start = read_start(record)
    except LedgerError as error:
        raise DocumentError(f"not a whole log: {error}", file=found.folder / path) from error
    place, _, name = path.rpartition("/")
    in_bundle = name == EPISODE_LOG and (found.folder / place / MANIFEST).is_file()
    found.logs.append(FoundLog(path, start, in_bundle))


def _take_results(found: Found, path: str) -> None:
    try:
        results = msgspec.json.decode((found.folder / path).read_bytes(), type=Results)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # JSON of another kind
    found.results.append((path, results))


def _run_type(found: Found, names: frozenset[str]) -> RunType:
    if _RELEASE in names:
        return "package_release"
    if _is_run(found.folder / MANIFEST):
        return "run_benchmark"
    if _SUMMARY in names and found.results and all("/" not in path for path, _ in found.results):
        return "quick_eval"
    bundled = all(log.in_bundle for log in found.logs)
    return "evidence_bundles" if bundled else "other"


def _is_run(path: Path) -> bool:
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=_Manifest)
    except (OSError, msgspec.DecodeError):
        return False
    return manifest.format.startswith(_RUN_FORMAT)
