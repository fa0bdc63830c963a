"""A batch of laboratories with many agents each, as arrays ``[environment, agent, ...]``."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from labtrust_core.errors import UnknownNameError, UsageError
from numpy.typing import ArrayLike, NDArray

from labtrust_env.config import EnvConfig
from labtrust_env.parallel_env import HospitalLabEnv
from labtrust_env.vector.arrays import BatchArrays, BatchShape, reason_table
from labtrust_env.vector.chunk import Chunk, EnvFactory, LabEnvironments, ResetOrder
from labtrust_env.vector.infos import Infos, reset_infos, step_infos
from labtrust_env.vector.pool import WorkerPool

Seed = int | Sequence[int | None] | None
StepArrays = tuple[
    NDArray[np.float32],
    NDArray[np.int8],
    NDArray[np.float64],
    NDArray[np.bool_],
    NDArray[np.bool_],
    Infos,
]

_RESET_MASK: Final = "reset_mask"


class HospitalLabVector:
    """Several environments of one configuration, played together.

    Every array that is returned is a new one; the first axis is the environment's, the second,
    where there is one, the agent's. The module ``labtrust_env.vector`` has an overview.

    Attributes:
        num_envs: Number of environments.
        num_agents: Number of agents in each.
        agents: Their names, in acting order.
        single_observation_space: Of one agent in one environment; all have the same.
        single_action_space: Likewise.
        single_state_space: Of one environment's global state.
        autoreset_mode: What happens where an episode ends.
        workers: Number of processes; 0 means that this one plays.
        reset_infos: Infos of the last reset: ``seed``, ``stream_seed`` and ``episode``.
        policy_fingerprint: Of the policy in force.
    """

    def __init__(
        self,
        make: EnvFactory | EnvConfig,
        num_envs: int,
        *,
        workers: int = 0,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
        with_state: bool = False,
    ) -> None:
        """Make the environments; ``reset`` starts the episodes.

        Args:
            make: A configuration, or what makes a new environment at each call, always of the same
                configuration. For other processes it must be one that can be pickled and imported:
                a function of a module, or an object such as ``LabEnvironments``.
            num_envs: Number of environments.
            workers: Number of processes, each with an equal share of the environments; by default
                this one plays them all.
            autoreset_mode: A member of Gymnasium's ``AutoresetMode``, or its value.
            with_state: Whether ``states()`` is to be had.

        Raises:
            UsageError: A number makes no batch, the factory cannot go to other processes, an agent
                has other spaces than the others, or environments would open windows.
            WorkerError: A process fails.
            LabTrustError: As ``HospitalLabEnv``.
        """
        _check_numbers(num_envs, workers)
        if isinstance(make, EnvConfig):
            make = LabEnvironments(make)
        if isinstance(make, LabEnvironments):
            make = make.compiled()
        self.num_envs = num_envs
        self.workers = workers
        self.autoreset_mode = _mode(autoreset_mode)
        first = make()
        _check_environment(first)
        self._describe(first)
        shape = BatchShape(
            envs=num_envs,
            agents=self.num_agents,
            fields=int(self.single_observation_space.shape[0]),
            actions=int(self.single_action_space.n),
            state=int(self.single_state_space.shape[0]) if with_state else 0,
            keeps_final=self.autoreset_mode is AutoresetMode.SAME_STEP,
        )
        self._players: Chunk | WorkerPool
        if workers:
            first.close()
            self._players = WorkerPool(make, shape, self.autoreset_mode, workers)
        else:
            envs = [first, *(make() for _ in range(num_envs - 1))]
            arrays = shape.arrays_in(memoryview(bytearray(shape.size())))
            self._players = Chunk(envs, arrays, 0, self.autoreset_mode)
        self.reset_infos: Infos = {}
        self._started = np.zeros(num_envs, np.bool_)
        self._with_state = with_state
        self._end = weakref.finalize(self, self._players.close)

    def _describe(self, env: HospitalLabEnv) -> None:
        self.agents = tuple(env.possible_agents)
        self.num_agents = len(self.agents)
        layout = env.observer.layout
        self.single_observation_space = spaces.Box(0, 1, (layout.size,), np.float32)
        self.single_action_space = spaces.Discrete(len(env.session.actions))
        self.single_state_space = env.state_space
        self.render_mode = env.render_mode
        policy = env.session.engine.policy
        self.policy_fingerprint = policy.fingerprint
        self._codes = np.array(reason_table(policy), dtype=object)

    def reset(
        self, seed: Seed = None, options: Mapping[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """Start an episode in every environment, or in those of a mask.

        Args:
            seed: Environment ``i`` begins the stream ``seed + i``; a sequence has one for each.
                Without one, each environment goes on in its own stream.
            options: Those of ``HospitalLabEnv.reset``, and ``reset_mask``: a bool array that says
                which environments to reset, at least one.

        Returns:
            Observations and masks of all environments, also of those that were not reset.

        Raises:
            UsageError: There are not as many seeds as environments, one is out of range, or the
                mask is none; or the batch is closed.
            WorkerError: A process fails.
            LabTrustError: As ``HospitalLabEnv.reset``, where this process plays.
        """
        self._check_open()
        others = dict(options or {})
        rows = self._rows(others.pop(_RESET_MASK, None))
        if not (self._started | rows).all():
            raise UsageError("the first reset is of all environments; this mask leaves some out")
        order = ResetOrder(self._seeds(seed), rows.tolist(), others or None)
        self._players.reset(order)
        self._started |= rows
        arrays = self._arrays()
        self.reset_infos = reset_infos(arrays)
        return arrays.observations.copy(), arrays.masks.copy()

    def _rows(self, mask: object) -> NDArray[np.bool_]:
        if mask is None:
            return np.ones(self.num_envs, np.bool_)
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise UsageError(f"reset_mask is a bool array, found {mask!r}")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise UsageError(
                f"reset_mask has shape ({self.num_envs},) and names an environment, found {mask!r}"
            )
        return mask

    def _seeds(self, seed: Seed) -> list[int | None]:
        if seed is None:
            return [None] * self.num_envs
        if isinstance(seed, Sequence | np.ndarray):
            if len(seed) != self.num_envs:
                raise UsageError(f"{self.num_envs} environments need as many seeds, found {seed!r}")
            return [None if item is None else operator.index(item) for item in seed]
        first = operator.index(seed)
        return [first + number for number in range(self.num_envs)]

    def step(self, actions: ArrayLike) -> StepArrays:
        """Let every agent of every environment act, then let ``dt_s`` seconds pass in each.

        Args:
            actions: Integers ``[environment, agent]``; one that a mask rules out is BLOCKED.

        Returns:
            Observations, masks, rewards, terminated, truncated, and infos (see
            ``labtrust_env.vector.infos``).

        Raises:
            UsageError: The actions have another shape or type, or one is no index; an environment
                has not begun, or is over and waits for a reset; or the batch is closed.
            WorkerError: A process fails.
        """
        self._check_open()
        self._check_running()
        self._arrays().actions[...] = self._checked(actions)
        self._players.step()
        arrays = self._arrays()
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        return (
            arrays.observations.copy(),
            arrays.masks.copy(),
            arrays.rewards.copy(),
            arrays.terminated.copy(),
            arrays.truncated.copy(),
            step_infos(arrays, self._codes, same_step=same_step),
        )

    def _checked(self, actions: ArrayLike) -> NDArray[np.int64]:
        found = np.asarray(actions)
        shape, count = (self.num_envs, self.num_agents), int(self.single_action_space.n)
        if found.shape != shape or not np.issubdtype(found.dtype, np.integer):
            raise UsageError(
                f"actions are integers of shape {shape}, found {found.dtype} of {found.shape}"
            )
        if found.min() < 0 or found.max() >= count:
            raise UsageError(
                f"an action lies in 0..{count - 1}, found {found.min()}..{found.max()}"
            )
        return found.astype(np.int64)

    def _check_running(self) -> None:
        if not self._started.all():
            raise UsageError("no episode is running; call reset first")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._arrays().ended.any():
            over = np.flatnonzero(self._arrays().ended).tolist()
            raise UsageError(f"the episodes of environments {over} are over; reset with reset_mask")

    def _check_open(self) -> None:
        if self.closed:
            raise UsageError("the batch is closed")

    def _arrays(self) -> BatchArrays:
        """Return the arrays in use; not to be kept, since memory is given back when unused."""
        return self._players.arrays

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions each agent can do now, ``[environment, agent, action]``.

        Raises:
            UsageError: The batch is closed.
        """
        self._check_open()
        return self._arrays().masks.astype(np.bool_)

    def states(self) -> NDArray[np.float32]:
        """Return the global states, ``[environment, number]``.

        Raises:
            UsageError: The batch was made without ``with_state``, or is closed.
        """
        self._check_open()
        if not self._with_state:
            raise UsageError("states are to be had with the option with_state=True")
        return self._arrays().states.copy()

    def call(self, name: str, *args: Any, **options: Any) -> list[Any]:  # noqa: ANN401 - as it is
        """Return what a method of each environment returns, or the value of an attribute.

        Arguments and answers are pickled where other processes play.

        Raises:
            UsageError: The batch is closed.
            WorkerError: A process fails.
        """
        self._check_open()
        return self._players.call(name, args, options)

    def render(self) -> tuple[Any, ...]:
        """Return a frame of each environment, as its render mode has it."""
        return tuple(self.call("render"))

    @property
    def closed(self) -> bool:
        """Whether ``close`` was called, or a process failed."""
        return self._players.closed

    def close(self) -> None:
        """End the environments and processes, and give memory back; again does nothing."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def _check_numbers(num_envs: int, workers: int) -> None:
    if num_envs < 1:
        raise UsageError(f"a batch has at least 1 environment, found {num_envs}")
    if not 0 <= workers <= num_envs:
        raise UsageError(f"{num_envs} environments are for 0..{num_envs} workers, found {workers}")


def _mode(mode: AutoresetMode | str) -> AutoresetMode:
    try:
        return AutoresetMode(mode)
    except ValueError as error:
        known = [item.value for item in AutoresetMode]
        raise UnknownNameError("autoreset mode", str(mode), known) from error


def _check_environment(env: HospitalLabEnv) -> None:
    if env.render_mode == "human":
        raise UsageError("a batch opens no windows; render it with rgb_array or ansi")
    if env.config.observation_form != "flat":
        raise UsageError("a batch is of flat observations; its fields are in labtrust_env.fields")
    for name in env.possible_agents:
        for find in (env.observation_space, env.action_space):
            if find(name) != find(env.possible_agents[0]):
                raise UsageError(f"agents of a batch have one space, {name} has another")
