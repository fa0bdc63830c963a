"""What may be done with an episode whose script has passed; other distributions fill it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from labtrust_core.engine.engine import Engine
from labtrust_core.golden.format import Scenario
from labtrust_core.registry import Registry


@dataclass(frozen=True, slots=True)
class FinishedEpisode:
    """What a hook is given.

    Attributes:
        scenario: The scenario, whose script has passed.
        engine: The engine, its episode finished.
        lines: The episode log, line by line, without line feeds.
        folder: The scenario's own folder to write to; later hooks of the scenario find it as it was
            left.
    """

    scenario: Scenario
    engine: Engine
    lines: tuple[bytes, ...]
    folder: Path


PostRunHook: TypeAlias = Callable[[FinishedEpisode, Mapping[str, Any]], None]
"""Takes an episode and the parameters of a ``post_run`` entry; raises LabTrustError to fail."""


def _not_a_hook(item: object) -> str:
    return (
        "" if callable(item) else f"is {item!r}; expected a function of an episode and parameters"
    )


HOOKS: Final[Registry[PostRunHook]] = Registry(
    "golden hook", "labtrust_gym.golden_hooks", check=_not_a_hook
)


def hooks_of(scenario: Scenario) -> list[tuple[str, dict[str, Any]]]:
    """Return the hooks that a scenario asks for, in order, with their parameters."""
    plain: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in scenario.post_run_hooks]
    with_parameters = [
        (item["action"], {key: value for key, value in item.items() if key != "action"})
        for item in scenario.post_run
    ]
    return plain + with_parameters
