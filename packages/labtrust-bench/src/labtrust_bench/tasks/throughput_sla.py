"""A district laboratory's morning: get everything out, on time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from labtrust_bench.tasks.base import MORNING_S, BenchmarkTask, TaskSize


class ThroughputSla(BenchmarkTask):
    """Four hours at the hub, about 95 specimens an hour, as many as the standard crew can clear."""

    name = "throughput_sla"
    crew = "standard"
    full = TaskSize("busy_morning", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("busy_hour", horizon_s=5_400, arrivals_until_s=3_600, wrap_up_s=1_800)
    variants: ClassVar[Mapping[str, TaskSize]] = {
        "peak": TaskSize("busy_hour", MORNING_S, MORNING_S),
        "quiet": TaskSize("district_shift", MORNING_S, MORNING_S),
        "short_staffed": TaskSize("busy_morning", MORNING_S, MORNING_S, crew="short_staffed"),
        "no_faults": TaskSize("busy_morning", MORNING_S, MORNING_S, faults=False),
    }
