"""Checks that an environment renders as its metadata says, also where the agents take turns."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections.abc import Iterator
from typing import Final

from labtrust_core.errors import MissingExtraError
from pettingzoo.utils.conversions import (  # type: ignore[import-untyped] # it has no type information
    parallel_to_aec,
)

from labtrust_env.conformance.errors import NotApplicableError, require
from labtrust_env.conformance.pettingzoo_suite import render_test
from labtrust_env.conformance.pettingzoo_tests import quietly
from labtrust_env.conformance.playing import SEED, Env, Episode, Factory, to_bytes
from labtrust_env.parallel_env import HospitalLabEnv

_DRIVER: Final = "SDL_VIDEODRIVER"
_STEPS: Final = 2


def renders(factory: Factory) -> None:
    """PettingZoo's ``render_test`` passes in every mode, and rendering changes nothing."""
    modes = _modes(factory)
    with _no_screen(), quietly():
        render_test(functools.partial(_turns, factory))
        for mode in modes:
            _require_no_effect(factory, mode)


def _modes(factory: Factory) -> list[str]:
    env = factory()
    modes = list(getattr(env, "metadata", {}).get("render_modes", ()))
    if not modes:
        raise NotApplicableError("needs render_modes in the metadata, and there are none")
    for mode in modes:
        _with_mode(factory, mode).close()
    return modes


def _with_mode(factory: Factory, mode: str) -> Env:
    """Return the factory's environment with a render mode.

    Raises:
        NotApplicableError: The factory takes none, or what draws is not installed.
    """
    try:
        env = factory()
        if type(env) is HospitalLabEnv:
            policy = env.session.engine.policy
            return HospitalLabEnv(dataclasses.replace(env.config, render_mode=mode), policy)
        return factory(render_mode=mode)  # type: ignore[call-arg] # foreign ones may take it
    except MissingExtraError as error:
        raise NotApplicableError(str(error)) from error
    except TypeError as error:
        raise NotApplicableError(f"needs a factory that takes render_mode: {error}") from error


def _turns(factory: Factory, render_mode: str) -> Env:
    made: Env = parallel_to_aec(_with_mode(factory, render_mode))
    return made


def _require_no_effect(factory: Factory, mode: str) -> None:
    seen, plain = Episode(_with_mode(factory, mode)), Episode(factory())
    require(seen.reset(SEED) == plain.reset(SEED), f"render_mode {mode} changes the episode")
    for _ in range(_STEPS):
        first, second = to_bytes(seen.env.render()), to_bytes(seen.env.render())
        require(first == second, f"rendering twice as {mode} shows two things")
        require(seen.step() == plain.step(), f"rendering as {mode} changes the episode")
    seen.env.close()
    seen.env.close()


@contextlib.contextmanager
def _no_screen() -> Iterator[None]:
    """Let windows open where nobody sees them, unless the caller has chosen where."""
    before = os.environ.get(_DRIVER)
    os.environ.setdefault(_DRIVER, "dummy")
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DRIVER]
