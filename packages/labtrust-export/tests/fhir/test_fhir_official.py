"""The official definitions of R4 4.0.1 (extra ``fhir``) on our Bundles and on faults in them."""

import copy

import pytest
from labtrust_export.fhir.official import OfficialValidator
from labtrust_export.fhir.validate import errors_of, validate_bundle

pytest.importorskip("pyfhircheck")


SCENARIOS = ("LT-SIM-001", "LT-ADDON-001", "LT-AMEND-002", "LT-CASCADE-002", "LT-DELTA-001")


@pytest.fixture(scope="module")
def official():
    """Return the validator, loaded once."""
    return OfficialValidator()


def test_the_storys_bundle_is_sound(bundle, official):
    found = errors_of(validate_bundle(bundle, None, official))
    assert [str(item) for item in found] == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_bundles_of_golden_scenarios_are_sound(golden, export, official, name):
    found = errors_of(validate_bundle(export(golden[name]), None, official))
    assert [str(item) for item in found] == []


def _observation(bundle):
    found = (x["resource"] for x in bundle["entry"])
    return next(x for x in found if "valueQuantity" in x)


def _set(name, value):
    def fault(bundle):
        _observation(bundle)[name] = value

    return fault


FAULTS = {
    "no status": lambda bundle: _observation(bundle).pop("status"),
    "unknown status": _set("status", "done"),
    "unknown property": _set("colour", "red"),
    "instant without time": _set("issued", "2000-01-01"),
    "two values": _set("valueString", "139"),
    "a text for a concept": _set("code", "sodium"),
    "an unknown flag": _set(
        "interpretation",
        [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
                        "code": "CR",
                    }
                ]
            }
        ],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_official_definitions_find_faults_by_themselves_and_name_the_entry(
    bundle, official, name
):
    changed = copy.deepcopy(bundle)
    FAULTS[name](changed)
    found = errors_of(list(official.check(changed)))
    number = next(
        n for n, x in enumerate(changed["entry"]) if x["resource"] is _observation(changed)
    )
    assert found
    for item in found:
        assert item.path.startswith(f"entry[{number}].resource(Observation)")
