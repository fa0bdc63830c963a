"""Which results leave without a person, and which are compared with the patient's last, as policy.

Limits are decimal strings in the analyte's unit, times are in seconds.
"""

from __future__ import annotations

from labtrust_core.policy.model import Closed, Document, Natural, Positive


class DeltaCheck(Closed, frozen=True, kw_only=True):
    """How far a value may lie from the patient's last one of at most ``window_s`` before."""

    limit: str
    window_s: Positive
    source: str = ""


class VerificationLimits(Closed, frozen=True, kw_only=True):
    """What a value must keep to in order to leave without a person.

    Attributes:
        low, high: The range; ``None`` where it has no such end.
        hemolysis_max_mg_l: The highest haemolysis index, in mg/L of free haemoglobin; ``None``
            where haemolysis does not matter.
    """

    low: str | None = None
    high: str | None = None
    hemolysis_max_mg_l: Natural | None = None
    source: str = ""


class Verification(Document, frozen=True, kw_only=True):
    """``verification/``.

    Attributes:
        rules: Panel to the names of the rules that each of its results must pass.
        limits: Analyte to its limits.
        delta_checks: Analyte to its delta check.
        lookback_specimens: So many specimens are measured again when controls fail after them.
    """

    rules: dict[str, list[str]]
    limits: dict[str, VerificationLimits]
    delta_checks: dict[str, DeltaCheck]
    lookback_specimens: Natural
