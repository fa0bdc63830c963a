"""Take guards and gates out: of a policy, and of the engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from labtrust_core.engine.compiled import CompiledAction, CompiledPolicy
from labtrust_core.engine.engine import Engine
from labtrust_core.engine.gates import GATES, Gate
from labtrust_core.errors import ScenarioError
from labtrust_core.event import Origin
from labtrust_core.golden.format import Without
from labtrust_core.policy.model import ActionRule

GATE_NAMES: Final = tuple(
    dict.fromkeys(gate.__name__ for gates in GATES.values() for gate in gates)
)
"""Names of the engine's gates, in their order."""


def check_without(without: Without, rules: Mapping[str, ActionRule]) -> None:
    """Check that everything that a scenario does without is there to begin with.

    Raises:
        ScenarioError: There is no such action or gate, or the action has no such guard.
    """
    for action, guards in without.guards.items():
        rule = rules.get(action)
        known = () if rule is None else (*rule.early_guards, *rule.guards)
        for guard in guards:
            if guard not in known:
                raise ScenarioError(
                    "the scenario does without a guard that is not there",
                    path=f"without.guards.{action}",
                    found=guard,
                    expected="one of " + ", ".join(known) if known else "an action with guards",
                )
    for gate in without.gates:
        if gate not in GATE_NAMES:
            raise ScenarioError(
                "the scenario does without a gate that is not there",
                path="without.gates",
                found=gate,
                expected="one of " + ", ".join(GATE_NAMES),
            )


def weakened(
    policy: CompiledPolicy, rules: Mapping[str, ActionRule], *parts: Without
) -> CompiledPolicy:
    """Return ``policy`` without the guards that ``parts`` name.

    Args:
        policy: The compiled policy; its guards may be wrapped, but stand in the order of ``rules``.
        rules: The actions as the workflow states them.
        parts: What to take out; what is not there is not missed.
    """
    changed: dict[str, CompiledAction] = {}
    for part in parts:
        for name, guards in part.guards.items():
            removed = {*guards, *(item for other in parts for item in other.guards.get(name, ()))}
            changed[name] = _without(removed, rules[name], policy.actions[name])
    return replace(policy, actions={**policy.actions, **changed}) if changed else policy


def _without(removed: Collection[str], rule: ActionRule, action: CompiledAction) -> CompiledAction:
    pairs = zip(rule.guards, action.guards, strict=True)
    early = zip(rule.early_guards, action.early_guards, strict=True)
    return replace(
        action,
        guards=tuple(guard for name, guard in pairs if name not in removed),
        early_guards=tuple(guard for name, guard in early if name not in removed),
    )


def engine_without(*parts: Without) -> type[Engine]:
    """Return an engine that lacks the gates that ``parts`` name, whatever an event's origin."""
    return _engine_without(frozenset(gate for part in parts for gate in part.gates))


@cache
def _engine_without(removed: frozenset[str]) -> type[Engine]:
    if not removed:
        return Engine

    class Damaged(Engine):
        """The engine with gates missing."""

        gates: Mapping[Origin, tuple[Gate, ...]] = {  # type: ignore[misc] # replaces the class's own
            origin: tuple(gate for gate in gates if gate.__name__ not in removed)
            for origin, gates in GATES.items()
        }

    return Damaged
