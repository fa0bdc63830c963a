"""A check of a policy folder finds every kind of problem, and says where it is."""

import shutil
from pathlib import Path

import labtrust_core
import pytest
from labtrust_core.domains import open_policy
from labtrust_core.errors import PolicyError, UnknownNameError
from labtrust_core.policy.dead_fields import dead_fields, structs_in
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.model import Closed, Document, DocumentKind
from labtrust_core.validation import check_policy

RBAC = "rbac/rbac_policy.v0.1.yaml"
ZONES = "zones/zone_layout_policy.v0.1.yaml"
EQUIPMENT = "equipment/equipment_registry.v0.1.yaml"
VERIFICATION = "verification/autoverification.v0.1.yaml"
CATALOGUE = "catalogue/test_catalogue.v0.1.yaml"
TOKENS = "tokens/token_registry.v0.1.yaml"
REASONS = "reason_codes/reason_code_registry.v0.1.yaml"
KEYS = "keys/key_registry.v0.1.yaml"
PROFILE = "lab_profiles/hospital_lab.v0.1.yaml"


@pytest.fixture
def policy(tmp_path):
    """A copy of the shipped policy without its suites, which take long to read, to be broken."""
    suites = shutil.ignore_patterns("[0-9][0-9]_*.yaml")
    return Path(shutil.copytree(find_policy_dir(), tmp_path / "policy", ignore=suites))


def replace(folder, path, old, new):
    """Replace one piece of text in a policy file; gives the line it stands on."""
    file = folder / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def problem(folder, message):
    """Return the one problem with that message."""
    (found,) = [item for item in check_policy(folder) if message in item.message]
    return found


def test_shipped_policy_has_no_problem():
    assert [str(item) for item in check_policy(find_policy_dir())] == []


COAG = "{type: COAG_ANALYZER, zone: Z_ANALYZER_HALL_B}"
BREAKAGES = {
    "misspelt action": (
        (RBAC, "- CREATE_ACCESSION", "- CREATE_ACESSION"),
        ("undefined action", "roles.ROLE_RECEPTION.actions[7]", "CREATE_ACESSION"),
    ),
    "undefined role": (
        (RBAC, "A_QC: ROLE_QC", "A_QC: ROLE_QX"),
        ("undefined role", "agents.A_QC", "ROLE_QX"),
    ),
    "device in a missing zone": (
        (EQUIPMENT, COAG, COAG.replace("Z_ANALYZER_HALL_B", "Z_NOWHERE")),
        ("undefined zone", "devices.DEV_COAG_01.zone", "Z_NOWHERE"),
    ),
    "unregistered reason code": (
        (TOKENS, "lifts: [QC_DRIFT_SUSPECTED]", "lifts: [QC_DRIFT]"),
        ("undefined reason code", "types.TOKEN_QC_DRIFT_OVERRIDE.lifts[0]", "QC_DRIFT"),
    ),
    "rule that nobody wrote": (
        (VERIFICATION, "no_delta, hemolysis_below]", "no_delta, looks_fine]"),
        ("undefined rule", "rules.BIOCHEM_PANEL_CORE[6]", "looks_fine"),
    ),
    "limits of a missing analyte": (
        (VERIFICATION, "COAG_D_DIMER:", "COAG_DIMER:"),
        ("undefined analyte", "limits.COAG_DIMER", "COAG_DIMER"),
    ),
    "delta limit that is no number": (
        (VERIFICATION, 'limit: "88"', "limit: much"),
        ("not a decimal string", "delta_checks.BIOCHEM_CREATININE.limit", "much"),
    ),
    "empty range": (
        (VERIFICATION, 'low: "124"', 'low: "155"'),
        ("an empty range", "limits.BIOCHEM_SODIUM_NA", "155 to 154"),
    ),
    "add-on after a missing panel": (
        (CATALOGUE, "after: [BIOCHEM_PANEL_CORE]", "after: [BIOCHEM]"),
        ("undefined panel", "panels.BIOCHEM_TSH_ADDON.add_on.after[0]", "BIOCHEM"),
    ),
    "unknown key": (
        (RBAC, "version:", "colour: red\nversion:"),
        ("unknown key", "colour", "colour"),
    ),
    "wrong type": (
        (ZONES, "carry_limit: 60", "carry_limit: sixty"),
        ("wrong value", "carry_limit", "'sixty'"),
    ),
}


@pytest.mark.parametrize(("change", "expected"), BREAKAGES.values(), ids=BREAKAGES)
def test_broken_place_is_named(policy, change, expected):
    line = replace(policy, *change)

    error = problem(policy, expected[0])

    assert (error.file, error.line) == (str(policy / change[0]), line)
    assert (error.message, error.path, error.found) == expected
    assert error.expected


def test_edge_to_a_missing_zone_is_found(policy):
    text = (policy / ZONES).read_text()
    start = text.index("between: [", text.index("edges:"))
    replace(
        policy, ZONES, text[start : text.index("]", start)], "between: [Z_NOWHERE, Z_SRA_RECEPTION"
    )

    error = problem(policy, "undefined zone")

    assert error.path.startswith("edges.")
    assert (error.found, error.line) == ("Z_NOWHERE", text[:start].count("\n") + 1)


def test_analyte_without_unit_is_found(policy):
    line = replace(policy, CATALOGUE, "    unit: mmol/L\n", "")

    error = problem(policy, "missing key")

    assert (error.path, error.expected) == ("analytes.BIOCHEM_SODIUM_NA", "unit")
    assert error.line < line


def test_token_that_nobody_may_approve_is_found(policy):
    text = (policy / RBAC).read_text()
    (policy / RBAC).write_text(
        text.replace("agents:", "  ROLE_GHOST: {actions: [NOOP]}\nagents:", 1)
    )
    replace(policy, TOKENS, "approver_roles: [ROLE_QC]", "approver_roles: [ROLE_GHOST]")

    error = problem(policy, "no agent holds an approver role")

    assert error.path == "types.TOKEN_QC_DRIFT_OVERRIDE.approver_roles"
    assert (error.found, error.file) == ("ROLE_GHOST", str(policy / TOKENS))


def test_code_that_the_engine_returns_must_be_registered(policy):
    replace(policy, REASONS, "  SIG_MISSING:", "  SIG_MISSED:")

    messages = {(item.message, item.found, item.expected) for item in check_policy(policy)}

    assert (
        "unregistered reason code that the code can return",
        "nothing",
        "SIG_MISSING",
    ) in messages


def test_duplicate_id_is_found(policy):
    replace(policy, EQUIPMENT, "  DEV_CHEM_B_01:", "  DEV_CHEM_A_01:")

    error = problem(policy, "duplicate key")

    assert error.path == "devices.DEV_CHEM_A_01"
    assert error.line is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("version: [\n", "not valid YAML"),
        ("a: &a [x, x]\nb: &b [*a, *a]\n", "anchors and aliases"),
        ("a: " + "x" * 1_100_000, "too large"),
    ],
    ids=["empty", "invalid", "bomb", "oversized"],
)
def test_file_that_cannot_be_read_is_found_once(policy, text, message):
    (policy / RBAC).write_text(text)

    error = problem(policy, message)

    assert error.file == str(policy / RBAC)


def test_missing_file_is_found(policy):
    (policy / ZONES).unlink()

    assert problem(policy, "cannot read the file").file == str(policy / ZONES)


def test_all_problems_are_reported_at_once(policy):
    replace(policy, RBAC, "A_QC: ROLE_QC", "A_QC: ROLE_QX")
    replace(policy, EQUIPMENT, "zone: Z_ALIQUOT_LABEL", "zone: Z_NOWHERE")
    (policy / "notes.yaml").write_text("a: 1")

    found = {item.found for item in check_policy(policy)}

    assert {"ROLE_QX", "Z_NOWHERE", "notes.yaml"} <= found


def test_low_order_key_is_found(policy):
    point = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    key = f"{{public_key: {point}, agent_id: A_QC, role_id: ROLE_QC}}"
    replace(policy, KEYS, "keys: {}", f"keys:\n  K: {key}")

    assert problem(policy, "low order").path == "keys.K.public_key"


@pytest.mark.parametrize(
    "place",
    ["notes.txt", "rbac/old.yaml", "partners/hsl_like/rbac/x.yaml", "schemas/x.schema.json"],
)
def test_unknown_file_is_found(policy, place):
    file = policy / place
    file.parent.mkdir(exist_ok=True)
    file.write_text("a: 1\n")

    found = [item for item in check_policy(policy) if item.file == str(file)]

    assert {item.message for item in found} == {"no part of the policy"}


def test_problem_of_an_overlay_is_found_in_the_overlay(policy):
    file = policy / "partners" / "hsl_like" / RBAC
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("agents: {A_QC: ROLE_QX}\n")

    assert problem(policy, "undefined role").file == str(file)
    assert not [
        item for item in check_policy(policy, "upstream_compat") if "undefined role" in item.message
    ]


def test_problem_of_the_base_is_reported_once(policy):
    replace(policy, RBAC, "A_QC: ROLE_QC", "A_QC: ROLE_QX")

    assert problem(policy, "undefined role").path == "agents.A_QC"


def test_broken_suite_of_a_partner_is_found(policy):
    folder = policy / "partners" / "hsl_like" / "golden"
    folder.mkdir()
    (folder / "more.yaml").write_text("golden_suite: {version: '1.0'}\n")
    (folder / "notes.txt").write_text("not a suite")

    found = {Path(item.file).relative_to(policy).as_posix() for item in check_policy(policy)}
    assert found == {
        "partners/hsl_like/golden/more.yaml",
        "partners/hsl_like/golden/notes.txt",
    }


def test_suites_change_no_policy(policy):
    shipped = open_policy(find_policy_dir(), "upstream_compat")

    assert open_policy(policy, "upstream_compat").fingerprint == shipped.fingerprint


def test_broken_suite_is_found(policy):
    (policy / "golden" / "more.yaml").write_text("golden_suite: {version: '1.0'}\n")

    assert problem(policy, "missing key").file.endswith("more.yaml")


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("profile_id: hospital_lab", "profile_id: other", "profile_id"),
        ("profile_id: hospital_lab", "profile_id: hospital_lab\ndomain_id: warehouse", "domain_id"),
        ("profile_id: hospital_lab", "profile_id: hospital_lab\npartner_id: nobody", "partner_id"),
        ("profile_id: hospital_lab", "profile_id: hospital_lab\ncolour: red", "colour"),
    ],
)
def test_broken_profile_is_found(policy, old, new, place):
    replace(policy, PROFILE, old, new)

    (found,) = [item for item in check_policy(policy) if item.file == str(policy / PROFILE)]

    assert found.path == place


def test_unknown_partner_is_refused(policy):
    with pytest.raises(UnknownNameError, match="known: hsl_like"):
        check_policy(policy, "nobody")


class Inner(Closed, frozen=True, kw_only=True):
    """Part of a document."""

    read_somewhere: int = 0
    never_read_anywhere: int = 0
    note: str = ""


class Outer(Document, frozen=True, kw_only=True):
    """A document with parts."""

    inner: dict[str, list[Inner] | None]


def test_field_that_no_code_reads_is_found(tmp_path):
    (tmp_path / "reader.py").write_text(
        "def f(x):\n    return x.inner, getattr(x, 'read_somewhere')\n"
    )

    assert structs_in(Outer) == [Outer, Inner]
    assert dead_fields(Outer, [tmp_path]) == ["Inner.never_read_anywhere"]


def test_what_only_a_test_kit_reads_no_code_reads(tmp_path):
    (tmp_path / "testing").mkdir()
    for place, field in (("testing/kit.py", "never_read_anywhere"), ("reader.py", "inner")):
        (tmp_path / place).write_text(f"def f(x):\n    return x.{field}\n")

    assert dead_fields(Outer, [tmp_path]) == [
        "Inner.read_somewhere", "Inner.never_read_anywhere"
    ]  # fmt: skip


def test_writing_a_field_is_not_reading_it(tmp_path):
    (tmp_path / "writer.py").write_text("def f(x):\n    x.inner = x.never_read_anywhere = 1\n")

    assert dead_fields(Outer, [tmp_path]) == [
        "Outer.inner", "Inner.read_somewhere", "Inner.never_read_anywhere"
    ]  # fmt: skip


def test_dead_field_of_a_document_is_a_problem(toy):
    domain = type(toy.base.domain)()
    domain.documents = (DocumentKind("outer", "outer.yaml", Outer),)
    folder = toy.directory()
    (folder / "outer.yaml").write_text("version: '0.1'\ninner: {}\n")

    found = {
        item.path for item in check_policy(folder, domain=domain) if "no code reads" in item.message
    }

    assert "Inner.never_read_anywhere" in found


def test_policy_is_opened_by_the_public_name():
    opened = labtrust_core.open_policy(partner="upstream_compat")

    assert opened.partner == "upstream_compat"
    assert opened.fingerprint != open_policy().fingerprint


def test_invalid_policy_does_not_open(policy):
    replace(policy, RBAC, "A_QC: ROLE_QC", "A_QC: ROLE_QX")

    with pytest.raises(PolicyError, match="undefined role"):
        open_policy(policy)
