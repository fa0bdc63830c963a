"""Conformance kit for tasks, also for those of other packages.

``check_task(MyTask)`` raises one error that lists everything that does not hold; ``task_findings``
gives the table.
"""

from __future__ import annotations

from labtrust_bench.testing.tasks import (
    TASK_CHECKS,
    TaskConformanceError,
    check_task,
    task_findings,
)

__all__ = ["TASK_CHECKS", "TaskConformanceError", "check_task", "task_findings"]
