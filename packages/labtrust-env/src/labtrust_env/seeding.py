"""Which seed each episode of an environment has.

``reset(seed=s)`` starts a stream: that episode has the seed ``s`` itself. ``reset()`` goes on in
the stream: the n-th episode after it has a seed drawn from ``(s, n)``. An environment that was
never given a seed draws one from the system's entropy, once.
"""

from __future__ import annotations

import operator
import secrets
from dataclasses import dataclass
from typing import Final

from labtrust_core.errors import UsageError
from labtrust_core.randomness import stream

_BITS: Final = 53  # the ledger states the seed as a JSON number, which is exact to 53 bits


@dataclass(slots=True)
class SeedStream:
    """The stream of episode seeds.

    Attributes:
        base: The seed that started it; ``None`` before the first episode.
        episode: Number of the current episode in it, from 0.
    """

    base: int | None = None
    episode: int = 0

    def next(self, seed: int | None) -> int:
        """Return the seed of the next episode; a given ``seed`` starts a new stream.

        Raises:
            UsageError: The seed is no integer in 0..2^53-1.
        """
        if seed is not None:
            self.base, self.episode = _checked(seed), 0
        elif self.base is None:
            self.base, self.episode = secrets.randbits(_BITS), 0
        else:
            self.episode += 1
        return self.current()

    def current(self) -> int:
        """Return the seed of the current episode.

        Raises:
            UsageError: There has been none.
        """
        if self.base is None:
            raise UsageError("no episode has begun; call reset first")
        if self.episode == 0:
            return self.base
        return stream(self.base, "episodes").u64(self.episode) >> (64 - _BITS)


def _checked(seed: object) -> int:
    try:
        found = operator.index(seed)  # type: ignore[arg-type] # this asks whether it is one
    except TypeError as error:
        raise UsageError(f"a seed is an integer, found {seed!r}") from error
    if not 0 <= found < 2**_BITS:
        raise UsageError(f"a seed must lie in 0..2^53-1, found {found}")
    return found
