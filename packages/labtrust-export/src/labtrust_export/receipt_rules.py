"""The rules of receipts: which records name, bring, move and decide specimens and results.

The tables here are the table of the page "The format of evidence". Records are taken as they come,
once; what is not of the documented type is passed over, however odd the record.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Final, Literal, TypeAlias

from labtrust_core.event import ACCEPTED, BLOCKED
from labtrust_core.ledger.record import EventRecord, StartRecord

EntityType: TypeAlias = Literal["specimen", "result"]
Decision: TypeAlias = Literal[
    "PENDING", "HELD", "REJECTED", "ACCEPTED", "RELEASED", "SUPERSEDED", "AMENDED", "BLOCKED"
]

OPEN: Final[frozenset[Decision]] = frozenset({"PENDING", "HELD", "ACCEPTED"})
"""Decisions that a refusal may still be the last word on."""

_WAYS_ON: Final = frozenset(
    {"ACCEPT_SPECIMEN", "RELEASE_RESULT", "RELEASE_RESULT_OVERRIDE", "AMEND_RESULT"}
)
_CALLS: Final = frozenset(
    {"NOTIFY_CRITICAL_RESULT", "ACK_CRITICAL_RESULT", "ESCALATE_CRITICAL_RESULT"}
)
_GENERATE: Final = "GENERATE_RESULT"
_NEVER: Final = -1  # no record has a negative time
_FEW: Final = 8

_Texts: TypeAlias = tuple[str, ...] | set[str]


# ------------------------------------------------------------------------------------- the records


class Step:
    """An event record, with everything that is not of the documented type left out."""

    __slots__ = ("accepted", "action", "args", "blocked", "data", "event", "outcome", "seq", "t")

    def __init__(self, record: EventRecord) -> None:
        self.seq = record.seq
        self.t = record.t
        self.event = record.event
        self.outcome = record.outcome
        self.args = as_object(record.event.get("args"))
        self.data = as_object(record.outcome.get("data"))
        self.action = as_text(record.event.get("action_type")) or ""
        self.accepted = record.outcome.get("status") == ACCEPTED
        self.blocked = record.outcome.get("status") == BLOCKED

    def reasons(self) -> Iterator[str]:
        """Yield the reason codes that it states."""
        stated = [self.outcome.get("reason")]
        if self.accepted:
            stated += [source.get("reason_code") for source in (self.event, self.args, self.data)]
        return texts_of(stated)

    def violations(self) -> Iterator[str]:
        """Yield the ids of the invariants that it breaks, or would have broken."""
        return texts_of(
            item.get("invariant_id") for item in objects_of(self.outcome.get("violations"))
        )


def as_object(value: object) -> dict[str, Any]:
    """Return the object, or an empty one for all else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return the list, or an empty one for all else."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str | None:
    """Return the text, shared with all others of its spelling, or None for all else."""
    return intern(value) if isinstance(value, str) else None


def objects_of(value: object) -> Iterator[dict[str, Any]]:
    """Yield the objects of a list."""
    return (item for item in as_list(value) if isinstance(item, dict))


def texts_of(values: Iterable[object]) -> Iterator[str]:
    """Yield the texts among values."""
    return (item for item in values if isinstance(item, str))


# -------------------------------------------------------------------------------------- the tables


@dataclass(frozen=True, slots=True)
class Birth:
    """How an entity came: by a record or by the scenario, and what is stated of it there.

    ``specimen_id`` is a result's specimen.
    """

    seq: int | None = None
    t: int = 0
    specimen_id: str | None = None
    panel_id: str | None = None
    analyte_code: str | None = None
    value: str | None = None
    units: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One entity type: one row of the page's table.

    Attributes:
        one: The argument that names one, and its field in a scenario's item.
        plural: The scenario's list of them; lists of outcome data whose key ends with an
            underline and this name them too.
        births: Returns the entities that come with an accepted record.
        stated: Returns what a scenario's item states.
        single: Further places that name one: of the outcome's data.
        many: Further lists that name several: of the arguments and of the outcome's data.
        born: The timestamp of the origin.
        fates: Lists of outcome data, in their order, with decision and timestamp.
        milestones: Timestamps of accepted actions.
        calls: Actions that are calls about it.
        moments: All its timestamps but ``born``.
    """

    name: EntityType
    one: str
    plural: str
    births: Callable[[Step], Iterator[tuple[str, Birth]]]
    stated: Callable[[dict[str, Any]], Birth]
    born: str
    fates: tuple[tuple[str, Decision, str | None], ...]
    single: tuple[str, ...] = ()
    many: tuple[str, ...] = ()
    milestones: dict[str, str] = field(default_factory=dict)
    calls: frozenset[str] = frozenset()
    moments: tuple[str, ...] = ()

    def named(self, step: Step) -> dict[str, None]:
        """Return the ids that a record names, each once."""
        names: list[object] = [step.args.get(self.one)]
        names += [step.data.get(key) for key in self.single]
        for key in self.many:
            names += [*as_list(step.args.get(key)), *as_list(step.data.get(key))]
        ending = f"_{self.plural}"
        for key, value in step.data.items():
            if key.endswith(ending):
                names += as_list(value)
        return dict.fromkeys(texts_of(names))


def _specimens_born(step: Step) -> Iterator[tuple[str, Birth]]:
    panels = as_list(step.data.get("panels"))
    for place, name in enumerate(as_list(step.data.get("specimen_ids"))):
        if isinstance(name, str):
            panel = as_text(panels[place]) if place < len(panels) else None
            yield name, Birth(step.seq, step.t, panel_id=panel)


def _results_born(step: Step) -> Iterator[tuple[str, Birth]]:
    name = step.args.get("result_id")
    if step.action == _GENERATE and isinstance(name, str):
        fields = (
            as_text(step.args.get(key)) for key in ("analyte_code", "value", "units", "run_id")
        )
        yield name, Birth(step.seq, step.t, as_text(step.args.get("specimen_id")), None, *fields)


def _specimen_stated(item: dict[str, Any]) -> Birth:
    return Birth(panel_id=as_text(item.get("panel_id")))


def _result_stated(item: dict[str, Any]) -> Birth:
    return Birth(
        specimen_id=as_text(item.get("specimen_id")),
        analyte_code=as_text(item.get("analyte_code")),
        value=as_text(item.get("value")),
        units=as_text(item.get("units")),
    )


_RESULTS: Final = Kind(
    name="result",
    one="result_id",
    plural="results",
    births=_results_born,
    stated=_result_stated,
    born="result_generated",
    fates=(
        ("held_results", "HELD", None),
        ("superseded_results", "SUPERSEDED", "superseded"),
        ("amended_results", "AMENDED", "amended"),
        ("released_results", "RELEASED", "released"),
    ),
    single=("result_id",),
    calls=_CALLS,
    moments=("superseded", "amended", "released"),
)
_SPECIMENS: Final = Kind(
    name="specimen",
    one="specimen_id",
    plural="specimens",
    births=_specimens_born,
    stated=_specimen_stated,
    born="received",
    fates=(
        ("held_specimens", "HELD", None),
        ("rejected_specimens", "REJECTED", "rejected"),
        ("accepted_specimens", "ACCEPTED", "accepted"),
        ("released_specimens", "RELEASED", "released"),
    ),
    many=("specimen_ids",),
    milestones={
        "QUEUE_RUN": "queued",
        "START_RUN": "run_started",
        "START_RUN_OVERRIDE": "run_started",
        _GENERATE: "result_generated",
    },
    moments=("rejected", "accepted", "released", "queued", "run_started", "result_generated"),
)
KINDS: Final = (_RESULTS, _SPECIMENS)  # in the order of the file


# ------------------------------------------------------------------------------ what is gathered
# A ledger may hold a million records and a third as many entities, so what is kept of one is small:
# numbers in arrays, texts that are shared, tuples that are mostly empty.


class Noted:
    """What the records so far say of one entity; ``birth`` is None until it has come."""

    __slots__ = (
        "birth",
        "calls",
        "decided_by",
        "decision",
        "devices",
        "reasons",
        "records",
        "refused_last",
        "times",
        "tokens",
        "violations",
    )

    def __init__(self, kind: Kind) -> None:
        self.birth: Birth | None = None
        self.records = array("q")
        self.decision: Decision = "PENDING"
        self.decided_by: int | None = None
        self.refused_last = False
        self.times = array("q", [_NEVER]) * len(kind.moments)
        self.calls: list[int] | None = None
        self.devices: _Texts = ()
        self.reasons: _Texts = ()
        self.tokens: _Texts = ()
        self.violations: _Texts = ()

    def name(self, step: Step, kind: Kind) -> None:
        """Note a record that names it."""
        self.records.append(step.seq)
        self.refused_last = step.blocked and step.action in _WAYS_ON
        self.reasons = _joined(self.reasons, step.reasons())
        self.tokens = _joined(self.tokens, texts_of(as_list(step.outcome.get("tokens_consumed"))))
        self.violations = _joined(self.violations, step.violations())
        if not step.accepted:
            return
        self.devices = _joined(self.devices, texts_of([step.args.get("device_id")]))
        if step.action in kind.milestones:
            self.time(kind, kind.milestones[step.action], step.t)
        if step.action in kind.calls:
            self.calls = self.calls or []
            self.calls.append(step.seq)

    def decide(self, step: Step, decision: Decision) -> None:
        """Note a record that says what became of it."""
        self.decision = decision
        self.decided_by = step.seq

    def time(self, kind: Kind, moment: str, t: int) -> None:
        """Note when something happened to it, if it is the first time."""
        place = kind.moments.index(moment)
        if self.times[place] == _NEVER:
            self.times[place] = t

    def timestamps(self, kind: Kind, birth: Birth) -> dict[str, int]:
        """Return when what happened to it, and when it came, if a record brought it."""
        found = zip(kind.moments, self.times, strict=True)
        times = {moment: t for moment, t in found if t != _NEVER}
        return times if birth.seq is None else {**times, kind.born: birth.t}


class Entities:
    """All entities of one type that a ledger names, and those of them that have come.

    Attributes:
        count: How many have come.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.count = 0
        self._noted: dict[str, Noted] = {}

    def get(self, entity_id: str) -> tuple[Noted, Birth] | None:
        """Return what is known of one that has come."""
        noted = self._noted.get(entity_id)
        return None if noted is None or noted.birth is None else (noted, noted.birth)

    def come(self) -> Iterator[tuple[str, Noted, Birth]]:
        """Yield those that have come, sorted by id."""
        for name in sorted(self._noted):
            noted = self._noted[name]
            if noted.birth is not None:
                yield name, noted, noted.birth

    def take(self, step: Step) -> None:
        """Note one event record."""
        for name in self.kind.named(step):
            self._of(name).name(step, self.kind)
        if not step.accepted:
            return
        for name, birth in self.kind.births(step):
            self._bear(name, birth)
        for key, decision, moment in self.kind.fates:
            for name in texts_of(as_list(step.data.get(key))):
                noted = self._of(name)
                noted.decide(step, decision)
                if moment is not None:
                    noted.time(self.kind, moment, step.t)

    def begin(self, record: StartRecord) -> None:
        """Note those that the scenario brings along."""
        scenario = as_object(record.body.get("scenario"))
        for item in objects_of(scenario.get(self.kind.plural)):
            name = item.get(self.kind.one)
            if isinstance(name, str):
                self._bear(name, self.kind.stated(item))

    def _of(self, entity_id: str) -> Noted:
        found = self._noted.get(entity_id)
        if found is None:
            found = self._noted[entity_id] = Noted(self.kind)
        return found

    def _bear(self, entity_id: str, birth: Birth) -> None:
        noted = self._of(entity_id)
        if noted.birth is None:
            noted.birth = birth
            self.count += 1


def _joined(known: _Texts, texts: Iterable[str]) -> _Texts:
    """Return texts with those that are new, each shared with all others of its spelling.

    The few that there mostly are make a tuple, many a set.
    """
    for text in texts:
        if text in known:
            continue
        if isinstance(known, set):
            known.add(intern(text))
        else:
            known = (*known, intern(text))
            known = set(known) if len(known) > _FEW else known
    return known
