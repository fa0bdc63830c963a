"""Two sites, one laboratory: the acute site's work, much of it urgent, comes by courier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from labtrust_bench.tasks.base import MORNING_S, BenchmarkTask, TaskSize


class MultiSiteStat(BenchmarkTask):
    """Four hours with a clerk at the acute site; turnaround begins where a specimen arrives."""

    name = "multi_site_stat"
    crew = "multi_site"
    full = TaskSize("two_sites_morning", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("two_sites_morning", horizon_s=7_200, arrivals_until_s=4_500, wrap_up_s=2_700)
    variants: ClassVar[Mapping[str, TaskSize]] = {
        "quiet": TaskSize("multi_site_shift", MORNING_S, MORNING_S)
    }
