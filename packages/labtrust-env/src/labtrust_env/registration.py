"""Entries in PettingZoo's registries and in Gymnasium's."""

from __future__ import annotations

from typing import Final

import gymnasium
from pettingzoo import (  # type: ignore[import-untyped] # it has no type information
    aec_registry,
    parallel_registry,
    register,
)

ENV_ID: Final = "labtrust/hospital_lab-v0"
CENTRALISED_ID: Final = "labtrust/HospitalLab-v0"
_MODULE: Final = "labtrust_env.hospital_lab_v0"


def register_environments() -> None:
    """Enter the environment in the registries; what is entered already stays."""
    if ENV_ID not in parallel_registry:
        register("parallel", ENV_ID, entry_point=f"{_MODULE}:parallel_env")
    if ENV_ID not in aec_registry:
        register("aec", ENV_ID, entry_point=f"{_MODULE}:env")
    if CENTRALISED_ID not in gymnasium.registry:
        gymnasium.register(
            CENTRALISED_ID,
            entry_point="labtrust_env.centralised:CentralisedHospitalLab",
            vector_entry_point="labtrust_env.vector.gymnasium_env:HospitalLabVectorEnv",
        )
