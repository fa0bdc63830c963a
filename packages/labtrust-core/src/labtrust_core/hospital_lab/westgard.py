"""Westgard's rules on measured controls, as pure functions.

A *run* is one measurement of every level of a control, each as a z-score in thousandths: how many
standard deviations it lies from its target. A history is a sequence of runs of one analyte, the
oldest first; the last is the one that is judged. Limits are strict, as is the side: exactly zero
lies on neither. Where a rule counts consecutive measurements it counts them in the order of the
runs, and within a run in the order of the levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

Run: TypeAlias = Sequence[int]
History: TypeAlias = Sequence[Run]

_ONE: Final = 1_000
_TWO: Final = 2_000
_THREE: Final = 3_000
_FOUR_IN_A_ROW: Final = 4
_TEN_IN_A_ROW: Final = 10

RUNS_KEPT: Final = 5
"""Runs of two levels that a history needs: the rule with the longest memory counts ten values."""


def _latest(history: History, count: int) -> list[int]:
    """Return the last ``count`` measurements; none where there are fewer."""
    found = [z for run in history[-count:] for z in run]
    return found[-count:] if len(found) >= count else []


def _same_side(values: Sequence[int], limit: int) -> bool:
    """Whether there are values and all lie beyond ``limit`` on one side."""
    return bool(values) and (min(values) > limit or max(values) < -limit)


def rule_1_2s(history: History) -> bool:
    """One control lies beyond 2 SD."""
    return any(abs(z) > _TWO for z in history[-1])


def rule_1_3s(history: History) -> bool:
    """One control lies beyond 3 SD."""
    return any(abs(z) > _THREE for z in history[-1])


def rule_2_2s_within(history: History) -> bool:
    """Two levels of the run lie beyond 2 SD on one side."""
    run = history[-1]
    return sum(z > _TWO for z in run) > 1 or sum(z < -_TWO for z in run) > 1


def rule_2_2s_across(history: History) -> bool:
    """One level lies beyond 2 SD on one side, in this run and in the one before."""
    pairs = zip(history[-2], history[-1], strict=True) if len(history) > 1 else ()
    return any(_same_side(pair, _TWO) for pair in pairs)


def rule_2_2s(history: History) -> bool:
    """Two controls lie beyond 2 SD on one side: in one run, or one level in two runs."""
    return rule_2_2s_within(history) or rule_2_2s_across(history)


def rule_r_4s(history: History) -> bool:
    """One control of the run lies above +2 SD and another below -2 SD."""
    return max(history[-1]) > _TWO and min(history[-1]) < -_TWO


def rule_4_1s(history: History) -> bool:
    """The last four measurements lie beyond 1 SD on one side."""
    return _same_side(_latest(history, _FOUR_IN_A_ROW), _ONE)


def rule_10x(history: History) -> bool:
    """The last ten measurements lie on one side of their targets."""
    return _same_side(_latest(history, _TEN_IN_A_ROW), 0)


RULES: Final[dict[str, Callable[[History], bool]]] = {
    "1-2s": rule_1_2s,
    "1-3s": rule_1_3s,
    "2-2s": rule_2_2s,
    "R-4s": rule_r_4s,
    "4-1s": rule_4_1s,
    "10x": rule_10x,
}
"""Whether the last run of a history breaks a rule, by the rule's name."""


def broken_rules(history: History, rules: Iterable[str]) -> list[str]:
    """Return which of ``rules`` the last run of a history breaks, in their order.

    Raises:
        KeyError: There is no such rule.
    """
    return [name for name in rules if RULES[name](history)]
