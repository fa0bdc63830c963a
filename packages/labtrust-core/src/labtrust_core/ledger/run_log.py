"""The log of a run: which episodes were planned, begun and ended, and its strict checker.

An episode's log shows what happened in it; the run's log shows which episodes there were at all, so
that a bad one cannot be played again and the first attempt forgotten. Lines are canonical JSON,
linked like a ledger's by leaf hashes::

    plan    what will be run; first, and nowhere else
    begin   an episode is about to start
    end     its log and its result are on the disk
    resume  an interrupted run goes on; only after it may an episode be begun again
    close   every episode has ended; last

A run that was interrupted shows it, so this file differs between a run left alone and one that was
not. The checker reads a log once, line by line. It keeps the plan, O(log n) hashes, and the numbers
of the episodes that are open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias

import msgspec

from labtrust_core.canonical import MAX_INT, NotCanonicalError, parse_canonical
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.merkle import MerkleTree, leaf_hash
from labtrust_core.ledger.record import NO_PREV

RUN_LOG: Final = "run_log.jsonl"
RUN_CHECKPOINT: Final = "run_checkpoint"
ORIGIN: Final = "labtrust/run/"

_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
_Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=MAX_INT)]
_Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class RunLogCode(StrEnum):
    """What is wrong with a run log; one code a failure."""

    NOT_CANONICAL = "RUNLOG_NOT_CANONICAL"
    SCHEMA = "RUNLOG_SCHEMA"
    CHAIN = "RUNLOG_CHAIN"
    ORDER = "RUNLOG_ORDER"


class RunLogFaultError(LedgerError):
    """A run log breaks a rule.

    Attributes:
        code: The rule.
        record: Index of the record at fault (its line, from 0).
        message: What was found and what was expected.
    """

    def __init__(self, code: RunLogCode, record: int, message: str) -> None:
        self.code = code
        self.record = record
        self.message = message
        super().__init__(f"{code} at record {record}: {message}")


# ----------------------------------------------------------------------------------------- records


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base: every field is required, and there are no others."""


class Plan(_Body, frozen=True):
    """What will be run.

    Attributes:
        base_seed: Seed of episode 0; episode i has ``base_seed + i``.
        num_episodes: How many episodes.
        run: What was asked for, as JSON.
        versions: Distribution to version.
        agents: Member to the class of its agent.
        policy_fingerprint: Digest of the policy in force.
    """

    base_seed: _Count
    num_episodes: _Positive
    run: dict[str, Any]
    versions: dict[str, str]
    agents: dict[str, str]
    policy_fingerprint: _Digest


class Begin(_Body, frozen=True):
    """An episode is about to start: its number (from 0), seed and id."""

    number: _Count
    seed: _Count
    episode: _Text


class End(_Body, frozen=True):
    """An episode is over and on the disk.

    Attributes:
        number: Which, from 0.
        records: Number of records of its log.
        head: Leaf hash of the last of them.
        result: SHA-256 of its line of results, without LF.
    """

    number: _Count
    records: _Positive
    head: _Digest
    result: _Digest


class Resume(_Body, frozen=True):
    """An interrupted run goes on: ``done`` episodes have ended."""

    done: _Count


class Close(_Body, frozen=True):
    """The run is over: all its episodes, ``episodes`` in number, have ended."""

    episodes: _Positive


class _Placed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every record has: version, place in the log, leaf hash of the record before it."""

    v: Literal[1]
    seq: _Count
    prev: _Digest


class PlanRecord(_Placed, frozen=True, tag="plan"):
    """First record."""

    body: Plan


class BeginRecord(_Placed, frozen=True, tag="begin"):
    """An episode is about to start."""

    body: Begin


class EndRecord(_Placed, frozen=True, tag="end"):
    """An episode is over."""

    body: End


class ResumeRecord(_Placed, frozen=True, tag="resume"):
    """An interrupted run goes on."""

    body: Resume


class CloseRecord(_Placed, frozen=True, tag="close"):
    """Last record."""

    body: Close


RunBody: TypeAlias = Plan | Begin | End | Resume | Close
RunRecord: TypeAlias = PlanRecord | BeginRecord | EndRecord | ResumeRecord | CloseRecord
KINDS: Final[dict[type[RunBody], str]] = {
    Plan: "plan",
    Begin: "begin",
    End: "end",
    Resume: "resume",
    Close: "close",
}
_RECORD: Final[Any] = RunRecord  # msgspec takes the union, which mypy does not see as a type


# ------------------------------------------------------------------------------------------- rules


class RunOrder:
    """What may come next in a run log.

    Attributes:
        plan: What will be run; None before the first record.
        ended: Number of episodes that have ended.
        closed: Whether the run is over.
    """

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.ended = 0
        self.closed = False
        self._begun: set[int] = set()  # without an end
        self._fresh: set[int] = set()  # of those, begun since the last resume
        self._below = 0  # every episode before this one has ended
        self._beyond: set[int] = set()  # those from there on that have ended
        self._rules: dict[type[RunBody], Callable[[Any, Plan], str]] = {
            Begin: self._begin,
            End: self._end,
            Resume: self._resume,
            Close: self._close,
        }

    @property
    def open(self) -> frozenset[int]:
        """Numbers of the episodes that were begun and have no end."""
        return frozenset(self._begun)

    def has_ended(self, number: int) -> bool:
        """Whether an episode has ended."""
        return number < self._below or number in self._beyond

    def take(self, body: RunBody) -> str:
        """Take the next record's body; return what is wrong with it here, or nothing.

        If something is wrong, nothing has changed.
        """
        if self.closed:
            return "the run log goes on after its close"
        if isinstance(body, Plan):
            if self.plan is not None:
                return "a run log holds one run, so one plan"
            self.plan = body
            return ""
        if self.plan is None:
            return "the first record must be a plan"
        return self._rules[type(body)](body, self.plan)

    def _begin(self, body: Begin, plan: Plan) -> str:
        number = body.number
        if number >= plan.num_episodes:
            return f"episode {number} of {plan.num_episodes} is begun"
        if body.seed != plan.base_seed + number:
            return f"episode {number} has seed {body.seed}, expected {plan.base_seed + number}"
        if self.has_ended(number):
            return f"episode {number} is begun and has ended before"
        if number in self._fresh:
            return f"episode {number} is begun again and the run was not resumed between"
        self._begun.add(number)
        self._fresh.add(number)
        return ""

    def _end(self, body: End, _plan: Plan) -> str:
        number = body.number
        if number not in self._begun:
            state = "has ended before" if self.has_ended(number) else "was not begun"
            return f"episode {number} ends and {state}"
        self._begun.remove(number)
        self._fresh.discard(number)
        self._beyond.add(number)
        while self._below in self._beyond:
            self._beyond.remove(self._below)
            self._below += 1
        self.ended += 1
        return ""

    def _resume(self, body: Resume, _plan: Plan) -> str:
        if body.done != self.ended:
            return f"resumed with {body.done} episodes done, expected {self.ended}"
        self._fresh.clear()
        return ""

    def _close(self, body: Close, plan: Plan) -> str:
        if self.ended != plan.num_episodes:
            return f"closed and {self.ended} of {plan.num_episodes} episodes have ended"
        if body.episodes != plan.num_episodes:
            return f"closed with {body.episodes} episodes, expected {plan.num_episodes}"
        self.closed = True
        return ""


# ----------------------------------------------------------------------------------------- checker


class RunLogChecker:
    """Checks the lines of one run log as they come: ``feed`` each, then ``finish``.

    Attributes:
        records: Number of records that passed.
        head: Leaf hash of the last of them, as hexadecimal digits.
        origin: Origin of the run's checkpoints; empty before the first record.
        tree: Merkle tree over them.
        order: Plan, what has ended, what is open, and whether the run is closed.
    """

    def __init__(self) -> None:
        self.records = 0
        self.head = NO_PREV
        self.origin = ""
        self.tree = MerkleTree()
        self.order = RunOrder()

    def feed(self, line: bytes) -> RunRecord:
        """Check the next line, with its LF, and return the record.

        Raises:
            RunLogFaultError: It breaks a rule; nothing has changed.
        """
        if not line.endswith(b"\n"):
            self._refuse(RunLogCode.NOT_CANONICAL, "the line has no LF: it is torn or too long")
        record = self._read(line.removesuffix(b"\n"))
        if record.seq != self.records:
            message = f"sequence number {record.seq}, expected {self.records}"
            self._refuse(RunLogCode.CHAIN, message)
        if record.prev != self.head:
            self._refuse(RunLogCode.CHAIN, "its prev is not the hash of the record before it")
        complaint = self.order.take(record.body)
        if complaint:
            self._refuse(RunLogCode.ORDER, complaint)
        self._append(leaf_hash(line.removesuffix(b"\n")))
        return record

    def finish(self) -> None:
        """Check that there was something.

        Raises:
            RunLogFaultError: There was no record.
        """
        if not self.records:
            self._refuse(RunLogCode.NOT_CANONICAL, "the run log is empty")

    def _read(self, line: bytes) -> RunRecord:
        try:
            value = parse_canonical(line)
        except NotCanonicalError as error:
            raise self._fault(RunLogCode.NOT_CANONICAL, str(error)) from error
        try:
            record: RunRecord = msgspec.convert(value, _RECORD)
        except msgspec.ValidationError as error:
            message = f"no record of a run: {error}"
            raise self._fault(RunLogCode.SCHEMA, message) from error
        return record

    def _append(self, leaf: bytes) -> None:
        self.head = leaf.hex()
        self.origin = self.origin or f"{ORIGIN}{self.head}"
        self.tree.append(leaf)
        self.records += 1

    def _fault(self, code: RunLogCode, message: str) -> RunLogFaultError:
        return RunLogFaultError(code, self.records, message)

    def _refuse(self, code: RunLogCode, message: str) -> NoReturn:
        raise self._fault(code, message)


def check_run_log(lines: Iterable[bytes]) -> RunLogChecker:
    """Check a whole run log and return the checker, which says what it holds.

    Args:
        lines: Its lines, each with its LF; ``verify.read_lines`` gives them.

    Raises:
        RunLogFaultError: A record breaks a rule, or there is none.
    """
    checker = RunLogChecker()
    for line in lines:
        checker.feed(line)
    checker.finish()
    return checker
