"""How likely two levels of a control break Westgard's rules, in closed form.

Every function takes the bias and the deviation of the measurements, both in the stated standard
deviation of the control: 0 and 1 are in control. Levels and runs are independent and normal.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Final

Formula = Callable[[float, float], float]


def _above(limit: float, bias: float, sd: float) -> float:
    """Return the chance of one measurement above ``limit``."""
    return 1 - NormalDist(bias, sd).cdf(limit)


def _below(limit: float, bias: float, sd: float) -> float:
    """Return the chance of one measurement below ``-limit``."""
    return NormalDist(bias, sd).cdf(-limit)


def one_beyond(limit: float, bias: float, sd: float) -> float:
    """Return the chance that one of two levels lies beyond ``limit``."""
    within = 1 - _above(limit, bias, sd) - _below(limit, bias, sd)
    return 1 - within**2


def in_a_row(limit: float, count: int, bias: float, sd: float) -> float:
    """Return the chance that ``count`` measurements lie beyond ``limit`` on one side."""
    return _above(limit, bias, sd) ** count + _below(limit, bias, sd) ** count


def two_2s_across(bias: float, sd: float) -> float:
    """Return the chance that one of two levels lies beyond 2 SD on one side in two runs."""
    return 1 - (1 - in_a_row(2, 2, bias, sd)) ** 2


def opposite(bias: float, sd: float) -> float:
    """Return the chance that of two levels one lies above +2 SD and one below -2 SD."""
    return 2 * _above(2, bias, sd) * _below(2, bias, sd)


def rejected(bias: float, sd: float, *, across: bool) -> float:
    """Return the chance that 1-3s, 2-2s or R-4s rejects a run.

    A run stands when no level lies beyond 3 SD and at most one beyond 2 SD; with ``across``, that
    one must not lie beyond 2 SD on the same side in the run before.
    """
    high, low = _above(2, bias, sd), _below(2, bias, sd)
    within = 1 - high - low
    warned_high = high - _above(3, bias, sd)
    warned_low = low - _below(3, bias, sd)
    if across:
        warned_high *= 1 - high
        warned_low *= 1 - low
    return 1 - within**2 - 2 * within * (warned_high + warned_low)


FORMULAS: Final[dict[str, Formula]] = {
    "1-2s": lambda bias, sd: one_beyond(2, bias, sd),
    "1-3s": lambda bias, sd: one_beyond(3, bias, sd),
    "2-2s within a run": lambda bias, sd: in_a_row(2, 2, bias, sd),
    "2-2s across two runs": two_2s_across,
    "R-4s": opposite,
    "4-1s": lambda bias, sd: in_a_row(1, 4, bias, sd),
    "10x": lambda bias, sd: in_a_row(0, 10, bias, sd),
    "1-3s, 2-2s within a run, R-4s": lambda bias, sd: rejected(bias, sd, across=False),
    "1-3s, 2-2s, R-4s": lambda bias, sd: rejected(bias, sd, across=True),
}
"""The chance that a run breaks a rule, or one of several, by name."""
