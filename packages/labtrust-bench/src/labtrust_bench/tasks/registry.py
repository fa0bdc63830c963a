"""The tasks by name: ours, and those offered in the entry-point group ``labtrust_gym.tasks``."""

from __future__ import annotations

from typing import Final

from labtrust_core.registry import Registry

from labtrust_bench.tasks.base import BenchmarkTask, not_a_task

QUICK_TASKS: Final = ("throughput_sla", "adversarial_disruption", "multi_site_stat")
"""The tasks of ``labtrust quick-eval``, in the order in which they are run."""

TASKS: Final[Registry[type[BenchmarkTask]]] = Registry(
    "task",
    "labtrust_gym.tasks",
    {
        "throughput_sla": "labtrust_bench.tasks.throughput_sla:ThroughputSla",
        "adversarial_disruption": (
            "labtrust_bench.tasks.adversarial_disruption:AdversarialDisruption"
        ),
        "multi_site_stat": "labtrust_bench.tasks.multi_site_stat:MultiSiteStat",
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


def get_task(name: str, *, smoke: bool = False) -> BenchmarkTask:
    """Return the task of that name, at full or at smoke size.

    Raises:
        UnknownNameError: Nothing offers the name.
        PluginError: The distribution that offers it cannot deliver.
    """
    task = TASKS.get(name)()
    return task.smoke() if smoke else task
