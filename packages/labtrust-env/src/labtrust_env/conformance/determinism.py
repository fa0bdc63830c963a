"""Checks that a seed and the actions fix an episode, and that nothing else has a part in it."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable

import numpy as np

from labtrust_env.conformance.errors import ConformanceError, NotApplicableError, require
from labtrust_env.conformance.playing import (
    SEED,
    SHORT,
    WHOLE,
    Env,
    Episode,
    Factory,
    Moment,
    first_difference,
    play,
    require_same,
)


def same_seed(factory: Factory) -> None:
    """Two environments with one seed show the same bytes over a whole episode."""
    one, other = play(factory(), SEED, WHOLE), play(factory(), SEED, WHOLE)
    require_same(one, other, "two episodes with one seed differ")


def other_seed(factory: Factory) -> None:
    """Another seed shows something else."""
    one, other = play(factory(), SEED, SHORT), play(factory(), SEED + 1, SHORT)
    require(first_difference(one, other), f"seeds {SEED} and {SEED + 1} give the same episode")


def independent_of_history(factory: Factory) -> None:
    """An episode does not depend on those before it, finished or broken off."""
    used = factory()
    play(used, SEED + 1, WHOLE)
    play(used, SEED + 2, SHORT // 2)
    require_same(
        play(used, SEED, WHOLE),
        play(factory(), SEED, WHOLE),
        "an episode after others differs from that of a new environment with the same seed",
    )


def reset_goes_on(factory: Factory) -> None:
    """``reset()`` without a seed starts another episode, which the first seed fixes."""
    first, again = factory(), factory()
    before = play(first, SEED, SHORT)
    require(
        first_difference(before, after := play(first, None, SHORT)),
        "reset() without a seed repeats the episode before",
    )
    play(again, SEED, SHORT)
    require_same(
        after, play(again, None, SHORT), "the episode after a seeded one is not fixed by the seed"
    )


def instances_are_apart(factory: Factory) -> None:
    """Two environments that are played in turns do not disturb each other."""
    alone = play(factory(), SEED, SHORT)
    one, other = Episode(factory()), Episode(factory())
    together = [one.reset(SEED)]
    other.reset(SEED + 1)
    while one.env.agents and len(together) <= SHORT:
        other.play(1)
        together += one.play(1)
    require_same(alone, together, "an environment beside another plays another episode")


def global_random_untouched(factory: Factory) -> None:
    """The global generators of ``random`` and ``numpy.random`` are neither read nor changed."""
    kept = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is the subject
    try:
        one, other = _play_with_globals(factory, 1), _play_with_globals(factory, 2)
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])  # noqa: NPY002 - likewise
    require_same(one, other, "an episode depends on the global random state")


def _play_with_globals(factory: Factory, seed: int) -> list[Moment]:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - likewise
    before = _global_states()
    moments = play(factory(), SEED, SHORT)
    for name, state in _global_states().items():
        require(state == before[name], f"playing changes the global random state of {name}")
    return moments


def _global_states() -> dict[str, str]:
    state = np.random.get_state(legacy=False)  # noqa: NPY002 - likewise
    return {
        "random": repr(random.getstate()),
        "numpy": repr((state["state"]["key"].tobytes(), state["state"]["pos"])),
    }


def deepcopy_continues(factory: Factory) -> None:
    """``copy.deepcopy`` in mid-episode gives an environment that goes on identically."""
    _check_copy(factory, copy.deepcopy, "copy.deepcopy")


def pickle_continues(factory: Factory) -> None:
    """``pickle`` in mid-episode gives an environment that goes on identically."""
    _check_copy(factory, lambda env: pickle.loads(pickle.dumps(env)), "pickle")  # noqa: S301 - own


def factory_copies(factory: Factory) -> None:
    """Copies of the factory, by ``pickle`` and ``copy.deepcopy``, make the same environment."""
    try:
        sent = pickle.dumps(factory)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotApplicableError(f"needs a factory that can be pickled: {error}") from error
    here = play(factory(), SEED, SHORT // 2)
    for name, twin in (
        ("pickle", pickle.loads(sent)),  # noqa: S301 - own bytes
        ("copy.deepcopy", copy.deepcopy(factory)),
    ):
        there = play(twin(), SEED, SHORT // 2)
        require_same(here, there, f"a factory that {name} made makes another environment")


def _check_copy(factory: Factory, make_copy: Callable[[Env], Env], name: str) -> None:
    """Compare a copy with its original, which goes on only when the copy is done."""
    length = len(play(factory(), SEED, 2 * SHORT)) - 1
    if length < 2:  # noqa: PLR2004 - there is no middle in less
        raise NotApplicableError("an episode is over after one step, so there is no middle")
    episode = Episode(factory())
    episode.reset(SEED)
    episode.play(length // 2)
    try:
        twin = make_copy(episode.env)
    except Exception as error:  # a foreign environment may raise anything
        raise ConformanceError(f"{name} fails: {type(error).__name__}: {error}") from error
    continued = _continue(twin, episode)
    original = _continue(episode.env, episode)
    require_same(continued, original, f"what {name} made in mid-episode goes on differently")


def _continue(env: Env, before: Episode) -> list[Moment]:
    """Play on to the end, and into the next episode of the same stream."""
    episode = Episode(env, before.masks)
    moments = episode.play(SHORT)
    return [*moments, *play(env, None, 2)]
