"""Checks of PettingZoo's conventions on agents: names, keys, types, and how an episode ends."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from labtrust_env.conformance.errors import NotApplicableError, require
from labtrust_env.conformance.playing import SEED, WHOLE, Env, Episode, Factory

_NAME: Final = re.compile(r"[a-z]+_[0-9]+")
_CYCLES: Final = 4
_PARTS: Final = ("observations", "rewards", "terminations", "truncations", "infos")


def agent_lists(factory: Factory) -> None:
    """``possible_agents`` never changes and names ``role_index``; ``agents`` is a part of it."""
    env = factory()
    possible = list(env.possible_agents)
    require(possible, "possible_agents is empty")
    require(len(set(possible)) == len(possible), "possible_agents names an agent twice")
    for agent in possible:
        require(
            isinstance(agent, str) and _NAME.fullmatch(agent),
            f"agent {agent!r} is not named role_index, such as runner_0",
        )
    for seed in (SEED, SEED + 1):
        observations, infos = env.reset(seed=seed)
        require(env.agents, "agents is empty after reset")
        require(set(env.agents) <= set(possible), "agents names one who is not possible")
        for word, found in (("observations", observations), ("infos", infos)):
            require(set(found) == set(env.agents), f"reset returns {word} of others than agents")
    require(list(env.possible_agents) == possible, "possible_agents changes at reset")


def step_results(factory: Factory) -> None:
    """A step's five dicts are about those who were live; rewards and flags are plain values."""
    env = factory()
    episode = Episode(env)
    episode.reset(SEED)
    for number in range(1, WHOLE + 1):
        live = list(env.agents)
        if not live:
            break
        results = env.step({agent: episode.choose(agent) for agent in live})
        require(len(results) == len(_PARTS), f"step returns {len(results)} things, expected 5")
        named = dict(zip(_PARTS, results, strict=True))
        for word, found in named.items():
            require(set(found) == set(live), f"step {number}: {word} are not of those live before")
        _check_values(named, number)
        ended, cut = named["terminations"], named["truncations"]
        left = [agent for agent in live if not (ended[agent] or cut[agent])]
        require(
            set(env.agents) == set(left),
            f"step {number}: agents holds one who has ended, or lacks one who has not",
        )
        episode.seen(named["observations"], named["infos"])


def _check_values(named: Mapping[str, Mapping[str, Any]], number: int) -> None:
    for agent, reward in named["rewards"].items():
        require(
            type(reward) in (float, int) and math.isfinite(reward),
            f"step {number}: the reward of {agent} is no finite plain number: {reward!r}",
        )
    for word in ("terminations", "truncations"):
        for agent, flag in named[word].items():
            require(type(flag) is bool, f"step {number}: {word} of {agent} is no bool: {flag!r}")
    for agent, info in named["infos"].items():
        require(isinstance(info, dict), f"step {number}: the info of {agent} is no dict")


def time_limit_truncates(factory: Factory) -> None:
    """An episode of ``max_cycles`` steps is truncated, not terminated, and leaves nobody live."""
    env: Env = factory()
    if not hasattr(env, "max_cycles"):
        raise NotApplicableError("needs the attribute max_cycles, and there is none")
    env.max_cycles = _CYCLES
    episode = Episode(env)
    episode.reset(SEED)
    for number in range(1, _CYCLES + 1):
        require(env.agents, f"with max_cycles {_CYCLES} nobody is live before step {number}")
        actions = {agent: episode.choose(agent) for agent in env.agents}
        observations, _, ended, cut, infos = env.step(actions)
        if any(ended.values()):
            raise NotApplicableError(f"the episode terminates by itself in step {number}")
        last = number == _CYCLES
        require(
            set(cut.values()) == {last},
            f"with max_cycles {_CYCLES} step {number} "
            + ("does not truncate everybody" if last else "truncates already"),
        )
        episode.seen(observations, infos)
    require(not env.agents, "agents are live after the time limit")
