"""Counter-based randomness: a draw is a pure function of (seed, stream, entity, draw number).

No state and no global generator: drawing more in one place never shifts another, methods are
compared on common random numbers, and a batched engine can repeat every draw bit for bit, since it
is 64-bit integer arithmetic with explicit masks. ``mix`` is the SplitMix64 finaliser:

    key = mix(mix(seed + G) ^ stream)        once a stream; a name counts as its SHA-256, 8 bytes
    u64 = mix(mix(key + entity * A) + number * G)

Three distributions pass through floating point (``exponential_s``, ``normal_milli`` and
``lognormal_milli``), and each rounds to an integer at once. Their inputs are exact doubles made of
the top 52 bits; the rest is IEEE 754 arithmetic with ``log``, ``exp`` or ``sqrt``, where C
libraries may differ in the last bit, about 1e-16 of the value. The integer differs only if the
unrounded value lies that close to a half, which for results below a million happens less than once
in a billion draws, and nothing but the integer is carried on. All other draws are exact on every
platform.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from math import exp, log
from statistics import NormalDist
from typing import Final

from labtrust_core.errors import UsageError

_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_GAMMA: Final = 0x9E37_79B9_7F4A_7C15  # 2^64 over the golden ratio, odd: the SplitMix64 step
_ENTITY: Final = 0xD134_2543_DE82_EF95  # an odd multiplier unrelated to the step
_MIX_1: Final = 0xBF58_476D_1CE4_E5B9
_MIX_2: Final = 0x94D0_49BB_1331_11EB
_HALF_STEP: Final = 2.0**-53
_MILLION: Final = 1_000_000
_THOUSAND: Final = 1_000
_MOST_SIGMA: Final = 10 * _THOUSAND
_standard_normal: Final = NormalDist().inv_cdf


_latest: Final[list[tuple[int, int | str, int]]] = [(-1, "", 0)]
"""Key and entity of the latest draw, and the half of it that all draws of an entity share.

Most come in a row for one. The item is replaced whole, so that threads cannot mix their halves.
"""


def mix(value: int) -> int:
    """Return the SplitMix64 finaliser of ``value`` (0..2^64-1): a bijection with full avalanche."""
    value = ((value ^ (value >> 30)) * _MIX_1) & _MASK
    value = ((value ^ (value >> 27)) * _MIX_2) & _MASK
    return value ^ (value >> 31)


@lru_cache(maxsize=65_536)
def name_u64(name: str) -> int:
    """Return the first 8 bytes of the SHA-256 of ``name``, as a big-endian integer."""
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big")


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of draws. ``seed`` and ``stream`` are integers in 0..2^64-1.

    Every draw names an ``entity`` (an integer, taken modulo 2^64, or a string) and its number ``n``
    (from 0), and gives the same result whenever it is asked for.

    Raises:
        UsageError: The seed or the stream lies outside 0..2^64-1.
    """

    seed: int
    stream: int
    _key: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in (("seed", self.seed), ("stream", self.stream)):
            if not 0 <= value <= _MASK:
                raise UsageError(f"a {name} must lie in 0..2^64-1, found {value}")
        key = mix(mix((self.seed + _GAMMA) & _MASK) ^ self.stream)
        object.__setattr__(self, "_key", key)

    def u64(self, entity: int | str, n: int = 0) -> int:
        """Return draw ``n`` of ``entity``: uniform in 0..2^64-1."""
        key, known, start = _latest[0]
        if known != entity or key != self._key:
            start = self._start(entity)
            _latest[0] = (self._key, entity, start)
        # mix(start + n * G), written out: this is called many times an event
        value = (start + n * _GAMMA) & _MASK if n else start
        value = ((value ^ (value >> 30)) * _MIX_1) & _MASK
        value = ((value ^ (value >> 27)) * _MIX_2) & _MASK
        return value ^ (value >> 31)

    def _start(self, entity: int | str) -> int:
        """Return mix(key + entity * A), written out like the rest of a draw."""
        if isinstance(entity, str):
            entity = name_u64(entity)
        value = (self._key + entity * _ENTITY) & _MASK
        value = ((value ^ (value >> 30)) * _MIX_1) & _MASK
        value = ((value ^ (value >> 27)) * _MIX_2) & _MASK
        return value ^ (value >> 31)

    def below(self, bound: int, entity: int | str, n: int = 0) -> int:
        """Return an integer in 0..bound-1; no value is likelier than another by over bound/2^64.

        Raises:
            UsageError: ``bound`` lies outside 1..2^64.
        """
        if not 1 <= bound <= _MASK + 1:
            raise UsageError(f"a bound must lie in 1..2^64, found {bound}")
        return (self.u64(entity, n) * bound) >> 64

    def chance_ppm(self, ppm: int, entity: int | str, n: int = 0) -> bool:
        """Return True with a probability of ``ppm`` parts per million.

        Raises:
            UsageError: ``ppm`` lies outside 0..1,000,000.
        """
        if not 0 <= ppm <= _MILLION:
            raise _out_of_range("a chance in parts per million", ppm, _MILLION)
        return (self.u64(entity, n) * _MILLION) >> 64 < ppm

    def permille(self, permille: int, entity: int | str, n: int = 0) -> bool:
        """Return True with a probability of ``permille`` in a thousand.

        Raises:
            UsageError: ``permille`` lies outside 0..1,000.
        """
        if not 0 <= permille <= _THOUSAND:
            raise _out_of_range("a chance in a thousand", permille, _THOUSAND)
        return (self.u64(entity, n) * _THOUSAND) >> 64 < permille

    def exponential_s(self, mean_s: int, entity: int | str, n: int = 0) -> int:
        """Return an exponential waiting time in whole seconds, at least 1.

        Raises:
            UsageError: ``mean_s`` is negative.
        """
        if not 0 <= mean_s <= _MASK:
            raise _out_of_range("a mean in seconds", mean_s, _MASK)
        return max(1, round(-mean_s * log(_open_unit(self.u64(entity, n)))))

    def normal_milli(self, mean_milli: int, sd_milli: int, entity: int | str, n: int = 0) -> int:
        """Return a normal value, rounded to an integer, in the unit of mean and deviation.

        Raises:
            UsageError: ``sd_milli`` is negative.
        """
        if not 0 <= sd_milli <= _MASK:
            raise _out_of_range("a standard deviation", sd_milli, _MASK)
        return mean_milli + round(sd_milli * _standard_normal(_open_unit(self.u64(entity, n))))

    def lognormal_milli(
        self, median_milli: int, sigma_milli: int, entity: int | str, n: int = 0
    ) -> int:
        """Return a log-normal value, rounded to an integer, in the unit of the median.

        Args:
            median_milli: Median of the distribution.
            sigma_milli: Standard deviation of the natural logarithm, in thousandths (0..10,000).
            entity: Whose draw it is.
            n: Number of the draw.

        Raises:
            UsageError: The median is negative, or sigma lies outside its range.
        """
        if not 0 <= median_milli <= _MASK:
            raise _out_of_range("a median", median_milli, _MASK)
        if not 0 <= sigma_milli <= _MOST_SIGMA:
            raise _out_of_range("a sigma in thousandths", sigma_milli, _MOST_SIGMA)
        deviate = _standard_normal(_open_unit(self.u64(entity, n)))
        return round(median_milli * exp(sigma_milli * deviate / _THOUSAND))

    def pick(self, weights: Sequence[int], entity: int | str, n: int = 0) -> int:
        """Return an index into ``weights``, each with a probability in proportion to its weight.

        Raises:
            UsageError: A weight is negative, or none is positive.
        """
        if any(weight < 0 for weight in weights) or sum(weights) == 0:
            raise UsageError(f"weights must be >= 0 and not all 0, found {list(weights)}")
        left = self.below(sum(weights), entity, n)
        for index, weight in enumerate(weights):
            left -= weight
            if left < 0:
                return index
        raise AssertionError("a draw below the sum of the weights falls on one of them")


@lru_cache(maxsize=4096)
def stream(seed: int, name: str) -> Stream:
    """Return the stream called ``name`` of a seed in 0..2^64-1.

    Raises:
        UsageError: The seed lies outside its range.
    """
    return Stream(seed, name_u64(name))


def _open_unit(bits: int) -> float:
    """Return an exact double in the open interval (0, 1) from the top 52 bits."""
    return ((bits >> 12 << 1) | 1) * _HALF_STEP


def _out_of_range(what: str, value: int, most: int) -> UsageError:
    return UsageError(f"{what} must lie in 0..{most}, found {value}")
