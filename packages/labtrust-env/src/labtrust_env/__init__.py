"""PettingZoo environments of LabTrust.

Importing the package registers ``labtrust/hospital_lab-v0`` in PettingZoo's registries, the
parallel one and that of AEC environments, and ``labtrust/HospitalLab-v0`` in Gymnasium's. The names
below are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from labtrust_env.registration import ENV_ID, register_environments

if TYPE_CHECKING:
    from labtrust_env import hospital_lab_v0
    from labtrust_env.config import EnvConfig
    from labtrust_env.parallel_env import HospitalLabEnv
    from labtrust_env.rewards import RewardConfig
    from labtrust_env.session import Session, SessionConfig
    from labtrust_env.vector import HospitalLabVector, HospitalLabVectorEnv

__version__ = "0.1.0"

__all__ = [
    "ENV_ID",
    "EnvConfig",
    "HospitalLabEnv",
    "HospitalLabVector",
    "HospitalLabVectorEnv",
    "RewardConfig",
    "Session",
    "SessionConfig",
    "__version__",
    "hospital_lab_v0",
]

_HOME = {
    "EnvConfig": "labtrust_env.config",
    "HospitalLabEnv": "labtrust_env.parallel_env",
    "HospitalLabVector": "labtrust_env.vector",
    "HospitalLabVectorEnv": "labtrust_env.vector",
    "RewardConfig": "labtrust_env.rewards",
    "Session": "labtrust_env.session",
    "SessionConfig": "labtrust_env.session",
}

register_environments()


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each name has its own type
    if name == "hospital_lab_v0":
        return importlib.import_module("labtrust_env.hospital_lab_v0")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
