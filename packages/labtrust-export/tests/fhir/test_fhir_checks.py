"""What our own checks find: each fault of the corpus, and what is no Bundle at all."""

import copy
import json

import pytest
from labtrust_core.errors import DocumentError, UsageError
from labtrust_export.fhir.codes import ValueSet
from labtrust_export.fhir.reader import read_bundle, read_value_set
from labtrust_export.fhir.validate import errors_of, validate_bundle


def put(*keys):
    """Return a fault: the value at a path of the first resource of a kind is another.

    Args:
        keys: Kind of the resource, or "Bundle"; names and numbers of the path; the value.
    """
    kind, *path, value = keys

    def fault(bundle):
        found = bundle if kind == "Bundle" else first(bundle, kind)
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value

    return fault


def drop(kind, name):
    """Return a fault: an element is gone."""

    def fault(bundle):
        del first(bundle, kind)[name]

    return fault


def first(bundle, kind):
    found = [x["resource"] for x in bundle["entry"] if x["resource"]["resourceType"] == kind]
    return next((x for x in found if "valueQuantity" in x), found[0])


def double_url(bundle):
    bundle["entry"][1]["fullUrl"] = bundle["entry"][0]["fullUrl"]


def request_in_entry(bundle):
    bundle["entry"][0]["request"] = {"method": "POST", "url": "Organization"}


def patient_as_specimen(bundle):
    patient = next(x for x in bundle["entry"] if x["resource"]["resourceType"] == "Patient")
    first(bundle, "Observation")["specimen"] = {"reference": patient["fullUrl"]}


def unit_without_system(bundle):
    del first(bundle, "Observation")["valueQuantity"]["system"]


def no_uuid(bundle):
    bundle["entry"][0]["fullUrl"] = "urn:uuid:specimen-S1"


ABSENT = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason"}]}
ABSENT["coding"][0]["code"] = "unknown"
CODE = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"

CORPUS = {
    "missing status": (drop("Observation", "status"), "required"),
    "bad status code": (put("Observation", "status", "done"), "code"),
    "unknown property": (put("Observation", "colour", "red"), "element"),
    "instant without time": (put("Observation", "issued", "2000-01-01"), "instant"),
    "two values": (put("Observation", "valueString", "139"), "choice"),
    "value and reason for none": (put("Observation", "dataAbsentReason", ABSENT), "obs-6"),
    "unknown interpretation": (
        put("Observation", "interpretation", [{"coding": [{"system": CODE, "code": "CR"}]}]),
        "unknown-code",
    ),
    "unit without system": (unit_without_system, "qty-3"),
    "number as text": (put("Observation", "valueQuantity", "value", "139"), "decimal"),
    "provenance without target": (drop("Provenance", "target"), "required"),
    "total in a collection": (put("Bundle", "total", 3), "bdl-1"),
    "request in a collection": (request_in_entry, "bdl-3"),
    "full URL twice": (double_url, "bdl-7"),
    "dangling reference": (
        put(
            "Observation",
            "specimen",
            {"reference": f"urn:uuid:{'0' * 8}-0000-0000-0000-{'0' * 12}"},
        ),
        "reference",
    ),
    "reference to another type": (patient_as_specimen, "reference-type"),
    "bad unit": (put("Observation", "valueQuantity", "code", "mmol/litre"), "unknown-code"),
    "empty list": (put("Observation", "note", []), "empty"),
    "narrative without XHTML": (
        put("Observation", "text", {"status": "generated", "div": "plain"}),
        "narrative",
    ),
    "full URL without UUID": (no_uuid, "uuid"),
    "illegal id": (put("Observation", "id", "RES_CRITK"), "id"),
    "id too long": (put("Observation", "id", "a" * 65), "id"),
    "report without code": (drop("DiagnosticReport", "code"), "required"),
    "empty object": (put("Observation", "meta", {}), "empty"),
    "null": (put("Observation", "issued", None), "empty"),
    "bad type of Bundle": (put("Bundle", "type", "pile"), "code"),
    "unknown system": (
        put("Observation", "code", {"coding": [{"system": "urn:labtrust:test", "code": "x"}]}),
        "unknown-system",
    ),
    "coding without system": (
        put("Observation", "code", {"coding": [{"code": "x"}]}),
        "unknown-system",
    ),
    "agent without requestor": (put("AuditEvent", "agent", 0, {"name": "x"}), "required"),
    "audit event without observer": (put("AuditEvent", "source", {"site": "x"}), "required"),
    "reference range of nothing": (put("Observation", "referenceRange", 0, {"age": {}}), "obs-3"),
    "one for a list": (put("Observation", "category", {"text": "laboratory"}), "cardinality"),
    "a list for one": (put("Observation", "code", [{"text": "sodium"}]), "cardinality"),
    "no entry": (put("Bundle", "entry", []), "empty"),
}


def test_the_storys_bundle_is_sound(bundle):
    assert errors_of(validate_bundle(bundle)) == []


@pytest.mark.parametrize("name", CORPUS)
def test_each_fault_is_found_by_its_rule(bundle, name):
    fault, rule = CORPUS[name]
    changed = copy.deepcopy(bundle)
    fault(changed)
    assert rule in {item.check for item in errors_of(validate_bundle(changed))}


def test_a_finding_names_its_place(bundle):
    CORPUS["bad status code"][0](bundle)
    place = next(item.path for item in errors_of(validate_bundle(bundle)))
    number = int(place.partition("]")[0].removeprefix("entry["))
    assert place == f"entry[{number}].resource(Observation).status"
    assert bundle["entry"][number]["resource"]["status"] == "done"


def test_a_value_set_of_the_callers_decides_which_codes_may_stand(bundle):
    few = ValueSet("1", {"http://loinc.org": ["2951-2"]})
    found = errors_of(validate_bundle(bundle, few))
    assert {item.source for item in found} == {"terminology"}
    assert {item.check for item in found} == {"unknown-system", "unknown-code"}


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "",
        "null",
        '"Bundle"',
        '{"resourceType": "Observation"}',
        '{"resourceType": "Bundle", "resourceType": "Bundle"}',
        '{"resourceType": "Bundle", "total": NaN}',
        '{"resourceType": "Bundle", "entry": ' + "[" * 100 + "]" * 100 + "}",
        "[" * 100_000,
        "\x00",
    ],
)
def test_what_is_no_bundle_is_refused(tmp_path, text):
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError):
        read_bundle(path)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"version": "1"}',
        '{"version": "1", "value_sets": {}}',
        '{"version": "1", "value_sets": {"http://loinc.org": []}}',
        '{"version": "1", "value_sets": {"http://loinc.org": [1]}}',
    ],
)
def test_a_value_set_that_allows_nothing_is_refused(tmp_path, text):
    path = tmp_path / "file.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError):
        read_value_set(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"missing\.json"):
        read_bundle(tmp_path / "missing.json")


def test_a_bundle_is_read_as_it_was_written(tmp_path, bundle):
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle), encoding="utf-8")
    assert json.loads(json.dumps(read_bundle(path), default=float)) == bundle


@pytest.mark.parametrize("resource", [None, [], {}, {"resourceType": 3}, {"resourceType": "Task"}])
def test_odd_entries_are_findings_and_no_crash(bundle, resource):
    bundle["entry"].append({"fullUrl": "urn:uuid:x", "resource": resource})
    assert errors_of(validate_bundle(bundle))
