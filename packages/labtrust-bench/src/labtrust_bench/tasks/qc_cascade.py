"""Two analysers measure wrongly from the start, and nobody knows until controls are run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from labtrust_bench.tasks.base import MORNING_S, BenchmarkTask, TaskSize

BIASES: Final = {
    "DEV_CHEM_A_01": {
        "BIOCHEM_POTASSIUM_K": 6_000,
        "BIOCHEM_CREATININE": 7_000,
        "BIOCHEM_SODIUM_NA": -6_000,
    },
    "DEV_COAG_01": {"COAG_INR": 6_000, "COAG_APTT": -7_000},
}
"""Device and analyte to the hidden error, in thousandths of a control's deviation."""

CONTROLS_DUE_S: Final = {"DEV_CHEM_A_01": 5_400, "DEV_COAG_01": 6_600}
"""When the controls of these devices fall due, in seconds of the episode."""

_INTERVAL_S: Final = 28_800
"""How long controls of these devices are good for."""


class QcCascade(BenchmarkTask):
    """Four hours at the hub; a result counts that is out on time and right.

    The chemistry analyser of hall A and the coagulation analyser begin with an error. Controls find
    it, hold what is not out and list what is out already: that is to be measured again and amended.
    The twin in hall B measures well.
    """

    name = "qc_cascade"
    crew = "standard"
    full = TaskSize("quality_morning", horizon_s=MORNING_S, arrivals_until_s=MORNING_S)
    small = TaskSize("quality_morning", horizon_s=7_200, arrivals_until_s=5_400, wrap_up_s=1_800)
    variants: ClassVar[Mapping[str, TaskSize]] = {
        "no_faults": TaskSize("quality_morning", MORNING_S, MORNING_S, faults=False)
    }
    primary_metric = "service.weighted_right_permille"

    def get_initial_state(self) -> dict[str, Any]:
        """Return the devices with their errors."""
        return {
            "devices": [
                {
                    "device_id": device,
                    "qc_at_s": CONTROLS_DUE_S[device] - _INTERVAL_S,
                    "bias_milli_sd": dict(biases),
                }
                for device, biases in BIASES.items()
            ]
        }
