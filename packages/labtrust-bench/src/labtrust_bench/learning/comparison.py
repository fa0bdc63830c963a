"""A trained crew beside others on the same held-out episodes: means with 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Final

import msgspec
from labtrust_env.rewards import MILLI

from labtrust_bench.calibration.estimate import estimate
from labtrust_bench.learning.config import require_held_out
from labtrust_bench.learning.run_files import RunFolder, TrainRecord, read_record
from labtrust_bench.learning.yardsticks import YARDSTICKS
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.metrics import Metrics
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.tasks.base import BenchmarkTask
from labtrust_bench.tasks.registry import get_task

PPO: Final = "ppo"
_RIVALS: Final = ("random", "fifo")


class Interval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mean over episodes with Student's 95 % interval; no ends below two episodes."""

    mean: float
    low: float | None
    high: float | None


class CrewFigures(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one crew came to.

    Attributes:
        crew: Its name.
        reward: The task's reward an episode, in points.
        released: Specimens released.
        primary: The task's primary metric.
        violations: Invariants broken by accepted events.
        blocked: Refused events.
        rewards: The reward of each episode.
    """

    crew: str
    reward: Interval
    released: Interval
    primary: Interval
    violations: Interval
    blocked: Interval
    rewards: tuple[float, ...]


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All crews on the same episodes.

    Attributes:
        task: Name of the task.
        variant: Its size.
        seeds: Of the episodes.
        primary_metric: The task's primary metric.
        arrivals: Specimens that came, mean: more cannot be released.
        ceiling: What the reward would be, mean, if every specimen were released on time the moment
            that it came: a bound that no crew reaches.
        crews: The crews.
        beats: Crew to whether the trained one's intervals of reward and of released specimens lie
            above it without touching.
        share_of_scripted: Where the trained crew's mean reward lies between doing nothing (0) and
            the scripted crew (1).
    """

    task: str
    variant: str
    seeds: tuple[int, ...]
    primary_metric: str
    arrivals: float
    ceiling: float
    crews: tuple[CrewFigures, ...]
    beats: dict[str, bool]
    share_of_scripted: float | None


def compare(
    folder: Path, episodes: int, base_seed: int, advance: Callable[[], None] | None = None
) -> Comparison:
    """Play a trained crew and its yardsticks.

    Args:
        folder: What ``labtrust train-ppo`` wrote.
        episodes: How many, from 1.
        base_seed: Seed of the first; each further one has the next.
        advance: Called after each episode of each crew.

    Raises:
        UsageError: A seed was used in training.
        DocumentError: The folder holds no trained crew.
        PolicyFitError: It was trained on another layout of observations and actions.
    """
    record = read_record(RunFolder(folder).record)
    config = record.config
    seeds = tuple(range(base_seed, base_seed + episodes))
    require_held_out(config, record.updates, seeds)
    task = get_task(config.task, config.variant)
    found: dict[str, list[Metrics]] = {}
    for crew in (*YARDSTICKS, f"{PPO}:{folder}"):
        run = _run(record, crew, seeds)
        results = Benchmark(run).run(
            progress=None if advance is None else lambda _episode, _timing: advance()
        )
        found[crew.partition(":")[0]] = [item.metrics for item in results.episodes]
    figures = tuple(_figures(task, crew, metrics) for crew, metrics in found.items())
    arrivals = [item.arrivals for item in found[PPO]]
    worth = (task.reward_config.throughput + task.reward_config.on_time) / MILLI
    return Comparison(
        task=config.task,
        variant=config.variant,
        seeds=seeds,
        primary_metric=task.primary_metric,
        arrivals=sum(arrivals) / len(arrivals),
        ceiling=sum(arrivals) * worth / len(arrivals),
        crews=figures,
        beats=_beaten({item.crew: item for item in figures}),
        share_of_scripted=_share({item.crew: item.reward.mean for item in figures}),
    )


def _run(record: TrainRecord, crew: str, seeds: tuple[int, ...]) -> RunConfig:
    return RunConfig(
        task=record.config.task,
        num_episodes=len(seeds),
        base_seed=seeds[0],
        variant=record.config.variant,
        agents=crew,
        partner_id=record.config.partner,
    )


def _figures(task: BenchmarkTask, crew: str, metrics: list[Metrics]) -> CrewFigures:
    rewards = tuple(item.reward_milli / MILLI for item in metrics)
    return CrewFigures(
        crew=crew,
        reward=_interval(rewards),
        released=_interval([item.throughput for item in metrics]),
        primary=_interval([_at(item, task.primary_metric) for item in metrics]),
        violations=_interval([sum(item.violations_by_invariant_id.values()) for item in metrics]),
        blocked=_interval([sum(item.blocked_by_reason_code.values()) for item in metrics]),
        rewards=rewards,
    )


def _at(metrics: Metrics, path: str) -> float:
    """Return a figure by its dotted path; nothing to measure counts as 0."""
    plain = msgspec.to_builtins(metrics)
    value = reduce(lambda part, name: part[name], path.split("."), plain)
    return float(value or 0)


def _interval(values: tuple[float, ...] | list[float] | list[int]) -> Interval:
    found = estimate(list(values))
    return Interval(found.mean or 0.0, found.low, found.high)


def _beaten(figures: dict[str, CrewFigures]) -> dict[str, bool]:
    mine = figures[PPO]
    return {
        name: _above(mine.reward, figures[name].reward)
        and _above(mine.released, figures[name].released)
        for name in _RIVALS
        if name in figures
    }


def _above(mine: Interval, theirs: Interval) -> bool:
    return mine.low is not None and theirs.high is not None and mine.low > theirs.high


def _share(rewards: dict[str, float]) -> float | None:
    if not {"noop", "scripted"} <= rewards.keys() or rewards["scripted"] == rewards["noop"]:
        return None
    return (rewards[PPO] - rewards["noop"]) / (rewards["scripted"] - rewards["noop"])
