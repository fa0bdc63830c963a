"""Who and what there is before anything is measured: patients, requests, specimens, machines."""

from __future__ import annotations

from collections.abc import Iterator

from labtrust_export.fhir.codes import Element
from labtrust_export.fhir.desk import ENGINE, LABORATORY, SYSTEM, Desk, absent
from labtrust_export.fhir.journal import AddOn, Tube


def laboratory(desk: Desk) -> Iterator[Element]:
    """Yield the laboratory."""
    yield desk.resource(
        "Organization",
        LABORATORY,
        active=True,
        type=[desk.codes.concept("organization_type", "prov")],
        name="Simulated hospital laboratory",
    )


def machines(desk: Desk) -> Iterator[Element]:
    """Yield the engine and every device of the policy."""
    kinds = {ENGINE: "engine", **desk.catalogue.devices}
    for device_id, kind in kinds.items():
        code = desk.codes.displays["device_kind"].get(kind)
        yield desk.resource(
            "Device",
            device_id,
            identifier=[desk.codes.identifier("device", device_id)],
            status="active",
            deviceName=[{"name": device_id, "type": "user-friendly-name"}],
            type={"text": kind} if code is None else desk.codes.concept("device_kind", kind),
            owner=desk.laboratory(),
        )


def people(desk: Desk) -> Iterator[Element]:
    """Yield the role of everybody who acts in the log."""
    for agent_id in dict.fromkeys(entry.agent_id for entry in desk.journal.entries):
        if agent_id is None or agent_id == SYSTEM:
            continue
        role = desk.journal.roster.get(agent_id)
        yield desk.resource(
            "PractitionerRole",
            agent_id,
            identifier=[desk.codes.identifier("agent", agent_id)],
            organization=desk.laboratory(),
            code=None if role is None else [desk.own("role", role)],
        )


def patients(desk: Desk) -> Iterator[Element]:
    """Yield the patients: a pseudonym, and why there is nothing else."""
    found = (tube.patient_id for tube in desk.journal.tubes.values())
    for patient_id in dict.fromkeys(item for item in found if item is not None):
        yield desk.resource(
            "Patient",
            patient_id,
            meta={"security": [desk.codes.coding("act_reason", "HTEST")]},
            identifier=[desk.codes.identifier("patient", patient_id, "PI")],
            name=[absent("masked")],
            _gender=absent("unknown"),
            _birthDate=absent("masked"),
        )


def requests(desk: Desk) -> Iterator[Element]:
    """Yield what was asked for: every request, and every test that was added later."""
    by_request: dict[str, list[Tube]] = {}
    for tube in desk.journal.tubes.values():
        if tube.request_id is not None:
            by_request.setdefault(tube.request_id, []).append(tube)
    for request_id, tubes in by_request.items():
        panels = list(dict.fromkeys(panel for tube in tubes for panel in tube.panels[:1]))
        yield desk.resource(
            "ServiceRequest",
            request_id,
            identifier=[desk.codes.identifier("request", request_id, "PLAC")],
            specimen=[desk.names.reference("Specimen", tube.specimen_id) for tube in tubes],
            **_order(desk, tubes, panels),
        )
    for item in desk.journal.add_ons:
        yield _added(desk, item)


def _added(desk: Desk, item: AddOn) -> Element:
    tube = desk.journal.tubes[item.specimen_id]
    earlier = None if tube.request_id is None else desk.orders(tube, None)
    return desk.resource(
        "ServiceRequest",
        "add-on",
        str(item.seq),
        item.specimen_id,
        identifier=[
            desk.codes.identifier("add-on", f"{item.seq} {item.specimen_id}", "FILL"),
        ],
        basedOn=earlier,
        specimen=[desk.names.reference("Specimen", tube.specimen_id)],
        **_order(desk, [tube], [item.panel_id]),
    )


def _order(desk: Desk, tubes: list[Tube], panels: list[str]) -> Element:
    """Return what every request states; one for several panels lists them as its details."""
    priority = desk.codes.priorities.get(tubes[0].priority or "")
    concepts = [panel_concept(desk, panel) for panel in panels]
    titles = "; ".join(str(concept["text"]) for concept in concepts)
    code = concepts[0] if len(concepts) == 1 else {"text": titles or "Laboratory request"}
    details = {"orderDetail": concepts} if len(concepts) > 1 else {}
    return {
        "status": _request_status(tubes),
        "intent": "order",
        "category": [desk.codes.concept("snomed", "108252007")],
        "priority": priority,
        "code": code,
        **details,
        "subject": desk.subject(tubes[0]),
        "performer": [desk.laboratory()],
    }


def _request_status(tubes: list[Tube]) -> str:
    decisions = {tube.decision for tube in tubes}
    if decisions == {"REJECTED"}:
        return "revoked"
    return "completed" if decisions <= {"RELEASED", "REJECTED"} else "active"


def panel_concept(desk: Desk, panel_id: str) -> Element:
    """Return a panel's code: LOINC where the tables have it, and ours."""
    coded = desk.codes.panels.get(panel_id)
    known = desk.catalogue.panels.get(panel_id)
    loinc = None if coded is None else coded.loinc
    return desk.coded(loinc, "panel", panel_id, None if known is None else known.title)


def specimens(desk: Desk) -> Iterator[Element]:
    """Yield the specimens, each as far as it came."""
    for tube in desk.journal.tubes.values():
        rejected = tube.decision == "REJECTED"
        yield desk.resource(
            "Specimen",
            tube.specimen_id,
            identifier=[desk.codes.identifier("specimen", tube.specimen_id, "FILL")],
            accessionIdentifier=desk.codes.identifier("accession", tube.specimen_id, "ACSN")
            if tube.booked
            else None,
            status="unsatisfactory" if rejected else "available",
            type=_specimen_type(desk, tube),
            subject=desk.subject(tube),
            receivedTime=_instant(desk, tube.received_s),
            request=None if tube.request_id is None else _request(desk, tube.request_id),
            collection=_collection(desk, tube),
            processing=[_processing(desk, *step) for step in tube.steps] or None,
            condition=_condition(desk, tube) if rejected else None,
        )


def _request(desk: Desk, request_id: str) -> list[Element]:
    return [desk.names.reference("ServiceRequest", request_id)]


def _instant(desk: Desk, second: int | None) -> str | None:
    return None if second is None else desk.calendar.instant(second)


def _specimen_type(desk: Desk, tube: Tube) -> Element:
    code = desk.codes.specimen_types.get(tube.specimen_type or "")
    if code is not None:
        return desk.codes.concept("specimen_type", code, tube.specimen_type)
    return {"text": tube.specimen_type} if tube.specimen_type else absent("unknown")


def _collection(desk: Desk, tube: Tube) -> Element:
    if tube.collected_s is None:
        return absent("unknown")
    return {"collectedDateTime": desk.calendar.instant(tube.collected_s)}


def _processing(desk: Desk, what: str, second: int, device_id: str | None) -> Element:
    place = "" if device_id is None else f" on {device_id}"
    return {"description": f"{what}{place}", "timeDateTime": desk.calendar.instant(second)}


def _condition(desk: Desk, tube: Tube) -> list[Element] | None:
    """Return why a specimen was rejected: its condition where HL7 has a code, the reason, ours."""
    if tube.reason is None:
        return None
    condition = desk.codes.conditions.get(tube.reason)
    codings = [] if condition is None else [desk.codes.coding("condition", condition)]
    return [{"coding": [*codings, *desk.reasons(tube.reason)], "text": tube.reason}]
