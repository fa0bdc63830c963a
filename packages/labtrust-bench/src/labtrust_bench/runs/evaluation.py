"""An agent of somebody's own, measured next to crews that are known, on the same seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final

import msgspec
from labtrust_core.domains import open_policy
from labtrust_core.errors import UsageError

from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.executor import Executor
from labtrust_bench.runs.intervals import Interval, Moments
from labtrust_bench.runs.metrics import Metrics
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import Results

REFERENCES: Final = ("scripted", "noop")
SECONDARY: Final[Mapping[str, Callable[[Metrics], int | None]]] = {
    "throughput": lambda found: found.throughput,
    "p95_turnaround_s": lambda found: found.p95_turnaround_s,
    "violations_total": lambda found: sum(found.violations_by_invariant_id.values()),
    "blocked_total": lambda found: sum(found.blocked_by_reason_code.values()),
    "reward_milli": lambda found: found.reward_milli,
}
"""What is shown besides the task's primary metric."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over the episodes that have the figure.

    Attributes:
        mean: The mean; null where no episode has it.
        ci_95: Student's interval; null below two episodes.
        episodes: How many have it.
    """

    mean: float | None
    ci_95: Interval | None
    episodes: int


class EvaluatedCrew(msgspec.Struct, frozen=True, kw_only=True):
    """One crew.

    Attributes:
        agents: What results call it.
        figures: Name of a figure to what it came to; the primary metric is the first.
        minus: Name of another crew to the difference of the primary metric on the same seeds, ours
            less theirs; empty for the crews that are compared with.
    """

    agents: str
    figures: dict[str, Figure]
    minus: dict[str, Figure]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an agent.

    Attributes:
        task: Name of the task.
        variant: Its size.
        seeds: Seed of each episode.
        primary_metric: Where the task's primary metric stands in the metrics; higher is better.
        crews: The agent's crew, and those that it is compared with.
    """

    task: str
    variant: str
    seeds: list[int]
    primary_metric: str
    crews: list[EvaluatedCrew]


def evaluate(
    config: RunConfig,
    references: Sequence[str] = REFERENCES,
    executor: Executor | None = None,
    progress: Callable[[], None] | None = None,
) -> tuple[Results, Evaluation]:
    """Measure the crew of a run, and others on the same seeds.

    Args:
        config: What to run; its agents are measured.
        references: Specs of the crews that it is compared with.
        executor: Where episodes are played; by default here.
        progress: Called after each crew.

    Returns:
        The results of the crew, and the comparison.

    Raises:
        LabTrustError: As ``Benchmark`` and ``Benchmark.run`` say.
        UsageError: The task's primary metric is none.
    """
    policy = open_policy(config.policy_dir, config.partner_id)
    others = [replace(config, agents=spec, mixed={}) for spec in references]
    prepared = [Benchmark(item, policy) for item in (config, *others)]
    primary = prepared[0].task.primary_metric
    found: list[Results] = []
    for benchmark in prepared:
        found.append(benchmark.run(executor=executor))
        if progress is not None:
            progress()
    own, *theirs = found
    differences = {item.agent_baseline_id: _difference(own, item, primary) for item in theirs}
    crews = [
        EvaluatedCrew(
            agents=item.agent_baseline_id,
            figures=_figures(item, primary),
            minus=differences if item is own else {},
        )
        for item in found
    ]
    return own, Evaluation(
        task=own.task,
        variant=config.variant,
        seeds=list(own.seeds),
        primary_metric=primary,
        crews=crews,
    )


def metric_at(metrics: Metrics, path: str) -> int | None:
    """Return the metric at a dotted path, such as ``critical.calls``.

    Raises:
        UsageError: There is none, or it is no number.
    """
    found: object = metrics
    for part in path.split("."):
        found = getattr(found, part, _MISSING)
    if found is not None and type(found) is not int:
        raise UsageError(f"{path} is no metric that is a number")
    return found


_MISSING: Final = object()


def _figures(results: Results, primary: str) -> dict[str, Figure]:
    metrics = [item.metrics for item in results.episodes]
    found = {primary: _figure([metric_at(item, primary) for item in metrics])}
    for name, figure in SECONDARY.items():
        found.setdefault(name, _figure([figure(item) for item in metrics]))
    return found


def _difference(own: Results, other: Results, primary: str) -> Figure:
    pairs = zip(own.episodes, other.episodes, strict=True)
    values = [(metric_at(a.metrics, primary), metric_at(b.metrics, primary)) for a, b in pairs]
    return _figure([None if a is None or b is None else a - b for a, b in values])


def _figure(values: Sequence[int | Fraction | None]) -> Figure:
    moments = Moments()
    for value in values:
        if value is not None:
            moments.add(value)
    return Figure(mean=moments.mean, ci_95=moments.mean_interval(), episodes=moments.count)
