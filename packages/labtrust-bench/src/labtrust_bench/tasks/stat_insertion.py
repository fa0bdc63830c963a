"""Bursts of STAT requests into a laboratory that is busy with planned work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from labtrust_env.rewards import RewardConfig

from labtrust_bench.tasks.base import MORNING_S, TURNAROUND_TARGET_S, BenchmarkTask, TaskSize

TARGET_S = {**TURNAROUND_TARGET_S, "STAT": 1_800}
"""STAT within half an hour (upstream); the rest as everywhere."""


class StatInsertion(BenchmarkTask):
    """Four hours of planned work; every half hour a handful of STAT requests at the same time."""

    name = "stat_insertion"
    crew = "standard"
    full = TaskSize("stat_bursts", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("stat_bursts_hour", horizon_s=5_400, arrivals_until_s=3_600, wrap_up_s=1_800)
    variants: ClassVar[Mapping[str, TaskSize]] = {
        "short_staffed": TaskSize("stat_bursts", MORNING_S, MORNING_S, crew="short_staffed"),
        "no_faults": TaskSize("stat_bursts", MORNING_S, MORNING_S, faults=False),
    }
    sla_s = TARGET_S
    reward_config = RewardConfig(on_time=1_000, target_s=TARGET_S)
