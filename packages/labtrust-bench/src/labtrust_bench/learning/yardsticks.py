"""The crews that a trained one is compared with."""

from __future__ import annotations

from statistics import fmean
from typing import Final

from labtrust_env.rewards import MILLI

from labtrust_bench.learning.config import TrainConfig
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.crew import CREWS
from labtrust_bench.runs.plan import RunConfig

YARDSTICKS: Final = tuple(name for name in ("noop", "random", "fifo", "scripted") if name in CREWS)
"""From doing nothing to the crew that knows its work."""

_DRAWN: Final = tuple(name for name in YARDSTICKS if name != "noop")


def mean_rewards(config: TrainConfig) -> dict[str, float]:
    """Return the mean reward of other crews over a run's validation episodes, in points."""
    seeds = config.validation_seeds
    found: dict[str, float] = {}
    for crew in _DRAWN:
        run = RunConfig(
            task=config.task,
            num_episodes=len(seeds),
            base_seed=seeds[0],
            variant=config.variant,
            agents=crew,
            partner_id=config.partner,
        )
        episodes = Benchmark(run).run().episodes
        found[crew] = fmean(item.metrics.reward_milli for item in episodes) / MILLI
    return found
