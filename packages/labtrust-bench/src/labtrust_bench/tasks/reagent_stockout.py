"""Little stock, and deliveries that take their time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from labtrust_bench.tasks.base import MORNING_S, BenchmarkTask, TaskSize

STOCK: Final = {"R_CHEM_CORE": 400, "R_HAEM_CORE": 60, "R_COAG_CORE": 60}
"""Tests in stock at the start: less than a morning's work needs."""

LEAD_S: Final = 2_400
"""Seconds from an order to its delivery."""


class ReagentStockout(BenchmarkTask):
    """Four hours at the hub; who orders when nothing is left waits for forty minutes."""

    name = "reagent_stockout"
    crew = "standard"
    full = TaskSize("busy_morning", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("busy_hour", horizon_s=7_200, arrivals_until_s=5_400, wrap_up_s=1_800)
    variants: ClassVar[Mapping[str, TaskSize]] = {
        "short_staffed": TaskSize("busy_morning", MORNING_S, MORNING_S, crew="short_staffed"),
        "no_faults": TaskSize("busy_morning", MORNING_S, MORNING_S, faults=False),
    }

    def get_initial_state(self) -> dict[str, Any]:
        """Return stock and delivery times."""
        return {
            "reagent_initial_stock": dict(STOCK),
            "reagent_lead_s": dict.fromkeys(STOCK, LEAD_S),
        }
