"""Plays several environments one after the other, and writes what they show into a batch's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from gymnasium.vector import AutoresetMode
from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from numpy.typing import NDArray

from labtrust_env.config import EnvConfig
from labtrust_env.parallel_env import HospitalLabEnv
from labtrust_env.vector.arrays import ACCEPTED, BLOCKED, WAITED, BatchArrays, reason_table

EnvFactory = Callable[[], HospitalLabEnv]

_OUTCOMES: Final = {None: WAITED, "ACCEPTED": ACCEPTED, "BLOCKED": BLOCKED}


@dataclass(frozen=True, slots=True)
class LabEnvironments:
    """Makes environments of one configuration; can be pickled.

    Attributes:
        config: What to run.
        policy: A policy compiled before; by default the one that ``config`` names is opened for
            each environment.
    """

    config: EnvConfig
    policy: CompiledPolicy | None = None

    def __call__(self) -> HospitalLabEnv:
        """Return a new environment; errors as ``HospitalLabEnv``."""
        return HospitalLabEnv(self.config, self.policy)

    def compiled(self) -> LabEnvironments:
        """Return the same with its policy compiled, so that no environment has to.

        Raises:
            PolicyError: The policy is missing, malformed or contradicts itself.
            UnknownNameError: There is no such partner.
        """
        if self.policy is not None:
            return self
        return LabEnvironments(
            self.config, open_policy(self.config.policy_dir, self.config.partner)
        )


@dataclass(frozen=True, slots=True)
class ResetOrder:
    """What to reset.

    Attributes:
        seeds: A seed for each environment of the batch, or ``None`` to go on in its stream.
        rows: Whether to reset it at all.
        options: Options of ``HospitalLabEnv.reset``.
    """

    seeds: Sequence[int | None]
    rows: Sequence[bool]
    options: Mapping[str, Any] | None


class Chunk:
    """The environments of neighbouring rows of a batch, from ``first`` on.

    Attributes:
        arrays: The whole batch's arrays, of which these rows are written.
        closed: Whether ``close`` was called.
    """

    def __init__(
        self, envs: Sequence[HospitalLabEnv], arrays: BatchArrays, first: int, mode: AutoresetMode
    ) -> None:
        self._envs = dict(enumerate(envs, first))
        self.arrays = arrays
        self.closed = False
        self._mode = mode
        self._agents = tuple(envs[0].possible_agents)
        table = reason_table(envs[0].session.engine.policy)
        self._reasons = {code: number for number, code in enumerate(table)}
        self._with_state = arrays.states.shape[1] > 0

    def reset(self, order: ResetOrder) -> None:
        """Start episodes.

        Raises:
            LabTrustError: As ``HospitalLabEnv.reset``.
        """
        for row in self._envs:
            self.arrays.began[row] = order.rows[row]
            if order.rows[row]:
                options = None if order.options is None else dict(order.options)
                self._begin(row, order.seeds[row], options)
                self._calm(row)

    def step(self) -> None:
        """Let every environment take the step that the batch's actions say."""
        for row in self._envs:
            over = bool(self.arrays.ended[row])
            if over and self._mode is AutoresetMode.NEXT_STEP:
                self._begin(row, None, None)
                self.arrays.began[row] = True
                self._calm(row)
            else:
                self.arrays.began[row] = False
                self._step(row)

    def _begin(self, row: int, seed: int | None, options: dict[str, Any] | None) -> None:
        observations, infos = self._envs[row].reset(seed=seed, options=options)
        info = infos[self._agents[0]]
        self.arrays.seeds[row] = info["seed"], info["stream_seed"], info["episode"]
        self._write(row, observations, self.arrays.observations, self.arrays.masks)
        if self._with_state:
            self.arrays.states[row] = self._envs[row].state()

    def _calm(self, row: int) -> None:
        """Note that nothing has happened yet in a row's episode."""
        arrays = self.arrays
        arrays.rewards[row] = 0
        arrays.terminated[row] = arrays.truncated[row] = arrays.ended[row] = False
        arrays.outcomes[row] = WAITED
        arrays.reasons[row] = 0

    def _step(self, row: int) -> None:
        arrays, env = self.arrays, self._envs[row]
        actions = dict(zip(self._agents, arrays.actions[row].tolist(), strict=True))
        observations, rewards, terminated, truncated, infos = env.step(actions)
        told = [infos[name] for name in self._agents]
        arrays.rewards[row] = [rewards[name] for name in self._agents]
        arrays.terminated[row] = [terminated[name] for name in self._agents]
        arrays.truncated[row] = [truncated[name] for name in self._agents]
        arrays.outcomes[row] = [_OUTCOMES[item["status"]] for item in told]
        arrays.reasons[row] = [self._reasons[item["blocked_reason_code"]] for item in told]
        ended = any(terminated.values()) or any(truncated.values())
        arrays.ended[row] = ended
        if ended and self._mode is AutoresetMode.SAME_STEP:
            self._write(row, observations, arrays.final_observations, arrays.final_masks)
            if self._with_state:
                arrays.final_states[row] = env.state()
            self._begin(row, None, None)
            arrays.began[row] = True
            return
        self._write(row, observations, arrays.observations, arrays.masks)
        if self._with_state:
            arrays.states[row] = env.state()

    def _write(
        self,
        row: int,
        observations: Mapping[str, Any],
        vectors: NDArray[np.float32],
        masks: NDArray[np.int8],
    ) -> None:
        env = self._envs[row]
        for column, name in enumerate(self._agents):
            seen = observations[name]
            if isinstance(seen, Mapping):
                vectors[row, column], masks[row, column] = seen["observation"], seen["action_mask"]
            else:
                vectors[row, column], masks[row, column] = seen, env.action_mask(name)

    def call(self, name: str, args: Sequence[Any], options: Mapping[str, Any]) -> list[Any]:
        """Return what a method of each environment returns, or the value of an attribute.

        Raises:
            AttributeError: There is none of that name.
        """
        found = [getattr(env, name) for env in self._envs.values()]
        return [item(*args, **options) if callable(item) else item for item in found]

    def close(self) -> None:
        """Close the environments."""
        self.closed = True
        for env in self._envs.values():
            env.close()
