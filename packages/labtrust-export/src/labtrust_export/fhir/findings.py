"""What was found: an Observation a result, a DiagnosticReport a specimen and panel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from labtrust_export.fhir.catalogue import Analyte
from labtrust_export.fhir.codes import Element
from labtrust_export.fhir.desk import Desk, absent
from labtrust_export.fhir.journal import Measured, Tube
from labtrust_export.fhir.orders import panel_concept

_OPEN = frozenset({"PENDING", "HELD", "BLOCKED"})
_REPLACED = frozenset({"SUPERSEDED", "AMENDED"})


def observations(desk: Desk) -> Iterator[Element]:
    """Yield an Observation for every result, and for every test that a rejection prevented."""
    for result in desk.journal.results.values():
        yield _observation(desk, result)
    by_tube = _by_tube(desk.journal.results.values())
    for tube in desk.journal.tubes.values():
        if tube.decision == "REJECTED":
            measured = {result.analyte for result in by_tube.get(tube.specimen_id, ())}
            for panel_id, analyte in _ordered(desk, tube):
                if analyte not in measured:
                    yield _prevented(desk, tube, panel_id, analyte)


def _by_tube(results: Iterable[Measured]) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    for result in results:
        if result.specimen_id is not None:
            found.setdefault(result.specimen_id, []).append(result)
    return found


def _ordered(desk: Desk, tube: Tube) -> Iterator[tuple[str, str]]:
    for panel_id in tube.panels:
        panel = desk.catalogue.panels.get(panel_id)
        for analyte in () if panel is None else panel.analytes:
            yield panel_id, analyte


def result_status(desk: Desk, result: Measured) -> str:
    """Return the status of a result's Observation."""
    if result.amends is not None and result.decision == "RELEASED":
        return "amended"
    if result.value is None and result.decision in _OPEN:
        return "registered"
    return desk.codes.result_statuses[result.decision]


def _observation(desk: Desk, result: Measured) -> Element:
    tube = desk.journal.tubes.get(result.specimen_id or "")
    analyte = desk.catalogue.analytes.get(result.analyte or "")
    released = result.released_s is not None
    issued = result.released_s if result.released_s is not None else result.generated_s
    return desk.resource(
        "Observation",
        result.result_id,
        **_about(desk, tube, result.analyte, _panel_of(desk, tube, result.analyte)),
        identifier=[desk.codes.identifier("result", result.result_id, "FILL")],
        status=result_status(desk, result),
        issued=desk.calendar.instant(issued),
        performer=[desk.laboratory()],
        **_measurement(desk, result, analyte),
        device=_device(desk, result.device_id),
        note=None if released or result.decision != "HELD" else [{"text": "Held back."}],
    )


def _prevented(desk: Desk, tube: Tube, panel_id: str, analyte: str) -> Element:
    """Return the Observation that there will not be, since the specimen was rejected."""
    why = [desk.codes.coding("absent", "not-performed"), *desk.reasons(tube.reason)]
    return desk.resource(
        "Observation",
        tube.specimen_id,
        analyte,
        **_about(desk, tube, analyte, panel_id),
        status="cancelled",
        dataAbsentReason={"coding": why},
    )


def _about(desk: Desk, tube: Tube | None, analyte: str | None, panel_id: str | None) -> Element:
    """Return what every Observation states of its place: kind, patient, specimen, request."""
    collected = None if tube is None else tube.collected_s
    effective: Element = (
        {"_effectiveDateTime": absent("unknown")}
        if collected is None
        else {"effectiveDateTime": desk.calendar.instant(collected)}
    )
    return {
        "category": [desk.codes.concept("observation_category", "laboratory")],
        "code": _analyte_concept(desk, analyte),
        "subject": desk.subject(tube),
        "basedOn": desk.orders(tube, panel_id),
        "specimen": None if tube is None else desk.names.reference("Specimen", tube.specimen_id),
        **effective,
    }


def _analyte_concept(desk: Desk, code: str | None) -> Element:
    """Return an analyte's code: LOINC where the tables have it for this unit, and ours."""
    if code is None:
        return absent("unknown")
    known = desk.catalogue.analytes.get(code)
    coded = desk.codes.analytes.get(code)
    fits = coded is not None and (known is None or known.ucum == coded.ucum)
    loinc = coded.loinc if coded is not None and fits else None
    return desk.coded(loinc, "analyte", code, None if known is None else known.title)


def _device(desk: Desk, device_id: str | None) -> Element | None:
    if device_id is None or device_id not in desk.catalogue.devices:
        return None
    return desk.names.reference("Device", device_id)


def _measurement(desk: Desk, result: Measured, analyte: Analyte | None) -> Element:
    """Return value, interpretation and reference range, or why there is no value."""
    if result.value is None:
        return {"dataAbsentReason": desk.absent_concept("unknown")}
    known = analyte if analyte is not None and result.unit in {None, analyte.unit} else None
    if known is None:
        return {"valueQuantity": _quantity(desk, result.value, result.unit or None, None)}
    flags = [known.interpretation(result.value)]
    if result.delta:
        flags.append("U" if result.delta > 0 else "D")
    concepts = [desk.codes.concept("interpretation", flag) for flag in flags if flag is not None]
    return {
        "valueQuantity": _quantity(desk, result.value, known.unit, known.ucum),
        "interpretation": concepts or None,
        "referenceRange": _reference_range(desk, known),
    }


def _quantity(desk: Desk, value: Decimal, unit: str | None, ucum: str | None) -> Element:
    found: Element = {"value": value}
    if unit is not None:
        found["unit"] = unit
    known = {coded.ucum for coded in desk.codes.analytes.values()}
    if ucum in known:
        found |= {"system": desk.codes.systems["ucum"], "code": ucum}
    return found


def _reference_range(desk: Desk, analyte: Analyte) -> list[Element] | None:
    bounds = {"low": analyte.reference_low, "high": analyte.reference_high}
    found: Element = {
        name: _quantity(desk, Decimal(bound), analyte.unit, analyte.ucum)
        for name, bound in bounds.items()
        if bound is not None
    }
    return [found] if found else None


def _panel_of(desk: Desk, tube: Tube | None, analyte: str | None) -> str | None:
    """Return the panel of a specimen that an analyte belongs to; else the one it came for."""
    if tube is None or not tube.panels:
        return None
    found = (panel for panel, code in _ordered(desk, tube) if code == analyte)
    return next(found, tube.panels[0])


def reports(desk: Desk) -> Iterator[Element]:
    """Yield a DiagnosticReport for every specimen and panel."""
    by_tube = _by_tube(desk.journal.results.values())
    for tube in desk.journal.tubes.values():
        results = by_tube.get(tube.specimen_id, [])
        for panel_id in tube.panels:
            own = [item for item in results if _panel_of(desk, tube, item.analyte) == panel_id]
            yield _report(desk, tube, panel_id, own)


def _report(desk: Desk, tube: Tube, panel_id: str, own: Sequence[Measured]) -> Element:
    current = [item for item in own if item.decision not in _REPLACED]
    released = [item.released_s for item in current if item.released_s is not None]
    about = _about(desk, tube, None, panel_id)
    category = ["LAB"]
    if panel_id in desk.codes.panels:
        category.append(desk.codes.panels[panel_id].section)
    return desk.resource(
        "DiagnosticReport",
        tube.specimen_id,
        panel_id,
        **{
            **about,
            "specimen": [about["specimen"]],
            "category": [desk.codes.concept("section", code) for code in category],
            "code": panel_concept(desk, panel_id),
        },
        status=_report_status(desk, tube, panel_id, current),
        issued=desk.calendar.instant(max(released)) if released else None,
        performer=[desk.laboratory()],
        result=[desk.names.reference("Observation", item.result_id) for item in current] or None,
    )


def _report_status(desk: Desk, tube: Tube, panel_id: str, current: Sequence[Measured]) -> str:
    released = {item.analyte for item in current if item.decision == "RELEASED"}
    if any(item.amends is not None and item.decision == "RELEASED" for item in current):
        return "amended"
    if not released:
        if tube.decision == "REJECTED":
            return "cancelled"
        return "preliminary" if current else "registered"
    panel = desk.catalogue.panels.get(panel_id)
    whole = tube.decision == "RELEASED" if panel is None else released >= set(panel.analytes)
    done = all(item.decision == "RELEASED" for item in current)
    return "final" if whole and done else "partial"
