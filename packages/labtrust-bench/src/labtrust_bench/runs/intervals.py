"""Intervals of means and of shares, exact where the law is known, without further packages.

A mean has Student's interval, a share of episodes the interval of Clopper and Pearson (1934). Ends
are rounded to ``DIGITS`` decimals, so that they are the same bytes everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import exp, isclose, lgamma, log, log1p, sqrt
from typing import Final

from labtrust_core.errors import UsageError

from labtrust_bench.calibration.estimate import t_quantile

CONFIDENCE: Final = 0.95
DIGITS: Final = 6

_WHOLE: Final = 1_000  # from here on a figure is shown without decimals
_TINY: Final = 1e-300
_CLOSE: Final = 1e-15
_MAX_TERMS: Final = 10_000
_BISECTIONS: Final = 100


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval; both ends belong to it."""

    lower: float
    upper: float


@dataclass(slots=True)
class Moments:
    """Mean and spread of integers or fractions that come one by one; they are summed up exactly.

    Attributes:
        count: How many there were.
        total: Their sum.
        squares: Sum of their squares.
    """

    count: int = 0
    total: int | Fraction = 0
    squares: int | Fraction = 0

    def add(self, value: int | Fraction) -> None:
        """Take one more."""
        self.count += 1
        self.total += value
        self.squares += value * value

    @property
    def mean(self) -> float | None:
        """The mean, rounded; null of nothing."""
        return round(float(self.total / self.count), DIGITS) if self.count else None

    @property
    def std(self) -> float | None:
        """The standard deviation of the sample, rounded; null below two values."""
        return None if self.count < 2 else round(self._deviation, DIGITS)  # noqa: PLR2004 - one value has no spread

    @property
    def _deviation(self) -> float:
        around = Fraction(self.count * self.squares - self.total**2)
        return sqrt(around / (self.count * (self.count - 1)))

    def mean_interval(self, confidence: float = CONFIDENCE) -> Interval | None:
        """Return Student's interval of the mean; null below two values."""
        if self.count < 2:  # noqa: PLR2004 - one value has no spread
            return None
        half = t_quantile(confidence, self.count - 1) * self._deviation / sqrt(self.count)
        mean = float(self.total / self.count)
        return Interval(round(mean - half, DIGITS), round(mean + half, DIGITS))


def figure_words(value: float | None, interval: Interval | None = None) -> str:
    """Return a figure with four digits, and its interval behind it where there is one."""
    if value is None:
        return "-"
    if interval is None:
        return _digits(value)
    return f"{_digits(value)} [{_digits(interval.lower)}, {_digits(interval.upper)}]"


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= _WHOLE else f"{value:.4g}"


def clopper_pearson(hits: int, count: int, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the exact interval of a share; null of nothing.

    Args:
        hits: How many of ``count`` had it.
        count: How many there were.
        confidence: Probability that the interval holds the share, at least; in 0..1, without ends.

    Raises:
        UsageError: ``hits`` does not lie in 0..``count``, or ``confidence`` not between 0 and 1.
    """
    if not 0 <= hits <= count or not 0 < confidence < 1:
        raise UsageError(f"no share: {hits} of {count}, with confidence {confidence}")
    if not count:
        return None
    tail = (1 - confidence) / 2
    lower = beta_quantile(tail, hits, count - hits + 1) if hits else 0.0
    upper = beta_quantile(1 - tail, hits + 1, count - hits) if hits < count else 1.0
    return Interval(round(lower, DIGITS), round(upper, DIGITS))


def beta_quantile(probability: float, a: float, b: float) -> float:
    """Return where the beta law with parameters ``a`` and ``b`` (at least 1) reaches a probability.

    Args:
        probability: In 0..1.
        a: First parameter.
        b: Second parameter.
    """
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if beta_probability(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_probability(x: float, a: float, b: float) -> float:
    """Return the probability of 0..``x`` under the beta law: the regularised incomplete beta.

    By its continued fraction (Abramowitz and Stegun 26.5.8), on the side where it converges fast.
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_probability(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)) / a
    return front / _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """Return the continued fraction 1 + d1/(1 + d2/(1 + ...)), by Lentz's method."""
    value = top = 1.0
    bottom = 0.0
    for number in range(1, _MAX_TERMS):
        half = number // 2
        if number % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        bottom = 1 / (1 + term * bottom or _TINY)
        top = 1 + term / top or _TINY
        value *= top * bottom
        if isclose(top * bottom, 1, rel_tol=_CLOSE):
            break
    return value
