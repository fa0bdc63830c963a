"""Quality control, as a policy document: materials, rules, and how analysers go wrong.

Errors are in thousandths of the analytical standard deviation of a control (milli-SD), times in
seconds; targets and deviations are decimal strings in the analyte's unit.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from labtrust_core.policy.model import Closed, Document


class ControlLevel(Closed, frozen=True, kw_only=True):
    """One level of a control material: its target, and the spread of its measurements there."""

    target: str
    sd: str


class ControlMaterial(Closed, frozen=True, kw_only=True):
    """The two levels at which an analyte is controlled, the lower target first."""

    levels: list[ControlLevel]
    source: str = ""


class Shift(Closed, frozen=True, kw_only=True):
    """Sudden bias: Poisson events an analyte; size uniform in the range, up or down."""

    mean_interval_s: int
    min_milli_sd: int
    max_milli_sd: int


class Drift(Closed, frozen=True, kw_only=True):
    """Growing bias: an exponential time after a calibration it begins, up or down."""

    mean_interval_s: int
    milli_sd_per_h: int


class Imprecision(Closed, frozen=True, kw_only=True):
    """Growing scatter.

    An exponential time after a calibration the deviation becomes ``sd_percent`` of the stated one.
    """

    mean_interval_s: int
    sd_percent: int


class ErrorProcess(Closed, frozen=True, kw_only=True):
    """How each analyte of a device type goes wrong, independently of the others.

    Attributes:
        shift, drift, imprecision: What befalls it; ``None`` where nothing does.
        residual_milli_sd: Deviation of the bias that a calibration leaves.
        recalibration_s: What a control that begins with a recalibration takes longer.
    """

    shift: Shift | None = None
    drift: Drift | None = None
    imprecision: Imprecision | None = None
    residual_milli_sd: int
    recalibration_s: int
    source: str = ""


class Quality(Document, frozen=True, kw_only=True):
    """``quality/``.

    Materials by analyte, what follows when a Westgard rule is broken, errors by device type.
    """

    materials: dict[str, ControlMaterial]
    rules: dict[str, Literal["warning", "drift", "fail"]]
    errors: dict[str, ErrorProcess] = msgspec.field(default_factory=dict)
