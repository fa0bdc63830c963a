"""What an episode's log tells about specimens, results and who decided, for resources to say.

Only records count, so that the Bundle says what the ledger says. Fields that the log's format does
not bind (they come from agents) may hold anything; what is not of the expected kind is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from labtrust_core.ledger.record import EventRecord, Record, StartRecord

from labtrust_export.receipt_rules import Step, as_list, as_object, objects_of
from labtrust_export.receipts import Receipt

_STEPS: Final = {"CENTRIFUGE_END": "Centrifugation", "ALIQUOT_CREATE": "Aliquoting"}
_MAX_DIGITS: Final = 15


@dataclass(slots=True)
class Tube:
    """One specimen.

    Attributes:
        panels: Ids of the panels asked for, first the one that it came for.
        decision: What its receipt states.
        reason: Why it is rejected.
        steps: What was done to it: (what, second, device id).
    """

    specimen_id: str
    patient_id: str | None = None
    request_id: str | None = None
    priority: str | None = None
    specimen_type: str | None = None
    panels: list[str] = field(default_factory=list)
    collected_s: int | None = None
    received_s: int | None = None
    booked: bool = False
    decision: str = "PENDING"
    reason: str | None = None
    steps: list[tuple[str, int, str | None]] = field(default_factory=list)


@dataclass(slots=True)
class Measured:
    """One result.

    Attributes:
        decision: What its receipt states.
        value: As it was stated, with its digits; None where that is no number.
        unit: The printed unit that was stated; None for one of the scenario, which has the
            catalogue's.
        delta: By how much it failed its delta check, in units of the last decimal place.
        amends: The result that it took the place of.
    """

    result_id: str
    specimen_id: str | None
    analyte: str | None
    value: Decimal | None
    unit: str | None
    device_id: str | None
    generated_s: int
    decision: str = "PENDING"
    released_s: int | None = None
    delta: int | None = None
    amends: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One event record, as far as resources tell of it.

    Attributes:
        released: Ids of the results that it released.
        amended: Pairs of results: the new one and the one in whose place it is.
        named: Ids of specimens and of results that it names.
        tokens: Tokens that it consumed, made or revoked.
    """

    seq: int
    t: int
    origin: str
    action: str | None
    agent_id: str | None
    accepted: bool
    reason: str | None
    released: tuple[str, ...]
    amended: tuple[tuple[str, str], ...]
    named: tuple[tuple[str, ...], tuple[str, ...]]
    tokens: tuple[str, ...]


@dataclass(slots=True)
class AddOn:
    """A panel that was asked for on a tube in store."""

    seq: int
    specimen_id: str
    panel_id: str


@dataclass(slots=True)
class Journal:
    """Everything that the log tells, in its order."""

    tubes: dict[str, Tube] = field(default_factory=dict)
    results: dict[str, Measured] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    add_ons: list[AddOn] = field(default_factory=list)
    roster: dict[str, str] = field(default_factory=dict)
    runs: dict[str, tuple[str | None, tuple[str, ...]]] = field(default_factory=dict)
    last_s: int = 0


def read_journal(records: Iterable[Record], receipts: Iterable[Receipt]) -> Journal:
    """Return what the records of one verified log, and the receipts that follow from it, tell."""
    journal = Journal()
    for record in records:
        journal.last_s = record.t
        if isinstance(record, StartRecord):
            _open(journal, record)
        elif isinstance(record, EventRecord):
            _take(journal, record)
    for receipt in receipts:
        tube = journal.tubes.get(receipt.entity_id)
        result = journal.results.get(receipt.entity_id)
        if receipt.entity_type == "specimen" and tube is not None:
            tube.decision = receipt.decision
        elif receipt.entity_type == "result" and result is not None:
            result.decision = receipt.decision
            result.released_s = receipt.timestamps.get("released")
    return journal


def _open(journal: Journal, record: StartRecord) -> None:
    roster = as_object(record.body.get("roster"))
    journal.roster = {name: role for name, role in roster.items() if isinstance(role, str)}
    scenario = as_object(record.body.get("scenario"))
    for item in objects_of(scenario.get("specimens")):
        specimen_id = _text(item.get("specimen_id"))
        if specimen_id is not None:
            journal.tubes[specimen_id] = Tube(
                specimen_id,
                patient_id=_text(item.get("patient_identifiers_hash")),
                request_id=_text(item.get("request_id")),
                priority=_text(item.get("priority_class")) or _text(item.get("priority")),
                specimen_type=_text(item.get("specimen_type")),
                panels=list(_texts([item.get("panel_id")])),
                collected_s=_whole(item.get("collection_ts_s")),
                received_s=_whole(item.get("arrival_ts_s")),
            )
    for item in objects_of(scenario.get("results")):
        result_id = _text(item.get("result_id"))
        if result_id is not None:
            journal.results[result_id] = Measured(
                result_id,
                _text(item.get("specimen_id")),
                _text(item.get("analyte_code")),
                _number(item.get("value")),
                None,
                None,
                0,
            )


def _specimens(step: Step) -> tuple[str, ...]:
    """Return the specimens that a record names."""
    listed = (value for key, value in step.data.items() if key.endswith("_specimens"))
    single = [step.args.get("specimen_id")]
    return _unique(single, step.args.get("specimen_ids"), step.data.get("specimen_ids"), *listed)


def _results(step: Step) -> tuple[str, ...]:
    """Return the results that a record names."""
    listed = (value for key, value in step.data.items() if key.endswith("_results"))
    return _unique([step.args.get("result_id"), step.data.get("result_id")], *listed)


def _reason(step: Step) -> str | None:
    """Return the first reason that a record states: its refusal's, else its author's."""
    sources = (step.event, step.args, step.data)
    stated = (step.outcome.get("reason"), *(source.get("reason_code") for source in sources))
    return next(_texts(stated), None)


def _take(journal: Journal, record: EventRecord) -> None:
    step = Step(record)
    amended: tuple[tuple[str, str], ...] = ()
    if step.accepted:
        taker = _TAKERS.get(step.action)
        if taker is not None:
            taker(journal, step)
        _note_arrivals(journal, step)
        _note_rejections(journal, step)
        amended = _note_amendments(journal, step)
    tokens = [step.data.get("token_id"), step.args.get("token_id")]
    journal.entries.append(
        Entry(
            seq=step.seq,
            t=step.t,
            origin=record.origin,
            action=step.action or None,
            agent_id=_text(step.event.get("agent_id")),
            accepted=step.accepted,
            reason=_reason(step),
            released=_released(journal, step),
            amended=amended,
            named=(_specimens(step), _results(step)),
            tokens=_unique(step.outcome.get("tokens_consumed"), tokens),
        )
    )


def _note_arrivals(journal: Journal, step: Step) -> None:
    data = step.data
    columns = ("patients", "request_ids", "priorities", "specimen_types", "panels", "collected_s")
    for place, specimen_id in enumerate(as_list(data.get("specimen_ids"))):
        if not isinstance(specimen_id, str) or not specimen_id or specimen_id in journal.tubes:
            continue
        patient, request, priority, kind, panel, collected = (
            _at(data.get(name), place) for name in columns
        )
        journal.tubes[specimen_id] = Tube(
            specimen_id,
            patient_id=_text(patient),
            request_id=_text(request),
            priority=_text(priority),
            specimen_type=_text(kind),
            panels=list(_texts([panel])),
            collected_s=_whole(collected),
            received_s=step.t,
        )


def _note_rejections(journal: Journal, step: Step) -> None:
    reasons = as_object(step.data.get("reasons"))
    for specimen_id in _texts(step.data.get("rejected_specimens")):
        if specimen_id in journal.tubes:
            journal.tubes[specimen_id].reason = _text(reasons.get(specimen_id)) or _reason(step)


def _released(journal: Journal, step: Step) -> tuple[str, ...]:
    """Return the results that a record released, without those that the log never brought."""
    listed = _unique(step.data.get("released_results")) if step.accepted else ()
    return tuple(name for name in listed if name in journal.results)


def _note_amendments(journal: Journal, step: Step) -> tuple[tuple[str, str], ...]:
    """Each original is listed with the result that took its place, in the same order."""
    listed = zip(
        _texts(step.data.get("released_results")),
        _texts(step.data.get("amended_results")),
        strict=False,
    )
    known = journal.results
    pairs = tuple((new, old) for new, old in listed if new in known and old in known)
    for new, old in pairs:
        known[new].amends = old
    return pairs


def _book(journal: Journal, step: Step) -> None:
    for specimen_id in _specimens(step):
        if specimen_id in journal.tubes:
            journal.tubes[specimen_id].booked = True


def _treat(journal: Journal, step: Step) -> None:
    what = _STEPS[step.action]
    for specimen_id in _specimens(step):
        if specimen_id in journal.tubes:
            device_id = _text(step.args.get("device_id"))
            journal.tubes[specimen_id].steps.append((what, step.t, device_id))


def _begin_run(journal: Journal, step: Step) -> None:
    run_id = _text(step.args.get("run_id")) or _text(step.data.get("run_id"))
    if run_id is not None:
        journal.runs[run_id] = (_text(step.args.get("device_id")), _specimens(step))


def _measure(journal: Journal, step: Step) -> None:
    result_id = _text(step.args.get("result_id"))
    if result_id is None:
        return
    nowhere: tuple[str | None, tuple[str, ...]] = (_text(step.args.get("device_id")), ())
    device_id, batch = journal.runs.get(_text(step.args.get("run_id")) or "", nowhere)
    named = _text(step.args.get("specimen_id"))
    journal.results[result_id] = Measured(
        result_id,
        batch[0] if named is None and len(batch) == 1 else named,
        _text(step.args.get("analyte_code")),
        _number(step.args.get("value")),
        _text(step.args.get("units")) or "",
        device_id,
        step.t,
        delta=_whole(as_object(step.data.get("delta")).get("by")),
    )


def _add_on(journal: Journal, step: Step) -> None:
    panel_id = _text(step.args.get("panel_id"))
    for specimen_id in _specimens(step):
        tube = journal.tubes.get(specimen_id)
        if tube is not None and panel_id is not None:
            journal.add_ons.append(AddOn(step.seq, specimen_id, panel_id))
            if panel_id not in tube.panels:
                tube.panels.append(panel_id)


def _enrol(journal: Journal, step: Step) -> None:
    for name, role in as_object(step.args.get("roster")).items():
        if isinstance(role, str):
            journal.roster[name] = role


_TAKERS: Final = {
    "CREATE_ACCESSION": _book,
    "CENTRIFUGE_END": _treat,
    "ALIQUOT_CREATE": _treat,
    "START_RUN": _begin_run,
    "START_RUN_OVERRIDE": _begin_run,
    "GENERATE_RESULT": _measure,
    "ADD_ON_TEST": _add_on,
    "UPDATE_ROSTER": _enrol,
}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(values: object) -> Iterator[str]:
    listed = values if isinstance(values, (list, tuple)) else ()
    return (value for value in listed if isinstance(value, str) and value)


def _unique(*lists: object) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for values in lists for text in _texts(values)))


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _at(values: object, place: int) -> object:
    found = as_list(values)
    return found[place] if place < len(found) else None


def _number(value: object) -> Decimal | None:
    """Return a number or a decimal text with its digits, within what a laboratory measures."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    small = number.is_finite() and abs(number.adjusted()) < _MAX_DIGITS
    return Decimal(format(number, "f")) if small else None
