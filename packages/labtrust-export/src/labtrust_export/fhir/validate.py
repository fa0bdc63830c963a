"""A FHIR Bundle against our own checks, a value set and, if asked for, the official definitions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from labtrust_export.fhir.codes import Element, ValueSet, shipped_value_set
from labtrust_export.fhir.finding import Finding
from labtrust_export.fhir.official import OfficialValidator
from labtrust_export.fhir.own_checks import check_bundle
from labtrust_export.fhir.value_checks import check_codes


def validate_bundle(
    bundle: Element,
    value_set: ValueSet | None = None,
    official: OfficialValidator | None = None,
) -> list[Finding]:
    """Return everything that is wrong with a Bundle; it is good if none of it is an error.

    Args:
        bundle: The Bundle, as ``reader.read_bundle`` reads it.
        value_set: Which codes may stand in it; by default those that an export may hold.
        official: The official definitions, loaded; None to do without.
    """
    allowed = shipped_value_set() if value_set is None else value_set
    found = [*check_bundle(bundle), *check_codes("Bundle", bundle, allowed)]
    return found if official is None else [*found, *official.check(bundle)]


def errors_of(findings: Sequence[Finding]) -> list[Finding]:
    """Return those that make a Bundle fail."""
    return [item for item in findings if item.severity == "error"]


def counted_warnings(findings: Sequence[Finding]) -> list[tuple[str, int]]:
    """Return each rule that only warns, with how often it did, the most frequent first."""
    counts = Counter(item.check for item in findings if item.severity == "warning")
    return counts.most_common()
