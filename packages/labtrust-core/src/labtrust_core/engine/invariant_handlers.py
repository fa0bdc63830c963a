"""Invariant evaluators by ``type.check``: the engine's, the domain's, and those of extensions."""

from __future__ import annotations

from typing import Final

from labtrust_core.engine.domain import Domain
from labtrust_core.engine.evaluators import ENGINE_EVALUATORS
from labtrust_core.policy.model import Invariants
from labtrust_core.registry import Registry
from labtrust_core.trust.invariants import Evaluator


def _not_a_handler(item: object) -> str:
    return "" if callable(item) else "is no function"


INVARIANT_HANDLERS: Final[Registry[Evaluator]] = Registry(
    "invariant handler", "labtrust_gym.invariant_handlers", {}, check=_not_a_handler
)


def register_invariant_handler(logic_type: str, check_name: str, handler: Evaluator) -> None:
    """Offer an evaluator for the invariants whose logic is ``logic_type`` and ``check_name``.

    Args:
        logic_type: ``state``, ``temporal`` or ``transition``.
        check_name: The check's name in the invariant registry of the policy.
        handler: ``handler(env, event, params) -> (passed, reason_code, details) | None``.

    Raises:
        PluginConflictError: There is one already.
    """
    INVARIANT_HANDLERS.register(f"{logic_type}.{check_name}", handler)


def known_checks(domain: Domain) -> frozenset[str]:
    """Return every ``type.check`` that has an evaluator under ``domain``; imports no extension."""
    return frozenset({*ENGINE_EVALUATORS, *domain.evaluators, *INVARIANT_HANDLERS.names()})


def evaluators_for(policy: Invariants, domain: Domain) -> dict[str, Evaluator]:
    """Return the evaluators that a policy's invariants need.

    The engine's and the domain's own come first: an extension adds checks, it replaces none.

    Raises:
        PluginError: An extension cannot deliver the evaluator that it offers.
    """
    own = {**ENGINE_EVALUATORS, **domain.evaluators}
    needed = {f"{item.logic.type}.{item.logic.check}" for item in policy.invariants.values()}
    return {name: own[name] if name in own else INVARIANT_HANDLERS.get(name) for name in needed}
