"""What an invariant of the laboratory looks at: one state, or two and the events between them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import TrustState
from labtrust_core.engine.engine import Engine
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.world import LabWorld


@dataclass(slots=True)
class Glance:
    """One state of an episode.

    Attributes:
        world: The state of the laboratory.
        tables: What the laboratory looks up.
        policy: The compiled policy.
        trust: The trust state.
        length: How many records the ledger holds.
    """

    world: LabWorld
    tables: LabTables
    policy: CompiledPolicy
    trust: TrustState
    length: int

    @property
    def now(self) -> int:
        """The time in seconds."""
        return self.trust.now

    def kind(self, device_id: str) -> str:
        """Return the kind of a device; empty for one that policy does not know."""
        table = self.tables.devices.get(device_id)
        return "" if table is None else table.type.kind


@dataclass(frozen=True, slots=True)
class Change:
    """Two states of an episode, and what happened between them, oldest first."""

    before: Glance
    after: Glance
    events: tuple[StepResult, ...]


StateCheck: TypeAlias = Callable[[Glance], Iterator[str]]
"""Yields a sentence for each way in which a state breaks the invariant; its docstring states it."""
ChangeCheck: TypeAlias = Callable[[Change], Iterator[str]]
"""The same for a change."""


def glance(engine: Engine) -> Glance:
    """Return the state of an episode as it is: it changes with the episode."""
    ctx = engine.ctx
    return Glance(ctx.world, ctx.tables, ctx.policy, ctx.trust, engine.chain.length)


def kept(engine: Engine) -> Glance:
    """Return a copy of the state of an episode, which stays as it is."""
    ctx = engine.ctx
    world, trust = pickle.loads(pickle.dumps((ctx.world, ctx.trust)))  # noqa: S301 - own bytes
    return Glance(world, ctx.tables, ctx.policy, trust, engine.chain.length)


def with_followers(results: Iterable[StepResult]) -> tuple[StepResult, ...]:
    """Return outcomes, each followed by those of what it brought about."""
    found: list[StepResult] = []
    for result in results:
        found.append(result)
        found += with_followers(result.system_results)
    return tuple(found)
