"""The other process of a check: plays a pickled factory's environment and says what it saw.

Reads the pickled factory from stdin; writes a line of JSON to stdout. Run as a module, with the
name of what is asked (``QUESTIONS``) as its argument.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import pickle
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from labtrust_env.conformance.playing import SEED, SHORT, Factory, Moment, play

CANNOT_IMPORT: Final = 3
"""Exit code: this process cannot import what the factory is made of."""


def digest(moments: Sequence[Moment]) -> str:
    """Return the SHA-256 of an episode, in hexadecimal."""
    found = hashlib.sha256()
    for moment in moments:
        for part in sorted(moment):
            found.update(f"{part}={len(moment[part])}:".encode() + moment[part])
    return found.hexdigest()


def opened_by_reset(factory: Factory) -> list[str]:
    """Return what an environment that has been played once opens when it is reset again.

    The watch stays for the life of the process; therefore this belongs into one of its own.
    """
    env = factory()
    play(env, SEED, SHORT)
    opened: list[str] = []
    watching = False

    def watch(event: str, args: tuple[object, ...]) -> None:
        if watching and event == "open":
            opened.append(str(args[0]))

    sys.addaudithook(watch)
    for seed in (SEED, SEED + 1, None):
        watching = True
        env.reset(seed=seed)
        watching = False
    return opened


def digest_of(factory: Factory) -> str:
    """Return the SHA-256 of the factory's episode."""
    return digest(play(factory(), SEED, SHORT))


QUESTIONS: Final[Mapping[str, Callable[[Factory], object]]] = {
    "digest": digest_of,
    "opened": opened_by_reset,
}
"""What can be asked, by name."""


def main(question: str) -> int:
    """Answer once; return the exit code."""
    try:
        factory = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the parent process
    except (ImportError, AttributeError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return CANNOT_IMPORT
    with contextlib.redirect_stdout(sys.stderr):
        answer = QUESTIONS[question](factory)
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
