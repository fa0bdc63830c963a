"""The ladder: crews from doing nothing to a good script, on every task, with intervals."""

from labtrust_bench.ladder.climb import (
    CREWS,
    Ladder,
    LadderConfig,
    Row,
    Verdict,
    climb,
    metric_value,
)

__all__ = ["CREWS", "Ladder", "LadderConfig", "Row", "Verdict", "climb", "metric_value"]
