"""A task as a PettingZoo environment: its crew, load, scenario and rewards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from labtrust_env.config import EnvConfig
from labtrust_env.parallel_env import HospitalLabEnv

from labtrust_bench.tasks.base import BenchmarkTask


@dataclass(frozen=True, slots=True)
class TaskEnvironments:
    """Makes environments of one task; can be pickled when the task can.

    The agents are the whole crew, also those whose part the task's opponents play in a benchmark;
    in an environment nobody intrudes.

    Attributes:
        task: The task, at the size that is wanted.
        partner: Partner whose policy overlay applies.
        policy_dir: Policy folder; by default the one in force when an environment is made.
    """

    task: BenchmarkTask
    partner: str | None = None
    policy_dir: Path | None = None

    def __call__(self) -> HospitalLabEnv:
        """Return a new environment.

        Raises:
            PolicyError: The policy is missing, malformed or contradicts itself.
            UsageError: Policy knows no such crew, workload or partner.
        """
        stated = self.task.session_config()
        config = EnvConfig(
            crew=stated.crew,
            workload=stated.workload,
            horizon_s=stated.horizon_s,
            arrivals_until_s=stated.arrivals_until_s,
            dt_s=stated.dt_s,
            signed=stated.signed,
            faults=stated.faults,
            scenario=stated.scenario,
            reward_config=self.task.reward_config,
            policy_dir=self.policy_dir,
            partner=self.partner,
        )
        return HospitalLabEnv(config)
