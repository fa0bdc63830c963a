"""What a benchmark task is: crew, load, horizon, service level, rewards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_env.intrusion import Intrusion
from labtrust_env.rewards import RewardConfig
from labtrust_env.session import SessionConfig

from labtrust_bench.agents.api import Agent
from labtrust_bench.agents.scripted import scripted_crew

TURNAROUND_TARGET_S: Final[Mapping[str, int]] = {"STAT": 3_600, "URGENT": 7_200, "ROUTINE": 14_400}
"""Seconds from arrival to release that count as on time. STAT and URGENT: the targets that Leeds
Teaching Hospitals published in 2013 for emergency (60 min) and inpatient (2 h) work; ROUTINE: 4 h,
a common local goal."""

FULL: Final = "full"
SMOKE: Final = "smoke"

MORNING_S: Final = 14_400
"""Length of a full episode of our tasks: four hours, from 08:00 with our workloads."""

CUTOFF_S: Final = 3_600
"""What arrives in the last hour need not be released to count as done."""


@dataclass(frozen=True, slots=True)
class TaskSize:
    """How much of a task is run. All times in seconds of simulated time.

    Attributes:
        workload: Name of a workload profile of policy.
        horizon_s: Length of an episode.
        arrivals_until_s: No specimen arrives later than this.
        dt_s: Length of a step.
        crew: Name of a crew of policy, where it is not the task's own.
        faults: Whether devices break down.
        wrap_up_s: What comes later than this before the end need not be out by the end.
    """

    workload: str
    horizon_s: int
    arrivals_until_s: int
    dt_s: int = 10
    crew: str = ""
    faults: bool = True
    wrap_up_s: int = CUTOFF_S

    def __post_init__(self) -> None:
        if not 0 < self.dt_s <= self.horizon_s or not 0 <= self.arrivals_until_s <= self.horizon_s:
            raise UsageError(
                f"no task size: step {self.dt_s} s, arrivals until {self.arrivals_until_s} s, "
                f"horizon {self.horizon_s} s"
            )


class BenchmarkTask:
    """A benchmark. A subclass sets the class attributes, and overrides a method where it differs.

    Attributes:
        name: What users type.
        crew: Name of a crew of policy.
        full: The size of the benchmark proper, some hours.
        small: A size for tests, named ``smoke``.
        variants: Further sizes by name: more load, fewer people, no faults.
        primary_metric: The metric that ranks crews, the higher the better: where it stands in
            ``labtrust_bench.runs.metrics.Metrics``, with dots.
        sla_s: Priority to the turnaround in seconds that is still on time.
        signed: Whether every event must be signed, also where a run does not ask for it.
        intrusion: Who of the crew intrudes, and which keys and tokens there are to misuse.
        reward_config: What the crew earns (see ``labtrust_env.rewards``).
        size: The size of this instance.
    """

    name: ClassVar[str]
    crew: ClassVar[str]
    full: ClassVar[TaskSize]
    small: ClassVar[TaskSize]
    variants: ClassVar[Mapping[str, TaskSize]] = {}
    primary_metric: ClassVar[str] = "service.weighted_on_time_permille"
    sla_s: ClassVar[Mapping[str, int]] = TURNAROUND_TARGET_S
    signed: ClassVar[bool] = False
    intrusion: ClassVar[Intrusion | None] = None
    reward_config: ClassVar[RewardConfig] = RewardConfig(target_s=TURNAROUND_TARGET_S)

    def __init__(self, size: TaskSize | None = None) -> None:
        self.size = self.full if size is None else size

    @classmethod
    def sizes(cls) -> dict[str, TaskSize]:
        """Return every size by name: ``full``, ``smoke`` and the further variants."""
        return {FULL: cls.full, SMOKE: cls.small, **cls.variants}

    @classmethod
    def at(cls, variant: str) -> BenchmarkTask:
        """Return the task at a size.

        Raises:
            UnknownNameError: It has no such variant.
        """
        known = cls.sizes()
        if variant not in known:
            raise UnknownNameError(f"variant of {cls.name}", variant, known)
        return cls(known[variant])

    @property
    def max_steps(self) -> int:
        """Steps of an episode."""
        return -(-self.size.horizon_s // self.size.dt_s)

    @property
    def cutoff_s(self) -> int:
        """Specimens that arrive until this second of the episode should be released by its end."""
        return max(0, self.size.horizon_s - self.size.wrap_up_s)

    def get_initial_state(self) -> dict[str, Any]:
        """Return what the initial state holds besides crew and workload (specimens, tokens, …)."""
        return {}

    def scripted_agents(self, members: Mapping[str, str]) -> dict[str, Agent]:
        """Return the scripted crew.

        Args:
            members: Member name to agent id, in acting order.
        """
        return dict(scripted_crew(members))

    def opponents(self, members: Mapping[str, str]) -> dict[str, Agent]:
        """Return the agents that belong to the task and not to the crew that is measured.

        Args:
            members: Member name to agent id, in acting order.
        """
        del members
        return {}

    def session_config(self, *, signed: bool = False) -> SessionConfig:
        """Return what a session needs to run the task.

        Args:
            signed: Whether every event must be signed; where the task says so it must anyway.
        """
        size = self.size
        return SessionConfig(
            crew=size.crew or self.crew,
            workload=size.workload,
            horizon_s=size.horizon_s,
            arrivals_until_s=size.arrivals_until_s,
            dt_s=size.dt_s,
            faults=size.faults,
            signed=signed or self.signed,
            scenario=self.get_initial_state(),
            intrusion=self.intrusion,
        )


_REQUIRED: Final = ("name", "crew", "full", "small", "reward_config")


def not_a_task(item: object) -> str:
    """Return what is wrong with an item that is offered as a task; empty when it is one."""
    if not (isinstance(item, type) and issubclass(item, BenchmarkTask)):
        return f"is {item!r}; expected a subclass of BenchmarkTask"
    missing = [name for name in _REQUIRED if not hasattr(item, name)]
    return f"sets no {', '.join(missing)}" if missing else ""
