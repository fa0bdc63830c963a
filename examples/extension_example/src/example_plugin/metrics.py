"""One metrics aggregator: how long the analysers' queues grew, and how long they stood."""

from __future__ import annotations

from collections.abc import Sequence

from labtrust_bench.tasks.base import BenchmarkTask
from labtrust_core.event import StepResult
from labtrust_env.session import Session


class QueuePeaks:
    """Looks at every analyser's queue at the end of each step.

    ``queue_peak`` is the most specimens that any one analyser had waiting; ``queue_any_s`` is for
    how many seconds any analyser had one.
    """

    def __init__(self, task: BenchmarkTask) -> None:
        self._dt_s = task.size.dt_s
        self._peak = 0
        self._steps = 0

    def begin(self, session: Session) -> None:
        """Start anew; a new object is made for each episode, so there is nothing to forget."""

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Take the longest queue of this step."""
        del results  # what happened is not needed, only what it led to
        longest = max(len(device.queue) for device in session.ctx.world.devices.values())
        self._peak = max(self._peak, longest)
        self._steps += longest > 0

    def end(self, session: Session) -> None:
        """Nothing is left to work out."""

    def figures(self) -> dict[str, int]:
        """Return both figures."""
        return {"queue_peak": self._peak, "queue_any_s": self._steps * self._dt_s}
