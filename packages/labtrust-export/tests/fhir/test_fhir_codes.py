"""The tables of codes against the policy, and the value set that follows from both."""

import msgspec
import pytest
from labtrust_core.domains import open_documents
from labtrust_core.policy.snapshot import read_snapshot
from labtrust_export.fhir.catalogue import Catalogue
from labtrust_export.fhir.codes import shipped_codes, shipped_value_set, value_set_of

CODES = shipped_codes()


@pytest.fixture(scope="module", params=[None, "hsl_like", "upstream_compat"])
def policy(request):
    return read_snapshot(open_documents(partner=request.param).documents.snapshot)


def test_every_analyte_is_mapped_with_the_catalogues_loinc_code_and_unit(policy):
    analytes = policy["catalogue"]["analytes"]
    found = {
        name: (item.loinc, item.ucum) for name, item in CODES.analytes.items() if name in analytes
    }
    assert found == {name: (item["loinc"], item["ucum"]) for name, item in analytes.items()}


def test_every_panel_and_specimen_type_is_mapped(policy):
    panels = policy["catalogue"]["panels"]
    assert panels.keys() <= CODES.panels.keys()
    assert {panel["specimen_type"] for panel in panels.values()} <= CODES.specimen_types.keys()


def test_every_kind_of_device_has_a_name(policy):
    kinds = {item["kind"] for item in policy["equipment"]["device_types"].values()}
    assert kinds <= CODES.displays["device_kind"].keys()


def test_reasons_with_a_code_of_hl7_are_reasons_of_the_registry(policy):
    known = policy["reason_codes"]["codes"].keys()
    assert CODES.rejections.keys() <= known
    assert CODES.conditions.keys() <= known


def test_no_two_analytes_share_a_loinc_code():
    codes = [item.loinc for item in CODES.analytes.values()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("code", [item.loinc for item in CODES.analytes.values()])
def test_the_check_digit_of_a_loinc_code_is_right(code):
    digits, check = code.split("-")
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    total = sum(number - 9 if number > 9 else number for number in doubled)
    assert (10 - total % 10) % 10 == int(check)


def test_the_shipped_value_set_is_what_follows_from_tables_and_policy():
    documents = read_snapshot(open_documents().documents.snapshot)
    expected = value_set_of(CODES, Catalogue(documents).known)
    assert shipped_value_set().value_sets == expected, "run tools/generate_export_data.py"


def test_every_code_that_is_mapped_to_has_a_name_of_its_system():
    for system, found in (
        ("rejection", CODES.rejections),
        ("condition", CODES.conditions),
        ("specimen_type", CODES.specimen_types),
    ):
        assert set(found.values()) <= CODES.displays[system].keys()
    assert {item.section for item in CODES.panels.values()} <= CODES.displays["section"].keys()


def test_tables_are_read_strictly():
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"version": "0.1"}', type=type(CODES))
