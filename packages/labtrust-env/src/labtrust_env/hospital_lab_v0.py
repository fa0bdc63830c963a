"""Version 0 of the hospital laboratory, under the names that PettingZoo's environments have.

The version goes up whenever the same seed and actions give another trajectory.
"""

from __future__ import annotations

from typing import Any, Unpack

from labtrust_core.engine.compiled import CompiledPolicy
from pettingzoo import AECEnv  # type: ignore[import-untyped] # it has no type information
from pettingzoo.utils.conversions import (  # type: ignore[import-untyped] # likewise
    parallel_to_aec_wrapper,
)
from pettingzoo.utils.wrappers import (  # type: ignore[import-untyped] # likewise
    OrderEnforcingWrapper,
)

from labtrust_env.config import EnvConfig, EnvOptions
from labtrust_env.parallel_env import HospitalLabEnv


def parallel_env(
    policy: CompiledPolicy | None = None, **options: Unpack[EnvOptions]
) -> HospitalLabEnv:
    """Return the environment in which all agents act at once.

    Args:
        policy: A policy compiled before; by default the one that the options name is opened.
        options: The fields of ``labtrust_env.config.EnvConfig``.

    Raises:
        LabTrustError: As ``HospitalLabEnv``.
    """
    return HospitalLabEnv(EnvConfig(**options), policy)


def raw_env(
    policy: CompiledPolicy | None = None, **options: Unpack[EnvOptions]
) -> AECEnv[str, Any, Any]:
    """Return the environment in which the agents take turns, bare; arguments as ``parallel_env``.

    The actions of a round take effect together, when the last agent has acted.
    """
    return parallel_to_aec_wrapper(parallel_env(policy, **options))


def env(
    policy: CompiledPolicy | None = None, **options: Unpack[EnvOptions]
) -> AECEnv[str, Any, Any]:
    """Return ``raw_env`` that refuses calls in a wrong order."""
    return OrderEnforcingWrapper(raw_env(policy, **options))
