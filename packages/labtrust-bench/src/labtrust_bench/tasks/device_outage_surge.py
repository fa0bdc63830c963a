"""An analyser fails for hours while the emergency department sends a surge."""

from __future__ import annotations

from typing import Any, Final

from labtrust_bench.tasks.base import MORNING_S, BenchmarkTask, TaskSize

DEVICE: Final = "DEV_CHEM_A_01"
"""The analyser that fails; its twin in the other hall does the same work."""

BEGINS_S: Final = 3_600
"""The outage begins so long after the start, and up to ``JITTER_S`` later, drawn by the seed."""

JITTER_S: Final = 900
LASTS_S: Final = 7_200


class DeviceOutageSurge(BenchmarkTask):
    """Four hours at the hub: what waits at the broken analyser has to be brought to its twin."""

    name = "device_outage_surge"
    crew = "standard"
    full = TaskSize("surge_morning", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("surge_morning", horizon_s=7_200, arrivals_until_s=5_400, wrap_up_s=1_800)

    def get_initial_state(self) -> dict[str, Any]:
        """Return when the analyser fails, and for how long."""
        begins_s = BEGINS_S if self.size.horizon_s == self.full.horizon_s else BEGINS_S // 2
        return {
            "outages": [
                {
                    "device_id": DEVICE,
                    "begins_s": begins_s,
                    "jitter_s": JITTER_S,
                    "lasts_s": LASTS_S,
                }
            ]
        }
