"""What an opponent does next: a step that anybody may take, or a strike that must be refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from labtrust_env.action_forms import Action

if TYPE_CHECKING:
    from labtrust_bench.agents.opponents.scene import Scene

WAIT = 0
"""The index of waiting."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is allowed, and done to prepare: walking, waiting, a first event to repeat."""

    action: Action = WAIT


@dataclass(frozen=True, slots=True)
class Strike:
    """What must be refused.

    Attributes:
        action: What is sent.
        things: What would be different if it worked, as ``kind:id`` (see
            ``labtrust_bench.runs.things``).
    """

    action: Action
    things: tuple[str, ...] = field(hash=False)


Script = Callable[["Scene"], Iterator[Step | Strike]]
"""Prepares and strikes; is asked for the next step whenever the opponent is free to act."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that an opponent tries.

    Attributes:
        name: Its name, unlike any other of the task.
        phase: Part of the attack to which it belongs.
        control: Name of the control that must stop it (``labtrust_bench.runs.controls``).
        codes: The reason codes with which that control refuses it.
        script: How it is done.
    """

    name: str
    phase: str
    control: str
    codes: frozenset[str]
    script: Script


@dataclass(frozen=True, slots=True)
class Sent:
    """A strike that an opponent has decided on, and the attempt that it belongs to."""

    attempt: Attempt
    strike: Strike
