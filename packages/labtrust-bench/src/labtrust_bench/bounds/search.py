"""Looking for a good plan: from what the model decided, by small changes that do no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.randomness import Stream, stream

from labtrust_bench.bounds.dispatcher import ClerkStep, Decision, Dispatcher
from labtrust_bench.bounds.facts import DT_S, Facts
from labtrust_bench.bounds.model import BOOKING
from labtrust_bench.bounds.shadow import Names, Shadow

ROUNDS: Final = 1_000
STAY: Final = -1

Cuts = frozenset[int]
"""Where a sequence is cut: before these positions, from 1."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A decision in a form that is easy to change.

    Attributes:
        order: Specimens in the order in which they are booked in.
        batches: Cuts between those that are booked in together.
        moves_before: Batch before which the clerk takes the rest to the centrifuge and goes on
            there; ``STAY`` where she stays.
        spins: Cuts between spins, among the specimens that are spun, in the same order.
        loads: Cuts between loads, among the specimens that are not spun.
        other_lane: Specimens that go to their second analyser.
        fetchers: As in ``Decision``.
        by_hall: Likewise.
        analysts_fetch: Likewise.
    """

    order: tuple[str, ...]
    batches: Cuts
    moves_before: int
    spins: Cuts
    loads: Cuts
    other_lane: frozenset[str] = frozenset()
    fetchers: int = 2
    by_hall: bool = False
    analysts_fetch: bool = False


def names_of(policy: CompiledPolicy) -> Names:
    """Return the names and limits that a shadow needs."""
    tables: LabTables = policy.tables
    kinds = {table.type.kind: name for name, table in tables.devices.items()}
    hop: dict[str, dict[str, int]] = {}
    for (here, there), way in tables.ways.items():
        hop.setdefault(here, {})[there] = -(-way.travel_s // DT_S)
    return Names(
        tables.next_hop,
        hop,
        kinds["centrifuge"],
        kinds["aliquoter"],
        tables.stat_share_percent,
        tables.stat_share_window,
    )


def improve(
    facts: Facts, names: Names, starts: Sequence[Outline], objective: str, rounds: int = ROUNDS
) -> Shadow:
    """Return the best plan that was found from any of some outlines.

    The same arguments give the same plan.

    Raises:
        ValueError: None of them comes to an end.
    """
    best: tuple[int, Outline, Shadow] | None = None
    draws = stream(len(facts.jobs), f"bounds/search/{objective}")
    for number, first in enumerate(starts):
        found = _descend(facts, names, first, objective, (draws, number, rounds))
        if found is not None and (best is None or found[0] < best[0]):
            best = found
    if best is None:
        raise ValueError(f"none of {len(starts)} outlines can be carried out")
    return best[2]


def _descend(
    facts: Facts, names: Names, first: Outline, objective: str, luck: tuple[Stream, int, int]
) -> tuple[int, Outline, Shadow] | None:
    """Return cost, outline and play after many small changes; worse ones are taken back."""
    draws, entity, rounds = luck
    shadow = Dispatcher(facts, names, decision_of(facts, first)).run()
    if shadow is None:
        return None
    cost = shadow.cost(objective)
    best = (cost, first, shadow)
    for number in range(rounds):
        dice = Dice(draws, f"{entity}/{number}")
        outline = best[1]
        for _ in range(1 + dice.below(3)):
            outline = CHANGES[dice.below(len(CHANGES))](facts, outline, dice)
        shadow = Dispatcher(facts, names, decision_of(facts, outline)).run()
        if shadow is not None and (cost := shadow.cost(objective)) <= best[0]:
            best = (cost, outline, shadow)
    return best


class Dice:
    """Draws of one round, one after the other."""

    def __init__(self, draws: Stream, entity: str) -> None:
        self._draws = draws
        self._entity = entity
        self._number = 0

    def below(self, bound: int) -> int:
        """Return an integer from 0 to ``bound - 1``."""
        self._number += 1
        return self._draws.below(bound, self._entity, self._number)


# --- from outline to decision --------------------------------------------------------------------


def decision_of(facts: Facts, outline: Outline) -> Decision:
    """Return the decision that an outline stands for."""
    jobs = {job.name: job for job in facts.jobs}
    batches = _cut(outline.order, outline.batches)
    spins = _cut([name for name in outline.order if jobs[name].spins], outline.spins)
    loads = _cut([name for name in outline.order if not jobs[name].spins], outline.loads)
    taken: set[str] = set()
    if outline.moves_before != STAY:
        taken = {name for batch in batches[outline.moves_before :] for name in batch}
    ready = {name: number for number, name in enumerate(outline.order)}
    to_fetch = [tuple(name for name in group if name not in taken) for group in spins]
    fetched = sorted(
        [group for group in to_fetch if group] + loads,
        key=lambda group: max(ready[name] for name in group),
    )
    return Decision(
        tuple(_clerk_steps(facts, batches, outline.moves_before)),
        tuple(fetched),
        tuple(spins),
        tuple((name, jobs[name].lanes[-1].device_id) for name in sorted(outline.other_lane)),
        outline.fetchers,
        outline.by_hall,
        outline.analysts_fetch,
    )


def _clerk_steps(
    facts: Facts, batches: Sequence[tuple[str, ...]], moves_before: int
) -> Iterable[ClerkStep]:
    for number, batch in enumerate(batches):
        if number == moves_before:
            rest = tuple(name for item in batches[number:] for name in item)
            yield "RETRIEVE", rest
            yield "MOVE", (facts.bay,)
            yield "STORE", rest
        for action in BOOKING:
            yield action, batch


def _cut(names: Sequence[str], cuts: Cuts) -> list[tuple[str, ...]]:
    parts: list[tuple[str, ...]] = []
    last = 0
    for place in sorted(cuts):
        if last < place < len(names):
            parts.append(tuple(names[last:place]))
            last = place
    return [*parts, tuple(names[last:])] if names else []


# --- small changes -------------------------------------------------------------------------------

Change = Callable[[Facts, Outline, Dice], Outline]


def _shift(facts: Facts, outline: Outline, dice: Dice) -> Outline:
    """Book a specimen in earlier or later."""
    order = list(outline.order)
    name = order.pop(dice.below(len(order)))
    order.insert(dice.below(len(facts.jobs)), name)
    return replace(outline, order=tuple(order))


def _toggle(cuts: Cuts, count: int, dice: Dice) -> Cuts:
    return cuts ^ {1 + dice.below(max(1, count - 1))}


def _batches(facts: Facts, outline: Outline, dice: Dice) -> Outline:
    """Join or part what is booked in together."""
    return replace(outline, batches=_toggle(outline.batches, len(facts.jobs), dice))


def _spins(facts: Facts, outline: Outline, dice: Dice) -> Outline:
    """Join or part spins."""
    return replace(outline, spins=_toggle(outline.spins, len(facts.jobs), dice))


def _loads(facts: Facts, outline: Outline, dice: Dice) -> Outline:
    """Join or part loads."""
    return replace(outline, loads=_toggle(outline.loads, len(facts.jobs), dice))


def _moves(_facts: Facts, outline: Outline, dice: Dice) -> Outline:
    """Let the clerk go sooner, later, or not at all."""
    count = len(_cut(outline.order, outline.batches))
    return replace(outline, moves_before=dice.below(count + 1) - 1)


def _other_lane(facts: Facts, outline: Outline, dice: Dice) -> Outline:
    """Send a specimen to its other analyser."""
    job = facts.jobs[dice.below(len(facts.jobs))]
    changed = {job.name} if len(job.lanes) > 1 else set()
    return replace(outline, other_lane=outline.other_lane ^ changed)


def _habits(_facts: Facts, outline: Outline, dice: Dice) -> Outline:
    """Change how carriers share work."""
    return replace(
        outline,
        fetchers=1 + dice.below(3),
        by_hall=bool(dice.below(2)),
        analysts_fetch=bool(dice.below(2)),
    )


CHANGES: Final[tuple[Change, ...]] = (
    _shift,
    _shift,
    _batches,
    _spins,
    _loads,
    _moves,
    _other_lane,
    _habits,
)


def first_outlines(facts: Facts) -> list[Outline]:
    """Return simple outlines to start from: by weight, one at a time or all together."""
    order = tuple(job.name for job in sorted(facts.jobs, key=lambda job: (-job.weight, job.name)))
    each = frozenset(range(1, len(order)))
    return [
        Outline(order, each, STAY, frozenset(), each),
        Outline(order, each, 0, frozenset(), each),
        Outline(order, frozenset(), STAY, frozenset(), frozenset()),
    ]
