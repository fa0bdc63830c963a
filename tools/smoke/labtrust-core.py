"""Smoke of the labtrust-core wheel: the shipped policy validates and a golden scenario passes."""

import sys

from labtrust_core import check_policy, open_policy, run_golden
from labtrust_core.golden.runner import RunOptions
from labtrust_core.policy.directory import find_policy_dir

SCENARIO = "LT-PREAN-001"


def main() -> int:
    """Print what was seen; 0 when all is well."""
    directory = find_policy_dir()
    problems = check_policy(directory)
    policy = open_policy()
    report = run_golden(options=RunOptions(only=(SCENARIO,)))
    print(f"policy {policy.fingerprint[:12]} with {len(problems)} problems")
    print(f"golden: {len(report.scenario_reports)} run, passed: {report.passed}")
    return 0 if not problems and report.passed and report.scenario_reports else 1


if __name__ == "__main__":
    sys.exit(main())
