"""PettingZoo's own tests as checks; what they print and warn of is not shown."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any, Final

from pettingzoo.utils.conversions import (  # type: ignore[import-untyped] # it has no type information
    parallel_to_aec,
)

from labtrust_env.conformance.pettingzoo_suite import (
    api_test,
    parallel_api_test,
    parallel_seed_test,
    seed_test,
)
from labtrust_env.conformance.playing import Env, Factory

_CYCLES: Final = 200
_SEEDED_CYCLES: Final = 50


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Show nothing of what is printed and warned of."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def parallel_api(factory: Factory) -> None:
    """PettingZoo's ``parallel_api_test`` passes."""
    with quietly():
        parallel_api_test(factory(), num_cycles=_CYCLES)


def aec_api(factory: Factory) -> None:
    """PettingZoo's ``api_test`` passes on the form in which the agents take turns."""
    with quietly():
        api_test(parallel_to_aec(factory()), num_cycles=_CYCLES)


def parallel_seed(factory: Factory) -> None:
    """PettingZoo's ``parallel_seed_test`` passes; it obeys no mask."""
    with quietly():
        parallel_seed_test(factory, num_cycles=_SEEDED_CYCLES)


def aec_seed(factory: Factory) -> None:
    """PettingZoo's ``seed_test`` passes on the form in which the agents take turns."""

    def turns() -> Env:
        made: Any = parallel_to_aec(factory())
        return made

    with quietly():
        seed_test(turns, num_cycles=_SEEDED_CYCLES)
