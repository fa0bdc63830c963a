"""What quality control leaves behind: suspects, investigations, and the hidden error of a device.

Plain data. Errors are integers of a thousandth of a control's standard deviation (milli-SD).
"""

from __future__ import annotations

from typing import Literal

import msgspec

QcState = Literal["pass", "fail", "drift"]


class Suspect(msgspec.Struct):
    """An analyte that controls speak against: how badly, and which rules they broke."""

    state: QcState
    rules: list[str]


class AnalyteError(msgspec.Struct):
    """How wrong one device measures one analyte since its last calibration; nobody sees it.

    Attributes:
        calibrations: How often it has been calibrated anew.
        bias_milli: What the calibration left, and the shifts since.
        shifts: How many shifts there have been since.
        next_shift_s: When the next comes.
        drift_from_s, drift_milli_per_h: From when on the bias grows, and how fast.
        imprecise_from_s: From when on it scatters more.
    """

    calibrations: int
    bias_milli: int
    shifts: int
    next_shift_s: int
    drift_from_s: int
    drift_milli_per_h: int
    imprecise_from_s: int


class Investigation(msgspec.Struct):
    """A failed control and what hangs on it, from the failure until the next good control.

    Attributes:
        since_s: When the device last passed its controls.
        rules: By analyte, the rules that were broken; ``stated`` where the outcome was stated.
        held: Results since then that were not out yet, and are held.
        released: Results since then that were out already: for looking back.
    """

    investigation_id: str
    device_id: str
    opened_s: int
    since_s: int
    rules: dict[str, list[str]] = {}
    held: dict[str, None] = {}
    released: dict[str, None] = {}
    closed_s: int | None = None
