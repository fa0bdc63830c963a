"""Analysers fail for long while the emergency department sends a surge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from labtrust_bench.tasks.base import MORNING_S, BenchmarkTask, TaskSize

OUTAGES_S: Final[Mapping[str, tuple[int, int]]] = {
    "DEV_CHEM_A_01": (3_600, 7_200),
    "DEV_HAEM_01": (4_500, 4_500),
}
"""Device to when it fails and for how long, in seconds. Chemistry has a twin in the other hall, to
which queued work can be taken; there is one analyser for blood counts, so that work has to wait,
and is to be taken in the right order afterwards. After a repair controls have to be run.

The outages are stated, not drawn: variants without faults have them too."""

JITTER_S: Final = 900
"""Each begins up to so much later than stated, drawn by the seed."""


class DeviceOutageSurge(BenchmarkTask):
    """Four hours at the hub, with a surge from 09:00 to 10:30 into which both outages fall.

    At smoke size everything but the surge comes sooner, and is shorter, by half.
    """

    name = "device_outage_surge"
    crew = "standard"
    full = TaskSize("surge_morning", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("surge_morning", horizon_s=7_200, arrivals_until_s=5_400, wrap_up_s=1_800)
    variants: ClassVar[Mapping[str, TaskSize]] = {
        "short_staffed": TaskSize("surge_morning", MORNING_S, MORNING_S, crew="short_staffed"),
        "no_faults": TaskSize("surge_morning", MORNING_S, MORNING_S, faults=False),
    }

    def get_initial_state(self) -> dict[str, Any]:
        """Return which analysers fail, when, and for how long."""
        sooner = 2 if self.size == self.small else 1
        return {
            "outages": [
                {
                    "device_id": device,
                    "begins_s": begins_s // sooner,
                    "jitter_s": JITTER_S // sooner,
                    "lasts_s": lasts_s // sooner,
                }
                for device, (begins_s, lasts_s) in OUTAGES_S.items()
            ]
        }
