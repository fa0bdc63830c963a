"""Solve an instance: a bound from the model, a good plan, and what that comes to when played."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any, Final

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import LabTrustError

from labtrust_bench.bounds.facts import Facts, facts_of
from labtrust_bench.bounds.instances import Instance
from labtrust_bench.bounds.model import OBJECTIVES, BoundModel, solver
from labtrust_bench.bounds.play import PLAN, play
from labtrust_bench.bounds.search import (
    ROUNDS,
    STAY,
    Cuts,
    Outline,
    first_outlines,
    improve,
    names_of,
)
from labtrust_bench.bounds.store import Bound, Solved, plan_rows, timetable

WORKERS: Final = 8
"""Search strategies of the solver that run side by side; several of them look for bounds alone."""

_ROUNDING: Final = 1e-6
"""The objective is a whole number, and the solver states its bound as a float."""

Say = Callable[[str], None]


class SolveError(LabTrustError):
    """The solver found no bound in the time it was given, or a plan did not play as computed."""


def solve(
    instance: Instance,
    policy: CompiledPolicy,
    time_limit_s: float,
    rounds: int = ROUNDS,
    say: Say | None = None,
) -> Solved:
    """Solve an instance for every objective.

    Args:
        instance: The instance.
        policy: The policy.
        time_limit_s: Seconds that the solver gets for each objective.
        rounds: Small changes tried on each first plan.
        say: Told of each objective that is done.

    Raises:
        MissingExtraError: The solver is not installed.
        SolveError: It found nothing in that time.
        UsageError: The model does not fit the policy.
    """
    facts = facts_of(instance, policy)
    found: dict[str, Bound] = {}
    for objective in OBJECTIVES:
        found[objective] = _one(instance, policy, facts, objective, (time_limit_s, rounds))
        if say is not None:
            item = found[objective]
            say(f"{instance.name}, {objective}: bound {item.bound}, achieved {item.achieved}")
    return Solved(
        instance=instance.name,
        fingerprint=facts.fingerprint,
        solver=_solver_name(),
        objectives=found,
    )


def _one(
    instance: Instance,
    policy: CompiledPolicy,
    facts: Facts,
    objective: str,
    effort: tuple[float, int],
) -> Bound:
    model = BoundModel(facts)
    model.minimise(objective)
    search = model.cp.CpSolver()
    search.parameters.max_time_in_seconds = effort[0]
    search.parameters.num_workers = WORKERS
    search.parameters.random_seed = 1
    status = search.solve(model.model)
    if status not in (model.cp.OPTIMAL, model.cp.FEASIBLE):
        raise SolveError(
            f"{instance.name}, {objective}: nothing found in {effort[0]} s "
            f"({search.status_name(status)})"
        )
    starts = [outline_of(facts, model, search), *first_outlines(facts)]
    shadow = improve(facts, names_of(policy), starts, objective, effort[1])
    plan = plan_rows(shadow.done)
    achieved = play(instance, policy, PLAN, timetable(plan)).value(objective)
    if achieved != shadow.cost(objective):
        raise SolveError(
            f"{instance.name}, {objective}: the plan comes to {achieved} in the simulator, "
            f"expected {shadow.cost(objective)}"
        )
    return Bound(
        bound=ceil(search.best_objective_bound - _ROUNDING),
        status="optimal" if status == model.cp.OPTIMAL else "bound",
        seconds=round(search.wall_time, 1),
        achieved=achieved,
        plan=plan,
    )


def outline_of(facts: Facts, model: BoundModel, found: Any) -> Outline:  # noqa: ANN401 - a solver
    """Return the decisions of a model's solution as an outline to start from."""
    accepted = [found.value(item) for item in model.accepted]
    order = sorted(range(model.count), key=lambda job: (accepted[job], facts.jobs[job].name))
    batches = _changes([accepted[job] for job in order])
    ahead = {job for job, literals in model.stands.items() if not found.value(literals[0])}
    starts = [0, *sorted(batches)]
    moves = [number for number, place in enumerate(starts) if order[place] in ahead]
    spins = [
        found.value(
            next(
                spin
                for spin, literal in zip(model.spins, chosen, strict=True)
                if found.value(literal)
            )
        )
        for chosen in (model.spin_of[job] for job in order if job in model.spin_of)
    ]
    lanes = {
        facts.jobs[job].name
        for job, literals in enumerate(model.lane)
        if len(literals) > 1 and found.value(literals[-1])
    }
    unspun = sum(not job.spins for job in facts.jobs)
    return Outline(
        order=tuple(facts.jobs[job].name for job in order),
        batches=batches,
        moves_before=min(moves, default=STAY),
        spins=_changes(spins),
        loads=frozenset(range(1, unspun)),
        other_lane=frozenset(lanes),
    )


def _changes(values: list[int]) -> Cuts:
    """Return the places, from 1, where a sequence changes."""
    return frozenset(place for place in range(1, len(values)) if values[place] != values[place - 1])


def _solver_name() -> str:
    solver()
    import ortools  # noqa: PLC0415 - an extra; the line above says when it is missing

    return f"ortools {ortools.__version__}"
