"""Is each guard and each gate watched? When it is taken out, some scenario must turn red."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import msgspec

from labtrust_core.domains import OpenedPolicy
from labtrust_core.engine.compiled import CompiledAction
from labtrust_core.engine.engine import Engine
from labtrust_core.engine.gates import GATES, Gate
from labtrust_core.event import Origin
from labtrust_core.golden.format import Suite, TestKeys
from labtrust_core.golden.runner import RunOptions, run_suite
from labtrust_core.policy.model import ActionRule, Workflow

CRASHES: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a handler raises when it meets something that the removed check would have refused."""


def without_guard(policy: OpenedPolicy, guard: str, action: str | None = None) -> OpenedPolicy:
    """Return the policy with ``guard`` taken off ``action``, or off every action."""
    documents = policy.documents
    workflow = documents.get("workflow", Workflow)
    rules = dict(workflow.actions)
    compiled = dict(policy.compiled.actions)
    for name in rules if action is None else (action,):
        rules[name], compiled[name] = _without(guard, rules[name], compiled[name])
    changed = {**documents.documents, "workflow": msgspec.structs.replace(workflow, actions=rules)}
    return OpenedPolicy(
        replace(documents, documents=changed), replace(policy.compiled, actions=compiled)
    )


def _without(
    guard: str, rule: ActionRule, action: CompiledAction
) -> tuple[ActionRule, CompiledAction]:
    """Return an action without a guard, as policy names it and as it was compiled."""
    kept = [number for number, name in enumerate(rule.guards) if name != guard]
    early = [number for number, name in enumerate(rule.early_guards) if name != guard]
    return (
        msgspec.structs.replace(
            rule,
            guards=[rule.guards[number] for number in kept],
            early_guards=[rule.early_guards[number] for number in early],
        ),
        replace(
            action,
            guards=tuple(action.guards[number] for number in kept),
            early_guards=tuple(action.early_guards[number] for number in early),
        ),
    )


def engine_without(gate: Gate) -> type[Engine]:
    """Return an engine that lacks ``gate``, whatever the origin of an event."""

    class Damaged(Engine):
        """The engine with one gate missing."""

        gates: Mapping[Origin, tuple[Gate, ...]] = {  # type: ignore[misc] # replaces the class's own
            origin: tuple(item for item in gates if item is not gate)
            for origin, gates in GATES.items()
        }

    return Damaged


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
        if not affected or not _is_noticed(
            suite, without_guard(policy, guard), keys, replace(options, only=affected)
        ):
            found.append(guard)
    return sorted(found)


def unwatched_uses(
    suite: Suite, policy: OpenedPolicy, keys: TestKeys, options: RunOptions | None = None
) -> list[str]:
    """Return the uses of guards, ``ACTION guard`` each, whose removal no scenario notices, sorted.

    This is finer than ``unwatched_guards``: a guard is taken off one action and stays on the
    others. Only scenarios that passed before, and that try the action, are run again.
    """
    options = options or RunOptions()
    report = run_suite(suite, policy, keys, options)
    coverage = report.coverage["actions"]
    passed = {item.scenario_id for item in report.scenario_reports if item.passed}
    found: list[str] = []
    for action, rule in policy.documents.get("workflow", Workflow).actions.items():
        tried = dict.fromkeys((*coverage[action]["accepted"], *coverage[action]["blocked"]))
        only = tuple(name for name in tried if name in passed)
        found += [
            f"{action} {guard}"
            for guard in (*rule.early_guards, *rule.guards)
            if not only
            or not _is_noticed(
                suite, without_guard(policy, guard, action), keys, replace(options, only=only)
            )
        ]
    return sorted(found)


def unwatched_gates(
    suite: Suite, policy: OpenedPolicy, keys: TestKeys, options: RunOptions | None = None
) -> list[str]:
    """Return the engine's gates whose removal no scenario notices, sorted.

    Only scenarios that passed before are run again.
    """
    options = options or RunOptions()
    report = run_suite(suite, policy, keys, options)
    passed = tuple(item.scenario_id for item in report.scenario_reports if item.passed)
    gates = dict.fromkeys(gate for listed in GATES.values() for gate in listed)
    return sorted(
        gate.__name__
        for gate in gates
        if not passed
        or not _is_noticed(
            suite, policy, keys, replace(options, only=passed, engine=engine_without(gate))
        )
    )


def _is_noticed(suite: Suite, policy: OpenedPolicy, keys: TestKeys, options: RunOptions) -> bool:
    """Whether a scenario turns red; a handler that crashes is noticed, too."""
    try:
        return not run_suite(suite, policy, keys, options).passed
    except CRASHES:
        return True
