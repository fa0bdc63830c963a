"""Experience at decisions only: where an agent had a choice.

A member on the way or at work can only wait, and so can one with nothing to do; such rows teach a
policy nothing. The advantage of a decision therefore reaches to the same member's next decision:
the pay in between is discounted to the decision, and the next value by the steps that have passed
(generalised advantage estimation on a semi-Markov process).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sb3_contrib.common.maskable.buffers import (
    MaskableRolloutBuffer,
    MaskableRolloutBufferSamples,
)

Floats = NDArray[np.float32]


def advantages_at_decisions(
    paid: Floats,
    values: Floats,
    begins: NDArray[Any],
    deciding: NDArray[np.bool_],
    gamma: float,
    gae_lambda: float,
) -> Floats:
    """Return the advantage of each decision, and 0 where there was none.

    The last row ends an episode.

    Args:
        paid: float32 ``(steps, streams)``: pay for the step.
        values: float32 ``(steps, streams)``: expected at the state before the step.
        begins: ``(steps, streams)``: nonzero where an episode begins.
        deciding: bool ``(steps, streams)``: where there was a choice.
        gamma: Discount of a step.
        gae_lambda: Discount of a decision.
    """
    steps, streams = paid.shape
    found = np.zeros((steps, streams), np.float32)
    since = np.zeros(streams, np.float32)
    discount = np.ones(streams, np.float32)
    value = np.zeros(streams, np.float32)
    advantage = np.zeros(streams, np.float32)
    for step in reversed(range(steps)):
        if step + 1 < steps:
            ends = begins[step + 1].astype(bool)
            since[ends] = value[ends] = advantage[ends] = 0
            discount[ends] = 1
        since = paid[step] + gamma * since
        discount = gamma * discount
        here = deciding[step]
        fresh = since + discount * value - values[step] + discount * gae_lambda * advantage
        advantage = np.where(here, fresh, advantage)
        value = np.where(here, values[step], value)
        since = np.where(here, 0, since).astype(np.float32)
        discount = np.where(here, 1, discount).astype(np.float32)
        found[step] = np.where(here, fresh, 0)
    return found


class DecisionBuffer(MaskableRolloutBuffer):
    """A rollout buffer whose minibatches hold decisions only."""

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: NDArray[Any]) -> None:
        """Fill advantages and returns; the rollout ends with the episodes."""
        del last_values, dones
        self.deciding = self.action_masks.sum(axis=2) > 1
        self.advantages = advantages_at_decisions(
            self.rewards,
            self.values,
            self.episode_starts,
            self.deciding,
            self.gamma,
            self.gae_lambda,
        )
        self.returns = self.advantages + self.values

    def get(
        self, batch_size: int | None = None
    ) -> Generator[MaskableRolloutBufferSamples, None, None]:
        """Yield minibatches of decisions in an order drawn from NumPy's global generator.

        What is left over after the last whole minibatch is dropped, so that no tiny one has its
        advantages normalised.
        """
        if not self.generator_ready:
            self._flatten()
        chosen = np.random.permutation(self._rows)  # noqa: NPY002 - as the class that it extends
        size = len(chosen) if batch_size is None else min(batch_size, len(chosen))
        for start in range(0, len(chosen) - size + 1, max(1, size)):
            yield self._get_samples(chosen[start : start + size])

    def _flatten(self) -> None:
        names = ("observations", "actions", "values", "log_probs")
        for name in (*names, "advantages", "returns", "action_masks"):
            setattr(self, name, self.swap_and_flatten(getattr(self, name)))
        self._rows = np.flatnonzero(self.swap_and_flatten(self.deciding))
        self.generator_ready = True
