"""Merkle tree hashes as in RFC 6962, section 2.1: incremental, with a state of O(log n)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from labtrust_core.canonical import LEAF_PREFIX

NODE_PREFIX: Final = b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """Return the 32-byte hash of a leaf: SHA-256(0x00 || data)."""
    return sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the 32-byte hash of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(NODE_PREFIX + left + right).digest()


class MerkleTree:
    """A tree that only grows. It keeps the root of each full subtree, one a set bit of its size."""

    __slots__ = ("_peaks", "_size")

    def __init__(self) -> None:
        self._peaks: list[bytes] = []
        self._size = 0

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add the 32-byte hash of the next leaf."""
        size = self._size
        self._size = size + 1
        while size & 1:  # a full subtree of the same height stands on the left: join them
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
        self._peaks.append(leaf)

    def root(self) -> bytes:
        """Return the 32-byte root; of no leaves it is the hash of the empty string."""
        if not self._peaks:
            return sha256(b"").digest()
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def copy(self) -> MerkleTree:
        """Return a tree of the same leaves that grows on its own."""
        twin = MerkleTree()
        twin._peaks = self._peaks.copy()
        twin._size = self._size
        return twin


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the 32-byte root over leaf hashes, in order."""
    tree = MerkleTree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()
