"""The shipped golden suite passes, reaches what data can reach, and watches guards and gates."""

import pytest
from labtrust_core.golden.coverage import totals
from labtrust_core.golden.mutation import mutation_checks
from labtrust_core.golden.runner import run_golden
from labtrust_core.golden.weakening import GATE_NAMES

OUT_OF_REACH = {
    ("refusals", "reached"): {
        # The handler reads again what the guard has just read.
        "INJECT_SPECIMEN (handler) RC_INJECT_SPECIMEN_INVALID",
        # An override names its specimens, for which it needs tokens; it never means the head.
        "START_RUN_OVERRIDE queue_order RC_QUEUE_EMPTY",
    },
    # Approvals are checked by the handler that mints, which no scenario can do without.
    ("invariants", "accepted_violation"): {"INV-TOK-001"},
}


@pytest.fixture(scope="module")
def outcomes():
    """What became of every mutant, under the policy and under every overlay with scenarios."""
    return [outcome for check in mutation_checks() for outcome in check.outcomes()]


def test_every_shipped_scenario_passes():
    report = run_golden()

    assert [item.failures for item in report.scenario_reports if not item.passed] == []
    assert len(report.scenario_reports) >= 60


def test_every_scenario_of_an_overlay_passes():
    report = run_golden(partner="upstream_compat")

    assert [item.failures for item in report.scenario_reports if not item.passed] == []
    assert all(item.scenario_id.startswith("UC-") for item in report.scenario_reports)


def test_scenarios_reach_everything_that_data_can_reach():
    missing = {
        (item.table, item.column): set(item.missing)
        for item in totals(run_golden().coverage)
        if item.missing
    }

    assert missing == OUT_OF_REACH


def test_no_guard_and_no_gate_is_taken_out_unnoticed(outcomes):
    assert [(item.partner, item.mutant) for item in outcomes if item.survived] == []


def test_every_gate_and_every_use_of_a_guard_is_taken_out(outcomes):
    gates = {item.mutant for item in outcomes if item.kind == "gate"}
    uses = {item.mutant for item in outcomes if item.kind == "guard" and item.partner is None}
    # Only an overlay puts guards before the role gate.
    early = {(item.partner, item.caught_by) for item in outcomes if item.mutant == "early_guards"}

    assert gates == set(GATE_NAMES)
    assert len(uses) > 190
    assert early == {("upstream_compat", "UC-OVERLAY-001")}


@pytest.mark.parametrize(
    "check", mutation_checks(), ids=lambda check: check.policy.documents.partner
)
def test_titles_are_sentences_and_ids_name_their_area(check):
    for scenario in check.suite.scenarios:
        area, number = scenario.scenario_id.removeprefix("LT-").removeprefix("UC-").split("-")
        assert area.isupper()
        assert len(number) == 3
        assert len(scenario.title.split()) > 3
        assert scenario.title[0].isupper()
