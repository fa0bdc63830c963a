"""The optional parts of this package, and what is said when one of them is not installed."""

from __future__ import annotations

import importlib.util
from typing import Final

from labtrust_core.errors import MissingExtraError

_NEEDED: Final = {
    "marl": ("torch", "stable_baselines3", "sb3_contrib", "tensorboard"),
    "marl_hpo": ("optuna",),
}
"""Extra of labtrust-bench to the modules that it brings."""


def require_extra(extra: str, feature: str) -> None:
    """Do nothing when an extra is installed; import nothing either.

    Args:
        extra: ``marl`` or ``marl_hpo``.
        feature: What was asked for, for the message.

    Raises:
        MissingExtraError: A module of the extra is not there; the message has the pip command.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED[extra]):
        raise MissingExtraError(feature, f"labtrust-bench[{extra}]")
