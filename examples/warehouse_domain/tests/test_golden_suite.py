import pytest
from labtrust_core.golden.reader import read_suite
from labtrust_core.golden.runner import RunOptions, run_golden
from warehouse_domain.domain import COLD_CHAIN_WAREHOUSE, POLICY_DIR

SCENARIOS = [item.scenario_id for item in read_suite(POLICY_DIR / "golden").scenarios]


@pytest.mark.parametrize("scenario_id", SCENARIOS)
def test_the_golden_scenario_passes(scenario_id):
    report = run_golden(
        policy_dir=POLICY_DIR,
        domain=COLD_CHAIN_WAREHOUSE,
        options=RunOptions(only=(scenario_id,)),
    )
    (scenario,) = report.scenario_reports
    assert scenario.passed, scenario.failures
    assert scenario.step_reports
