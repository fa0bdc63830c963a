"""A sensible move for every action of the shipped workflow, and one of some kind."""

from __future__ import annotations

import random
from typing import Final

from labtrust_core.engine.engine import Engine
from labtrust_core.testing.random_bench_moves import BENCH_MOVES
from labtrust_core.testing.random_choice import NOTHING, Choice
from labtrust_core.testing.random_office_moves import OFFICE_MOVES
from labtrust_core.testing.random_shift import Move
from labtrust_core.testing.random_trust_moves import TRUST_MOVES

_TRIES: Final = 3

MOVES: Final = {**BENCH_MOVES, **OFFICE_MOVES, **TRUST_MOVES}
"""Every action of the shipped workflow to a recipe for a sensible move."""

_OFTEN: Final = {
    "MOVE": 6,
    "RETRIEVE": 3,
    "STORE": 4,
    "OPEN_DOOR": 3,
    "QUEUE_RUN": 4,
    "START_RUN": 5,
    "GENERATE_RESULT": 6,
    "RELEASE_RESULT": 4,
    "AMEND_RESULT": 3,
    "CENTRIFUGE_END": 3,
    "ALIQUOT_CREATE": 3,
    "MINT_TOKEN": 4,
    "START_RUN_OVERRIDE": 3,
    "RELEASE_RESULT_OVERRIDE": 3,
    "DISPATCH_TRANSPORT": 3,
    "CHAIN_OF_CUSTODY_SIGN": 4,
    "RECEIVE_TRANSPORT": 3,
    "NOTIFY_CRITICAL_RESULT": 3,
    "ESCALATE_CRITICAL_RESULT": 3,
    "CREATE_ACCESSION": 2,
    "CHECK_ACCEPTANCE_RULES": 3,
    "ACCEPT_SPECIMEN": 3,
}
WEIGHTED: Final = tuple(action for action in MOVES for _ in range(_OFTEN.get(action, 1)))
"""Every action, those that drive the work more than once."""


def sensible(engine: Engine, action: str, rng: random.Random) -> Move:
    """Return a move that somebody could mean to make now.

    Args:
        engine: Runs the episode.
        action: What is to be done.
        rng: Where choices are drawn from.

    Raises:
        KeyError: There is no recipe for the action.
    """
    return MOVES[action](Choice(engine, action, rng))


def some_move(engine: Engine, rng: random.Random) -> Move:
    """Return a sensible move of some kind, if need be after a few that come to nothing.

    Args:
        engine: Runs the episode.
        rng: Where choices are drawn from.
    """
    move = sensible(engine, rng.choice(WEIGHTED), rng)
    for _ in range(_TRIES):
        if NOTHING not in move.args.values() and [NOTHING] not in move.args.values():
            break
        move = sensible(engine, rng.choice(WEIGHTED), rng)
    return move
