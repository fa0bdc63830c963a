"""Level L3: the episode is run again, and every record must come out byte for byte.

The engine is given what the ledger gives: policy, initial state, configuration, keys and the
agents' events. What happens by itself follows from advancing the clock as far as the ledger says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from labtrust_core import __version__
from labtrust_core.domains import policy_from_snapshot
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.engine.gates import FROZEN_LEDGER
from labtrust_core.errors import PluginError, UnknownNameError
from labtrust_core.event import NOT_AN_OBJECT, NOT_JSON, MalformedEventError, parse_event
from labtrust_core.ledger.record import EndRecord, EventRecord, Record, StartRecord, read_record
from labtrust_core.policy.model import Key
from labtrust_core.sanitise import PAIRS, UNREPRESENTABLE, VALUE
from labtrust_core.trust.keys import KeyRegistry

from labtrust_export.start import Start
from labtrust_export.statement import EPISODE_LOG, POLICY
from labtrust_export.verify.files import HashedFile
from labtrust_export.verify.policy import StatedPolicy
from labtrust_export.verify.records import FROZEN, MALFORMED
from labtrust_export.verify.report import FaultError

_AGENT: Final = "agent"
_SHOWN: Final = 120


def compiled(start: Start, policy: StatedPolicy) -> CompiledPolicy:
    """Return the policy of an episode, ready to run.

    Raises:
        FaultError: ``REPLAY_SCENARIO_MISSING``, ``REPLAY_UNAVAILABLE`` or ``REPLAY_POLICY``.
    """
    if start.scenario is None:
        message = "the start record's scenario is null; one of more than 32 KiB is not kept"
        raise FaultError("REPLAY_SCENARIO_MISSING", message, file=EPISODE_LOG, record=0)
    if start.engine != __version__:
        message = f"the engine was {start.engine}, installed is {__version__}"
        raise FaultError("REPLAY_UNAVAILABLE", message, file=EPISODE_LOG, record=0)
    try:
        return policy_from_snapshot(policy.data, start.domain, start.partner)
    except (UnknownNameError, PluginError) as error:
        message = f"domain {start.domain}: {error}"
        raise FaultError("REPLAY_UNAVAILABLE", message, file=EPISODE_LOG, record=0) from error
    except Exception as error:
        # A domain is foreign code, and the documents that it is given may be a stranger's: whatever
        # it raises, no engine can run them.
        raise FaultError("REPLAY_POLICY", str(error), file=POLICY) from error


class Replay:
    """One episode, run again in step with its ledger.

    Each record is compared as soon as the engine has made it, so that an engine that would go on
    and on, because a record states a time far away, stops at the first that the ledger has not.

    Attributes:
        records: Number of records that came out as the ledger has them.
    """

    def __init__(self, start: Start, policy: CompiledPolicy) -> None:
        self.records = 0
        self._start = start
        self._engine = Engine(policy)
        self._lines: Iterator[bytes] = iter(())
        self._next: bytes | None = None  # the ledger's line that must come out next

    def run(self, file: HashedFile) -> None:
        """Run the episode beside its ledger, which has passed the levels below.

        Raises:
            FaultError: ``REPLAY_MISMATCH``.
        """
        self._lines = file.lines()
        self._next = next(self._lines, None)
        while self._next is not None:
            before = self.records
            self._drive(read_record(self._next.removesuffix(b"\n")))
            if self.records == before:
                raise self._mismatch("the episode, run again, has no such record")

    def _compare(self, line: bytes) -> None:
        """Take a record that the engine has made.

        Raises:
            FaultError: It is not the ledger's next.
        """
        expected = b"" if self._next is None else self._next.removesuffix(b"\n")
        if line != expected:
            raise self._mismatch(_difference(line, expected))
        self.records += 1
        self._next = next(self._lines, None)

    def _drive(self, record: Record) -> None:
        """Let the engine do what leads to the ledger's next record."""
        before = self.records
        try:
            if isinstance(record, StartRecord):
                self._reset(record)
                return
            if self._start.config.simulated and record.t > self._engine.now:
                self._engine.advance(record.t)
            if self.records > before:
                return  # the clockwork has made the record, and others may have followed
            if isinstance(record, EndRecord):
                self._engine.finish(record.body.reason)
            elif record.origin == _AGENT:
                self._step(record)
            elif self._start.config.simulated:
                self._engine.advance(record.t)
        except FaultError:
            raise
        except Exception as error:
            # A domain is foreign code, and the state that it is given may be a stranger's: whatever
            # it raises, the episode cannot have come to be in this way.
            message = f"the engine cannot go on: {type(error).__name__}: {error}"
            raise self._mismatch(message) from error

    def _reset(self, record: StartRecord) -> None:
        config = msgspec.convert(record.body["config"], EpisodeConfig)
        keys = msgspec.convert(record.body["keys"], dict[str, Key])
        self._engine.reset(
            record.body["scenario"],
            config,
            keys=KeyRegistry(keys),
            sink=self._compare,
        )

    def _step(self, record: EventRecord) -> None:
        """Give the engine an agent's event again, also one that was no event.

        Where the ledger kept less than what came, because JSON cannot carry it, the ledger must be
        believed that it was malformed; else what it kept is looked at again. The words of the
        complaint are the ledger's, since they may speak of what was not kept.
        """
        reason, detail = record.outcome.get("reason"), str(record.outcome.get("detail", ""))
        kept: object = record.event
        if detail == NOT_AN_OBJECT and record.event.keys() == {VALUE}:
            kept = record.event[VALUE]
        partly = reason in (MALFORMED, FROZEN) and detail != FROZEN_LEDGER
        if not _is_event(kept) or (partly and (detail == NOT_JSON or _is_marked(kept))):
            self._engine.record_malformed(kept, detail)
        else:
            self._engine.step(kept)

    def _mismatch(self, message: str) -> FaultError:
        return FaultError("REPLAY_MISMATCH", message, file=EPISODE_LOG, record=self.records)


def _is_event(raw: object) -> bool:
    try:
        parse_event(raw)
    except MalformedEventError:
        return False
    return True


def _is_marked(value: Any) -> bool:  # noqa: ANN401 - JSON data of any shape
    """Whether something in it stands for what JSON could not carry."""
    level: list[Any] = [value]
    while level:
        item = level.pop()
        if isinstance(item, dict):
            if UNREPRESENTABLE in item or PAIRS in item:
                return True
            level += item.values()
        elif isinstance(item, list):
            level += item
    return False


def _difference(found: bytes, expected: bytes) -> str:
    """Say where a record that came out differs from the ledger's."""
    if not expected:
        return "the episode, run again, goes on where the ledger ends"
    same = next(
        (at for at, pair in enumerate(zip(found, expected, strict=False)) if pair[0] != pair[1]),
        min(len(found), len(expected)),
    )
    begin = max(0, same - _SHOWN // 2)
    ledger = expected[begin : begin + _SHOWN].decode(errors="replace")
    again = found[begin : begin + _SHOWN].decode(errors="replace")
    return f"from byte {same} on the ledger says ...{ledger}..., run again ...{again}..."
