"""A task that is being checked: played at its small size, each episode once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_env.session import Session

from labtrust_bench.agents.opponents.opponent import Opponent
from labtrust_bench.runs.attacks import AttackObserver
from labtrust_bench.runs.crew import agents_for
from labtrust_bench.runs.episode import LedgerEnd, run_episode
from labtrust_bench.runs.metrics import Metrics
from labtrust_bench.runs.observers import MetricsObserver
from labtrust_bench.tasks.base import SMOKE, BenchmarkTask

SEED = 7

Played = tuple[Metrics, LedgerEnd]


class TaskOnTrial:
    """What the checks look at.

    Attributes:
        task_class: The task.
        policy: The policy under which it is played.
    """

    def __init__(self, task_class: type[BenchmarkTask], policy: CompiledPolicy) -> None:
        self.task_class = task_class
        self.policy = policy
        self._played: dict[str, Played] = {}

    def small(self) -> BenchmarkTask:
        """Return a new task at its small size."""
        return self.task_class.at(SMOKE)

    def session(self, variant: str = SMOKE) -> Session:
        """Return a new session of the task at a size."""
        return Session(self.policy, self.task_class.at(variant).session_config())

    def played(self, crew: str) -> Played:
        """Return what an episode with a crew came to; the first one is remembered."""
        if crew not in self._played:
            self._played[crew] = self.play(crew)
        return self._played[crew]

    def play(self, crew: str) -> Played:
        """Play an episode anew, with nothing left of an earlier one."""
        task, session = self.small(), self.session()
        members = session.members
        agents = agents_for(task, members, crew)
        opponents = {name: agents[name] for name in task.opponents(members)}
        attacks = AttackObserver(
            {name: agent for name, agent in opponents.items() if isinstance(agent, Opponent)}
        )
        observer = MetricsObserver(task, [members[name] for name in opponents], attacks)
        end = run_episode(session, agents, SEED, (attacks, observer), episode=f"{task.name}-{SEED}")
        return observer.metrics, end


def figure_at(metrics: Metrics, path: str) -> object:
    """Return what stands in metrics at a dotted path.

    Raises:
        LookupError: Nothing does.
    """
    found: object = msgspec.to_builtins(metrics)
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            raise LookupError(path)
        found = found[name]
    return found
