"""When each place was changed last, so that what was read of it can be kept until then.

It is no part of the state: no digest, no ledger record and no snapshot holds it, and it starts anew
with every world. Two equal answers of ``of`` within one world mean that nothing at the place has
changed in between; numbers of different worlds say nothing about each other.
"""

from __future__ import annotations

from typing import Final

ALIQUOTS: Final = "aliquots"
"""Stands, like a place, for the table of aliquot ids."""


class Changes:
    """Numbers the changes of a world's places.

    What counts as a change of a place: a specimen comes, leaves or gets another status, and what
    is known of one that lies there (its lane, its check, its scan) changes.

    Attributes:
        latest: Number of the last change anywhere.
    """

    __slots__ = ("_last", "latest")

    def __init__(self) -> None:
        self.latest = 0
        self._last: dict[str, int] = {}

    def note(self, place: str) -> None:
        """Say that something at ``place`` has changed."""
        self.latest += 1
        self._last[place] = self.latest

    def of(self, place: str) -> int:
        """Return the number of the last change at ``place``; 0 where there was none."""
        return self._last.get(place, 0)
