"""Two sites, one laboratory: the acute site's work, much of it urgent, comes by courier."""

from __future__ import annotations

from labtrust_bench.tasks.base import BenchmarkTask, TaskSize


class MultiSiteStat(BenchmarkTask):
    """Eight hours with a clerk at the acute site; turnaround begins where a specimen arrives."""

    name = "multi_site_stat"
    crew = "multi_site"
    full = TaskSize("multi_site_shift", horizon_s=28_800, arrivals_until_s=28_800)
    small = TaskSize("multi_site_smoke", horizon_s=7_200, arrivals_until_s=2_700)
