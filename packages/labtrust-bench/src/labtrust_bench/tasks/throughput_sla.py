"""A district laboratory's shift: get everything out, on time."""

from __future__ import annotations

from labtrust_bench.tasks.base import BenchmarkTask, TaskSize


class ThroughputSla(BenchmarkTask):
    """Eight hours at the hub with the standard crew, about 36 specimens an hour."""

    name = "throughput_sla"
    crew = "standard"
    full = TaskSize("district_shift", horizon_s=28_800, arrivals_until_s=28_800)
    small = TaskSize("district_smoke", horizon_s=5_400, arrivals_until_s=2_700)
