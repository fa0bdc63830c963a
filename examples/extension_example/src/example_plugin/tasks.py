"""One task: a short morning whose urgent work must be out within half an hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from labtrust_bench.tasks.base import BenchmarkTask, TaskSize
from labtrust_env.rewards import RewardConfig

TARGET_S: Final[Mapping[str, int]] = {"STAT": 1_800, "URGENT": 3_600, "ROUTINE": 7_200}
"""What this organisation counts as on time, in seconds from arrival to release."""


class ExampleTask(BenchmarkTask):
    """Three hours at the hub with the standard crew, and targets twice as strict as usual."""

    name = "example_task"
    crew = "standard"
    full = TaskSize("district_shift", horizon_s=10_800, arrivals_until_s=9_000)
    small = TaskSize("district_smoke", horizon_s=5_400, arrivals_until_s=2_700)
    primary_metric: ClassVar[str] = "on_time"
    sla_s: ClassVar[Mapping[str, int]] = TARGET_S
    reward_config = RewardConfig(violation_penalty=2_000, target_s=TARGET_S)
