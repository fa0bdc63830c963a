"""The tasks by name: ours, and those offered in the entry-point group ``labtrust_gym.tasks``."""

from __future__ import annotations

from typing import Final

from labtrust_core.registry import Registry

from labtrust_bench.tasks.base import FULL, BenchmarkTask, not_a_task

QUICK_TASKS: Final = ("throughput_sla", "adversarial_disruption", "multi_site_stat")
"""The tasks of ``labtrust quick-eval``, in the order in which they are run."""

TASKS: Final[Registry[type[BenchmarkTask]]] = Registry(
    "task",
    "labtrust_gym.tasks",
    {
        "throughput_sla": "labtrust_bench.tasks.throughput_sla:ThroughputSla",
        "stat_insertion": "labtrust_bench.tasks.stat_insertion:StatInsertion",
        "qc_cascade": "labtrust_bench.tasks.qc_cascade:QcCascade",
        "adversarial_disruption": (
            "labtrust_bench.tasks.adversarial_disruption:AdversarialDisruption"
        ),
        "multi_site_stat": "labtrust_bench.tasks.multi_site_stat:MultiSiteStat",
        "insider_key_misuse": "labtrust_bench.tasks.insider_key_misuse:InsiderKeyMisuse",
        "coord_scale": "labtrust_bench.tasks.coord_scale:CoordScale",
        "coord_risk": "labtrust_bench.tasks.coord_risk:CoordRisk",
        "device_outage_surge": "labtrust_bench.tasks.device_outage_surge:DeviceOutageSurge",
        "reagent_stockout": "labtrust_bench.tasks.reagent_stockout:ReagentStockout",
    },
    check=not_a_task,
)


def register_task(name: str, task_class: type[BenchmarkTask]) -> None:
    """Offer a task to this process.

    Raises:
        PluginConflictError: The name is taken.
    """
    TASKS.register(name, task_class)


def list_tasks() -> tuple[str, ...]:
    """Return the names of the tasks there are, sorted; imports none of them."""
    return tuple(TASKS.names())


def get_task(name: str, variant: str = FULL) -> BenchmarkTask:
    """Return the task of that name, at its full size or another variant of it.

    Raises:
        UnknownNameError: Nothing offers the name, or the task has no such variant.
        PluginError: The distribution that offers it cannot deliver.
    """
    return TASKS.get(name).at(variant)
