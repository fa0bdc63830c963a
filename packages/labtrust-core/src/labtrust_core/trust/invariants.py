"""The invariant registry, compiled: what runs after an action, what a refusal would break.

An evaluator is ``handler(env, event, params) -> (passed, reason_code, details) | None``; ``None``
means that the invariant says nothing about this event. ``env`` is the engine's
:class:`~labtrust_core.engine.context.Context`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from labtrust_core.event import Blocked, Event, Violation
from labtrust_core.policy.model import Invariants

Verdict = tuple[bool, str | None, Mapping[str, Any] | None]
Evaluator = Callable[[Any, Event, Mapping[str, Any]], Verdict | None]


@dataclass(frozen=True, slots=True)
class CompiledInvariant:
    """One registry entry with its evaluator."""

    invariant_id: str
    severity: str
    scope: str
    reason_code: str | None
    evaluate: Evaluator
    params: Mapping[str, Any]


Checked = tuple[tuple[CompiledInvariant, ...], tuple[CompiledInvariant, ...]]


@dataclass(frozen=True, slots=True)
class InvariantTables:
    """Invariants by trigger.

    Attributes:
        by_action: Action type to the invariants that an accepted event of it is checked against.
        bare: The same for an event that presents neither token nor signature, of which the
            invariants about these say nothing.
        by_refusal: ``(action type, reason code)`` to the invariants that the refused attempt would
            have broken.
        all: Invariant id to the compiled entry.
    """

    by_action: dict[str, tuple[CompiledInvariant, ...]]
    bare: dict[str, tuple[CompiledInvariant, ...]]
    by_refusal: dict[tuple[str, str], tuple[str, ...]]
    all: dict[str, CompiledInvariant]

    def of(self, action_type: str) -> Checked:
        """Return what an accepted event of a type is checked against: in full, and bare."""
        return self.by_action.get(action_type, ()), self.bare.get(action_type, ())


def compile_invariants(
    policy: Invariants,
    evaluators: Mapping[str, Evaluator],
    actions: Iterable[str],
    *,
    credentials: frozenset[str],
) -> InvariantTables:
    """Compile the registry.

    Args:
        policy: The registry.
        evaluators: Holds ``type.check`` of every entry.
        actions: Every action type, for the trigger ``*``.
        credentials: The checks that are about presented tokens and signatures only.
    """
    entries: dict[str, CompiledInvariant] = {}
    by_action: dict[str, list[CompiledInvariant]] = {action: [] for action in actions}
    bare: dict[str, list[CompiledInvariant]] = {}
    by_refusal: dict[tuple[str, str], list[str]] = {}
    for invariant_id, entry in policy.invariants.items():
        logic = entry.logic
        check = f"{logic.type}.{logic.check}"
        compiled = CompiledInvariant(
            invariant_id,
            entry.severity,
            entry.scope,
            entry.reason_code,
            evaluators[check],
            logic.parameters,
        )
        entries[invariant_id] = compiled
        for action in by_action if "*" in entry.triggers else entry.triggers:
            by_action.setdefault(action, []).append(compiled)
            if check not in credentials:
                bare.setdefault(action, []).append(compiled)
            if entry.reason_code is not None:
                by_refusal.setdefault((action, entry.reason_code), []).append(invariant_id)
    return InvariantTables(
        {action: tuple(found) for action, found in by_action.items()},
        {action: tuple(found) for action, found in bare.items()},
        {key: tuple(found) for key, found in by_refusal.items()},
        entries,
    )


def after_accepted(
    entries: Iterable[CompiledInvariant], env: object, event: Event
) -> tuple[tuple[str, ...], tuple[Violation, ...]]:
    """Evaluate what an accepted event can affect; return the ids evaluated and the violations."""
    evaluated: list[str] = []
    violations: list[Violation] = []
    for entry in entries:
        verdict = entry.evaluate(env, event, entry.params)
        if verdict is None:
            continue
        evaluated.append(entry.invariant_id)
        passed, reason_code, details = verdict
        if not passed:
            violations.append(_violation(entry, reason_code or entry.reason_code, details))
    return tuple(evaluated), tuple(violations)


def after_blocked(
    tables: InvariantTables, blocked: Blocked, event: Event
) -> tuple[tuple[str, ...], tuple[Violation, ...]]:
    """Return what a refused attempt would have broken.

    That is policy's invariants of the reason code, and those that the guard named.
    """
    ids = dict.fromkeys(
        (*tables.by_refusal.get((event.action_type, blocked.code), ()), *blocked.invariants)
    )
    subject = None if blocked.subject is None else {"subject": blocked.subject[1]}
    violations = tuple(
        _violation(tables.all[item], blocked.code, subject) for item in ids if item in tables.all
    )
    return tuple(ids), violations


def _violation(
    entry: CompiledInvariant, reason_code: str | None, details: Mapping[str, Any] | None
) -> Violation:
    subject = None if details is None else details.get("subject")
    return Violation(
        invariant_id=entry.invariant_id,
        reason_code=reason_code,
        severity=entry.severity,
        subject=subject,
    )
