"""Documented path of `labtrust_bench.tasks`."""

from labtrust_bench.tasks.base import BenchmarkTask
from labtrust_bench.tasks.registry import get_task, list_tasks, register_task

__all__ = ["BenchmarkTask", "get_task", "list_tasks", "register_task"]
