"""The shipped golden suite passes, reaches what data can reach, and watches guards and gates."""

import pytest
from labtrust_core.domains import open_documents
from labtrust_core.golden.coverage import totals
from labtrust_core.golden.mutation import unwatched_gates, unwatched_guards, unwatched_uses
from labtrust_core.golden.reader import read_suite, read_test_keys
from labtrust_core.golden.runner import SUITE_FOLDER, TEST_KEYS, run_golden, run_suite

OUT_OF_REACH = {
    # The shipped tools neither raise nor hang nor return such things, and the one role that may
    # call tools may call all of them.
    ("reason_codes", "reached"): {
        "TOOL_DATA_CLASS_VIOLATION",
        "TOOL_EGRESS_DENIED",
        "TOOL_EXEC_EXCEPTION",
        "TOOL_NOT_ALLOWED_FOR_ROLE",
        "TOOL_OUTPUT_MALFORMED",
        "TOOL_TIMEOUT",
    },
    # An underfilled tube is held, never accepted; the other one only reports what passes.
    ("invariants", "violation"): {"INV-COAG-FILL-001", "INV-STAB-BIOCHEM-001"},
}

UNWATCHED_USES = {
    # Nothing freezes a zone in which a device stands.
    "ALIQUOT_CREATE zone_not_frozen",
    "CENTRIFUGE_START zone_not_frozen",
    "START_RUN zone_not_frozen",
    "START_RUN_OVERRIDE zone_not_frozen",
    # The token without which the action is refused lifts what these two refuse.
    "START_RUN_OVERRIDE stability",
    "START_RUN_OVERRIDE temperature",
    # No token is bound to a result that does not exist.
    "RELEASE_RESULT_OVERRIDE result_known",
}


@pytest.fixture(scope="module")
def shipped():
    policy = open_documents()
    folder = policy.documents.directory
    return read_suite(folder / SUITE_FOLDER), policy, read_test_keys(folder / TEST_KEYS)


def test_every_shipped_scenario_passes():
    report = run_golden()

    assert [item.failures for item in report.scenario_reports if not item.passed] == []
    assert len(report.scenario_reports) >= 60


def test_scenarios_reach_everything_that_data_can_reach(shipped):
    missing = {
        (item.table, item.column): set(item.missing)
        for item in totals(run_suite(*shipped).coverage)
        if item.missing
    }

    assert missing == OUT_OF_REACH


def test_every_guard_is_watched(shipped):
    assert unwatched_guards(*shipped) == []


def test_every_use_of_a_guard_is_watched(shipped):
    assert set(unwatched_uses(*shipped)) == UNWATCHED_USES


def test_every_gate_is_watched(shipped):
    # Only an overlay puts guards before the role gate.
    assert unwatched_gates(*shipped) == ["early_guards"]


def test_titles_are_sentences_and_ids_name_their_area(shipped):
    suite = shipped[0]

    for scenario in suite.scenarios:
        area, number = scenario.scenario_id.removeprefix("LT-").split("-")
        assert area.isupper()
        assert len(number) == 3
        assert len(scenario.title.split()) > 3
        assert scenario.title[0].isupper()
