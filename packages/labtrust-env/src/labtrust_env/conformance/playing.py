"""A hand that plays any PettingZoo parallel environment, and notes what the environment showed.

The hand draws from copies of the action spaces with seeds of its own, obeys the mask where there is
one, and touches neither the environment's spaces nor any global random state.
"""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from labtrust_env.conformance.errors import ConformanceError, require

Env = Any
"""A PettingZoo parallel environment, which carries no type information."""

Factory = Callable[[], Env]
"""Makes a new environment, always of the same configuration."""

Masks = dict[str, "NDArray[Any] | None"]
Moment = dict[str, bytes]
"""What a step showed: a part, such as "the reward of runner_0", to its bytes."""

SEED: Final = 7
WHOLE: Final = 1_000
"""Steps of what counts as a whole episode; a longer one is not played to its end."""
SHORT: Final = 150


class Episode:
    """An environment, a hand, and the masks that the hand saw last.

    Attributes:
        env: The environment.
        masks: Agent to its mask, or to ``None`` where there is none.
        observations: What the last step or reset returned.
        infos: Likewise.
    """

    def __init__(self, env: Env, masks: Masks | None = None) -> None:
        self.env = env
        self.masks: Masks = {} if masks is None else dict(masks)
        self.observations: Mapping[str, Any] = {}
        self.infos: Mapping[str, Any] = {}
        self._spaces: dict[str, spaces.Space[Any]] = {}

    def reset(self, seed: int | None) -> Moment:
        """Start an episode and return what it shows first."""
        self.seen(*self.env.reset(seed=seed))
        return self._moment({})

    def step(self) -> Moment:
        """Let every live agent do something and return what that shows."""
        return self.step_with({agent: self.choose(agent) for agent in self.env.agents})

    def step_with(self, actions: Mapping[str, Any]) -> Moment:
        """Take a step with these actions and return what that shows."""
        observations, rewards, ended, cut, infos = self.env.step(actions)
        self.seen(observations, infos)
        return self._moment({"reward": rewards, "termination": ended, "truncation": cut})

    def play(self, steps: int) -> list[Moment]:
        """Play on for so many steps, or to the end of the episode."""
        moments: list[Moment] = []
        while self.env.agents and len(moments) < steps:
            moments.append(self.step())
        return moments

    def seen(self, observations: Mapping[str, Any], infos: Mapping[str, Any]) -> None:
        """Take note of what a reset or a step returned."""
        self.observations, self.infos = observations, infos
        self.masks = find_masks(observations, infos)

    def choose(self, agent: str) -> Any:  # noqa: ANN401 - an action is what the space says
        """Return an action of the agent's space that the mask allows."""
        if agent not in self._spaces:
            self._spaces[agent] = copy.deepcopy(self.env.action_space(agent))
            self._spaces[agent].seed(zlib.crc32(agent.encode()))
        space, mask = self._spaces[agent], self.masks.get(agent)
        if isinstance(space, spaces.Discrete) and mask is not None:
            legal = np.flatnonzero(mask)
            require(len(legal), f"the mask of {agent} allows nothing at all")
            return int(legal[int(space.sample()) % len(legal)]) + int(space.start)
        return space.sample()

    def _moment(self, more: Mapping[str, Mapping[str, Any]]) -> Moment:
        parts: dict[str, Mapping[str, Any]] = {
            "observation": self.observations,
            "mask": self.masks,
            **more,
        }
        moment = {
            f"the {word} of {agent}": to_bytes(value)
            for word, values in parts.items()
            for agent, value in values.items()
        }
        if has_state(self.env):
            moment["the state"] = to_bytes(self.env.state())
        return moment


def play(env: Env, seed: int | None, steps: int) -> list[Moment]:
    """Reset an environment and play; the first moment is that of the reset."""
    episode = Episode(env)
    return [episode.reset(seed), *episode.play(steps)]


def has_state(env: Env) -> bool:
    """Whether an environment claims to have a global state."""
    return getattr(env, "state_space", None) is not None


def find_masks(observations: Mapping[str, Any], infos: Mapping[str, Any]) -> Masks:
    """Return each agent's mask: from its observation, else from its info, else ``None``."""
    masks: Masks = {}
    for agent, observation in observations.items():
        held = observation if isinstance(observation, Mapping) else {}
        info = infos.get(agent, {})
        masks[agent] = held.get("action_mask", info.get("action_mask"))
    return masks


def to_bytes(value: object) -> bytes:
    """Return bytes that are equal when two values are, in type, shape and every bit."""
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        return f"{array.dtype}{array.shape}:".encode() + array.tobytes()
    if isinstance(value, Mapping):
        items = sorted((repr(key), to_bytes(item)) for key, item in value.items())
        return b"{" + b",".join(key.encode() + b"=" + item for key, item in items) + b"}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return b"[" + b",".join(to_bytes(item) for item in value) + b"]"
    return f"{type(value).__name__}:{value!r}".encode()


def first_difference(one: Sequence[Moment], other: Sequence[Moment]) -> str | None:
    """Return in words where two recorded episodes part, or ``None`` where they do not."""
    for number, (here, there) in enumerate(zip(one, other, strict=False)):
        for part in sorted(here.keys() | there.keys()):
            if here.get(part) != there.get(part):
                return f"{part} after {number} steps"
    if len(one) != len(other):
        return f"the length: {len(one)} and {len(other)} moments"
    return None


def require_same(one: Sequence[Moment], other: Sequence[Moment], what: str) -> None:
    """Raise when two recorded episodes differ.

    Args:
        one: An episode.
        other: What must be the same.
        what: What differs then, as the beginning of a sentence.

    Raises:
        ConformanceError: They differ.
    """
    difference = first_difference(one, other)
    if difference is not None:
        raise ConformanceError(f"{what}: they part in {difference}")
