"""The work that waits for a device, in the order in which it must be started."""

from __future__ import annotations

import heapq
from typing import Final

import msgspec

PRIORITY_RANK: Final = {"STAT": 0, "URGENT": 1, "ROUTINE": 2}


class QueueEntry(msgspec.Struct, order=True, gc=False):
    """A work item, ordered by priority rank, then time, then arrival in the queue."""

    rank: int
    enqueued_s: int
    number: int
    work_id: str


class WorkQueue(msgspec.Struct):
    """Work waiting for one device.

    STAT apart from the rest, so that the fairness rule is a choice between two heads.

    Non-preemptive. When STAT work has taken more than its share of the last starts and other work
    waits, the other head goes first. Adding work and starting the head are O(log n).
    """

    stat: list[QueueEntry] = []
    other: list[QueueEntry] = []
    waiting: dict[str, int] = {}
    number: int = 0
    recent: list[int] = []

    def push(self, work_id: str, rank: int, now_s: int) -> None:
        """Add a work item; one that waits already gets its new rank and goes to the end of it."""
        if work_id in self.waiting:
            self.remove(work_id)
        self.number += 1
        entry = QueueEntry(rank, now_s, self.number, work_id)
        heapq.heappush(self.stat if rank == 0 else self.other, entry)
        self.waiting[work_id] = rank

    def head(self, share_percent: int) -> str | None:
        """Return the work item that must be started next.

        ``share_percent`` bounds STAT work while others wait.
        """
        if not self.stat:
            return self.other[0].work_id if self.other else None
        over = self.recent and 100 * sum(self.recent) > share_percent * len(self.recent)
        if over and self.other and self.recent[-1]:
            return self.other[0].work_id
        return self.stat[0].work_id

    def pop(self, work_id: str, window: int) -> None:
        """Take ``work_id`` out because its run starts.

        It is one of the two heads, unless the workflow lets an item jump the queue. Remember its
        class for the last ``window`` starts.
        """
        is_stat = self.waiting[work_id] == 0
        heap = self.stat if is_stat else self.other
        if heap[0].work_id == work_id:
            heapq.heappop(heap)
            del self.waiting[work_id]
        else:
            self.remove(work_id)
        self.recent.append(int(is_stat))
        del self.recent[:-window]

    def remove(self, work_id: str) -> None:
        """Take a work item out without starting it."""
        heap = self.stat if self.waiting.pop(work_id) == 0 else self.other
        heap[:] = [entry for entry in heap if entry.work_id != work_id]
        heapq.heapify(heap)

    def __len__(self) -> int:
        return len(self.waiting)
