"""Packed hashes are a sequence like any other."""

import pytest
from labtrust_core.ledger.proofs import Hashes


def test_hashes_are_a_sequence():
    items = [bytes([number]) * 32 for number in range(5)]
    hashes = Hashes(items[:4])
    hashes.append(items[4])

    assert list(hashes) == items
    assert (len(hashes), hashes[-1], hashes[1:3]) == (5, items[4], items[1:3])
    for place in (5, -6):
        with pytest.raises(IndexError, match=f"hash {place} of 5"):
            hashes[place]
