"""What a run on disk offers as evidence: its episodes' logs, its run log, and their checkpoints.

    run_log.jsonl, run_checkpoint                      of the run
    logs/episode_N.jsonl, logs/episode_N.checkpoint    of episode N

Checkpoints are there if the run was given a key. A single log is offered too, without a run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from labtrust_core.errors import LedgerError, UsageError
from labtrust_core.ledger.merkle import MerkleTree, leaf_hash
from labtrust_core.ledger.run_log import (
    RUN_CHECKPOINT,
    RUN_LOG,
    Begin,
    BeginRecord,
    EndRecord,
    RunLogChecker,
    RunLogFaultError,
    RunRecord,
)
from labtrust_core.ledger.verify import read_lines
from labtrust_core.trust.checkpoints import signed_checkpoint
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import Checkpoint

from labtrust_export.checkpoints import (
    EvidenceError,
    checkpoint_for,
    read_checkpoint,
)
from labtrust_export.episode import EpisodeLog

LOGS: Final = "logs"
CHECKPOINT_SUFFIX: Final = ".checkpoint"

_LOG_NAME: Final = re.compile(r"episode_(0|[1-9][0-9]{0,8})\.jsonl\Z")


@dataclass(frozen=True, slots=True)
class EpisodeSource:
    """The log of an episode: its number in the run (None of a single log) and its file."""

    log: Path
    number: int | None = None

    @property
    def checkpoint(self) -> Path | None:
        """The checkpoint that lies beside it, if any."""
        path = self.log.with_suffix(CHECKPOINT_SUFFIX)
        return path if path.is_file() else None


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """A run log that was checked, ready for bundles.

    Attributes:
        data: Its bytes.
        origin: Origin of its checkpoints.
        size: Number of its records.
        note: Its signed checkpoint.
        begun: Head and number of records of each ended episode, to how it was begun.
    """

    data: bytes
    origin: str
    size: int
    note: bytes
    begun: dict[tuple[str, int], Begin]

    def number_of(self, log: EpisodeLog) -> int:
        """Return the number of an episode in the run.

        Raises:
            EvidenceError: The run log states no end of it, or that another episode was begun.
        """
        begun, config = self.begun.get((log.head, log.size)), log.start.config
        if begun is None:
            raise EvidenceError(
                "the run log states no end of the episode",
                expected=f"one with {log.size} records and head {log.head}",
            )
        if (begun.episode, begun.seed) != (config.episode, config.seed):
            raise EvidenceError(
                "the run log says that another episode was begun",
                found=f"{begun.episode} with seed {begun.seed}",
                expected=f"{config.episode} with seed {config.seed}",
            )
        return begun.number


@dataclass(frozen=True, slots=True)
class RunSource:
    """What is to be exported: the episodes in their order, and the folder of their run, if any."""

    episodes: tuple[EpisodeSource, ...]
    folder: Path | None = None

    def evidence(self, key: SigningKey | None) -> RunEvidence | None:
        """Return the run's own evidence; None where it has no run log.

        Args:
            key: Signs the run's checkpoint where there is none, or an earlier one.

        Raises:
            EvidenceError: The run log breaks a rule, or the run's checkpoint is not of this run
                log, nor of its beginning.
            UsageError: There is no checkpoint and no key.
        """
        if self.folder is None or not (self.folder / RUN_LOG).exists():
            return None
        return _run_evidence(self.folder, key)


def find_run(path: Path) -> RunSource:
    """Find what is to be exported: a log, or all logs of a run's folder.

    Raises:
        UsageError: There is nothing of that name, or no log in the folder.
    """
    if path.is_file():
        return RunSource((EpisodeSource(path),))
    if not path.is_dir():
        raise UsageError(f"{path} does not exist; expected a log or the folder of a run")
    logs = path / LOGS
    names = (entry.name for entry in logs.iterdir()) if logs.is_dir() else ()
    numbers = sorted(int(found[1]) for found in map(_LOG_NAME.match, names) if found)
    if not numbers:
        raise UsageError(f"{path} holds no {LOGS}/episode_N.jsonl; run with --out-dir and --logs")
    episodes = (EpisodeSource(logs / f"episode_{number}.jsonl", number) for number in numbers)
    return RunSource(tuple(episodes), path)


def _run_evidence(folder: Path, key: SigningKey | None) -> RunEvidence:
    path = folder / RUN_LOG
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path}: cannot read the run log ({error.strerror})") from error
    checker = RunLogChecker()
    leaves: list[bytes] = []
    open_now: dict[int, Begin] = {}
    begun: dict[tuple[str, int], Begin] = {}
    for line in read_lines(BytesIO(data)):
        record = _fed(checker, line, path)
        leaves.append(leaf_hash(line[:-1]))
        if isinstance(record, BeginRecord):
            open_now[record.body.number] = record.body
        elif isinstance(record, EndRecord):
            begun[record.body.head, record.body.records] = open_now.pop(record.body.number)
    if not checker.records:
        raise EvidenceError("the run log is empty", file=path)
    expected = Checkpoint(checker.origin, checker.records, checker.tree.root())
    note = _run_note(folder / RUN_CHECKPOINT, expected, leaves, key)
    return RunEvidence(data, checker.origin, checker.records, note, begun)


def _fed(checker: RunLogChecker, line: bytes, path: Path) -> RunRecord:
    try:
        return checker.feed(line)
    except RunLogFaultError as error:
        raise EvidenceError(str(error), file=path) from error


def _run_note(
    path: Path, expected: Checkpoint, leaves: list[bytes], key: SigningKey | None
) -> bytes:
    """Return the run's signed checkpoint.

    A run that was interrupted may have signed an earlier one only; with a key, it is brought up to
    date, if it is of the beginning of this very log.
    """
    if key is None or not path.is_file():
        return checkpoint_for(expected, path if path.is_file() else None, key)
    data, stated = read_checkpoint(path)
    if stated == expected:
        return data
    tree = MerkleTree()
    for leaf in leaves[: stated.size]:
        tree.append(leaf)
    if stated != Checkpoint(expected.origin, tree.size, tree.root()):
        raise EvidenceError(
            "the checkpoint is not of the run log beside it, nor of its beginning", file=path
        )
    return signed_checkpoint(expected, key)
