"""What a benchmark run is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from labtrust_core.errors import UsageError

from labtrust_bench.runs.results import SCHEMA_VERSION, SCHEMA_VERSIONS, SchemaVersion
from labtrust_bench.tasks.base import FULL

MAX_SEED: Final = 2**53 - 1
"""The largest integer that results and logs carry exactly."""


@dataclass(frozen=True, slots=True)
class RunConfig:
    """One task, some episodes.

    Attributes:
        task: Name of the task.
        num_episodes: How many episodes, from 1.
        base_seed: Seed of the first episode; the i-th (from 0) has ``base_seed + i``.
        variant: Name of the task's size: ``full``, ``smoke`` or another that it has.
        agents: Spec of the crew that is measured (``labtrust_bench.runs.crew``).
        mixed: Member name to the spec of the agent that plays there instead.
        partner_id: Partner whose policy overlay applies.
        signed: Whether every event must be signed.
        policy_dir: Policy folder; by default the one in force.
        metrics_aggregator: What gives figures beside the metrics
            (``labtrust_bench.runs.aggregators``).
        schema: Version of the results: "0.2", or "0.3" with fractions, quantiles and intervals.
    """

    task: str
    num_episodes: int = 1
    base_seed: int = 0
    variant: str = FULL
    agents: str = "scripted"
    partner_id: str | None = None
    signed: bool = False
    policy_dir: Path | None = None
    metrics_aggregator: str = "default"
    schema: SchemaVersion = SCHEMA_VERSION
    mixed: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.num_episodes < 1:
            raise UsageError(
                f"the number of episodes must be at least 1, found {self.num_episodes}"
            )
        if not 0 <= self.base_seed <= MAX_SEED - self.num_episodes + 1:
            raise UsageError(f"seeds must lie in 0..{MAX_SEED}, found {self.base_seed}")
        if self.schema not in SCHEMA_VERSIONS:
            known = " or ".join(SCHEMA_VERSIONS)
            raise UsageError(f"results have version {known}, found {self.schema}")

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seed of each episode."""
        return tuple(range(self.base_seed, self.base_seed + self.num_episodes))
