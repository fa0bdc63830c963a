"""What goes into a step and what comes out: Event, StepResult, Violation, Blocked.

An event is a JSON object with exactly the fields of :class:`Event`. Parsing is strict: a missing or
unknown field, a wrong type, a number that JSON cannot carry exactly or an oversized body is
:class:`MalformedEventError`, which the engine turns into a BLOCKED step with
``RC_EVENT_MALFORMED``; nothing here is ever guessed or repaired.
"""

from __future__ import annotations

from math import isfinite
from typing import Any, Final, Literal

import msgspec

from labtrust_core.canonical import canonical_bytes, encode_plain, is_flat
from labtrust_core.errors import LabTrustError

Status = Literal["ACCEPTED", "BLOCKED"]
Origin = Literal["agent", "clockwork", "enforcement"]

ACCEPTED: Final = "ACCEPTED"
BLOCKED: Final = "BLOCKED"
SYSTEM_AGENT: Final = "SYSTEM"

MAX_DEPTH: Final = 16
MAX_NODES: Final = 500
MAX_TEXT: Final = (
    6_000  # even escaped sixfold, an event then fits into one ledger line with its outcome
)
MAX_INT: Final = 2**53 - 1
MAX_BYTES: Final = 32 * 1024
MAX_DETAIL: Final = 500

NOT_AN_OBJECT: Final = "an event is a JSON object"
NOT_JSON: Final = "args hold an object that JSON does not know"
"""Complaints about what a ledger cannot keep as it came; a replay knows them by their words."""


_FIELD_TYPES: Final = frozenset({str, int, dict, list, type(None)})
_TEXT_ONLY: Final = frozenset({str})
_PLAIN_LEAVES: Final = frozenset({int, bool, type(None)})


class MalformedEventError(LabTrustError):
    """The event is not a JSON object of the documented shape."""


class Blocked(Exception):  # noqa: N818 - a control-flow signal of the kernel, and its established name
    """An action is refused; raised by gates, guards and handlers before anything changed.

    Attributes:
        code: Registered reason code.
        detail: One sentence for a person: what was found and what was expected; cut when long.
        subject: ``(subject_type, subject_id)`` a token would have to be bound to in order to lift
            the refusal.
        invariants: Ids of invariants that the attempt would have broken besides those that policy
            derives from ``code``.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        subject: tuple[str, str] | None = None,
        invariants: tuple[str, ...] = (),
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail[:MAX_DETAIL]
        self.subject = subject
        self.invariants = invariants


class Event(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
):
    """One requested action. ``t_s`` is simulation time in whole seconds.

    ``head`` is the ledger head that the signer saw; ``signature`` is base64 of the Ed25519
    signature over every other field, the episode id and that head (see
    ``labtrust_core.trust.signatures``). The fields stand in alphabetical order, so that encoding an
    event yields its canonical form; a field at its default is left out.
    """

    action_type: str
    agent_id: str
    args: dict[str, Any] = {}
    event_id: str
    head: str | None = None
    key_id: str | None = None
    rationale: str | None = None
    reason_code: str | None = None
    signature: str | None = None
    t_s: int
    token_refs: list[str] = []
    tool_id: str | None = None

    def text(self, name: str) -> str:
        """Return the string argument ``name``, or ``""`` where it is absent or not a string."""
        value = self.args.get(name)
        return value if type(value) is str else ""

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the argument ``name`` as a tuple of strings; ``()`` where it is none."""
        value = self.args.get(name)
        if type(value) is list and all(type(item) is str for item in value):
            return tuple(value)
        return ()


class Violation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An invariant that an accepted event broke, or a blocked attempt would have broken."""

    invariant_id: str
    reason_code: str | None = None
    severity: str
    subject: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, with upstream's ``status`` field."""
        return {
            "invariant_id": self.invariant_id,
            "status": "VIOLATION",
            "reason_code": self.reason_code,
            "subject": self.subject,
        }


class HashChain(msgspec.Struct, frozen=True):
    """Where the ledger stands after a step."""

    head_hash: str
    length: int
    last_event_hash: str


class StepResult(msgspec.Struct, frozen=True, gc=False):
    """The whole outcome of one event.

    ``violations`` holds true violations only; ``evaluated`` names every invariant that was checked.
    ``system_results`` are the outcomes of what followed by itself (enforcement), each with a ledger
    record of its own.
    """

    event: Event | None
    status: Status
    origin: Origin
    blocked_reason_code: str | None
    detail: str | None
    role_id: str | None
    emits: tuple[str, ...]
    violations: tuple[Violation, ...]
    evaluated: tuple[str, ...]
    token_consumed: tuple[str, ...]
    data: dict[str, Any]
    head_hash: str
    length: int
    enforcements: tuple[dict[str, Any], ...] = ()
    system_results: tuple[StepResult, ...] = ()

    @property
    def hashchain(self) -> HashChain:
        """Where the ledger stands after the step and all that followed from it."""
        return HashChain(self.head_hash, self.length, self.head_hash)

    @property
    def accepted(self) -> bool:
        """Whether the event took effect."""
        return self.status == ACCEPTED

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form (the runner output contract's step fields)."""
        return {
            "status": self.status,
            "emits": list(self.emits),
            "violations": [violation.to_dict() for violation in self.violations],
            "evaluated": list(self.evaluated),
            "blocked_reason_code": self.blocked_reason_code,
            "detail": self.detail,
            "role_id": self.role_id,
            "token_consumed": list(self.token_consumed),
            "enforcements": [dict(item) for item in self.enforcements],
            "data": dict(self.data),
            "hashchain": {
                "head_hash": self.head_hash,
                "length": self.length,
                "last_event_hash": self.head_hash,
            },
        }


def parse_event(raw: object) -> tuple[Event, bytes]:
    """Return the event and its canonical form.

    A number without a fraction becomes an integer, as its canonical form spells it.

    Raises:
        MalformedEventError: The object has not the documented shape.
    """
    if type(raw) is not dict:
        raise MalformedEventError(NOT_AN_OBJECT)
    try:
        event = msgspec.convert(raw, Event)
    except (msgspec.ValidationError, RecursionError, TypeError, UnicodeError) as error:
        raise MalformedEventError(f"event does not have the documented shape: {error}") from error
    if _is_quick(raw, event):
        try:
            line = encode_plain(event)
        except UnicodeEncodeError as error:
            raise MalformedEventError("a lone surrogate, which UTF-8 cannot carry") from error
        if line.isascii() and len(line) <= MAX_TEXT:
            return _checked(event), line
    return _read_slowly(event)


def _is_quick(raw: dict[Any, Any], event: Event) -> bool:
    """Whether the quick encoder may be tried.

    ASCII of a bounded length then shows the rest: no wide keys, no surrogates, no excess.
    """
    return (
        _FIELD_TYPES.issuperset(map(type, raw.values()))
        and 0 <= event.t_s <= MAX_INT
        and is_flat(event.args)
        and (not event.token_refs or _TEXT_ONLY.issuperset(map(type, event.token_refs)))
    )


def _checked(event: Event) -> Event:
    """Return an event of exact types whose time and ids are what they must be."""
    if not 0 <= event.t_s <= MAX_INT:
        raise MalformedEventError("t_s must lie in 0..2^53-1")
    if not (event.event_id and event.agent_id and event.action_type):
        raise MalformedEventError("event_id, agent_id and action_type must not be empty")
    return event


def _read_slowly(event: Event) -> tuple[Event, bytes]:
    scan = _Scan()
    scan.read_fields(event)
    _checked(event)
    if not scan.is_plain(event.args, 0):
        event = msgspec.structs.replace(event, args=_exact(event.args))
    line = event_bytes(event)
    if len(line) > MAX_BYTES:
        raise MalformedEventError(f"the event takes more than {MAX_BYTES} bytes")
    return event, line


def event_bytes(event: Event) -> bytes:
    """Return the canonical form of an event that was parsed."""
    return canonical_bytes(msgspec.to_builtins(event))


def _exact(value: Any) -> Any:  # noqa: ANN401 - JSON data of any shape
    """Return ``value`` with every float that is an integer as one."""
    if type(value) is dict:
        return {key: _exact(item) for key, item in value.items()}
    if type(value) is list:
        return [_exact(item) for item in value]
    if type(value) is float and value.is_integer() and -MAX_INT <= value <= MAX_INT:
        return int(value)
    return value


class _Scan:
    """One careful walk over an event: bounds its size and says whether it is plain.

    Types are compared exactly: a foreign subclass may do anything when it is used.
    """

    __slots__ = ("nodes", "size")

    def __init__(self) -> None:
        self.nodes = 0
        self.size = 0

    def read_fields(self, event: Event) -> None:
        """Look at every text outside ``args``."""
        if type(event.t_s) is not int:
            raise MalformedEventError("t_s is not a plain integer")
        self._count(len(event.token_refs))
        for text in (
            event.event_id,
            event.agent_id,
            event.action_type,
            event.reason_code,
            event.rationale,
            event.key_id,
            event.signature,
            event.head,
            event.tool_id,
            *event.token_refs,
        ):
            if text is None:
                continue
            if type(text) is not str:
                raise MalformedEventError("a text is not a plain string")
            self._read_text(text)

    def is_plain(self, value: Any, depth: int) -> bool:  # noqa: ANN401 - anything at all
        """Whether ``value``, which stands ``depth`` containers deep, is plain."""
        kind = type(value)
        if kind is str:
            self._read_text(value)
            return True
        if kind in _PLAIN_LEAVES:
            if kind is int and not -MAX_INT <= value <= MAX_INT:
                raise MalformedEventError("an integer lies outside -(2^53-1)..2^53-1")
            return True
        if kind is float:
            if not isfinite(value):
                raise MalformedEventError("args hold NaN or infinity, which JSON does not know")
            return False
        if kind is not dict and kind is not list:
            raise MalformedEventError(NOT_JSON)
        if depth >= MAX_DEPTH:
            raise MalformedEventError(f"args are nested deeper than {MAX_DEPTH}")
        self._count(len(value))
        return self._is_plain_container(value, depth)

    def _is_plain_container(self, value: dict[Any, Any] | list[Any], depth: int) -> bool:
        plain = True
        if isinstance(value, list):
            for item in value:
                plain &= self.is_plain(item, depth + 1)
            return plain
        for key, item in value.items():
            if type(key) is not str:
                raise MalformedEventError("an args key is not a string")
            self._read_text(key)
            plain &= key.isascii() & self.is_plain(item, depth + 1)
        return plain

    def _read_text(self, text: str) -> None:
        self.size += len(text)
        if self.size > MAX_TEXT:
            raise MalformedEventError(f"event text is longer than {MAX_TEXT} characters")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise MalformedEventError("a lone surrogate, which UTF-8 cannot carry") from error

    def _count(self, items: int) -> None:
        self.nodes += items
        if self.nodes > MAX_NODES:
            raise MalformedEventError(f"the event holds more than {MAX_NODES} items")
