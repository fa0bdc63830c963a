"""Laws of random durations: their exact moments, and draws from the laboratory's streams.

Moments are in units, draws in ticks: the theory is about continuous time, the laboratory counts
whole seconds, so a unit (the mean service time of most cases) is cut into ``TICKS`` of them. What
rounding to whole ticks adds to a mean is below a thousandth of a percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Final, Protocol

from labtrust_core.randomness import Stream

TICKS: Final = 100_000
"""Ticks in a unit. A tick is what the laboratory calls a second."""

_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000


def ticks(units: float) -> int:
    """Return a duration in whole ticks."""
    return round(units * TICKS)


class Law(Protocol):
    """A law of positive durations, in units."""

    @property
    def mean(self) -> float:
        """The mean."""

    @property
    def square(self) -> float:
        """The mean of the square."""

    def draw(self, draws: Stream, number: int) -> int:
        """Return the ``number``-th draw of a stream, in ticks."""


@dataclass(frozen=True, slots=True)
class Exponential:
    """Exponential durations (M in Kendall's notation)."""

    mean: float = 1.0

    @property
    def square(self) -> float:
        """The mean of the square."""
        return 2 * self.mean**2

    def draw(self, draws: Stream, number: int) -> int:
        """Return the ``number``-th draw of a stream, in ticks."""
        return draws.exponential_s(ticks(self.mean), number)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same duration (D)."""

    mean: float = 1.0

    @property
    def square(self) -> float:
        """The mean of the square."""
        return self.mean**2

    def draw(self, draws: Stream, number: int) -> int:  # noqa: ARG002 - every law draws alike
        """Return the duration in ticks."""
        return ticks(self.mean)


@dataclass(frozen=True, slots=True)
class Erlang:
    """The sum of ``phases`` equal exponential durations (E)."""

    phases: int
    mean: float = 1.0

    @property
    def square(self) -> float:
        """The mean of the square."""
        return self.mean**2 * (1 + 1 / self.phases)

    def draw(self, draws: Stream, number: int) -> int:
        """Return the ``number``-th draw of a stream, in ticks."""
        phase = ticks(self.mean / self.phases)
        return sum(draws.exponential_s(phase, number, n) for n in range(self.phases))


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform durations from ``low`` to ``high``."""

    low: float
    high: float

    @property
    def mean(self) -> float:
        """The mean."""
        return (self.low + self.high) / 2

    @property
    def square(self) -> float:
        """The mean of the square."""
        return self.mean**2 + (self.high - self.low) ** 2 / 12

    def draw(self, draws: Stream, number: int) -> int:
        """Return the ``number``-th draw of a stream, in ticks."""
        return ticks(self.low) + draws.below(ticks(self.high - self.low) + 1, number)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Log-normal durations; ``sigma_milli`` is a thousand times the deviation of the logarithm."""

    sigma_milli: int
    mean: float = 1.0

    @property
    def square(self) -> float:
        """The mean of the square."""
        return self.mean**2 * exp((self.sigma_milli / _THOUSAND) ** 2)

    def draw(self, draws: Stream, number: int) -> int:
        """Return the ``number``-th draw of a stream, in ticks."""
        median = ticks(self.mean * exp(-((self.sigma_milli / _THOUSAND) ** 2) / 2))
        return draws.lognormal_milli(median, self.sigma_milli, number)


@dataclass(frozen=True, slots=True)
class Hyperexponential:
    """Two exponential durations mixed (H2), each half of the work.

    ``short_ppm`` is the share of the shorter ones, in parts per million.
    """

    short_ppm: int
    mean: float = 1.0

    @property
    def square(self) -> float:
        """The mean of the square."""
        share = self.short_ppm / _MILLION
        return self.mean**2 * (1 / share + 1 / (1 - share)) / 2

    def draw(self, draws: Stream, number: int) -> int:
        """Return the ``number``-th draw of a stream, in ticks."""
        short = draws.chance_ppm(self.short_ppm, number, 0)
        share = (self.short_ppm if short else _MILLION - self.short_ppm) / _MILLION
        return draws.exponential_s(ticks(self.mean / (2 * share)), number, 1)
