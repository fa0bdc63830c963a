"""The scales again, where it counts more what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from labtrust_env.rewards import RewardConfig

from labtrust_bench.tasks.base import TURNAROUND_TARGET_S, BenchmarkTask, TaskSize
from labtrust_bench.tasks.coord_scale import SCALES, CoordScale


class CoordRisk(BenchmarkTask):
    """As ``coord_scale``; violations and refusals cost more."""

    name = "coord_risk"
    crew = "scale_medium"
    full = SCALES["medium"]
    small = CoordScale.small
    variants: ClassVar[Mapping[str, TaskSize]] = SCALES
    reward_config = RewardConfig(
        violation_penalty=2_000, blocked_penalty=100, target_s=TURNAROUND_TARGET_S
    )
