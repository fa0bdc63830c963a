"""The ledger of a bundle, read once: bytes, signatures and rules of each record as it comes.

The levels are told apart although they share the pass: a fault of bytes ends it, the first fault of
keys and the first of rules are kept until all checks below their level have passed.
"""

from __future__ import annotations

from collections import Counter

from labtrust_core.ledger.record import EndBody, EventRecord, Record, StartRecord
from labtrust_core.ledger.verify import LogChecker, LogFaultError, feed_whole_line
from labtrust_core.trust.checkpoints import EPISODE_ORIGIN
from labtrust_core.trust.notes import Checkpoint

from labtrust_export.receipts import ReceiptCollector
from labtrust_export.start import Start
from labtrust_export.statement import (
    EPISODE_LOG,
    EpisodeFacts,
    episode_facts,
)
from labtrust_export.verify.agents import AgentSignatures
from labtrust_export.verify.codes import LEVELS, Level
from labtrust_export.verify.files import HashedFile
from labtrust_export.verify.gates import check_gates
from labtrust_export.verify.outcomes import OutcomeRules
from labtrust_export.verify.policy import StatedPolicy, trust_documents
from labtrust_export.verify.records import Step, read_step
from labtrust_export.verify.report import FaultError
from labtrust_export.verify.rule_state import RuleState
from labtrust_export.verify.start import checked_start


class EpisodePass:
    """One pass over a ledger.

    Attributes:
        start: What the start record states; None before it, or where it is at fault.
        end: What the end record states; None before it.
        is_injured: Whether the episode was to damage its ledger on purpose.
        checker: The checker of the ledger's bytes.
        receipts: What the ledger tells of specimens and results; None where nobody asks.
        signatures: The agents' signatures; None below level L1.
        counts: Number of events by origin and by status.
        faults: The first fault of each level, if there is one.
    """

    def __init__(
        self, policy: StatedPolicy | None, upto: Level, *, with_receipts: bool = False
    ) -> None:
        """Begin.

        Args:
            policy: The bundle's policy; None if it is at fault, which ends at L0.
            upto: Highest level whose checks are wanted.
            with_receipts: Whether to gather what receipts tell, which takes memory that grows with
                records, specimens and results.
        """
        self.start: Start | None = None
        self.end: EndBody | None = None
        self.is_injured = False
        self.checker = LogChecker()
        self.receipts = ReceiptCollector() if with_receipts else None
        self.signatures: AgentSignatures | None = None
        self.counts: Counter[str] = Counter()
        self.faults: dict[Level, FaultError] = {}
        self._policy = policy
        self._upto = LEVELS.index(upto)
        self._rules: RulePass | None = None
        self._first = ""

    def read(self, file: HashedFile) -> None:
        """Read the ledger, as far as its bytes are in order."""
        try:
            for line in file.lines():
                record = feed_whole_line(self.checker, line)
                if record is not None:
                    self._take(record)
            self.checker.finish()
        except LogFaultError as fault:
            # Of two faults of bytes, the log's own is the first in the order of the checks.
            self.faults[Level.L0] = FaultError(
                str(fault.code), fault.message, file=EPISODE_LOG, record=fault.record
            )
        self._receive_end()

    @property
    def checkpoint(self) -> Checkpoint:
        """What the ledger's checkpoint must state."""
        origin = f"{EPISODE_ORIGIN}{self._first}"
        return Checkpoint(origin, self.checker.records, self.checker.tree.root())

    def facts(self, start: Start, end: EndBody) -> EpisodeFacts:
        """Return what a statement must say of the ledger."""
        root = self.checker.tree.root().hex()
        return episode_facts(start, end, self.checker.records, self.checker.head, root)

    def _take(self, record: Record) -> None:
        step: Step | None = None
        if isinstance(record, StartRecord):
            self._first = self.checker.head
            self._begin(record)
        elif isinstance(record, EventRecord):
            step = self._step(record)
        else:
            self.end = record.body
        if self.receipts is not None:
            self.receipts.add(record, bytes.fromhex(self.checker.head))
        if self.signatures is not None:
            if step is not None:
                self._judge(step, self.signatures)
            self.signatures.take(step, self.checker.head)

    def _begin(self, record: StartRecord) -> None:
        try:
            start = checked_start(record)
        except FaultError as fault:
            self._keep(fault, Level.L0)
            return
        self.start = start
        self.is_injured = record.body["config"].get("break_chain_on") is not None
        if self._policy is not None and self._upto >= LEVELS.index(Level.L1):
            self.signatures = AgentSignatures(start, self._policy)
            if self._upto >= LEVELS.index(Level.L2):
                self._begin_rules(start, self._policy, self.signatures)

    def _begin_rules(self, start: Start, policy: StatedPolicy, signatures: AgentSignatures) -> None:
        try:
            self._rules = RulePass(RuleState(start, trust_documents(policy), signatures))
        except FaultError as fault:
            self._keep(fault, Level.L2)

    def _step(self, record: EventRecord) -> Step | None:
        self.counts[record.origin] += 1
        try:
            step = read_step(record)
        except FaultError as fault:
            self._keep(fault, Level.L0)
            self.signatures = self._rules = None
            return None
        self.counts[step.outcome.status] += 1
        return step

    def _judge(self, step: Step, signatures: AgentSignatures) -> None:
        if Level.L1 not in self.faults:
            try:
                signatures.check(step)
            except FaultError as fault:
                self._keep(fault, Level.L1)
                self._rules = None
        if self._rules is not None:
            try:
                self._rules.take(step)
            except FaultError as fault:
                self._keep(fault, Level.L2)
                self._rules = None

    def _receive_end(self) -> None:
        if self._rules is not None and self.end is not None:
            try:
                self._rules.finish(self.checker.records - 1)
            except FaultError as fault:
                self._keep(fault, Level.L2)

    def _keep(self, fault: FaultError, level: Level) -> None:
        self.faults.setdefault(level, fault)


class RulePass:
    """The rules of level L2 over the records of a ledger."""

    def __init__(self, state: RuleState) -> None:
        self._state = state
        self._outcomes = OutcomeRules(state)

    def take(self, step: Step) -> None:
        """Check and book the next event record.

        Raises:
            FaultError: It breaks a rule, or the one before it was not followed as it must be.
        """
        self._outcomes.check_followed(step, step.record.seq)
        if step.by_agent:
            check_gates(self._state, step)
        self._outcomes.check(step)
        self._state.take(step)

    def finish(self, record: int) -> None:
        """Check that nothing is due at the end, which is ``record``.

        Raises:
            FaultError: ``RULE_ENFORCEMENT``.
        """
        self._outcomes.check_followed(None, record)
