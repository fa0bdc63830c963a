"""One laboratory to learn in: observations, masks and pay of all members, row by row.

A row belongs to a member, in the crew's order. A busy member can only wait, and its mask says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_env.observations import Observer
from labtrust_env.rewards import MILLI, step_rewards
from labtrust_env.session import Session
from numpy.typing import NDArray

from labtrust_bench.learning.config import TrainConfig
from labtrust_bench.learning.encoding import (
    action_set,
    input_size,
    layout_fingerprint,
    member_number,
)
from labtrust_bench.learning.shaping import Progress
from labtrust_bench.tasks.registry import get_task

Floats = NDArray[np.float32]
Masks = NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """What came out of one episode.

    Attributes:
        seed: Its seed.
        reward: The crew's reward as the task counts it, in points.
        paid: What the agents were paid in training, in points, summed over the crew.
        released: Specimens released.
        blocked: Refused events of members.
        violations: Invariants that members' accepted events broke.
    """

    seed: int
    reward: float
    paid: float
    released: int
    blocked: int
    violations: int


@dataclass(frozen=True, slots=True)
class LabShape:
    """The sizes that a learner must know.

    Attributes:
        members: Names of the crew, in order.
        inputs: Length of a row of input.
        actions: Length of a mask.
        steps: Steps of an episode.
        fingerprint: Of the layout of observations and actions.
    """

    members: tuple[str, ...]
    inputs: int
    actions: int
    steps: int
    fingerprint: str


class TrainingLab:
    """Plays one episode after another for a learner.

    Attributes:
        shape: Its sizes.
        usable: int8 vector: 1 for each action that the learner may use.
    """

    def __init__(self, config: TrainConfig, policy: CompiledPolicy) -> None:
        """Prepare; ``reset`` starts an episode.

        Raises:
            UnknownNameError: There is no such task or variant, or no such action to leave out.
        """
        self._task = get_task(config.task, config.variant)
        self._session = Session(policy, self._task.session_config())
        self._observer = Observer(self._session)
        self._progress = Progress(policy.tables, config.shaping)
        self._team = config.shaping.team
        self.usable = action_set(self._session.actions, config.without, config.without_targets)
        self._members = tuple(self._session.members)
        self._numbers = np.array([member_number(name) for name in self._members])
        self._seed = 0
        self._totals = np.zeros(5)
        actions = self._session.actions
        self.shape = LabShape(
            members=self._members,
            inputs=input_size(self._observer.layout, actions),
            actions=len(actions),
            steps=self._session.max_steps,
            fingerprint=layout_fingerprint(self._observer.layout, actions),
        )

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self._session.done

    def reset(self, seed: int) -> None:
        """Start the episode of a seed."""
        self._session.reset(seed)
        self._progress.reset()
        self._seed = seed
        self._totals = np.zeros(5)

    def write(self, inputs: Floats, masks: Masks) -> None:
        """Write the present state.

        Args:
            inputs: float32, one row a member: what the policy reads.
            masks: int8, one row a member: 1 for each action that it may take now.
        """
        size = self._observer.layout.size
        self._observer.refresh()
        inputs[:, :size] = self._observer.observe_all()
        np.multiply(self._session.masks(), self.usable, out=masks)
        inputs[:, size : size + masks.shape[1]] = masks
        inputs[:, size + masks.shape[1] :] = self._numbers

    def step(self, actions: NDArray[np.int64], paid: Floats) -> None:
        """Let every member act.

        Args:
            actions: One index a member.
            paid: float32, one number a member; what each is paid in training is written to it.
        """
        session = self._session
        results = session.step(dict(zip(self._members, actions.tolist(), strict=True)))
        terms = step_rewards(
            self._task.reward_config, session.ctx, results, session.outcomes, self._members
        )
        reward = sum(terms[self._members[0]].values()) / MILLI
        paid[:] = self._team * reward
        for name, result in session.outcomes.items():
            pay = self._progress.pay(session.ctx, session.members[name], result)
            paid[self._members.index(name)] += pay
        self._totals += (
            reward,
            float(paid.sum()),
            sum(len(item.data.get("released_specimens", ())) for item in results),
            sum(not item.accepted for item in session.outcomes.values()),
            sum(len(item.violations) for item in session.outcomes.values() if item.accepted),
        )

    def summary(self) -> EpisodeSummary:
        """Return what came out of the episode so far."""
        reward, paid, released, blocked, violations = self._totals.tolist()
        return EpisodeSummary(
            self._seed, reward, paid, int(released), int(blocked), int(violations)
        )
