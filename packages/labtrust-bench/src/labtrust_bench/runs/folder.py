"""A run on disk, episode by episode, that a kill can interrupt anywhere and another start resume.

    manifest.json        what the run is; written first
    run_log.jsonl        which episodes were begun, ended, begun again (``run_record``)
    episodes.jsonl       one result a line, in order, each on the disk before the next
    logs/episode_N.jsonl the ledger of each episode
    results.json         when all episodes are there

A line of ``episodes.jsonl`` is the acknowledgement: its log was complete and on the disk before.
What a kill leaves besides (half a line, a log without a line, a partial file) is removed, and its
episode played again. All files but the run log, and what is signed about it, are the same bytes as
those of a run that nobody disturbed. Memory holds one episode at a time, whatever their number.
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
from labtrust_core.ledger.durable import PARTIAL, exclusive, whole_file, write_whole
from labtrust_core.ledger.files import OS_FILES
from labtrust_core.ledger.merkle import leaf_hash
from labtrust_core.ledger.run_log import End
from labtrust_core.trust.key_files import SigningKey

from labtrust_bench.runs.benchmark import Benchmark, EpisodeJob, Progress, completed, log_file
from labtrust_bench.runs.executor import Executor
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
from labtrust_bench.runs.run_record import RunRecord, checkpoint_file, plan_of, remove_record

EPISODES: Final = "episodes.jsonl"
RESULTS: Final = "results.json"
LOGS: Final = "logs"
LOCK: Final = ".lock"

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
        self._plan = plan_of(manifest)
        self._header = benchmark.header()
        self._logs = manifest.logs
        kind: Any = EpisodeResult if benchmark.config.schema == "0.2" else FullEpisode
        self._decode = msgspec.json.Decoder(kind).decode

    @property
    def results(self) -> Path:
        """The results file; it is there when the run is complete."""
        return self.path / RESULTS

    def run(
        self,
        progress: Progress | None = None,
        executor: Executor | None = None,
        key: SigningKey | None = None,
    ) -> Path:
        """Play the episodes that are missing, and write the results.

        Args:
            progress: Called after each episode that is played.
            executor: Where they are played; by default here.
            key: Signs checkpoints of the logs and of the run; by default there are none.

        Returns:
            The results file.

        Raises:
            UsageError: Another process is at work in the folder; or there is a key and no logs, or
                checkpoints by another key.
            DocumentError: What is there is no beginning of this run.
            LabTrustError: As ``Benchmark.run``.
        """
        if key is not None and not self._logs:
            raise UsageError("a run without logs has no checkpoints to sign")
        with exclusive(self.path / LOCK, self.path):
            self._tidy()
            with RunRecord(self.path, self._plan, key) as record:
                self.done = self._recover(record)
                record.start(self.done)
                self._play(record, progress, executor)
                self._tidy()
                record.finish()
            self._write_results()
        return self.results

    def _play(
        self, record: RunRecord, progress: Progress | None, executor: Executor | None
    ) -> None:
        handle = os.open(self.path / EPISODES, _FLAGS, 0o644)
        OS_FILES.sync_folder(self.path)
        try:
            with closing(self.benchmark.play(self._missing(record), executor)) as played:
                for result, timing in played:
                    self._add(handle, record, result)
                    if progress is not None:
                        progress(result, timing)
        finally:
            os.close(handle)

    def _missing(self, record: RunRecord) -> Iterator[EpisodeJob]:
        """Yield what is to be played; whoever takes a job starts the episode, so it has begun."""
        benchmark = self.benchmark
        for number, seed in enumerate(benchmark.config.seeds[self.done :], self.done):
            log = self._partial_log(number) if self._logs else None
            record.begin(number, seed, benchmark.episode_id(seed))
            yield EpisodeJob(number, seed, log, sync=True)

    def _log(self, number: int) -> Path:
        return log_file(self.path / LOGS, number)

    def _partial_log(self, number: int) -> Path:
        """Where a log is written until its episode is over; each start has its own."""
        log = self._log(number)
        return log.with_name(f".{log.name}.{os.getpid()}{PARTIAL}")

    def _add(self, handle: int, record: RunRecord, result: EpisodeResult) -> None:
        """Acknowledge an episode: first its log, then its line, then its end in the run log."""
        line = canonical_bytes(msgspec.to_builtins(result))
        self._check(result)
        log = self._log(self.done) if self._logs else None
        if log is not None:
            self._partial_log(self.done).replace(log)
            OS_FILES.sync_folder(log.parent)
        _write_all(handle, line + b"\n")
        record.end(self.done, result, line, log)
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
            for path in folder.glob(f".*{PARTIAL}"):
                path.unlink(missing_ok=True)

    def _recover(self, record: RunRecord) -> int:
        """Cut off a torn last line, check the rest, and return the number of episodes there."""
        path = self.path / EPISODES
        ends = record.ends()
        number = self._check_lines(record, ends) if path.exists() else 0
        if next(ends, None) is not None:
            message = f"the run log says that episode {number} has ended, and its line is missing"
            raise DocumentError(message, file=path)
        for episode in range(number, len(self.benchmark.config.seeds)):
            self._log(episode).unlink(missing_ok=True)
            checkpoint_file(self._log(episode)).unlink(missing_ok=True)
        return number

    def _check_lines(self, record: RunRecord, ends: Iterator[End]) -> int:
        path = self.path / EPISODES
        kept = number = 0
        size = path.stat().st_size
        with path.open("rb") as file:
            for line in file:
                found = self._read(number, line)
                if isinstance(found, str):
                    if kept + len(line) < size:
                        raise DocumentError(found, file=path, line=number + 1)
                    break
                record.found(next(ends, None), number, found, line[:-1])
                if self._logs:
                    record.sign_log(self._log(number), found)
                kept += len(line)
                number += 1
        if kept < size:
            os.truncate(path, kept)
        return number

    def _read(self, number: int, line: bytes) -> EpisodeResult | str:
        """Return the result in a line, or what is wrong with the line.

        Raises:
            DocumentError: The line is whole, but its log is not the one that it speaks of.
        """
        seeds = self.benchmark.config.seeds
        if not line.endswith(b"\n"):
            return "half a line"
        try:
            result: EpisodeResult = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return f"no result of an episode: {error}"
        if number >= len(seeds) or result.seed != seeds[number]:
            return f"an episode with seed {result.seed}, which is not due here"
        if self._logs:
            _require_log(self._log(number), result)
        return result

    def _write_results(self) -> None:
        """Put the results together from the lines, holding one at a time."""
        totals = Totals()
        for line in self._lines():
            totals.add(self._decode(line).metrics)
        bare = completed(self._header, self.benchmark.config, [], totals)
        whole = canonical_bytes(msgspec.to_builtins(bare))
        before, _, after = whole.partition(_NO_EPISODES)
        with whole_file(self.results) as file:
            file.write(before + _NO_EPISODES[:-1])
            for number, line in enumerate(self._lines()):
                file.write((b"," if number else b"") + line)
            file.write(b"]" + after + b"\n")

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
    with exclusive(path / LOCK, path):
        _make_room(path, force=force)
        write_whole(path / MANIFEST, manifest_bytes(manifest))
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
    leftovers = [item for item in there if item.name.endswith(PARTIAL)]
    if len(there) > len(leftovers):
        if not force:
            raise UsageError(
                f"{path} is not empty; --resume continues a run that is there, --force replaces it"
            )
        read_manifest(path)
    remove_record(path, path / LOGS)
    logs = (path / LOGS).glob("*.jsonl")
    known = (path / name for name in (EPISODES, RESULTS, MANIFEST))
    for item in (*logs, *leftovers, *known):  # the manifest last: without it this is no run folder
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
    """Write all of ``data`` to an open file, and force it to the disk."""
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)
