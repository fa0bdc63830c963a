"""Meters of a simulation: ratios and averages over time, with standard errors of batch means.

Every quantity is a ratio of two sums (waits over customers, area over time). Both sums are kept for
each batch of consecutive customers; batches long against the memory of the queue are all but
independent, so the spread of their residuals gives the standard error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from labtrust_core.errors import DomainError


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value and its standard error."""

    value: float
    standard_error: float


def ratio(pairs: Sequence[tuple[float, float]]) -> Estimate:
    """Estimate a ratio of sums from the two sums of each batch.

    Args:
        pairs: Upper and lower sum of each batch, of at least two batches.

    Raises:
        DomainError: Nothing was measured: the lower sums are all zero.
    """
    below = sum(lower for _, lower in pairs)
    if not below:
        raise DomainError("a meter has measured nothing")
    value = sum(upper for upper, _ in pairs) / below
    squares = sum((upper - value * lower) ** 2 for upper, lower in pairs)
    return Estimate(value, sqrt(len(pairs) / (len(pairs) - 1) * squares) / below)


class Area:
    """A count, and its integral over time since it was last taken."""

    __slots__ = ("_area", "_since", "count")

    def __init__(self) -> None:
        self.count = 0
        self._area = 0
        self._since = 0

    def change(self, now: int, by: int) -> None:
        """Change the count at time ``now``."""
        self._area += self.count * (now - self._since)
        self._since = now
        self.count += by

    def take(self, now: int) -> int:
        """Return the integral since the last time, and begin anew."""
        self.change(now, 0)
        area, self._area = self._area, 0
        return area


class Meters:
    """The sums of the current batch, and of the finished ones."""

    def __init__(self) -> None:
        self._sums: dict[str, list[float]] = {}
        self._batches: list[dict[str, list[float]]] = []

    def add(self, meter: str, upper: float, lower: float = 1) -> None:
        """Add to both sums of a meter."""
        sums = self._sums.get(meter)
        if sums is None:
            self._sums[meter] = [upper, lower]
        else:
            sums[0] += upper
            sums[1] += lower

    def end_batch(self) -> None:
        """Finish the current batch."""
        self._batches.append(self._sums)
        self._sums = {}

    @property
    def finished(self) -> int:
        """How many batches are finished."""
        return len(self._batches)

    def estimate(self, meter: str, warm_up: int) -> Estimate:
        """Estimate the ratio of a meter, the first ``warm_up`` batches left out.

        Raises:
            DomainError: The meter has measured nothing.
        """
        found = [batch.get(meter, (0.0, 0.0)) for batch in self._batches[warm_up:]]
        return ratio([(pair[0], pair[1]) for pair in found])
