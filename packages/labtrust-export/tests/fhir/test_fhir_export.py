"""What a Bundle says of an episode."""

import collections
import json
import re
import uuid

import pytest
from labtrust_core.errors import DocumentError, UsageError
from labtrust_export.episode import parse_episode
from labtrust_export.fhir.export import encoded, export_bundle, fhir_bundle
from labtrust_export.fhir.validate import errors_of, validate_bundle
from labtrust_export.receipts import receipt_file


def of_kind(bundle, kind):
    return [x["resource"] for x in bundle["entry"] if x["resource"]["resourceType"] == kind]


def by_name(bundle, kind, name):
    """Return the resource of a kind with an identifier."""
    found = of_kind(bundle, kind)
    return next(x for x in found if name in [i["value"] for i in x.get("identifier", ())])


def target(bundle, reference):
    found = {x["fullUrl"]: x["resource"] for x in bundle["entry"]}
    return found[reference["reference"]]


def codes(concepts):
    return {coding["code"] for concept in concepts for coding in concept["coding"]}


@pytest.fixture(scope="module")
def exported(golden, export):
    """Return ledger and Bundle of every golden scenario by its id."""
    return {name: (data, export(data)) for name, data in golden.items()}


@pytest.fixture
def folder(tmp_path, told, snapshot):
    """Return a folder with the files of evidence that the export reads."""
    (tmp_path / "episode_log.jsonl").write_bytes(told)
    (tmp_path / "policy.json").write_bytes(snapshot + b"\n")
    receipts = parse_episode(told).receipts.receipts()
    (tmp_path / "receipts.jsonl").write_bytes(receipt_file(receipts))
    return tmp_path


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ("N_1", "final"),
        ("K_1", "preliminary"),
        ("G_1", "preliminary"),
        ("C_1", "preliminary"),
        ("U_1", "cancelled"),
        ("A_1", "entered-in-error"),
        ("A_2", "amended"),
    ],
)
def test_the_status_of_an_observation_follows_the_life_of_its_result(bundle, result, status):
    assert by_name(bundle, "Observation", result)["status"] == status


@pytest.mark.parametrize(
    ("result", "flags"),
    [("N_1", {"N"}), ("K_1", {"HH", "U"}), ("A_1", {"H"}), ("A_2", {"N"}), ("U_1", {"H"})],
)
def test_interpretation_says_where_a_value_lies_and_whether_it_has_jumped(bundle, result, flags):
    assert codes(by_name(bundle, "Observation", result)["interpretation"]) == flags


def test_a_value_keeps_its_digits_and_has_its_unit_in_ucum(told, documents):
    data = encoded(fhir_bundle(parse_episode(told), documents))
    assert (
        b'"code":"mmol/L","system":"http://unitsofmeasure.org","unit":"mmol/L","value":4.0}' in data
    )


def test_a_unit_that_is_not_the_catalogues_has_no_code_and_nothing_is_read_into_the_value(bundle):
    observation = by_name(bundle, "Observation", "C_1")
    assert observation["valueQuantity"] == {"unit": "mg/dL", "value": 2.0}
    assert "interpretation" not in observation
    assert "referenceRange" not in observation


def test_an_analyte_without_mapping_has_no_loinc(bundle):
    code = by_name(bundle, "Observation", "X_1")["code"]
    assert code == {"text": "NOVEL_ANALYTE"}


def test_an_analyte_whose_unit_is_another_than_the_mappings_has_no_loinc(told, export, documents):
    changed = json.loads(json.dumps(documents))
    changed["catalogue"]["analytes"]["BIOCHEM_SODIUM_NA"]["ucum"] = "mg/dL"
    observation = by_name(export(told, documents=changed), "Observation", "N_1")
    assert [coding["system"] for coding in observation["code"]["coding"]] == [
        "urn:labtrust:fhir:analyte"
    ]


def test_a_rejected_specimen_is_unsatisfactory_for_hl7s_reason(bundle):
    specimen = by_name(bundle, "Specimen", "S_3")
    assert specimen["status"] == "unsatisfactory"
    assert codes(specimen["condition"]) == {"HEM", "RH", "INT_HEMOLYSED"}


def test_every_test_that_a_rejection_prevented_is_cancelled_with_the_reason(bundle):
    specimen = next(
        x["fullUrl"] for x in bundle["entry"] if x["resource"] == by_name(bundle, "Specimen", "S_3")
    )
    prevented = [
        x for x in of_kind(bundle, "Observation") if x["specimen"]["reference"] == specimen
    ]
    assert len(prevented) == 4
    for observation in prevented:
        assert observation["status"] == "cancelled"
        assert codes([observation["dataAbsentReason"]]) == {"not-performed", "RH", "INT_HEMOLYSED"}


def test_reports_say_how_far_a_panel_is(bundle):
    found = {x["code"]["text"]: x["status"] for x in of_kind(bundle, "DiagnosticReport")}
    assert found == {
        "Core biochemistry": "amended",
        "Full blood count": "registered",
        "Coagulation screen": "cancelled",
        "NOVEL": "registered",
        "Thyrotropin, asked for afterwards": "registered",
    }


def test_a_report_lists_the_results_that_count(bundle):
    report = next(x for x in of_kind(bundle, "DiagnosticReport") if x["status"] == "amended")
    listed = {target(bundle, item)["identifier"][0]["value"] for item in report["result"]}
    assert listed == {"N_1", "K_1", "G_1", "C_1", "X_1", "A_2"}


def test_an_amendments_provenance_names_who_and_what_was_there_before(bundle):
    amendment = next(
        x for x in of_kind(bundle, "Provenance") if x["entity"][0]["role"] == "revision"
    )
    before = target(bundle, amendment["entity"][0]["what"])
    after = target(bundle, amendment["target"][0])
    who = target(bundle, amendment["agent"][0]["who"])
    assert before["identifier"][0]["value"] == "A_1"
    assert after["identifier"][0]["value"] == "A_2"
    assert who["identifier"][0]["value"] == "A_CLINSCI_0"


def test_one_request_for_two_panels_is_one_order_with_details(bundle):
    request = by_name(bundle, "ServiceRequest", "R_1")
    assert request["priority"] == "stat"
    assert request["identifier"][0]["type"]["coding"][0]["code"] == "PLAC"
    assert codes(request["orderDetail"]) >= {"BIOCHEM_PANEL_CORE", "HAEM_PANEL_CORE", "58410-2"}


def test_a_request_whose_only_specimen_was_rejected_is_revoked(bundle):
    assert by_name(bundle, "ServiceRequest", "R_2")["status"] == "revoked"


def test_an_added_test_is_an_order_of_its_own_based_on_the_first(bundle):
    added = next(x for x in of_kind(bundle, "ServiceRequest") if "basedOn" in x)
    assert target(bundle, added["basedOn"][0])["identifier"][0]["value"] == "R_1"
    assert codes([added["code"]]) == {"3016-3", "BIOCHEM_TSH_ADDON"}


def test_a_patient_is_a_pseudonym_without_a_name(bundle):
    patient = by_name(bundle, "Patient", "p-a")
    assert patient["name"][0]["extension"][0]["valueCode"] == "masked"
    assert patient["meta"]["security"][0]["code"] == "HTEST"
    assert len(of_kind(bundle, "Patient")) == 2


def test_a_specimen_without_patient_says_that_he_is_unknown(bundle):
    subject = by_name(bundle, "Specimen", "S_4")["subject"]
    assert subject["extension"][0]["valueCode"] == "unknown"


def test_audit_events_tell_of_releases_refusals_tokens_and_enforcement(bundle):
    kinds = collections.Counter(
        coding["code"]
        for event in of_kind(bundle, "AuditEvent")
        for coding in event["subtype"]
        if coding.get("system") == "urn:labtrust:fhir:audit"
    )
    assert kinds == {"release": 2, "refusal": 2, "token": 1, "enforcement": 1}


def test_a_refusals_outcome_follows_the_severity_of_its_reason(bundle, documents):
    severities = documents["reason_codes"]["codes"]
    refusals = [x for x in of_kind(bundle, "AuditEvent") if x["outcome"] != "0"]
    assert len(refusals) == 2
    for event in refusals:
        grave = severities[event["outcomeDesc"]]["severity"] in {"P0", "P1"}
        assert event["outcome"] == ("8" if grave else "4")


def test_what_an_agent_made_up_is_a_text_and_no_code(bundle):
    displays = [
        coding.get("display")
        for event in of_kind(bundle, "AuditEvent")
        for coding in event["subtype"]
        if "code" not in coding
    ]
    assert displays == ["FLY  AWAY"]


def test_times_count_from_the_epoch(told, export):
    bundle = export(told, epoch="2031-05-04T12:00:00+02:00")
    specimen = by_name(bundle, "Specimen", "S_1")
    assert specimen["receivedTime"] == "2031-05-04T10:01:00Z"
    assert specimen["collection"]["collectedDateTime"] == "2031-05-04T09:55:00Z"


@pytest.mark.parametrize(
    "epoch", ["2000-01-01", "yesterday", "2000-01-01T00:00:00", "9999-12-31T23:59:59Z"]
)
def test_an_epoch_that_is_no_instant_or_leaves_no_room_is_refused(told, export, epoch):
    with pytest.raises(UsageError):
        export(told, epoch=epoch)


def test_a_folder_gives_the_same_bytes_every_time(folder):
    assert export_bundle(folder) == export_bundle(folder)


def test_full_urls_are_uuids_of_the_episode(bundle, ledger, export):
    other = export(ledger(scenario={"specimens": []}).finished())
    urls = {x["fullUrl"] for x in bundle["entry"]}
    assert len(urls) == len(bundle["entry"])
    assert all(str(uuid.UUID(url.removeprefix("urn:uuid:"))) == url[9:] for url in urls)
    assert urls.isdisjoint(x["fullUrl"] for x in other["entry"])


@pytest.mark.parametrize("name", ["episode_log.jsonl", "policy.json", "receipts.jsonl"])
def test_a_folder_that_lacks_a_file_of_evidence_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(UsageError, match=name):
        export_bundle(folder)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("episode_log.jsonl", b'"value":"139"', b'"value":"138"'),
        ("policy.json", b'"reference_high":"146"', b'"reference_high":"147"'),
        ("receipts.jsonl", b'"decision":"RELEASED"', b'"decision":"REJECTED"'),
    ],
)
def test_files_that_do_not_agree_are_refused(folder, name, old, new):
    data = (folder / name).read_bytes()
    assert old in data
    (folder / name).write_bytes(data.replace(old, new, 1))
    with pytest.raises(DocumentError):
        export_bundle(folder)


def test_an_episode_of_another_domain_is_refused(ledger, export):
    with pytest.raises(UsageError, match="laboratory"):
        export(ledger(domain="cold_chain_warehouse").finished())


def test_every_golden_scenario_gives_a_bundle_without_a_finding(exported):
    assert len(exported) > 100
    wrong = {
        name: [str(item) for item in errors_of(validate_bundle(bundle))]
        for name, (_data, bundle) in exported.items()
    }
    assert {name: found for name, found in wrong.items() if found} == {}


def test_observations_agree_with_receipts_in_every_golden_scenario(exported):
    expected = {
        "RELEASED": {"final", "amended"},
        "AMENDED": {"entered-in-error"},
        "SUPERSEDED": {"cancelled"},
        "HELD": {"preliminary", "registered"},
        "PENDING": {"preliminary", "registered"},
        "BLOCKED": {"preliminary", "registered"},
    }
    for name, (data, bundle) in exported.items():
        receipts = parse_episode(data).receipts.receipts()
        decisions = {x.entity_id: x.decision for x in receipts if x.entity_type == "result"}
        found = {
            x["identifier"][0]["value"]: x["status"]
            for x in of_kind(bundle, "Observation")
            if "identifier" in x
        }
        assert found.keys() == decisions.keys(), name
        for result, status in found.items():
            assert status in expected[decisions[result]], (name, result)


def test_no_date_is_made_up(bundle):
    text = json.dumps(bundle)
    years = set(re.findall(r"\"(\d{4})-\d\d-\d\dT", text))
    assert years == {"1999", "2000"}
