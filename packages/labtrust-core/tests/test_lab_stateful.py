"""A crew that does anything at all: after every event every invariant of the laboratory holds."""

import random
from collections import Counter
from typing import get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from labtrust_core.hospital_lab.things import ResultStatus, SpecimenStatus
from labtrust_core.testing.laboratory import shipped_policy
from labtrust_core.testing.random_moves import MOVES, sensible, some_move
from labtrust_core.testing.random_shift import PEOPLE, Shift, spoiled

MODES = {
    "explicit": {"simulated": False},
    "simulated": {"simulated": True},
    "signed": {"simulated": True, "signed": True},
}
# In simulated time every value comes by itself, together with the others of its run.
NEVER_BY_HAND = {"explicit": set(), "simulated": {"GENERATE_RESULT"}, "signed": {"GENERATE_RESULT"}}
WAITS = [0, 1, 5, 20, 60, 300]
RANDOMS = st.randoms(use_true_random=False)


def names(shift):
    """Return names of what there is, to be said in the wrong place."""
    world, tables = shift.engine.ctx.world, shift.engine.ctx.tables
    found = [*PEOPLE, *world.specimens, *world.results, *world.runs, *world.consignments]
    return [*found, *tables.zones, *tables.devices, *tables.doors, *tables.panels, ""]


def machine(tally, burst, **mode):
    """Return a state machine whose shifts add what they accept to ``tally``."""

    class Shifts(RuleBasedStateMachine):
        """Somebody does something, sensible as a rule; time passes; the shift is watched."""

        shift = None

        @initialize(seed=st.integers(0, 999))
        def begin(self, seed):
            self.shift = Shift(seed, **mode)

        @rule(rng=RANDOMS)
        def somebody_works(self, rng):
            self.shift.do(some_move(self.shift.engine, rng))

        @rule(action=st.sampled_from(sorted(MOVES)), rng=RANDOMS)
        def somebody_does_anything(self, action, rng):
            self.shift.do(sensible(self.shift.engine, action, rng))

        @rule(rng=RANDOMS)
        def somebody_is_mistaken(self, rng):
            move = some_move(self.shift.engine, rng)
            self.shift.do(spoiled(move, rng, names(self.shift)))

        @rule(rng=RANDOMS)
        def somebody_works_on(self, rng):
            for _ in range(burst):
                self.shift.do(some_move(self.shift.engine, rng))
                self.shift.wait(rng.choice(WAITS))

        @rule(seconds=st.sampled_from(WAITS))
        def time_passes(self, seconds):
            self.shift.wait(seconds)

        def teardown(self):
            if self.shift is not None:
                tally.update(self.shift.accepted)
                tally["steps"] += sum(self.shift.accepted.values()) + sum(
                    self.shift.refused.values()
                )

    return Shifts


def play(mode, examples, steps, burst):
    """Run shifts, and return how often each action was accepted."""
    tally = Counter()
    run_state_machine_as_test(
        machine(tally, burst, **MODES[mode]),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return tally


@pytest.mark.parametrize("mode", MODES)
def test_whatever_anybody_does_every_invariant_holds(mode):
    tally = play(mode, examples=15, steps=40, burst=3)
    accepted = tally.total() - tally["steps"]
    assert accepted > 0.3 * tally["steps"]
    assert len(tally) > 0.7 * len(MOVES)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_over_many_shifts_every_invariant_holds(mode):
    tally = play(mode, examples=200, steps=60, burst=10)
    accepted = tally.total() - tally["steps"]
    assert accepted > 0.3 * tally["steps"]
    assert len(tally) > 0.9 * len(MOVES)


def test_there_is_a_move_for_every_action_of_the_workflow_and_no_other():
    assert MOVES.keys() == shipped_policy().actions.keys()


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_long_shifts_accept_every_action_and_visit_every_status(mode):
    accepted, refused, statuses = Counter(), Counter(), set()
    for seed in range(8):
        rng = random.Random(seed)  # noqa: S311 - a fixed sequence of moves
        shift = Shift(seed, **MODES[mode])
        for _ in range(1_000):
            move = some_move(shift.engine, rng)
            if rng.random() < 0.05:
                move = spoiled(move, rng, names(shift))
            shift.do(move)
            if rng.random() < 0.5:
                shift.wait(rng.choice(WAITS))
        accepted += shift.accepted
        refused += shift.refused
        statuses |= shift.statuses
    table = [
        f"{action}: {accepted[action]} accepted, "
        f"{sum(n for text, n in refused.items() if text.startswith(f'{action}: '))} refused"
        for action in sorted(MOVES)
    ]
    never = {action for action in MOVES if not accepted[action]}
    assert never == NEVER_BY_HAND[mode], "\n".join(table)
    results = {f"result {status}" for status in get_args(ResultStatus)}
    assert statuses == {*get_args(SpecimenStatus), *results}
