"""Tasks, agents, run loop and metrics of LabTrust.

The names below are imported when they are first asked for, so that ``import labtrust_bench`` stays
light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labtrust_bench.agents.api import Agent
    from labtrust_bench.runs.benchmark import run_benchmark
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_bench.runs.results import Results, read_results, write_results
    from labtrust_bench.tasks.base import BenchmarkTask
    from labtrust_bench.tasks.registry import TASKS

__version__ = "0.1.0"

__all__ = [
    "TASKS",
    "Agent",
    "BenchmarkTask",
    "Results",
    "RunConfig",
    "__version__",
    "read_results",
    "run_benchmark",
    "write_results",
]

_HOME = {
    "TASKS": "labtrust_bench.tasks.registry",
    "Agent": "labtrust_bench.agents.api",
    "BenchmarkTask": "labtrust_bench.tasks.base",
    "Results": "labtrust_bench.runs.results",
    "RunConfig": "labtrust_bench.runs.plan",
    "read_results": "labtrust_bench.runs.results",
    "run_benchmark": "labtrust_bench.runs.benchmark",
    "write_results": "labtrust_bench.runs.results",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each name has its own type
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
