"""Makes proofs over a Merkle tree from all its leaves (RFC 6962, section 2.1).

The root of every full subtree is kept, so that many proofs over one tree are cheap.
``labtrust_core.ledger.merkle`` checks them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, overload

from labtrust_core.ledger.merkle import node_hash, root_of_peaks

_BYTES: Final = 32


class Hashes(Sequence[bytes]):
    """A sequence of 32-byte hashes that takes 32 bytes each; it only grows."""

    __slots__ = ("_packed",)

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        """Hold hashes, of which each has 32 bytes."""
        self._packed = bytearray()
        for item in hashes:
            self._packed += item

    def append(self, item: bytes) -> None:
        """Add the next hash, of 32 bytes."""
        self._packed += item

    def __len__(self) -> int:
        return len(self._packed) // _BYTES

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(f"hash {place} of {len(self)}")
        return bytes(self._packed[at * _BYTES : (at + 1) * _BYTES])


class MerkleProver:
    """All leaves of a tree, ready for proofs about it as it is and as it was at smaller sizes.

    Takes 64 bytes a leaf.
    """

    __slots__ = ("_levels",)

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Build the tree over 32-byte leaf hashes, in order; about one hash a leaf."""
        level = Hashes(leaves)
        self._levels = [level]  # level h holds the roots of the full subtrees of 2^h leaves
        while len(level) > 1:
            pairs = range(0, len(level) - 1, 2)
            level = Hashes(node_hash(level[at], level[at + 1]) for at in pairs)
            self._levels.append(level)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0])

    def root(self, size: int | None = None) -> bytes:
        """Return the 32-byte root over the first ``size`` leaves, or over all.

        Raises:
            IndexError: There are not so many.
        """
        return self._span(0, self._checked(size))

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the path from a leaf to the root, the lowest sibling first (2.1.1).

        Args:
            index: Which leaf, from 0.
            size: Of the tree over the first ``size`` leaves; of all where it is None.

        Raises:
            IndexError: There is no such leaf, or not so many.
        """
        end = self._checked(size)
        if not 0 <= index < end:
            raise IndexError(f"leaf {index} of {end}")
        start, path = 0, []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._span(middle, end))
                end = middle
            else:
                path.append(self._span(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the first ``old`` leaves are those of an earlier tree (2.1.2).

        Args:
            old: Size of the earlier tree.
            size: Size of the later one; all leaves where it is None.

        Raises:
            IndexError: ``old`` is not from 1 to ``size``, or there are not so many leaves.
        """
        end = self._checked(size)
        if not 0 < old <= end:
            raise IndexError(f"a tree of {old} leaves within one of {end}")
        start, path = 0, []
        while old < end:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._span(middle, end))
                end = middle
            else:
                path.append(self._span(start, middle))
                start = middle
        if start:  # the old tree is not a full subtree, whose root the other side would know
            path.append(self._span(start, end))
        return path[::-1]

    def _checked(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise IndexError(f"the first {size} of {self.size} leaves")
        return size

    def _span(self, start: int, end: int) -> bytes:
        """Return the root over leaves ``start`` to ``end``, a subtree as the RFC splits them."""
        peaks = []
        while start < end:
            height = (end - start).bit_length() - 1
            peaks.append(self._levels[height][start >> height])
            start += 1 << height
        return root_of_peaks(peaks)


def _split(size: int) -> int:
    """Return the largest power of two below ``size``, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1
