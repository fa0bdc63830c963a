"""What a run folder says about its own course: ``run_log.jsonl``, and checkpoints if it has a key.

The run log names every episode before it is played, so that none can be played until it pleases and
the earlier attempts forgotten: an episode that a kill cut short and that was played again has two
``begin`` records. It is therefore the one file of a run folder that is *not* the same bytes for a
run that was disturbed, or that had another number of workers.

With a log key, each episode's log gets ``logs/episode_N.checkpoint`` as soon as it is over, and
``run_checkpoint`` is written anew after each episode and at the end. Whoever keeps copies of it
elsewhere can tell later that nothing was taken back. The key itself never enters the folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from labtrust_core.canonical import sha256_hex
from labtrust_core.errors import DocumentError, SignatureError, UsageError
from labtrust_core.ledger.durable import write_whole
from labtrust_core.ledger.run_log import (
    RUN_CHECKPOINT,
    RUN_LOG,
    Begin,
    Close,
    End,
    EndRecord,
    Plan,
    Resume,
    RunLogChecker,
    RunOrder,
)
from labtrust_core.ledger.run_log_writer import RunLogWriter
from labtrust_core.ledger.verify import open_log, read_lines
from labtrust_core.trust.checkpoints import log_extent, signed_checkpoint
from labtrust_core.trust.key_files import SigningKey
from labtrust_core.trust.notes import Checkpoint, parse_note, signers

from labtrust_bench.runs.manifest import Manifest
from labtrust_bench.runs.results import EpisodeResult

CHECKPOINT_SUFFIX: Final = ".checkpoint"


def plan_of(manifest: Manifest) -> Plan:
    """Return the plan of a run."""
    header = manifest.header
    return Plan(
        base_seed=header["base_seed"],
        num_episodes=header["num_episodes"],
        run=manifest.run,
        versions=header["versions"],
        agents=header["agents"],
        policy_fingerprint=header["policy_fingerprint"],
    )


def checkpoint_file(log: Path) -> Path:
    """Return where the checkpoint of an episode's log lies."""
    return log.with_suffix(CHECKPOINT_SUFFIX)


class RunRecord:
    """The run log of a folder, open for writing, and its checkpoints. Use as a context manager."""

    def __init__(self, folder: Path, plan: Plan, key: SigningKey | None = None) -> None:
        """Open the run log that is there, or make one.

        Args:
            folder: The run folder, which is locked.
            plan: What is run.
            key: Signs checkpoints; by default there are none.

        Raises:
            DocumentError: It is another run's.
            UsageError: Checkpoints are there, and not by this key.
            LedgerError: It is damaged, or cannot be written.
        """
        self._folder = folder
        self._plan = plan
        self._key = key
        if key is not None:
            _require_signer(folder / RUN_CHECKPOINT, key)
        self._writer = RunLogWriter(folder / RUN_LOG)
        there = self._order.plan
        if there is not None and there != plan:
            self._writer.close()
            raise DocumentError("the run log is another run's", file=folder / RUN_LOG)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def ends(self) -> Iterator[End]:
        """Yield what the log says about the episodes that have ended, in order.

        Raises:
            RunLogFaultError: It has changed since it was opened.
        """
        checker = RunLogChecker()
        with open_log(self._folder / RUN_LOG) as file:
            for line in read_lines(file):
                record = checker.feed(line)
                if isinstance(record, EndRecord):
                    yield record.body

    def found(self, said: End | None, number: int, result: EpisodeResult, line: bytes) -> None:
        """Take note of an episode that is there; write its end if the run was killed before it.

        Args:
            said: The end that the log states, if any.
            number: Which episode.
            result: Its result.
            line: Its line of results, without LF.

        Raises:
            DocumentError: The log knows nothing of it, or of another result.
        """
        path = self._folder / RUN_LOG
        end = _end(number, result, line)
        if said is None and number not in self._order.open:
            raise DocumentError(f"it does not say that episode {number} was begun", file=path)
        if said is not None and said != end:
            raise DocumentError(f"it states another result of episode {number}", file=path)
        if said is None:
            self._writer.write(end)

    def start(self, done: int) -> None:
        """Say what is run, or that it goes on after an interruption; before any episode."""
        order = self._order
        if order.plan is None:
            self._writer.write(self._plan)
        elif not order.closed and (order.open or order.ended):
            self._writer.write(Resume(done=done))

    def begin(self, number: int, seed: int, episode: str) -> None:
        """Say that an episode is about to start; on the disk when this returns."""
        self._writer.write(Begin(number=number, seed=seed, episode=episode))

    def end(self, number: int, result: EpisodeResult, line: bytes, log: Path | None) -> None:
        """Say that an episode is over, whose log and line (without LF) are on the disk."""
        self._writer.write(_end(number, result, line))
        if log is not None:
            self.sign_log(log, result)
        self._sign_run()

    def sign_log(self, log: Path, result: EpisodeResult) -> None:
        """Sign the checkpoint of an episode's log, if there is a key and none is there.

        Raises:
            DocumentError: The log is not the one of the result.
        """
        target = checkpoint_file(log)
        if self._key is None or target.exists():
            return
        extent = log_extent(log)
        if (extent.head, extent.checkpoint.size) != (result.ledger.head, result.ledger.length):
            raise DocumentError("not the log of this run's episode", file=log)
        write_whole(target, signed_checkpoint(extent.checkpoint, self._key))

    def finish(self) -> None:
        """Say that the run is over."""
        if not self._order.closed:
            self._writer.write(Close(episodes=self._plan.num_episodes))
        self._sign_run()

    @property
    def _order(self) -> RunOrder:
        return self._writer.checker.order

    def _sign_run(self) -> None:
        if self._key is not None:
            said = self._writer.checker
            checkpoint = Checkpoint(said.origin, said.records, said.tree.root())
            write_whole(self._folder / RUN_CHECKPOINT, signed_checkpoint(checkpoint, self._key))


def remove_record(folder: Path, logs: Path) -> None:
    """Remove run log and checkpoints of a run that is to be replaced."""
    for path in (folder / RUN_LOG, folder / RUN_CHECKPOINT, *logs.glob(f"*{CHECKPOINT_SUFFIX}")):
        path.unlink(missing_ok=True)


def _end(number: int, result: EpisodeResult, line: bytes) -> End:
    ledger = result.ledger
    return End(number=number, records=ledger.length, head=ledger.head, result=sha256_hex(line))


def _require_signer(path: Path, key: SigningKey) -> None:
    """Refuse to go on under another key than the one that signed so far."""
    try:
        note = parse_note(path.read_bytes())
    except FileNotFoundError:
        return
    except SignatureError as error:
        raise DocumentError(f"no signed checkpoint: {error}", file=path) from error
    good, _bad = signers(note, [key.public()])
    if not good:
        raise UsageError(f"{path} is signed by another key than {key.name}")
