"""Figures of an organisation's own, beside the metrics of every episode: the aggregators by name.

An aggregator is made anew for each episode. It watches as any observer does, and its figures go
into the results as ``extra``; it neither replaces a metric nor changes one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from labtrust_core.errors import PluginError
from labtrust_core.event import StepResult
from labtrust_core.registry import Registry
from labtrust_env.session import Session

from labtrust_bench.runs.observers import Observer
from labtrust_bench.tasks.base import BenchmarkTask

DEFAULT: Final = "default"
MAX_FIGURE: Final = 2**53 - 1
"""The largest integer that results carry exactly."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class MetricsAggregator(Observer, Protocol):
    """Watches one episode and gives figures of it."""

    def figures(self) -> Mapping[str, int]:
        """Return the figures of the episode that has ended.

        Names are lower case with underscores and state the unit; values are integers between
        ``-MAX_FIGURE`` and ``MAX_FIGURE``. The same episode gives the same figures.
        """
        ...


AggregatorFactory = Callable[[BenchmarkTask], MetricsAggregator]
"""``factory(task)``: a new aggregator for one episode of the task; a class will do."""


class NoExtra:
    """The default: no figure beside the metrics."""

    def __init__(self, task: BenchmarkTask) -> None:
        del task

    def begin(self, session: Session) -> None:
        """Nothing to prepare."""

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Nothing to count."""

    def end(self, session: Session) -> None:
        """Nothing to work out."""

    def figures(self) -> dict[str, int]:
        """Return none."""
        return {}


def not_an_aggregator(item: object) -> str:
    """Return what is wrong with an item that is offered as a factory; empty when it is one."""
    return "" if callable(item) else f"is {item!r}; expected a callable that takes a task"


AGGREGATORS: Final[Registry[AggregatorFactory]] = Registry(
    "metrics aggregator",
    "labtrust_gym.metrics_aggregators",
    {DEFAULT: "labtrust_bench.runs.aggregators:NoExtra"},
    check=not_an_aggregator,
)


def register_metrics_aggregator(aggregator_id: str, factory: AggregatorFactory) -> None:
    """Offer an aggregator to this process.

    Raises:
        PluginConflictError: The name is taken.
    """
    AGGREGATORS.register(aggregator_id, factory)


def list_metrics_aggregators() -> tuple[str, ...]:
    """Return the names of the aggregators there are, sorted; imports none of them."""
    return AGGREGATORS.names()


def get_metrics_aggregator(aggregator_id: str) -> AggregatorFactory:
    """Return the factory of that name.

    Raises:
        UnknownNameError: Nothing offers the name.
        PluginError: The distribution that offers it cannot deliver.
    """
    return AGGREGATORS.get(aggregator_id)


def extra_figures(aggregator_id: str, aggregator: MetricsAggregator) -> dict[str, int]:
    """Return what an aggregator found, sorted by name, as results take it.

    Raises:
        PluginError: It gives something else than integers by lower-case names.
    """
    found = aggregator.figures()
    complaint = _complaint(found)
    if complaint:
        source = AGGREGATORS.source(aggregator_id)
        raise PluginError(AGGREGATORS.group, aggregator_id, source.distribution, complaint)
    return dict(sorted(found.items()))


def _complaint(found: object) -> str:
    if not isinstance(found, Mapping):
        return f"gives {type(found).__name__}; expected a mapping of names to integers"
    for name, value in found.items():
        if not (isinstance(name, str) and _NAME.fullmatch(name)):
            return f"names a figure {name!r}; expected lower case, digits and underscores"
        if type(value) is not int or abs(value) > MAX_FIGURE:
            return f"gives {name} = {value!r}; expected an integer within 2^53"
    return ""
