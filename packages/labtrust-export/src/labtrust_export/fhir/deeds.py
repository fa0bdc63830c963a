"""Who did it: a Provenance for what was released, an AuditEvent for what a reviewer asks about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from labtrust_export.fhir.codes import Element
from labtrust_export.fhir.desk import SYSTEM, Desk, codings
from labtrust_export.fhir.journal import Entry

_OK: Final = "0"
_MINOR: Final = "4"
_TOKEN_ACTIONS: Final = frozenset({"MINT_TOKEN", "REVOKE_TOKEN"})


def provenances(desk: Desk) -> Iterator[Element]:
    """Yield who released what; an amendment also names what it took the place of."""
    for entry in desk.journal.entries:
        amended = dict(entry.amended)
        plain = [name for name in entry.released if name not in amended]
        if plain:
            yield _provenance(desk, entry, plain, None)
        for name, earlier in amended.items():
            yield _provenance(desk, entry, [name], earlier)


def _provenance(desk: Desk, entry: Entry, released: Sequence[str], earlier: str | None) -> Element:
    parts = (
        ("release", str(entry.seq)) if earlier is None else ("amendment", str(entry.seq), earlier)
    )
    sources: list[Element] = [{"role": "source", "what": _record(desk, entry)}]
    if earlier is not None:
        before = desk.names.reference("Observation", earlier)
        sources.insert(0, {"role": "revision", "what": before})
    deed = ("completion", "LA") if earlier is None else ("operation", "UPDATE")
    when = desk.calendar.instant(entry.t)
    return desk.resource(
        "Provenance",
        *parts,
        target=[desk.names.reference("Observation", name) for name in released],
        occurredDateTime=when,
        recorded=when,
        policy=[f"urn:labtrust:fhir:policy:{desk.policy}"],
        activity=desk.codes.concept(*deed),
        agent=[
            {
                "type": desk.codes.concept("participant", "verifier"),
                "role": _role(desk, entry),
                "who": desk.agent(entry.agent_id or SYSTEM),
                "onBehalfOf": desk.laboratory(),
            }
        ],
        entity=sources,
    )


def _record(desk: Desk, entry: Entry) -> Element:
    """Return the ledger's record of a deed, by the log's first leaf hash and the record's place."""
    return {"identifier": desk.codes.identifier("ledger-record", f"{desk.log}/{entry.seq}")}


def _role(desk: Desk, entry: Entry) -> list[Element]:
    role = desk.journal.roster.get(entry.agent_id or "")
    return [{"text": "not on the roster"} if role is None else desk.own("role", role)]


def audit_events(desk: Desk) -> Iterator[Element]:
    """Yield releases, refusals, what was done with tokens, and what the system enforced."""
    for entry in desk.journal.entries:
        kinds = list(_kinds(entry))
        if kinds:
            yield _audit_event(desk, entry, kinds)


def _kinds(entry: Entry) -> Iterator[str]:
    if entry.released:
        yield "release"
    if not entry.accepted:
        yield "refusal"
    if entry.tokens and (entry.accepted or entry.action not in _TOKEN_ACTIONS):
        yield "token"
    if entry.origin == "enforcement":
        yield "enforcement"


def _audit_event(desk: Desk, entry: Entry, kinds: Sequence[str]) -> Element:
    subtypes = [desk.codes.coding("audit", kind) for kind in kinds]
    if entry.action is not None:
        subtypes += codings(desk.own("action", entry.action)) or [{"display": entry.action}]
    return desk.resource(
        "AuditEvent",
        "record",
        str(entry.seq),
        type=_type(desk, entry),
        subtype=subtypes,
        action="E",
        recorded=desk.calendar.instant(entry.t),
        outcome=_outcome(desk, entry),
        outcomeDesc=entry.reason,
        agent=[_agent(desk, entry)],
        source={"site": "Simulated hospital laboratory", "observer": desk.agent(SYSTEM)},
        entity=list(_entities(desk, entry)),
    )


def _type(desk: Desk, entry: Entry) -> Element:
    if not entry.released:
        return desk.codes.coding("dicom", "110113")
    return desk.codes.coding("lifecycle", "amend" if entry.amended else "report")


def _outcome(desk: Desk, entry: Entry) -> str:
    if entry.accepted:
        return _OK
    severity = desk.catalogue.severities.get(entry.reason or "", "")
    return desk.codes.severity_outcomes.get(severity, _MINOR)


def _agent(desk: Desk, entry: Entry) -> Element:
    found: Element = {"role": _role(desk, entry), "requestor": True}
    if entry.agent_id is not None:
        found["who"] = desk.agent(entry.agent_id)
    return found


def _entities(desk: Desk, entry: Entry) -> Iterator[Element]:
    """Yield the record itself, the specimens and results that it names, and the tokens."""
    yield {"what": _record(desk, entry)}
    specimens, results = entry.named
    for specimen_id in specimens:
        if specimen_id in desk.journal.tubes:
            yield {"what": desk.names.reference("Specimen", specimen_id)}
    for result_id in results:
        if result_id in desk.journal.results:
            yield {"what": desk.names.reference("Observation", result_id)}
    for token_id in entry.tokens:
        yield {"what": {"identifier": desk.codes.identifier("token", token_id)}}
