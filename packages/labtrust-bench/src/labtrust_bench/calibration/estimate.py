"""Means over days with intervals: the days are independent, so each is one replication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan, cos, pi, sin, sqrt
from statistics import fmean, stdev
from typing import Final

CONFIDENCE: Final = 0.95
_BISECTIONS: Final = 60
_STEEPEST: Final = 1_000.0  # beyond the quantile for one degree of freedom up to 99.9 %


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over days.

    Attributes:
        mean: The mean; ``None`` where no day has the quantity.
        low: Lower end of the 95 % interval of the mean; ``None`` below two days.
        high: Upper end of it.
        days: How many days have the quantity.
    """

    mean: float | None
    low: float | None
    high: float | None
    days: int


def estimate(values: Sequence[float | None]) -> Estimate:
    """Return the mean over the days that have a value, with Student's 95 % interval."""
    known = [item for item in values if item is not None]
    count = len(known)
    if count < 2:  # noqa: PLR2004 - one value has no spread
        return Estimate(known[0] if known else None, None, None, count)
    mean = fmean(known)
    half = t_quantile(CONFIDENCE, count - 1) * stdev(known) / sqrt(count)
    return Estimate(mean, mean - half, mean + half, count)


def t_quantile(confidence: float, freedom: int) -> float:
    """Return how many standard errors hold ``confidence`` of Student's law, both sides together.

    Args:
        confidence: In 0..0.999.
        freedom: Degrees of freedom, at least 1.
    """
    low, high = 0.0, _STEEPEST
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if central_probability(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def central_probability(t: float, freedom: int) -> float:
    """Return the probability that Student's t lies between ``-t`` and ``t``.

    The finite series for whole degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4).
    """
    angle = atan(t / sqrt(freedom))
    cosine = cos(angle)
    term = cosine if freedom % 2 else 1.0
    total = term if freedom > 1 else 0.0
    for power in range(2 + freedom % 2, freedom, 2):
        term *= cosine**2 * (power - 1) / power
        total += term
    return 2 / pi * (angle + sin(angle) * total) if freedom % 2 else sin(angle) * total
