"""A Merkle tree as in RFC 6962, section 2.1: it grows, and proofs about it are checked.

Neither takes more than O(log n) hashes; ``labtrust_core.ledger.proofs`` makes the proofs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from labtrust_core.canonical import LEAF_PREFIX

NODE_PREFIX: Final = b"\x01"
HASH_BYTES: Final = 32


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
        return root_of_peaks(self._peaks)

    def copy(self) -> MerkleTree:
        """Return a tree of the same leaves that grows on its own."""
        twin = MerkleTree()
        twin._peaks = self._peaks.copy()
        twin._size = self._size
        return twin


def root_of_peaks(peaks: Sequence[bytes]) -> bytes:
    """Return the 32-byte root over full subtrees, which get smaller from left to right."""
    if not peaks:
        return sha256(b"").digest()
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the 32-byte root over leaf hashes, in order."""
    tree = MerkleTree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to (RFC 9162, 2.1.3.2).

    Returns:
        The 32-byte root, or None where the path is too long or too short for that place in a tree
        of that size, or the leaf is no hash. Whoever asks compares it with a root that he trusts.
    """
    if not 0 <= index < size or len(leaf) != HASH_BYTES:
        return None
    node, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            root = node_hash(sibling, root)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        node, last = node >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that one tree is the beginning of another (RFC 9162, 2.1.4.2).

    Args:
        old: Size and 32-byte root of the earlier tree. One of size 0 is the beginning of nothing
            but itself, since its root says nothing.
        new: The same of the later one.
        proof: 32-byte hashes.
    """
    size, root = old
    if size == new[0]:
        return root == new[1] and not proof
    if not 0 < size < new[0]:
        return False
    path = [root, *proof] if size & (size - 1) == 0 else list(proof)
    if not path:
        return False
    node, last = size - 1, new[0] - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and first == root and second == new[1]
