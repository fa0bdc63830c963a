"""Smoke of the labtrust-core wheel: the shipped policy validates and one golden scenario passes."""

import sys

from labtrust_core import load_policy, run_golden, validate_policy_dir
from labtrust_core.policy import find_policy_dir


def main() -> int:
    """Print what was seen; 0 when all is well."""
    directory = find_policy_dir()
    problems = validate_policy_dir(directory)
    policy = load_policy(directory)
    report = run_golden(limit=1)
    print(f"policy {policy.fingerprint[:12]} with {len(problems)} problems at {directory}")
    print(f"golden: {len(report.scenario_reports)} run, passed: {report.passed}")
    return 0 if not problems and report.passed and report.scenario_reports else 1


if __name__ == "__main__":
    sys.exit(main())
