"""Run the cases and compare what is measured with what theory says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.theory.cases import CASES, Case
from labtrust_core.theory.model import Model
from labtrust_core.theory.simulate import BATCHES, WARM_UP, simulate
from labtrust_core.theory.simulate_controls import simulate_controls

BAND: Final = 4
"""How many standard errors a measured value may lie from the exact one."""

FEWEST: Final = 100 * BATCHES
"""Customers below which batches are too short to be all but independent."""


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity of one case.

    Attributes:
        case: Name of the case.
        quantity: What was measured. Times are in mean services; "present less rate x stay" and
            "waiting less rate x wait" are Little's law, "load x wait" is the conserved sum.
        source: Whose formula the case rests on.
        exact: What theory says.
        simulated: What was measured.
        standard_error: Of the measured value.
        within: Whether it lies within ``BAND`` standard errors of the exact one.
    """

    case: str
    quantity: str
    source: str
    exact: float
    simulated: float
    standard_error: float
    within: bool

    @property
    def deviation(self) -> float:
        """The distance from the exact value, in standard errors; 0 when there is none at all."""
        distance = self.simulated - self.exact
        return distance / self.standard_error if self.standard_error else distance


def select_cases(names: Sequence[str]) -> tuple[Case, ...]:
    """Return the cases called ``names``, in their own order; all of them for no names.

    Raises:
        UnknownNameError: There is no such case.
    """
    known = {case.name for case in CASES}
    for name in names:
        if name not in known:
            raise UnknownNameError("case", name, known)
    return tuple(case for case in CASES if not names or case.name in names)


def check_case(case: Case, seed: int, customers: int) -> list[Row]:
    """Simulate a case and compare.

    Args:
        case: What to run.
        seed: Seed of all draws, in 0..2^64-1.
        customers: How many customers, or runs of controls, count; a warm-up comes before them.

    Raises:
        UsageError: There are fewer than ``FEWEST`` customers, or the seed is out of range.
    """
    if customers < FEWEST:
        raise UsageError(f"at least {FEWEST} customers are needed, found {customers}")
    if isinstance(case.model, Model):
        meters = simulate(case.name, case.model, seed, customers)
    else:
        meters = simulate_controls(case.name, case.model, seed, customers)
    rows = []
    for quantity in case.quantities:
        found = meters.estimate(quantity.name, WARM_UP)
        within = abs(found.value - quantity.exact) <= BAND * found.standard_error
        rows.append(
            Row(
                case.name,
                quantity.name,
                case.source,
                quantity.exact,
                found.value,
                found.standard_error,
                within,
            )
        )
    return rows


def check_cases(
    cases: Sequence[Case], seed: int, customers: int, done: Callable[[], None]
) -> list[Row]:
    """Check cases one after the other, and call ``done`` after each (see ``check_case``)."""
    rows: list[Row] = []
    for case in cases:
        rows += check_case(case, seed, customers)
        done()
    return rows
