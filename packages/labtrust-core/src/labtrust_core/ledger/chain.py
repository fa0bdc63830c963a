"""The hash chain of one episode: builds each record, links it to the last, hands on its line.

The chain is always on, so ``event`` is the hot path: one dict literal, one encoding, one hash. The
Merkle tree is kept only where the episode shall end with an end record (an episode log), and lines
leave the chain only where there is a sink.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final, TypeAlias

import msgspec

from labtrust_core.canonical import LEAF_PREFIX, MAX_LINE, canonical_bytes, encode_plain, sha256_hex
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.merkle import MerkleTree
from labtrust_core.ledger.record import END_REASONS, NO_PREV, ORIGINS, VERSION, EndReason, Origin

Sink: TypeAlias = Callable[[bytes], object]
Object: TypeAlias = dict[str, Any] | msgspec.Raw  # the engine's own plain data, or finished bytes

_NEW: Final = 0
_OPEN: Final = 1
_ENDED: Final = 2
_STATE_NAMES: Final = ("not started", "open", "ended")


class _EventLine(msgspec.Struct, omit_defaults=True, gc=False):
    """An event record on its way out; fields in alphabetical order, which is canonical."""

    event: Object
    kind: str
    origin: str
    outcome: Object
    prev: str
    seq: int
    t: int
    v: int
    world: str | None = None


class Chain:
    """The records of one episode, in order: ``start``, any number of ``event``, ``end``.

    A chain without a sink can be copied and pickled at any time, which is how a snapshot keeps it.
    If the sink or the encoder raises, the chain stands where it stood.

    Attributes:
        head: Leaf hash of the last record (64 hexadecimal digits; zeros before the start).
        length: Number of records.
        events: Number of event records.
    """

    __slots__ = ("_sink", "_state", "_t", "_tree", "events", "head", "length")

    def __init__(self, sink: Sink | None = None, *, keep_tree: bool = False) -> None:
        """Begin an empty chain.

        Args:
            sink: Takes each canonical line, without LF, before the chain moves on; needs the tree.
            keep_tree: Keep the Merkle tree even without a sink.
        """
        self.head = NO_PREV
        self.length = 0
        self.events = 0
        self._t = 0
        self._state = _NEW
        self._sink = sink
        self._tree = MerkleTree() if keep_tree or sink is not None else None

    def start(self, t: int, body: dict[str, Any]) -> str:
        """Append the start record; return the new head.

        Args:
            t: Simulated time, in whole seconds.
            body: Any JSON object; fractions and non-ASCII keys are canonicalised.

        Raises:
            LedgerError: The chain has started, or the record cannot be written.
            NotCanonicalError: The body has no canonical form.
        """
        self._require(_NEW, t)
        self._append(canonical_bytes(self._record(t, "start", body=body)), t)
        self._state = _OPEN
        return self.head

    def event(
        self, t: int, origin: Origin, event: Object, outcome: Object, world: str | None = None
    ) -> str:
        """Append an event record; return the new head.

        Args:
            t: Simulated time, in whole seconds, not before the last record's.
            origin: What caused the event; no caller of the engine can choose it.
            event: The whole event: plain in the sense of ``encode_plain``, or passed through
                ``canonical.embed`` (and ``canonical.sanitise`` if it is malformed).
            outcome: The whole outcome, of the same shape.
            world: Digest of the world after the event, where policy asks for it.

        Raises:
            LedgerError: The chain is not open, time runs backwards, the origin is unknown, or the
                line is longer than a reader accepts.
        """
        if self._state != _OPEN or t < self._t or origin not in ORIGINS:
            self._require(_OPEN, t)
            raise LedgerError(f"the origin must be one of {sorted(ORIGINS)}, found {origin!r}")
        record = _EventLine(
            event, "event", origin, outcome, self.head, self.length, t, VERSION, world
        )
        self._append(encode_plain(record), t)
        self.events += 1
        return self.head

    def end(self, t: int, reason: EndReason, world: str | None = None) -> str:
        """Append the end record; return the last head. Nothing can follow it.

        Args:
            t: Simulated time, in whole seconds.
            reason: Why the episode ended.
            world: Digest of the last world, or None where it was not taken.

        Raises:
            LedgerError: The chain is not open, time runs backwards, the reason is unknown, or the
                chain keeps no Merkle tree, whose root the end record states.
        """
        self._require(_OPEN, t)
        if reason not in END_REASONS:
            raise LedgerError(f"the reason must be one of {sorted(END_REASONS)}, found {reason!r}")
        body = {"events": self.events, "reason": reason, "world": world, "root": self.root()}
        record = self._record(t, "end", body=body)
        record["check"] = sha256_hex(encode_plain(record))
        self._append(encode_plain(record), t)
        self._state = _ENDED
        return self.head

    def root(self) -> str:
        """Return the Merkle root over all records so far, as hexadecimal digits.

        Raises:
            LedgerError: The chain keeps no Merkle tree.
        """
        if self._tree is None:
            raise LedgerError("this chain keeps no Merkle tree; give it a sink or keep_tree=True")
        return self._tree.root().hex()

    @property
    def ended(self) -> bool:
        """Whether the end record has been appended."""
        return self._state == _ENDED

    def copy(self) -> Chain:
        """Return a chain with the same past and its own future.

        Raises:
            LedgerError: The chain has a sink, which two chains cannot share.
        """
        self.__getstate__()
        twin = Chain()
        twin.head, twin.length, twin.events = self.head, self.length, self.events
        twin._t, twin._state = self._t, self._state
        twin._tree = None if self._tree is None else self._tree.copy()
        return twin

    def __getstate__(self) -> object:
        """Return the slots for copying and pickling.

        Raises:
            LedgerError: The chain has a sink, which two chains cannot share.
        """
        if self._sink is not None:
            raise LedgerError("a chain that writes to a sink cannot be copied or pickled")
        return super().__getstate__()

    def _require(self, state: int, t: int) -> None:
        if self._state != state:
            found, expected = _STATE_NAMES[self._state], _STATE_NAMES[state]
            raise LedgerError(f"the chain is {found}, and must be {expected} for this record")
        if t < self._t:
            raise LedgerError(f"time runs backwards: t={t} after t={self._t}")

    def _record(self, t: int, kind: str, **fields: object) -> dict[str, object]:
        placed = {"v": VERSION, "seq": self.length, "t": t, "prev": self.head, "kind": kind}
        return placed | fields

    def _append(self, line: bytes, t: int) -> None:
        if len(line) > MAX_LINE:
            raise LedgerError(f"a record of {len(line)} bytes; at most {MAX_LINE} are allowed")
        leaf = sha256(LEAF_PREFIX + line)
        if self._sink is not None:
            self._sink(line)  # first: a record that was not taken must not move the chain
        if self._tree is not None:
            self._tree.append(leaf.digest())
        self.head = leaf.hexdigest()
        self.length += 1
        self._t = t
