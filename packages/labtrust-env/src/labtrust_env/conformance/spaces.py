"""Checks that what an environment shows lies inside what it declares, and is the caller's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labtrust_env.conformance.errors import NotApplicableError, require
from labtrust_env.conformance.playing import (
    SEED,
    SHORT,
    WHOLE,
    Episode,
    Factory,
    has_state,
    to_bytes,
)


def observations_in_space(factory: Factory) -> None:
    """Every observation lies inside its agent's space, keys and types included."""
    episode = Episode(factory())
    episode.reset(SEED)
    for number in range(WHOLE):
        for agent, observation in episode.observations.items():
            require(
                episode.env.observation_space(agent).contains(observation),
                f"the observation of {agent} after {number} steps is outside its space",
            )
        if not episode.env.agents:
            break
        episode.step()


def state_in_space(factory: Factory) -> None:
    """Every global state lies inside ``state_space``."""
    episode = Episode(factory())
    if not has_state(episode.env):
        raise NotApplicableError("needs a state_space, and there is none")
    episode.reset(SEED)
    for number in range(SHORT):
        require(
            episode.env.state_space.contains(episode.env.state()),
            f"the state after {number} steps is outside state_space",
        )
        if not episode.env.agents:
            break
        episode.step()


def spaces_are_stable(factory: Factory) -> None:
    """A space is one object for as long as the environment lives, and no two agents share one."""
    env = factory()
    for kind in ("action_space", "observation_space"):
        find = getattr(env, kind)
        before = {agent: find(agent) for agent in env.possible_agents}
        env.reset(seed=SEED)
        for agent, space in before.items():
            require(find(agent) is space, f"{kind}({agent!r}) is a new object at each call")
        require(
            len({id(space) for space in before.values()}) == len(before),
            f"agents share one {kind}, so that seeding one agent's moves another's",
        )


def results_are_fresh(factory: Factory) -> None:
    """What a step returned stays as it was when the next step is taken."""
    episode = Episode(factory())
    episode.reset(SEED)
    for number in range(20):
        if not episode.env.agents:
            break
        kept = episode.observations
        before = to_bytes(kept)
        arrays = list(_arrays(kept))
        episode.step()
        require(to_bytes(kept) == before, f"step {number + 1} changes observations returned before")
        shared = any(
            np.shares_memory(old, new)
            for old in arrays
            for new in _arrays(episode.observations)
            if old.size
        )
        require(not shared, f"step {number + 1} returns an array that was returned before")


def _arrays(value: object) -> Iterator[NDArray[Any]]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _arrays(item)
