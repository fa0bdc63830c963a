"""Checks of action masks. All of them need masks, in the observation or in the infos."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from gymnasium import spaces

from labtrust_env.conformance.errors import ConformanceError, NotApplicableError, require
from labtrust_env.conformance.playing import SEED, SHORT, Episode, Factory

REASON: Final = "blocked_reason_code"
_TURNS: Final = 600


def _start(factory: Factory) -> Episode:
    """Return an episode with masks for everybody.

    Raises:
        NotApplicableError: Somebody has none, or actions that are not discrete.
    """
    episode = Episode(factory())
    episode.reset(SEED)
    for agent, mask in episode.masks.items():
        discrete = isinstance(episode.env.action_space(agent), spaces.Discrete)
        if mask is None or not discrete:
            raise NotApplicableError(
                "needs action_mask in observations or infos, and discrete actions"
            )
    return episode


def mask_format(factory: Factory) -> None:
    """A mask is an int8 vector of 0 and 1, allows something, and is the same in both places."""
    episode = _start(factory)
    for number in range(SHORT):
        for agent, mask in episode.masks.items():
            where = f"the mask of {agent} after {number} steps"
            require(isinstance(mask, np.ndarray), f"{where} is no array")
            array = np.asarray(mask)
            size = episode.env.action_space(agent).n
            require(array.shape == (size,), f"{where} has shape {array.shape}, not ({size},)")
            require(array.dtype == np.int8, f"{where} is {array.dtype}; Discrete.sample needs int8")
            require(np.isin(array, (0, 1)).all(), f"{where} holds others than 0 and 1")
            require(array.any(), f"{where} allows nothing")
            other = episode.infos[agent].get("action_mask", array)
            require(np.array_equal(array, other), f"{where} is another one in the info")
        if not episode.env.agents:
            break
        episode.step()


def masks_tell_the_truth(factory: Factory) -> None:
    """Alone in a step, an allowed action is accepted and a ruled-out one blocked with a reason.

    Needs infos that say so under ``blocked_reason_code`` (``None``: not blocked), and a ``step``
    in which those who are not named wait.
    """
    episode = _start(factory)
    if any(REASON not in info for info in episode.infos.values()):
        raise NotApplicableError(f"needs infos with {REASON}")
    rng = random.Random(SEED)  # noqa: S311 - a hand that plays, no secret
    tried: Counter[tuple[str, int]] = Counter()
    for turn in range(_TURNS):
        if not episode.env.agents:
            episode.reset(SEED + turn)
        agent = episode.env.agents[turn % len(episode.env.agents)]
        allowed = turn % 3 < 2  # noqa: PLR2004 - two of three
        found = np.flatnonzero(np.asarray(episode.masks[agent]) == int(allowed))
        if not len(found):
            continue
        start = int(episode.env.action_space(agent).start)
        index = min((int(item) for item in found), key=lambda item: _rank(tried, agent, item, rng))
        tried[agent, index] += 1
        _step(episode, {agent: index + start}, "an action of one agent alone")
        reason = episode.infos[agent].get(REASON)
        where = f"action {index} of {agent} in turn {turn + 1}"
        require(allowed or reason is not None, f"the mask rules out {where}, but it is accepted")
        require(not allowed or reason is None, f"the mask allows {where}, but it fails: {reason}")


def _rank(
    tried: Counter[tuple[str, int]], agent: str, index: int, rng: random.Random
) -> tuple[int, float]:
    """Return what sorts the least tried first, in no fixed order among equals."""
    return tried[agent, index], rng.random()


def masked_out_actions_are_survived(factory: Factory) -> None:
    """Agents may send what the mask rules out; the step is taken all the same."""
    episode = _start(factory)
    rng = random.Random(SEED)  # noqa: S311 - a hand that plays, no secret
    for _ in range(SHORT):
        if not episode.env.agents:
            break
        actions = {}
        for agent in episode.env.agents:
            ruled_out = np.flatnonzero(np.asarray(episode.masks[agent]) == 0)
            start = int(episode.env.action_space(agent).start)
            use = len(ruled_out) and rng.random() < 0.5  # noqa: PLR2004 - one of two
            actions[agent] = int(rng.choice(ruled_out)) + start if use else episode.choose(agent)
        _step(episode, actions, "a masked-out action")


def _step(episode: Episode, actions: Mapping[str, Any], what: str) -> None:
    try:
        episode.step_with(actions)
    except Exception as error:  # a foreign environment may raise anything
        raise ConformanceError(
            f"{what} crashes step({actions}): {type(error).__name__}: {error}"
        ) from error
