"""Is each guard watched? When it is taken out, some scenario that it refused must turn red."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from labtrust_core.domains import OpenedPolicy
from labtrust_core.engine.compiled import compile_policy
from labtrust_core.golden.format import Suite, TestKeys
from labtrust_core.golden.runner import RunOptions, run_suite
from labtrust_core.policy.model import Workflow


def without_guard(policy: OpenedPolicy, guard: str) -> OpenedPolicy:
    """Return the policy with ``guard`` taken off every action.

    Raises:
        PolicyError: The policy cannot do without it.
    """
    documents = policy.documents
    workflow = documents.get("workflow", Workflow)
    actions = {
        name: msgspec.structs.replace(
            rule,
            guards=[item for item in rule.guards if item != guard],
            early_guards=[item for item in rule.early_guards if item != guard],
        )
        for name, rule in workflow.actions.items()
    }
    changed = replace(
        documents,
        documents={
            **documents.documents,
            "workflow": msgspec.structs.replace(workflow, actions=actions),
        },
    )
    return OpenedPolicy(changed, compile_policy(changed, policy.compiled.domain))


def unwatched_guards(
    suite: Suite, policy: OpenedPolicy, keys: TestKeys, options: RunOptions | None = None
) -> list[str]:
    """Return the guards whose removal no scenario notices, sorted.

    Only scenarios that passed before, and in which the guard refused something, are run again.
    """
    options = options or RunOptions()
    report = run_suite(suite, policy, keys, options)
    passed = {item.scenario_id for item in report.scenario_reports if item.passed}
    found: list[str] = []
    for guard, cells in report.coverage["guards"].items():
        affected = tuple(name for name in cells["refused"] if name in passed)
        if not affected:
            found.append(guard)
            continue
        again = run_suite(
            suite, without_guard(policy, guard), keys, replace(options, only=affected)
        )
        if again.passed:
            found.append(guard)
    return sorted(found)
