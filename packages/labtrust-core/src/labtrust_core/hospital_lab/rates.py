"""When things happen that follow a day's pattern, in whole numbers.

A rate by the hour of the day with its exact inverse, and rounds at set times of day. Times count in
seconds from midnight of the first day.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from labtrust_core.hospital_lab.documents.workload import RoundWindow
from labtrust_core.hospital_lab.units import DAY_S, HOUR_S

HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class DailyRate:
    """A piecewise constant rate, and how much has come together by a time.

    Amounts are whole numbers of which ``unit`` make one expected arrival, so that nothing is
    rounded: an hour's rate is the day's number times the hour's weight, a second.

    Attributes:
        per_second: Amount a second, by hour.
        before: Amount from midnight to the beginning of each hour, and at last of the whole day.
        unit: Amount of one expected arrival.
    """

    per_second: tuple[int, ...]
    before: tuple[int, ...]
    unit: int

    @classmethod
    def of(cls, per_day: int, weights: Sequence[int]) -> DailyRate:
        """Return the rate of ``per_day`` arrivals, spread over the hours by 24 weights.

        Not all weights are 0.
        """
        per_second = tuple(per_day * weight for weight in weights)
        before = tuple(accumulate((HOUR_S * rate for rate in per_second), initial=0))
        return cls(per_second, before, HOUR_S * sum(weights))

    def amount(self, t_s: int) -> int:
        """Return the amount from time 0 to ``t_s``."""
        days, second = divmod(t_s, DAY_S)
        hour, rest = divmod(second, HOUR_S)
        return days * self.before[HOURS] + self.before[hour] + rest * self.per_second[hour]

    def reached(self, amount: int) -> int:
        """Return the first second at which a positive ``amount`` is reached."""
        days, rest = divmod(amount - 1, self.before[HOURS])
        rest += 1
        hour = bisect_left(self.before, rest) - 1
        seconds = -(-(rest - self.before[hour]) // self.per_second[hour])
        return days * DAY_S + hour * HOUR_S + seconds


def times_of_day(windows: Iterable[RoundWindow]) -> tuple[int, ...]:
    """Return when the rounds of windows set out, each in the middle of its share of the window."""
    return tuple(
        sorted(
            window.begins_s
            + (2 * number + 1) * (window.ends_s - window.begins_s) // (2 * window.count)
            for window in windows
            for number in range(window.count)
        )
    )


def nth_time(times: Sequence[int], number: int) -> int:
    """Return when round ``number``, counted from the first day's first, is due."""
    days, place = divmod(number, len(times))
    return days * DAY_S + times[place]
