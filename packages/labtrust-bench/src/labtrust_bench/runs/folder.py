"""A run on disk, episode by episode, that a kill can interrupt anywhere and another start resume.

    manifest.json        what the run is; written first
    episodes.jsonl       one result a line, in order, each on the disk before the next
    logs/episode_N.jsonl the ledger of each episode
    results.json         when all episodes are there

A line of ``episodes.jsonl`` is the acknowledgement: its log was complete and on the disk before.
What a kill leaves besides (half a line, a log without a line, a partial file) is removed, and its
episode played again. All files are the same bytes as those of a run that nobody disturbed. Memory
holds one episode at a time, whatever their number.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
from labtrust_core.canonical import canonical_bytes
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import DocumentError, UsageError
from labtrust_core.ledger.merkle import leaf_hash

from labtrust_bench.runs.benchmark import Benchmark, EpisodeJob, Progress, completed, log_file
from labtrust_bench.runs.executor import Executor
from labtrust_bench.runs.lock import LOCK, locked
from labtrust_bench.runs.manifest import (
    MANIFEST,
    Manifest,
    manifest_bytes,
    manifest_of,
    read_manifest,
    require_same,
)
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import (
    EpisodeResult,
    FullEpisode,
    Totals,
    check_document,
)

EPISODES: Final = "episodes.jsonl"
RESULTS: Final = "results.json"
LOGS: Final = "logs"

_PARTIAL: Final = ".partial"
_NO_EPISODES: Final = b'"episodes":[]'
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


class RunFolder:
    """A run and the folder that it lives in.

    Attributes:
        path: The folder.
        benchmark: The run, prepared.
        done: Episodes that are there.
    """

    def __init__(self, path: Path, benchmark: Benchmark, manifest: Manifest) -> None:
        """Use ``start_run`` or ``resume_run``."""
        self.path = path
        self.benchmark = benchmark
        self.done = 0
        self._header = benchmark.header()
        self._logs = manifest.logs
        kind: Any = EpisodeResult if benchmark.config.schema == "0.2" else FullEpisode
        self._decode = msgspec.json.Decoder(kind).decode

    @property
    def results(self) -> Path:
        """The results file; it is there when the run is complete."""
        return self.path / RESULTS

    def run(self, progress: Progress | None = None, executor: Executor | None = None) -> Path:
        """Play the episodes that are missing, and write the results.

        Args:
            progress: Called after each episode that is played.
            executor: Where they are played; by default here.

        Returns:
            The results file.

        Raises:
            UsageError: Another process is at work in the folder.
            DocumentError: What is there is no beginning of this run.
            LabTrustError: As ``Benchmark.run``.
        """
        with locked(self.path):
            self._tidy()
            self.done = self._recover()
            handle = os.open(self.path / EPISODES, _FLAGS, 0o644)
            _sync_folder(self.path)
            try:
                with closing(self.benchmark.play(self._missing(), executor)) as played:
                    for result, timing in played:
                        self._add(handle, result)
                        if progress is not None:
                            progress(result, timing)
            finally:
                os.close(handle)
            self._tidy()
            self._write_results()
        return self.results

    def _missing(self) -> Iterator[EpisodeJob]:
        seeds = self.benchmark.config.seeds
        for number in range(self.done, len(seeds)):
            log = self._partial_log(number) if self._logs else None
            yield EpisodeJob(number, seeds[number], log, sync=True)

    def _log(self, number: int) -> Path:
        return log_file(self.path / LOGS, number)

    def _partial_log(self, number: int) -> Path:
        """Where a log is written until its episode is over; each start has its own."""
        log = self._log(number)
        return log.with_name(f".{log.name}.{os.getpid()}{_PARTIAL}")

    def _add(self, handle: int, result: EpisodeResult) -> None:
        """Acknowledge an episode: first its log, then its line."""
        line = canonical_bytes(msgspec.to_builtins(result)) + b"\n"
        self._check(result)
        if self._logs:
            self._partial_log(self.done).replace(self._log(self.done))
            _sync_folder(self.path / LOGS)
        _write_all(handle, line)
        os.fsync(handle)
        self.done += 1

    def _check(self, result: EpisodeResult) -> None:
        """Check results of this one episode against the shipped schema."""
        alone = msgspec.structs.replace(self._header, seeds=[result.seed], num_episodes=1)
        whole = completed(alone, self.benchmark.config, [result], Totals())
        check_document(msgspec.to_builtins(whole))

    def _tidy(self) -> None:
        """Remove what an interrupted start left half-written."""
        if self._logs:
            (self.path / LOGS).mkdir(exist_ok=True)
        for folder in (self.path, self.path / LOGS):
            for path in folder.glob(f".*{_PARTIAL}"):
                path.unlink(missing_ok=True)

    def _recover(self) -> int:
        """Cut off a torn last line, check the rest, and return the number of episodes there."""
        path = self.path / EPISODES
        if not path.exists():
            return 0
        kept = number = 0
        size = path.stat().st_size
        with path.open("rb") as file:
            for line in file:
                complaint = self._complaint(number, line)
                if complaint and kept + len(line) < size:
                    raise DocumentError(complaint, file=path, line=number + 1)
                if complaint:
                    break
                kept += len(line)
                number += 1
        if kept < size:
            os.truncate(path, kept)
        for episode in range(number, len(self.benchmark.config.seeds)):
            self._log(episode).unlink(missing_ok=True)
        return number

    def _complaint(self, number: int, line: bytes) -> str:
        """Return what is wrong with a line, or with the log that belongs to it; empty if nothing.

        Raises:
            DocumentError: The line is whole, but its log is not the one that it speaks of.
        """
        seeds = self.benchmark.config.seeds
        if not line.endswith(b"\n"):
            return "half a line"
        try:
            result = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return f"no result of an episode: {error}"
        if number >= len(seeds) or result.seed != seeds[number]:
            return f"an episode with seed {result.seed}, which is not due here"
        if self._logs:
            _require_log(self._log(number), result)
        return ""

    def _write_results(self) -> None:
        """Put the results together from the lines, holding one at a time."""
        totals = Totals()
        for line in self._lines():
            totals.add(self._decode(line).metrics)
        bare = completed(self._header, self.benchmark.config, [], totals)
        whole = canonical_bytes(msgspec.to_builtins(bare))
        before, _, after = whole.partition(_NO_EPISODES)
        partial = self.path / f".{RESULTS}{_PARTIAL}"
        with partial.open("wb") as file:
            file.write(before + _NO_EPISODES[:-1])
            for number, line in enumerate(self._lines()):
                file.write((b"," if number else b"") + line)
            file.write(b"]" + after + b"\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.results)
        _sync_folder(self.path)

    def _lines(self) -> Iterator[bytes]:
        with (self.path / EPISODES).open("rb") as file:
            for line in file:
                yield line.rstrip(b"\n")


def start_run(
    config: RunConfig,
    path: Path,
    *,
    logs: bool = True,
    force: bool = False,
    policy: CompiledPolicy | None = None,
) -> RunFolder:
    """Make the folder of a new run; ``RunFolder.run`` plays it.

    Args:
        config: What to run.
        path: A folder that does not exist or is empty.
        logs: Whether to keep every episode's log.
        force: Remove the run that is there.
        policy: The compiled policy; by default the one that ``config`` names is opened.

    Raises:
        UsageError: The folder holds something already (with ``force``: something that is no run),
            or cannot be written.
        LabTrustError: As ``Benchmark`` says; nothing is written then.
    """
    benchmark = Benchmark(config, policy)
    manifest = manifest_of(benchmark, logs=logs)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
    with locked(path):
        _make_room(path, force=force)
        partial = path / f".{MANIFEST}{_PARTIAL}"
        with partial.open("wb") as file:
            file.write(manifest_bytes(manifest))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path / MANIFEST)
        _sync_folder(path)
    return RunFolder(path, benchmark, manifest)


def resume_run(path: Path, policy: CompiledPolicy | None = None, **changes: object) -> RunFolder:
    """Open the folder of a run that was interrupted, or is complete; ``RunFolder.run`` goes on.

    Args:
        path: The folder.
        policy: The compiled policy; by default the one in force is opened.
        changes: Fields of ``RunConfig`` as the caller wants them; none may differ from the run's.

    Raises:
        UsageError: It is no run folder; or arguments, policy, agents or versions are not those of
            the run: names each difference.
        DocumentError: The manifest is damaged.
        LabTrustError: As ``Benchmark`` says.
    """
    there = read_manifest(path)
    stated = there.config
    wanted = replace(stated, **changes)  # type: ignore[arg-type] # by name, as replace takes them
    benchmark = Benchmark(wanted, policy)
    require_same(path, there, manifest_of(benchmark, logs=there.logs))
    return RunFolder(path, benchmark, there)


def _make_room(path: Path, *, force: bool) -> None:
    """Empty a folder of a former run, or refuse.

    Only what a run writes is ever removed.
    """
    there = [item for item in path.iterdir() if item.name != LOCK]
    leftovers = [item for item in there if item.name.endswith(_PARTIAL)]
    if len(there) > len(leftovers):
        if not force:
            raise UsageError(
                f"{path} is not empty; --resume continues a run that is there, --force replaces it"
            )
        read_manifest(path)
    logs = (path / LOGS).glob("*.jsonl")
    known = (path / name for name in (MANIFEST, EPISODES, RESULTS))
    for item in (*known, *logs, *leftovers):
        item.unlink(missing_ok=True)


def _require_log(path: Path, result: EpisodeResult) -> None:
    """Refuse a log that is not the one of a result.

    Its last record and their number are looked at; ``labtrust_core.ledger.verify`` looks at all.
    """
    last, count = b"", 0
    try:
        with path.open("rb") as file:
            for line in file:
                last = line
                count += 1
    except OSError as error:
        raise DocumentError(f"the log cannot be read: {error.strerror}", file=path) from error
    found = leaf_hash(last.rstrip(b"\n")).hex()
    if (found, count) != (result.ledger.head, result.ledger.length):
        raise DocumentError(
            "not the log of this run's episode",
            file=path,
            found=f"{count} records, head {found}",
            expected=f"{result.ledger.length} records, head {result.ledger.head}",
        )


def _write_all(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]


def _sync_folder(folder: Path) -> None:
    """Make names in a folder as durable as their bytes, where the platform can."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
