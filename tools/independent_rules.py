"""Level L2 for the second verifier: rules, recomputed from log and policy."""

from __future__ import annotations

from collections.abc import Callable

from independent_bundle import Evidence
from independent_receipts import Record


def check_rules(
    _evidence: Evidence, _fault: Callable[[Evidence, Record, str | None], str | None]
) -> None:
    """Check level L2."""
