"""The tables of codes: what our names are called in LOINC, UCUM, HL7's own tables and FHIR.

They stand in one file, ``codes.v0.1.json``. ``seen`` of a LOINC code says how well it is known to
mean what we measure: "A" in HL7's own examples or in a dictionary of a published data set, "B" in
several public systems.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from importlib import resources
from typing import Final, Literal, TypeAlias

import msgspec

Element: TypeAlias = dict[str, object]
"""A part of a resource as JSON; measured numbers are decimals, which keep their digits."""

_PACKAGE: Final = "labtrust_export.fhir"
_TABLES: Final = "codes.v0.1.json"
_VALUE_SET: Final = "value_set.v0.1.json"


class AnalyteCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """LOINC code and the UCUM unit that it is meant for."""

    loinc: str
    ucum: str
    seen: Literal["A", "B"]


class PanelCode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """LOINC code of a panel, where it has one, and its section of the laboratory."""

    loinc: str | None
    section: str
    seen: Literal["A", "B"] | None


class Codes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All tables.

    Attributes:
        systems: Code systems by the short name that is used here.
        displays: How a code is called in its system, by short name and code; those of HL7 are
            checked by validators. LOINC's own names are not repeated: the text says ours.
        analytes, panels: By their ids in the catalogue.
        specimen_types, priorities: By the laboratory's words.
        result_statuses: Status of an Observation by the decision of a result's receipt.
        severity_outcomes: Outcome of an AuditEvent by the severity of the reason; 4 for others.
        rejections, conditions: Codes of HL7 by reason code.
    """

    version: Literal["0.1"]
    systems: dict[str, str]
    displays: dict[str, dict[str, str]]
    analytes: dict[str, AnalyteCode]
    panels: dict[str, PanelCode]
    specimen_types: dict[str, str]
    priorities: dict[str, str]
    result_statuses: dict[str, str]
    severity_outcomes: dict[str, str]
    rejections: dict[str, str]
    conditions: dict[str, str]

    def coding(self, system: str, code: str) -> Element:
        """Return a Coding; ``system`` is a short name."""
        display = self.displays.get(system, {}).get(code)
        found: Element = {"system": self.systems[system], "code": code}
        return found if display is None else {**found, "display": display}

    def concept(self, system: str, code: str, text: str | None = None) -> Element:
        """Return a CodeableConcept of one Coding."""
        found: Element = {"coding": [self.coding(system, code)]}
        return found if text is None else {**found, "text": text}

    def identifier(self, system: str, value: str, kind: str | None = None) -> Element:
        """Return an Identifier of one of our own name spaces, with its type of table 0203."""
        found: Element = {"system": f"urn:labtrust:fhir:{system}", "value": value}
        return found if kind is None else {**found, "type": self.concept("identifier_type", kind)}


class ValueSet(msgspec.Struct, frozen=True):
    """Which codes may stand in a Bundle, by system."""

    version: str
    value_sets: dict[str, list[str]]


@functools.cache
def shipped_codes() -> Codes:
    """Return the tables of this package."""
    data = resources.files(_PACKAGE).joinpath(_TABLES).read_bytes()
    return msgspec.json.decode(data, type=Codes)


@functools.cache
def shipped_value_set() -> ValueSet:
    """Return the codes that an export under the shipped policy may hold."""
    data = resources.files(_PACKAGE).joinpath(_VALUE_SET).read_bytes()
    return msgspec.json.decode(data, type=ValueSet)


def value_set_of(codes: Codes, known: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Return every code that an export may hold, by system.

    Args:
        codes: The tables.
        known: The names that a policy defines, by the short name of the system.
    """
    panels = [item.loinc for item in codes.panels.values() if item.loinc is not None]
    further: dict[str, Collection[str]] = {
        "loinc": [*panels, *(item.loinc for item in codes.analytes.values())],
        "ucum": [item.ucum for item in codes.analytes.values()],
    }
    found = {
        url: sorted({*codes.displays.get(name, ()), *further.get(name, ()), *known.get(name, ())})
        for name, url in codes.systems.items()
    }
    return dict(sorted(found.items()))
