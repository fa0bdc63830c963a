"""The run's log of a bundle, read once: its bytes, its order, and this episode's place in it."""

from __future__ import annotations

from collections.abc import Mapping

from labtrust_core.ledger.run_log import (
    RUN_LOG,
    Begin,
    BeginRecord,
    EndRecord,
    RunLogChecker,
    RunLogFaultError,
    RunRecord,
)
from labtrust_core.trust.notes import Checkpoint

from labtrust_export.start import Start
from labtrust_export.statement import RunFacts
from labtrust_export.verify.files import HashedFile
from labtrust_export.verify.report import FaultError


class RunPass:
    """One pass over a run's log.

    Attributes:
        checker: The checker of its bytes and order.
        number: Number of this episode in the run; None while no end states it.
        again: Numbers of episodes that were begun more than once.
        fault: What is wrong, or None.
        old_root: Root over as many records as the caller has seen; None if there are fewer.
    """

    def __init__(self, head: str, records: int, seen: Mapping[str, int]) -> None:
        """Begin.

        Args:
            head: Leaf hash of the ledger's last record, as hexadecimal digits.
            records: Number of its records.
            seen: How many records of which run's log, by its origin, the caller has seen.
        """
        self.checker = RunLogChecker()
        self.number: int | None = None
        self.again: set[int] = set()
        self.fault: FaultError | None = None
        self.old_root: bytes | None = None
        self._sought = (head, records)
        self._seen = seen
        self._begun: dict[int, Begin] = {}
        self._mine: Begin | None = None

    def read(self, file: HashedFile, start: Start | None) -> None:
        """Read the log, as far as it is in order; ``start`` is what the ledger states of itself."""
        try:
            for line in file.lines():
                self._take(self.checker.feed(line))
            self.checker.finish()
        except RunLogFaultError as fault:
            self.fault = FaultError(
                str(fault.code), fault.message, file=RUN_LOG, record=fault.record
            )
            return
        self.fault = self._episode_fault(start)

    @property
    def checkpoint(self) -> Checkpoint:
        """What the run's checkpoint must state."""
        tree = self.checker.tree
        return Checkpoint(self.checker.origin, self.checker.records, tree.root())

    def facts(self) -> RunFacts | None:
        """Return what a statement must say of the run; None where the episode is not in it."""
        if self.number is None:
            return None
        return RunFacts(origin=self.checker.origin, number=self.number, size=self.checker.records)

    def _take(self, record: RunRecord) -> None:
        if isinstance(record, BeginRecord):
            number = record.body.number
            if number in self._begun:
                self.again.add(number)
            self._begun[number] = record.body
        elif isinstance(record, EndRecord):
            begin = self._begun.pop(record.body.number)  # the checker has seen that it is there
            if (record.body.head, record.body.records) == self._sought and self.number is None:
                self.number, self._mine = record.body.number, begin
        if self.checker.records == self._seen.get(self.checker.origin):
            self.old_root = self.checker.tree.root()

    def _episode_fault(self, start: Start | None) -> FaultError | None:
        head, records = self._sought
        if self._mine is None:
            message = f"no episode ended with {records} records and head {head}"
            return FaultError("RUNLOG_EPISODE", message, file=RUN_LOG)
        begun = (self._mine.episode, self._mine.seed)
        if start is not None and begun != (start.config.episode, start.config.seed):
            message = (
                f"begun as {begun[0]} with seed {begun[1]}, the ledger is of "
                f"{start.config.episode} with seed {start.config.seed}"
            )
            return FaultError("RUNLOG_EPISODE", message, file=RUN_LOG)
        return None
