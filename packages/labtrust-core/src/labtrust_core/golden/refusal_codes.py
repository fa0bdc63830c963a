"""Which reason codes a guard or handler can refuse with, read from its code.

Nobody keeps a list beside the code: the constants of a function, and of the functions of its
package that it names, are looked through for registered codes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from types import CodeType, FunctionType
from typing import Final

from labtrust_core.engine.actions import ENGINE_REASON_CODES
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.event import Blocked
from labtrust_core.policy.model import ActionRule

HANDLER: Final = "(handler)"
"""Stands for the guard's name where the handler itself refuses."""


def refusal_rows(policy: CompiledPolicy, rules: dict[str, ActionRule]) -> list[str]:
    """Return ``ACTION guard CODE`` for everything that a guard or handler can refuse."""
    domain = policy.domain
    codes = {name: codes_of(guard, domain.reason_codes) for name, guard in domain.guards.items()}
    known = ENGINE_REASON_CODES | domain.reason_codes
    rows: list[str] = []
    for action, rule in rules.items():
        rows += [
            refusal_row(action, guard, code)
            for guard in dict.fromkeys((*rule.early_guards, *rule.guards))
            for code in sorted(codes[guard])
        ]
        handler = policy.actions[action].handler
        refusing = codes_of(handler, known, refusing=True)
        rows += [refusal_row(action, HANDLER, code) for code in sorted(refusing)]
    return rows


def refusal_row(action: str, guard: str, code: str) -> str:
    """Return the name of a row of the coverage table ``refusals``."""
    return f"{action} {guard} {code}"


def codes_of(
    function: Callable[..., object], known: Collection[str], *, refusing: bool = False
) -> frozenset[str]:
    """Return the codes of ``known`` that ``function`` and what it calls hold as constants.

    Args:
        function: A function; anything else has no code to look through.
        known: The codes to look for.
        refusing: Look only at functions that name ``Blocked``; a handler holds codes for other
            ends, too.
    """
    found: set[str] = set()
    for inner in _reached(function):
        if not refusing or _names(inner.__code__, inner.__globals__, Blocked):
            found.update(item for item in _constants(inner.__code__) if item in known)
    return frozenset(found)


def _reached(function: object) -> list[FunctionType]:
    """Return a function and the functions of its top-level package that it names, at any depth."""
    found: list[FunctionType] = []
    waiting = [function]
    while waiting:
        item = waiting.pop()
        if isinstance(item, FunctionType) and item not in found:
            found.append(item)
            package = item.__module__.partition(".")[0]
            waiting += [
                named
                for code in _codes(item.__code__)
                for name in code.co_names
                if isinstance(named := item.__globals__.get(name), FunctionType)
                and named.__module__.partition(".")[0] == package
            ]
    return found


def _names(code: CodeType, scope: dict[str, object], wanted: object) -> bool:
    return any(scope.get(name) is wanted for part in _codes(code) for name in part.co_names)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for item in code.co_consts:
        if isinstance(item, CodeType):
            yield from _codes(item)


def _constants(code: CodeType) -> Iterator[str]:
    for part in _codes(code):
        waiting = list(part.co_consts)
        while waiting:
            item = waiting.pop()
            if isinstance(item, str):
                yield item
            elif isinstance(item, tuple | frozenset):
                waiting += item
