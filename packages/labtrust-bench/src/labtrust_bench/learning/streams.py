"""The laboratories as stable-baselines3 wants them: one stream of experience a member.

Parameters are shared: every member of every laboratory is one of the streams that a single policy
learns from, and its role is part of what it observes. An update plays one whole episode in each
laboratory, so that between updates nothing is left over but the learner itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from labtrust_bench.learning.labs import EpisodeSummary
from labtrust_bench.learning.pool import LabPool


class MemberStreams(VecEnv):
    """A vector environment with one row a member of each laboratory.

    Attributes:
        pool: The laboratories.
        finished: What came out of the episodes of the last update.
        next_seed: Seed of the first laboratory's next episode.
    """

    def __init__(self, pool: LabPool, first_seed: int) -> None:
        self.pool = pool
        self.next_seed = first_seed
        self.finished: list[EpisodeSummary] = []
        self._steps = 0
        shape = pool.shape
        super().__init__(
            pool.labs * len(shape.members),
            spaces.Box(0, 1, (shape.inputs,), np.float32),
            spaces.Discrete(shape.actions),
        )

    @property
    def masks(self) -> NDArray[np.int8]:
        """What each stream may do now: int8 ``(streams, actions)``."""
        return self.pool.arrays.masks.reshape(self.num_envs, -1)

    def reset(self) -> NDArray[np.float32]:
        """Start the next episode in every laboratory."""
        self.pool.reset(range(self.next_seed, self.next_seed + self.pool.labs))
        self.next_seed += self.pool.labs
        self._steps = 0
        return self._inputs()

    def restart(self) -> None:
        """Start the present episodes again, as ``reset`` left them."""
        self.pool.reset(range(self.next_seed - self.pool.labs, self.next_seed))
        self._steps = 0

    def _inputs(self) -> NDArray[np.float32]:
        return self.pool.arrays.inputs.reshape(self.num_envs, -1).copy()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions of all streams."""
        self.pool.arrays.actions[:] = actions.reshape(self.pool.arrays.actions.shape)

    def step_wait(self) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Play the step; at the end of the episodes begin the next ones.

        The horizon is part of the task and its time part of the observation, so an episode's end is
        a true end and nothing is to be expected beyond it.
        """
        running = ~self.pool.arrays.ended
        self.pool.step()
        self._steps += 1
        members = len(self.pool.shape.members)
        paid = self.pool.arrays.paid.reshape(-1).copy()
        over = self.pool.arrays.ended & running
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if self._steps == self.pool.shape.steps:
            over[:] = True
            self.finished = self.pool.summaries()
            self.reset()
        return self._inputs(), paid, np.repeat(over, members), infos

    def close(self) -> None:
        """End the processes of the pool."""
        self.pool.close()

    def has_attr(self, attr_name: str) -> bool:
        """Whether the streams have an attribute: ``action_masks`` is what is asked for."""
        return attr_name == "action_masks" or hasattr(self, attr_name)

    def env_method(
        self,
        method_name: str,
        *method_args: object,
        indices: int | Iterable[int] | None = None,
        **method_kwargs: object,
    ) -> list[Any]:
        """Return the masks of all streams, which is all that can be asked of them."""
        del method_args, method_kwargs, indices
        if method_name != "action_masks":
            raise AttributeError(method_name)
        return list(self.masks)

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """Return an attribute of the whole, once a stream."""
        del indices
        return [getattr(self, attr_name, None)] * self.num_envs

    def set_attr(
        self, attr_name: str, value: object, indices: int | Iterable[int] | None = None
    ) -> None:
        """Refuse: streams have no attributes of their own."""
        del value, indices
        raise AttributeError(attr_name)

    def env_is_wrapped(
        self, wrapper_class: type[Any], indices: int | Iterable[int] | None = None
    ) -> list[bool]:
        """Say that no stream is wrapped."""
        del wrapper_class, indices
        return [False] * self.num_envs

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Change nothing: the configuration fixes the seed of every episode."""
        del seed
        return [None] * self.num_envs
