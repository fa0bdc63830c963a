"""Plays the same seeds with each crew of a ladder, and says whether the crews differ.

An episode of a seed is one replication, and every crew plays the same seeds, so crews are compared
seed by seed too. The work is cut into parts that do not depend on how many processes share it, and
each episode depends on its task, crew and seed alone: so do the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UsageError
from labtrust_core.policy.directory import find_policy_dir

from labtrust_bench.calibration.estimate import estimate
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.executor import executor
from labtrust_bench.runs.metrics import Metrics
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.tasks.base import FULL
from labtrust_bench.tasks.registry import TASKS, get_task

CREWS: Final = ("noop", "random", "fifo", "scripted")
"""The rungs, from the bottom."""

FEWEST_SEEDS: Final = 2
"""One replication has no interval."""

ALSO: Final = ("throughput", "reward_milli")
"""What is shown of every task beside its primary metric."""

_PART: Final = 5
"""Episodes of one piece of work."""


@dataclass(frozen=True, slots=True)
class LadderConfig:
    """What is played.

    Attributes:
        tasks: Names of tasks; by default all there are, in the registry's order.
        crews: Names of crews, the weakest first.
        seeds: How many seeds, from 2.
        base_seed: The first seed; each further one has the next.
        variant: The tasks' size.
        partner: Partner whose policy overlay applies.
        policy_dir: Policy folder; by default the one in force.
    """

    tasks: tuple[str, ...] = ()
    crews: tuple[str, ...] = CREWS
    seeds: int = 20
    base_seed: int = 0
    variant: str = FULL
    partner: str | None = None
    policy_dir: Path | None = None

    def __post_init__(self) -> None:
        """Check what no later step checks.

        Raises:
            UsageError: Too few seeds, no crew, or a crew or a task twice.
        """
        if self.seeds < FEWEST_SEEDS:
            raise UsageError(f"an interval needs {FEWEST_SEEDS} seeds or more, found {self.seeds}")
        for names, kind in ((self.crews, "crew"), (self.tasks, "task")):
            if len(set(names)) < len(names):
                raise UsageError(f"a {kind} twice in {', '.join(names)}")
        if not self.crews:
            raise UsageError("a ladder has at least one crew")

    @property
    def played(self) -> tuple[str, ...]:
        """The tasks that are played."""
        return self.tasks or tuple(TASKS.names())

    def runs(self) -> list[RunConfig]:
        """Return the pieces of work, task by task and crew by crew."""
        return [
            RunConfig(
                task=task,
                num_episodes=min(_PART, self.seeds - first),
                base_seed=self.base_seed + first,
                variant=self.variant,
                agents=crew,
                partner_id=self.partner,
                policy_dir=self.policy_dir or find_policy_dir(),
            )
            for task in self.played
            for crew in self.crews
            for first in range(0, self.seeds, _PART)
        ]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one crew on one task.

    Attributes:
        task: The task.
        agent: The crew.
        metric: Where the figure stands in ``Metrics``.
        primary: Whether it is the task's primary metric.
        mean: Mean over the seeds.
        ci_low: Lower end of Student's 95 % interval of the mean.
        ci_high: Upper end of it.
        seeds: How many seeds.
    """

    task: str
    agent: str
    metric: str
    primary: bool
    mean: float
    ci_low: float
    ci_high: float
    seeds: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a rung is above the one below it, by a task's primary metric.

    Attributes:
        task: The task.
        metric: Its primary metric.
        lower: The crew below.
        upper: The crew above.
        difference: Mean over the seeds of upper less lower on the same seed.
        ci_low: Lower end of Student's 95 % interval of it.
        ci_high: Upper end of it.
        separated: Whether the two crews' own intervals do not overlap, the upper one being above,
            and that of the difference lies above 0.
    """

    task: str
    metric: str
    lower: str
    upper: str
    difference: float
    ci_low: float
    ci_high: float
    separated: bool


@dataclass(frozen=True, slots=True)
class Ladder:
    """What was played and what came of it: rows and verdicts, task by task, crew by crew."""

    config: LadderConfig
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def holds(self) -> bool:
        """Whether every rung of every task is above the one below it."""
        return all(item.separated for item in self.verdicts)


def climb(
    config: LadderConfig, workers: int = 1, done: Callable[[int], None] = lambda _episodes: None
) -> Ladder:
    """Play a ladder.

    Args:
        config: What to play.
        workers: How many processes share the work; the figures do not depend on it.
        done: Called after each piece of work with the number of its episodes.

    Raises:
        UnknownNameError: There is no such task, variant, crew or partner.
        UsageError: There is less than one worker, or a metric has no figure in an episode.
        PolicyError: The policy is not sound.
        JobError: An episode fails otherwise.
    """
    wanted = {task: _metrics_of(task, config.variant) for task in config.played}
    found: dict[tuple[str, str, str], list[float]] = {}
    runs = config.runs()
    with closing(executor(workers).map(_play, runs, _label)) as played:
        for run, episodes in zip(runs, played, strict=True):
            for metric in wanted[run.task]:
                values = found.setdefault((run.task, run.agents, metric), [])
                values += [metric_value(item, metric) for item in episodes]
            done(run.num_episodes)
    rows = [
        _row(task, crew, metric, found[task, crew, metric])
        for task, metrics in wanted.items()
        for crew in config.crews
        for metric in metrics
    ]
    verdicts = [
        _verdict(task, metrics[0], pair, found)
        for task, metrics in wanted.items()
        for pair in zip(config.crews, config.crews[1:], strict=False)
    ]
    return Ladder(config, tuple(rows), tuple(verdicts))


def metric_value(metrics: Metrics, path: str) -> float:
    """Return the figure at a dotted path of metrics.

    Raises:
        UsageError: There is no such figure, or it is not a number.
    """
    found: object = metrics
    for name in path.split("."):
        found = getattr(found, name, None)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UsageError(f"metric {path} has no figure: found {found!r}, expected a number")
    return float(found)


def _metrics_of(task: str, variant: str) -> tuple[str, ...]:
    """Return the metrics that are shown of a task, the primary one first."""
    primary = get_task(task, variant).primary_metric
    return (primary, *(name for name in ALSO if name != primary))


def _label(run: RunConfig) -> str:
    return f"{run.task} with {run.agents} from seed {run.base_seed}"


def _play(run: RunConfig) -> list[Metrics]:
    policy = _opened(run.policy_dir, run.partner_id)
    return [episode.metrics for episode in Benchmark(run, policy).run().episodes]


@lru_cache(maxsize=2)
def _opened(policy_dir: Path | None, partner: str | None) -> CompiledPolicy:
    return open_policy(policy_dir, partner)


def _row(task: str, crew: str, metric: str, values: Sequence[float]) -> Row:
    mean, low, high = _interval(values)
    primary = metric == _metrics_of(task, FULL)[0]
    return Row(task, crew, metric, primary, mean, low, high, len(values))


def _verdict(
    task: str,
    metric: str,
    pair: tuple[str, str],
    found: dict[tuple[str, str, str], list[float]],
) -> Verdict:
    lower, upper = (found[task, crew, metric] for crew in pair)
    mean, low, high = _interval([b - a for a, b in zip(lower, upper, strict=True)])
    apart = _interval(upper)[1] > _interval(lower)[2]
    return Verdict(task, metric, *pair, mean, low, high, separated=apart and low > 0)


def _interval(values: Iterable[float]) -> tuple[float, float, float]:
    """Return the mean of at least two values with the ends of its 95 % interval."""
    found = estimate(list(values))
    mean = found.mean or 0.0
    low = mean if found.low is None else found.low
    return mean, low, mean if found.high is None else found.high
