"""Entries in PettingZoo's registries."""

from __future__ import annotations

from typing import Final

from pettingzoo import (  # type: ignore[import-untyped] # it has no type information
    aec_registry,
    parallel_registry,
    register,
)

ENV_ID: Final = "labtrust/hospital_lab-v0"
_MODULE: Final = "labtrust_env.hospital_lab_v0"


def register_environments() -> None:
    """Enter the environment in both registries; what is entered already stays."""
    if ENV_ID not in parallel_registry:
        register("parallel", ENV_ID, entry_point=f"{_MODULE}:parallel_env")
    if ENV_ID not in aec_registry:
        register("aec", ENV_ID, entry_point=f"{_MODULE}:env")
