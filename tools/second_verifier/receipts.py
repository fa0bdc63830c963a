"""Receipts of specimens and results, derived from a log alone, for the second verifier.

Written from `docs/reference/evidence.md#receiptsjsonl` alone; nothing of LabTrust is imported.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from second_verifier.formats import Json, Tree, canonical, items, table, text, texts

Record = dict[str, Json]

_BLOCKING: Final = {
    "ACCEPT_SPECIMEN",
    "RELEASE_RESULT",
    "RELEASE_RESULT_OVERRIDE",
    "AMEND_RESULT",
}
_CALLS: Final = {
    "NOTIFY_CRITICAL_RESULT",
    "ACK_CRITICAL_RESULT",
    "ESCALATE_CRITICAL_RESULT",
}
_ACTION_TIMES: Final = {
    "QUEUE_RUN": "queued",
    "START_RUN": "run_started",
    "START_RUN_OVERRIDE": "run_started",
    "GENERATE_RESULT": "result_generated",
}
# Of each kind: the lists that decide, in order, and the decisions that have a time.
_DECISIONS: Final = {
    "specimen": ("held", "rejected", "accepted", "released"),
    "result": ("held", "superseded", "amended", "released"),
}
_OPEN: Final = ("PENDING", "HELD", "ACCEPTED")


class Entity:
    """A specimen or result: where it came from and the records that name it."""

    def __init__(self, kind: str, name: str, origin: Record | None, stated: Json) -> None:
        self.kind = kind
        self.name = name
        self.origin = origin
        self.stated = table(stated)  # its item in the scenario, where that is its origin
        self.records: list[Record] = []


def event_of(record: Record) -> dict[str, Json]:
    """Return the event of a record."""
    return table(record.get("event"))


def args_of(record: Record) -> dict[str, Json]:
    """Return the arguments of a record's event."""
    return table(event_of(record).get("args"))


def outcome_of(record: Record) -> dict[str, Json]:
    """Return the outcome of a record."""
    return table(record.get("outcome"))


def data_of(record: Record) -> dict[str, Json]:
    """Return the outcome's data."""
    return table(outcome_of(record).get("data"))


def is_accepted(record: Record) -> bool:
    """Whether an event took effect."""
    return outcome_of(record).get("status") == "ACCEPTED"


def _named(record: Record) -> set[tuple[str, str]]:
    """Return kind and id of everything that a record names."""
    args, data = args_of(record), data_of(record)
    found = {("specimen", name) for name in texts([args.get("specimen_id")])}
    found |= {("result", name) for name in texts([args.get("result_id"), data.get("result_id")])}
    found |= {("specimen", name) for name in texts(args.get("specimen_ids"))}
    found |= {("specimen", name) for name in texts(data.get("specimen_ids"))}
    for kind in ("specimen", "result"):
        for key, names in data.items():
            if key.endswith(f"_{kind}s"):
                found |= {(kind, name) for name in texts(names)}
    return found


def _brought(record: Record) -> list[tuple[str, str]]:
    """Return the entities that a record may bring."""
    if not is_accepted(record):
        return []
    found = [("specimen", name) for name in texts(data_of(record).get("specimen_ids"))]
    if event_of(record).get("action_type") == "GENERATE_RESULT":
        found += [("result", name) for name in texts([args_of(record).get("result_id")])]
    return found


def _entities(scenario: Json, events: list[Record]) -> list[Entity]:
    found: dict[tuple[str, str], Entity] = {}
    for kind in ("specimen", "result"):
        for item in items(table(scenario).get(f"{kind}s")):
            name = text(table(item).get(f"{kind}_id"))
            if name is not None:
                found.setdefault((kind, name), Entity(kind, name, None, item))
    for record in events:
        for kind, name in _brought(record):
            found.setdefault((kind, name), Entity(kind, name, record, None))
    for record in events:
        for both in _named(record) & found.keys():
            found[both].records.append(record)
    return [found[both] for both in sorted(found, key=lambda both: both)]


def _listed(entity: Entity, record: Record, word: str) -> bool:
    names = texts(data_of(record).get(f"{word}_{entity.kind}s"))
    return is_accepted(record) and entity.name in names


def _decision(entity: Entity) -> tuple[str, Json]:
    """Return the decision and the number of the record that brought it."""
    decision, number = "PENDING", None if entity.origin is None else entity.origin["seq"]
    for record in entity.records:
        for word in _DECISIONS[entity.kind]:
            if _listed(entity, record, word):
                decision, number = word.upper(), record["seq"]
    if entity.records and decision in _OPEN:
        last = entity.records[-1]
        if not is_accepted(last) and event_of(last).get("action_type") in _BLOCKING:
            return "BLOCKED", last["seq"]
    return decision, number


def _timestamps(entity: Entity) -> dict[str, Json]:
    found: dict[str, Json] = {}
    arrival = "received" if entity.kind == "specimen" else "result_generated"
    if entity.origin is not None:
        found[arrival] = entity.origin["t"]
    for record in filter(is_accepted, entity.records):
        for word in _DECISIONS[entity.kind]:
            if word != "held" and _listed(entity, record, word):
                found.setdefault(word, record["t"])
        name = _ACTION_TIMES.get(text(event_of(record).get("action_type")) or "")
        if name is not None and entity.kind == "specimen":
            found.setdefault(name, record["t"])
    return found


def _reasons(entity: Entity) -> list[str]:
    found: list[Json] = []
    for record in entity.records:
        found.append(outcome_of(record).get("reason"))
        if is_accepted(record):
            places = (event_of(record), args_of(record), data_of(record))
            found += [place.get("reason_code") for place in places]
    return sorted(set(texts(found)))


def _panel(entity: Entity) -> str | None:
    if entity.origin is None:
        return text(entity.stated.get("panel_id"))
    data = data_of(entity.origin)
    place, panels = items(data.get("specimen_ids")).index(entity.name), items(data.get("panels"))
    return text(panels[place]) if place < len(panels) else None


def _own_fields(entity: Entity) -> dict[str, Json]:
    """Return the fields that are of a specimen or of a result alone."""
    if entity.kind == "specimen":
        nothing: dict[str, Json] = dict.fromkeys(("result_id", "analyte_code", "value", "units"))
        return {"specimen_id": entity.name, "panel_id": _panel(entity), **nothing}
    stated = entity.stated if entity.origin is None else args_of(entity.origin)
    fields = ("specimen_id", "analyte_code", "value", "units")
    taken: dict[str, Json] = {name: text(stated.get(name)) for name in fields}
    return {"result_id": entity.name, "panel_id": None, **taken}


def _calls(entity: Entity) -> list[Json]:
    return [
        record["seq"]
        for record in entity.records
        if entity.kind == "result"
        and is_accepted(record)
        and event_of(record).get("action_type") in _CALLS
    ]


def _sorted(values: list[str]) -> list[Json]:
    return [*sorted(set(values))]


def receipts(scenario: Json, events: list[Record], tree: Tree) -> list[bytes]:
    """Return the lines of receipts.jsonl, each with its LF."""
    devices: dict[str, list[str]] = defaultdict(list)  # by run
    for record in filter(is_accepted, events):
        for run in texts([args_of(record).get("run_id")]):
            devices[run] += texts([args_of(record).get("device_id")])
    lines: list[bytes] = []
    leaves, root = tree.levels[0], tree.root.hex()
    for entity in _entities(scenario, events):
        decision, number = _decision(entity)
        used = [args_of(one).get("device_id") for one in entity.records if is_accepted(one)]
        ran = None if entity.origin is None else text(args_of(entity.origin).get("run_id"))
        if entity.kind == "result" and ran is not None:
            used += devices[ran]
        outcomes = [outcome_of(record) for record in entity.records]
        broken = [
            table(one).get("invariant_id") for o in outcomes for one in items(o.get("violations"))
        ]
        tokens = [token for o in outcomes for token in texts(o.get("tokens_consumed"))]
        place = number if isinstance(number, int) else 0
        receipt: dict[str, Json] = {
            "version": "0.1",
            "entity_type": entity.kind,
            "entity_id": entity.name,
            **_own_fields(entity),
            "records": [record["seq"] for record in entity.records],
            "device_ids": _sorted(texts(used)),
            "decision": decision,
            "decided_by": number,
            "timestamps": _timestamps(entity),
            "reason_codes": [*_reasons(entity)],
            "tokens_consumed": _sorted(tokens),
            "violations": _sorted(texts(broken)),
            "critical_calls": _calls(entity),
            "proof": {
                "leaf": leaves[place].hex(),
                "path": [*tree.path(place)],
                "record": place,
                "root": root,
                "size": len(leaves),
            },
        }
        lines.append(canonical(receipt).encode() + b"\n")
    return lines
