"""The arrays of a batch: which there are, and where each lies in one block of memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from labtrust_core.engine.compiled import CompiledPolicy
from numpy.typing import DTypeLike, NDArray

_ALIGNED: Final = 64  # bytes, a cache line

WAITED: Final = 0
ACCEPTED: Final = 1
BLOCKED: Final = 2


@dataclass(frozen=True, slots=True)
class BatchShape:
    """How large a batch is.

    Attributes:
        envs: Number of environments.
        agents: Number of agents in each.
        fields: Numbers in an agent's observation.
        actions: Actions of an agent.
        state: Numbers in the global state; 0 where it is not asked for.
        keeps_final: Whether what was seen last in an episode is kept, since the next one begins in
            the same step.
    """

    envs: int
    agents: int
    fields: int
    actions: int
    state: int
    keeps_final: bool

    def layout(self) -> dict[str, tuple[tuple[int, ...], DTypeLike]]:
        """Return the shape and type of each array by its name in ``BatchArrays``."""
        crew = (self.envs, self.agents)
        last = self.envs if self.keeps_final else 0
        return {
            "observations": ((*crew, self.fields), np.float32),
            "masks": ((*crew, self.actions), np.int8),
            "states": ((self.envs, self.state), np.float32),
            "final_observations": ((last, self.agents, self.fields), np.float32),
            "final_masks": ((last, self.agents, self.actions), np.int8),
            "final_states": ((last, self.state), np.float32),
            "actions": (crew, np.int64),
            "rewards": (crew, np.float64),
            "terminated": (crew, np.bool_),
            "truncated": (crew, np.bool_),
            "outcomes": (crew, np.int8),
            "reasons": (crew, np.int16),
            "began": ((self.envs,), np.bool_),
            "ended": ((self.envs,), np.bool_),
            "seeds": ((self.envs, 3), np.int64),
        }

    def size(self) -> int:
        """Return the bytes of a block that holds all arrays."""
        return max(1, self._places()[1])

    def _places(self) -> tuple[dict[str, int], int]:
        places, end = {}, 0
        for name, (shape, dtype) in self.layout().items():
            places[name] = end
            size = math.prod(shape) * np.dtype(dtype).itemsize
            end += -(-size // _ALIGNED) * _ALIGNED
        return places, end

    def arrays_in(self, block: memoryview) -> BatchArrays:
        """Return the arrays that lie in a block of ``size()`` bytes, as it is filled now."""
        places, _ = self._places()
        found: dict[str, NDArray[Any]] = {
            name: np.ndarray(shape, dtype, block, places[name])
            for name, (shape, dtype) in self.layout().items()
        }
        return BatchArrays(**found)


def reason_table(policy: CompiledPolicy) -> list[str | None]:
    """Return the reason codes by their numbers in ``BatchArrays.reasons``."""
    return [None, *sorted(policy.reason_codes)]


@dataclass(slots=True)
class BatchArrays:
    """What a batch writes and reads; the first axis is the environment's, the second the agent's.

    Attributes:
        observations: What each agent observes.
        masks: 1 for each index that the agent can do.
        states: The global state of each environment.
        final_observations: Where the last step ended an episode and began the next, what was
            observed last in the one before; likewise ``final_masks`` and ``final_states``.
        actions: What each agent is to do next.
        rewards: Of the last step.
        terminated: Whether the last step terminated the episode.
        truncated: Whether it truncated it.
        outcomes: What came of each agent's own event: ``WAITED``, ``ACCEPTED`` or ``BLOCKED``; of
            the final step where that ended an episode.
        reasons: Why it was BLOCKED: one more than the place of the reason code among those of
            policy, sorted; 0 where it was not.
        began: Where an episode began in the last call.
        ended: Where one ended, and, with ``keeps_final``, the final arrays are filled.
        seeds: Of the running episode: its seed, the stream's seed, its number in the stream.
    """

    observations: NDArray[np.float32]
    masks: NDArray[np.int8]
    states: NDArray[np.float32]
    final_observations: NDArray[np.float32]
    final_masks: NDArray[np.int8]
    final_states: NDArray[np.float32]
    actions: NDArray[np.int64]
    rewards: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    outcomes: NDArray[np.int8]
    reasons: NDArray[np.int16]
    began: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    seeds: NDArray[np.int64]
