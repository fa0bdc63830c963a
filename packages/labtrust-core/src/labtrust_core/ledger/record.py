"""What stands in one line of an episode log: start, event and end records, and their strict reader.

The records are closed: every field below is required (``world`` of an event excepted), any other is
refused. Integers are within 2^53-1, hashes are 64 lower-case hexadecimal digits.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from labtrust_core.canonical import MAX_INT, encode_plain, parse_canonical, sha256_hex
from labtrust_core.errors import LedgerError

VERSION: Final = 1
NO_PREV: Final = "0" * 64  # what the first record names as its predecessor
ORIGINS: Final = frozenset({"agent", "clockwork", "enforcement"})
END_REASONS: Final = frozenset({"completed", "aborted", "recovered"})

Origin: TypeAlias = Literal["agent", "clockwork", "enforcement"]
EndReason: TypeAlias = Literal["completed", "aborted", "recovered"]
_Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
_Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class RecordSchemaError(LedgerError):
    """A canonical line is not a record of the documented shape."""


class _Placed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every record has: version, place in the log, simulated time, leaf hash before it."""

    v: Literal[1]
    seq: _Count
    t: _Count
    prev: _Digest


class StartRecord(_Placed, frozen=True, tag="start"):
    """First record of an episode; ``body`` says what is being run."""

    body: dict[str, Any]


class EventRecord(_Placed, frozen=True, tag="event"):
    """One event, accepted or blocked: the whole event and the whole outcome."""

    origin: Origin
    event: dict[str, Any]
    outcome: dict[str, Any]
    world: _Digest | msgspec.UnsetType = msgspec.UNSET


class EndBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the end of an episode states.

    Attributes:
        events: Number of event records.
        reason: Why the episode ended.
        world: Digest of the last world, or None where it was not taken.
        root: Merkle root over the leaves of all earlier records.
    """

    events: _Count
    reason: EndReason
    world: _Digest | None
    root: _Digest


class EndRecord(_Placed, frozen=True, tag="end"):
    """Last record of an episode; ``check`` is the SHA-256 of this record without ``check``.

    No later record covers the end, so it covers itself: against damage, not against a forger, who
    is stopped by the signature over the checkpoint.
    """

    body: EndBody
    check: _Digest

    def expected_check(self) -> str:
        """Return what ``check`` must be, recomputed from the other fields."""
        unchecked = msgspec.to_builtins(self)
        del unchecked["check"]
        return sha256_hex(encode_plain(unchecked))


Record: TypeAlias = StartRecord | EventRecord | EndRecord
_RECORD: Final[Any] = Record  # msgspec takes the union, which mypy does not see as a type


def read_record(line: bytes) -> Record:
    """Return the record in a line (without its LF).

    Raises:
        NotCanonicalError: The line is not the canonical form of a JSON object.
        RecordSchemaError: It is, but not a record.
    """
    value = parse_canonical(line)
    try:
        record: Record = msgspec.convert(value, _RECORD)
    except msgspec.ValidationError as error:
        raise RecordSchemaError(f"not a ledger record: {error}") from error
    return record
