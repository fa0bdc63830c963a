"""The invariants of the laboratory in one table, for tests of it and of workflows built on it.

An invariant says what holds after every event, whatever anybody does. Those of a state look at one
state, those of a change at two and the events between them. They belong to the shipped workflow:
one that leaves out guards may break some of them, and then says so by leaving them out as well.

    watch = Watch(engine)
    watch.see(engine.step(event))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeVar

from labtrust_core.engine.engine import Engine
from labtrust_core.event import StepResult
from labtrust_core.testing import (
    invariants_of_places,
    invariants_of_results,
    invariants_of_trust,
    invariants_of_work,
    invariants_over_time,
)
from labtrust_core.testing.glance import (
    Change,
    ChangeCheck,
    Glance,
    StateCheck,
    glance,
    kept,
    with_followers,
)

C = TypeVar("C", bound=Callable[..., object])


def _table(*areas: tuple[C, ...]) -> dict[str, C]:
    return {check.__name__: check for area in areas for check in area}


STATE_INVARIANTS: Final[Mapping[str, StateCheck]] = _table(
    invariants_of_places.CHECKS,
    invariants_of_work.CHECKS,
    invariants_of_results.CHECKS,
    invariants_of_trust.CHECKS,
)
"""Name to invariant of a state."""

CHANGE_INVARIANTS: Final[Mapping[str, ChangeCheck]] = _table(invariants_over_time.CHECKS)
"""Name to invariant of a change."""


def statement(name: str) -> str:
    """Return what an invariant says, in one sentence.

    Raises:
        KeyError: There is no such invariant.
    """
    checks: dict[str, Callable[..., object]] = {**STATE_INVARIANTS, **CHANGE_INVARIANTS}
    return inspect.cleandoc(checks[name].__doc__ or "").partition("\n")[0]


def objections(state: Glance, *, without: Collection[str] = ()) -> dict[str, list[str]]:
    """Return, by invariant, the sentences in which a state breaks it.

    Args:
        state: The state.
        without: Names of invariants that are not asked.
    """
    return {
        name: found
        for name, check in STATE_INVARIANTS.items()
        if name not in without and (found := list(check(state)))
    }


def objections_to_change(change: Change, *, without: Collection[str] = ()) -> dict[str, list[str]]:
    """Return, by invariant, the sentences in which a change breaks it.

    Args:
        change: The change.
        without: Names of invariants that are not asked.
    """
    return {
        name: found
        for name, check in CHANGE_INVARIANTS.items()
        if name not in without and (found := list(check(change)))
    }


class Watch:
    """Looks at an episode after every event.

    Attributes:
        engine: Runs the episode.
        without: Names of invariants that are not asked.
    """

    def __init__(self, engine: Engine, *, without: Collection[str] = ()) -> None:
        """Look for the first time.

        Raises:
            AssertionError: The state breaks an invariant; says which and how.
        """
        self.engine = engine
        self.without = without
        _require(objections(glance(engine), without=without), "at the start")
        self._before = kept(engine)

    def see(self, *results: StepResult) -> None:
        """Look again, after ``results`` came out and nothing else.

        Raises:
            AssertionError: State or change break an invariant; says which and how.
        """
        after = glance(self.engine)
        change = Change(self._before, after, with_followers(results))
        found = objections(after, without=self.without)
        found |= objections_to_change(change, without=self.without)
        last = results[-1].event if results else None
        _require(found, f"after {last}")
        self._before = kept(self.engine)


def _require(found: Mapping[str, list[str]], when: str) -> None:
    if found:
        lines = [f"{name}: {sentence}" for name, said in found.items() for sentence in said]
        raise AssertionError("\n".join([f"{len(found)} invariants do not hold {when}:", *lines]))
