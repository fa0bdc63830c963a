"""What tests need that break an invariant on purpose, to see that it objects and no other does.

A breaker changes a healthy state, or the second of two equal ones and the events between them. It
raises StopIteration where the state lacks what it wants to break; the next state is tried then.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeAlias, TypeVar

import msgspec

from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.things import Consignment, Device, Result, Run, Specimen
from labtrust_core.testing.glance import Change, Glance, kept, with_followers
from labtrust_core.testing.random_moves import some_move
from labtrust_core.testing.random_shift import Shift
from labtrust_core.testing.world_invariants import objections, objections_to_change
from labtrust_core.trust.tokens import Token

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
StateBreaker: TypeAlias = Callable[[Glance], None]
ChangeBreaker: TypeAlias = Callable[[Change], tuple[StepResult, ...] | None]
"""Returns the events that are said to lie between the two states, if any."""


class Breakers:
    """What breaks the invariants of one area: cases for a parametrised test, with their ids.

    Attributes:
        cases: Each breaker with the names of the invariants that must object to it.
    """

    def __init__(self) -> None:
        self.cases: list[tuple[Callable[..., Any], set[str]]] = []
        self.ids: list[str] = []

    def breaks(self, name: str, *also: str) -> Callable[[F], F]:
        """Say which invariant a function breaks, and which others cannot but object, too."""

        def note(function: F) -> F:
            self.ids.append(f"{name}-{len(self.cases)}")
            self.cases.append((function, {name, *also}))
            return function

        return note

    def idle(self, checks: Iterable[Callable[..., object]]) -> set[str]:
        """Return the names of the checks that no breaker makes object."""
        broken = {name for _, names in self.cases for name in names}
        return {check.__name__ for check in checks} - broken


_SHIFTS = ((3, False), (4, True), (5, False))
_STEPS, _EVERY = 600, 20


@cache
def healthy_changes() -> tuple[Change, ...]:
    """Return changes that break nothing, of random shifts in both timings; not to be changed."""
    found = []
    for seed, is_simulated in _SHIFTS:
        rng = random.Random(seed)  # noqa: S311 - a fixed sequence of moves
        shift = Shift(seed, simulated=is_simulated)
        for number in range(_STEPS):
            shift.wait(rng.choice([0, 0, 20, 90]))
            before = kept(shift.engine) if number % _EVERY == 0 else None
            outcome = shift.do(some_move(shift.engine, rng))
            if before is not None:
                found.append(Change(before, kept(shift.engine), with_followers([outcome])))
    return tuple(found)


def twin(state: Glance) -> Glance:
    """Return a copy of a state that can be changed."""
    world, trust = pickle.loads(pickle.dumps((state.world, state.trust)))  # noqa: S301 - own bytes
    return Glance(world, state.tables, state.policy, trust, state.length)


def objectors_to_state(breaker: StateBreaker) -> set[str]:
    """Return the invariants that object to the first healthy state that could be broken.

    Raises:
        LookupError: None has what is to be broken.
    """
    for change in healthy_changes():
        state = twin(change.after)
        try:
            breaker(state)
        except StopIteration:
            continue
        return set(objections(state))
    raise LookupError(f"no healthy state has what {breaker.__name__} breaks")


def objectors_to_change(breaker: ChangeBreaker) -> set[str]:
    """Return the invariants that object to the first idle moment that could be broken.

    Raises:
        LookupError: None has what is to be broken.
    """
    for healthy in healthy_changes():
        idle = Change(twin(healthy.after), twin(healthy.after), ())
        try:
            events = breaker(idle) or ()
        except StopIteration:
            continue
        return set(objections_to_change(Change(idle.before, idle.after, events)))
    raise LookupError(f"no healthy state has what {breaker.__name__} breaks")


def acceptance(action: str, t_s: int = 0, **args: object) -> StepResult:
    """Return the outcome of an event of A_RECEPTION that was accepted, and did nothing."""
    outcomes = (item for change in healthy_changes() for item in change.events)
    one = next(item for item in outcomes if item.accepted and item.event is not None)
    fields: dict[str, Any] = {"action_type": action, "agent_id": "A_RECEPTION", "t_s": t_s}
    event = msgspec.structs.replace(one.event, args=args, **fields)  # type: ignore[type-var] # just seen that there is one
    return msgspec.structs.replace(one, event=event, origin="agent", token_consumed=(), data={})


def refusal() -> StepResult:
    """Return the outcome of an event that was refused."""
    outcomes = (item for change in healthy_changes() for item in change.events)
    return next(item for item in outcomes if not item.accepted)


def need(condition: object) -> None:
    """Say that a state will not do.

    Raises:
        StopIteration: The condition does not hold.
    """
    if not condition:
        raise StopIteration


def one(items: Iterable[T], fits: Callable[[T], object] = lambda _: True) -> T:
    """Return the first item that fits.

    Raises:
        StopIteration: There is none.
    """
    return next(item for item in items if fits(item))


def tube(
    now: Glance, *statuses: str, fits: Callable[[Specimen], object] = lambda _: True
) -> Specimen:
    """Return a specimen with one of the statuses, or with any where none is named."""
    found = now.world.specimens.values()
    return one((item for item in found if not statuses or item.status in statuses), fits)


def result(
    now: Glance, *statuses: str, fits: Callable[[Result], object] = lambda _: True
) -> Result:
    """Return a result with one of the statuses, or with any where none is named."""
    found = now.world.results.values()
    return one((item for item in found if not statuses or item.status in statuses), fits)


def run(
    now: Glance, kind: str, *, unloaded: bool, fits: Callable[[Run], object] = lambda _: True
) -> Run:
    """Return a run on a device of a kind."""
    found = (item for item in now.world.runs.values() if item.unloaded == unloaded)
    return one((item for item in found if now.kind(item.device_id) == kind), fits)


def analyser(now: Glance, fits: Callable[[Device], object] = lambda _: True) -> Device:
    """Return an analyser."""
    found = now.world.devices.values()
    return one((item for item in found if now.kind(item.device_id) == "analyser"), fits)


def consignment(now: Glance, *statuses: str) -> Consignment:
    """Return a consignment with one of the statuses."""
    return one(now.world.consignments.values(), lambda item: item.status in statuses)


def token(now: Glance, *states: str) -> Token:
    """Return a token that was minted, in one of the states, or in any where none is named."""
    minted = (item for item in now.trust.tokens.values() if item.minted_by is not None)
    return one(minted, lambda item: not states or item.state in states)
