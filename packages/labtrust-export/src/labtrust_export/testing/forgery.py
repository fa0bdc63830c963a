"""What a forgery is, and the register of classes of them.

A class is one thing that an attacker does, wherever in a bundle he can do it. Each forgery of it
says at which level a verifier must refuse it, and with which code; below that level it must pass.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from labtrust_core.canonical import sha256_hex

from labtrust_export.testing.episodes import SCENARIOS, Episode, episode
from labtrust_export.testing.runs import with_run
from labtrust_export.testing.sealing import Files, Record, parsed, sealed
from labtrust_export.testing.signers import trust_policy

LEVELS: Final = ("L0", "L1", "L2", "L3", "L4")

RUNS: Final = {"run": "amended", "signed_run": "signed"}
"""Bases that belong to a run: name to the episode."""

BASES: Final = (*SCENARIOS, *RUNS)


@dataclass(frozen=True)
class Good:
    """A good bundle, which every verifier must accept.

    Attributes:
        episode: The episode that it proves.
        files: Its files.
        thorough: Whether a class shall try every place instead of some.
    """

    episode: Episode
    files: Files
    thorough: bool = False

    @property
    def name(self) -> str:
        """The base's name."""
        return self.episode.name

    @property
    def records(self) -> list[Record]:
        """The records of its ledger, to be changed."""
        return parsed(self.episode.lines)

    @property
    def run(self) -> list[Record]:
        """The records of its run log, to be changed."""
        return parsed(self.episode.run)

    def told(self, lines: Iterable[bytes]) -> Episode:
        """Return the episode with another ledger."""
        return replace(self.episode, lines=tuple(lines))


@functools.cache
def good(name: str) -> Good:
    """Return a good bundle.

    Raises:
        UnknownNameError: There is none of that name.
    """
    played = with_run(episode(RUNS[name]), name) if name in RUNS else episode(name)
    return Good(played, sealed(played))


@functools.cache
def honest_trust() -> Record:
    """Return the trust policy of a caller who trusts exactly what stands behind the good bundles.

    It is shared: copy it before a change.
    """
    starts = [parsed(good(name).episode.lines[:1])[0]["body"] for name in BASES]
    policies = {sha256_hex(good(name).episode.policy) for name in BASES}
    return trust_policy(policies, {start["keys_digest"] for start in starts})


class Forged(NamedTuple):
    """What a class makes of a good bundle.

    Attributes:
        what: What was done, a short name that is unique within class and base.
        files: The files; None where only a trick with the file system makes the bundle.
        codes: The code with which it must be refused; several only where the change decides at
            random what it hits.
        trust: The caller's trust policy, where it is not the honest one.
        state: What the verifier has seen before, where it has.
        trick: Name of what is done to the folder (``tricks.TRICKS``).
    """

    what: str
    files: Files
    codes: str | frozenset[str]
    trust: Record | None = None
    state: Record | None = None
    trick: str | None = None


class Forgery(NamedTuple):
    """A forged bundle, ready to be shown to a verifier."""

    kind: ForgeryClass
    base: str
    made: Forged

    @property
    def name(self) -> str:
        """Its name: class, base, what was done."""
        return f"{self.kind.name}/{self.base}/{self.made.what}"

    @property
    def codes(self) -> frozenset[str]:
        """The codes with which it may be refused."""
        codes = self.made.codes
        return frozenset({codes}) if isinstance(codes, str) else codes

    @property
    def trust(self) -> Record:
        """The caller's trust policy."""
        return honest_trust() if self.made.trust is None else self.made.trust


Forge = Callable[[Good], Iterator[Forged]]


@dataclass(frozen=True)
class ForgeryClass:
    """One thing that an attacker does.

    Attributes:
        name: Its name.
        attacker: What he does, a sentence.
        level: The level at which it must be refused.
        holes: Ids of the known holes (``holes.KNOWN_HOLES``) that it is about.
        bases: The good bundles that it is tried on.
        slow_bases: Those that it is also tried on where time does not matter.
        forge: Makes the forgeries of one bundle.
    """

    name: str
    attacker: str
    level: str
    holes: tuple[str, ...]
    bases: tuple[str, ...]
    slow_bases: tuple[str, ...]
    forge: Forge

    def forgeries(self, *, thorough: bool = False) -> Iterator[Forgery]:
        """Yield the forgeries of this class over its bases."""
        for base in (*self.bases, *(self.slow_bases if thorough else ())):
            bundle = replace(good(base), thorough=thorough)
            for made in self.forge(bundle):
                yield Forgery(self, base, made)


CLASSES: Final[dict[str, ForgeryClass]] = {}


def forges(
    name: str,
    attacker: str,
    *,
    level: str,
    bases: tuple[str, ...],
    slow_bases: tuple[str, ...] = (),
    holes: tuple[str, ...] = (),
) -> Callable[[Forge], Forge]:
    """Register a class under a name.

    Raises:
        ValueError: The name is taken, or there is no such level or base.
    """
    if name in CLASSES or level not in LEVELS or not {*bases, *slow_bases} <= set(BASES):
        raise ValueError(f"the class {name} is there already, or its level or a base is not")

    def register(forge: Forge) -> Forge:
        CLASSES[name] = ForgeryClass(name, attacker, level, holes, bases, slow_bases, forge)
        return forge

    return register
