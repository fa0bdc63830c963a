"""A check of the quality-control document finds what contradicts the rest of the policy."""

from dataclasses import replace

import msgspec
import pytest
from labtrust_core.hospital_lab.documents.kinds import LAB_DOCUMENTS
from labtrust_core.hospital_lab.documents.quality import Quality
from labtrust_core.hospital_lab.quality_references import quality_problems
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS

QUALITY = "quality/quality_control.v0.1.yaml"
SODIUM = (
    '  BIOCHEM_SODIUM_NA: {levels: [{target: "125", sd: "1.0"}, {target: "155", sd: "1.2"}], '
    "source: assumed}\n"
)


@pytest.fixture
def broken():
    """Break one piece of the document and return the problems that are found."""
    policy = load_policy(find_policy_dir(), (*TRUST_DOCUMENTS, *LAB_DOCUMENTS))
    text = (find_policy_dir() / QUALITY).read_text()

    def change(old, new):
        assert old in text
        document = msgspec.yaml.decode(text.replace(old, new, 1), type=Quality)
        changed = replace(policy, documents={**policy.documents, "quality": document})
        return [(".".join(item.path), item.message) for item in quality_problems(changed)]

    return change


def test_the_shipped_document_has_no_problem(broken):
    assert broken("description", "description") == []


@pytest.mark.parametrize(
    ("old", "new", "path", "message"),
    [
        (SODIUM, "", "materials", "analyte without control"),
        ("BIOCHEM_SODIUM_NA:", "BIOCHEM_SALT:", "materials.BIOCHEM_SALT", "undefined analyte"),
        ("  10x: drift", "  11x: drift", "rules.11x", "undefined rule"),
        ("  COAG_ANALYZER:", "  COAG:", "errors.COAG", "undefined device type"),
        ("  COAG_ANALYZER:", "  COAG:", "errors", "controlled type without errors"),
    ],
)
def test_names_that_do_not_meet_are_found(broken, old, new, path, message):
    assert (path, message) in broken(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('target: "125"', 'target: "155"'),
        ('target: "125"', 'target: "165"'),
        ('target: "125"', 'target: "low"'),
        ('target: "125"', 'target: "NaN"'),
        ('sd: "1.0"', 'sd: "0"'),
        ('sd: "1.0"', 'sd: "-1.0"'),
        (', {target: "155", sd: "1.2"}', ""),
    ],
)
def test_a_material_has_two_positive_levels_the_lower_first(broken, old, new):
    found = broken(old, new)
    assert [path for path, _ in found] == ["materials.BIOCHEM_SODIUM_NA.levels"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("mean_interval_s: 1209600", "mean_interval_s: 0"),
        ("sd_percent: 200", "sd_percent: 0"),
        ("max_milli_sd: 4000", "max_milli_sd: 900"),
        ("milli_sd_per_h: 250", "milli_sd_per_h: -1"),
        ("residual_milli_sd: 150", "residual_milli_sd: -1"),
        ("recalibration_s: 600", "recalibration_s: -1"),
    ],
)
def test_an_error_process_has_sizes_and_intervals_that_make_sense(broken, old, new):
    assert broken(old, new) == [("errors.CHEM_ANALYZER", "not an error process")]
