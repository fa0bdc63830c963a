"""Documented path of the metrics of an episode, and of the figures that others add to them."""

from labtrust_bench.runs.aggregators import (
    MetricsAggregator,
    get_metrics_aggregator,
    list_metrics_aggregators,
    register_metrics_aggregator,
)
from labtrust_bench.runs.metrics import Metrics

__all__ = [
    "Metrics",
    "MetricsAggregator",
    "get_metrics_aggregator",
    "list_metrics_aggregators",
    "register_metrics_aggregator",
]
