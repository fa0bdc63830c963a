"""Policy, engine, trust skeleton and evidence ledger of LabTrust.

The names below are imported when they are first asked for, so that ``import labtrust_core`` stays
light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labtrust_core.domains import open_policy
    from labtrust_core.engine.compiled import CompiledPolicy
    from labtrust_core.engine.context import EpisodeConfig
    from labtrust_core.engine.engine import Engine
    from labtrust_core.golden.runner import run_golden
    from labtrust_core.validation import check_policy

__version__ = "0.1.0"

__all__ = [
    "CompiledPolicy",
    "Engine",
    "EpisodeConfig",
    "__version__",
    "check_policy",
    "open_policy",
    "run_golden",
]

_HOME = {
    "CompiledPolicy": "labtrust_core.engine.compiled",
    "Engine": "labtrust_core.engine.engine",
    "EpisodeConfig": "labtrust_core.engine.context",
    "check_policy": "labtrust_core.validation",
    "open_policy": "labtrust_core.domains",
    "run_golden": "labtrust_core.golden.runner",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - each name has its own type
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
