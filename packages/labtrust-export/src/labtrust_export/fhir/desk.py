"""What every resource is written with: tables, catalogue, names, dates, the same small parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from labtrust_export.fhir.catalogue import Catalogue
from labtrust_export.fhir.codes import Codes, Element
from labtrust_export.fhir.ids import Calendar, Names, fhir_id
from labtrust_export.fhir.journal import Journal, Tube

ABSENT_URL: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
LABORATORY: Final = "laboratory"
ENGINE: Final = "engine"
SYSTEM: Final = "SYSTEM"


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a resource is made of.

    Attributes:
        log: Leaf hash of the log's first record, which names the episode.
        policy: Fingerprint of the policy in force.
    """

    codes: Codes
    catalogue: Catalogue
    journal: Journal
    names: Names
    calendar: Calendar
    log: str
    policy: str

    def resource(self, kind: str, *parts: str, **fields: object) -> Element:
        """Return a resource that ``parts`` name; fields that are None are left out."""
        stated = {name: value for name, value in fields.items() if value is not None}
        return {"resourceType": kind, "id": fhir_id(*parts), **stated}

    def laboratory(self) -> Element:
        """Return a reference to the laboratory."""
        return self.names.reference("Organization", LABORATORY)

    def subject(self, tube: Tube | None) -> Element:
        """Return a reference to a specimen's patient, or why there is none."""
        if tube is None or tube.patient_id is None:
            return absent("unknown")
        return self.names.reference("Patient", tube.patient_id)

    def agent(self, agent_id: str) -> Element:
        """Return a reference to who acts: a role in the laboratory, or the engine itself."""
        if agent_id == SYSTEM:
            return self.names.reference("Device", ENGINE)
        return self.names.reference("PractitionerRole", agent_id)

    def absent_concept(self, reason: str) -> Element:
        """Return a data-absent-reason as a CodeableConcept."""
        return self.codes.concept("absent", reason)

    def own(self, system: str, code: str, text: str | None = None) -> Element:
        """Return a name of ours as a CodeableConcept; one that the policy does not know is a text.

        Agents state names as they please, and what nobody defined is no code.
        """
        known = self.catalogue.known[system] | self.codes.displays.get(system, {}).keys()
        if code not in known:
            return {"text": text or code}
        return self.codes.concept(system, code, text or code)

    def coded(self, loinc: str | None, system: str, code: str, title: str | None) -> Element:
        """Return a name of ours as a CodeableConcept, with its LOINC code where there is one."""
        own = self.own(system, code, title)
        if loinc is None:
            return own
        return {**own, "coding": [self.codes.coding("loinc", loinc), *codings(own)]}

    def reasons(self, code: str | None) -> list[Element]:
        """Return Codings of one of our reasons: HL7's rejection code where it has one, and ours."""
        if code is None:
            return []
        found: list[Element] = []
        if code in self.codes.rejections:
            found.append(self.codes.coding("rejection", self.codes.rejections[code]))
        return [*found, *codings(self.own("reason", code))]

    def orders(self, tube: Tube | None, panel_id: str | None) -> list[Element] | None:
        """Return references to the requests that a panel of a specimen fulfils."""
        if tube is None:
            return None
        added = [
            self.names.reference("ServiceRequest", "add-on", str(item.seq), item.specimen_id)
            for item in self.journal.add_ons
            if item.specimen_id == tube.specimen_id and item.panel_id == panel_id
        ]
        if added or tube.request_id is None:
            return added or None
        return [self.names.reference("ServiceRequest", tube.request_id)]


def absent(reason: str) -> Element:
    """Return an element that says why there is nothing."""
    return {"extension": [{"url": ABSENT_URL, "valueCode": reason}]}


def codings(concept: Element) -> list[Element]:
    """Return the Codings of a CodeableConcept."""
    found = concept.get("coding", [])
    return found if isinstance(found, list) else []
