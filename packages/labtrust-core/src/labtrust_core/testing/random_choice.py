"""The situation from which somebody chooses a sensible move: who could do it now, and with what."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, TypeAlias, TypeVar

from labtrust_core.engine.context import AnyContext
from labtrust_core.engine.engine import Engine
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Agent, Device, Result, Specimen
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.testing.random_shift import PEOPLE, Move

T = TypeVar("T")
NOTHING: Final = "NOTHING"
REASON: Final = {"reason_code": "INT_CLOTTED"}


class Choice:
    """The situation from which somebody chooses a move.

    Attributes:
        ctx: The running episode.
        action: What is to be done.
        rng: Where choices are drawn from.
        mark: A text that no earlier move has had, for new ids.
    """

    def __init__(self, engine: Engine, action: str, rng: random.Random) -> None:
        self.ctx: AnyContext = engine.ctx
        self.action = action
        self.rng = rng
        self.mark = f"{engine.chain.length}"
        self.world: LabWorld = engine.ctx.world
        self.tables: LabTables = engine.ctx.tables

    @property
    def now(self) -> int:
        """The time in seconds."""
        return self.ctx.trust.now

    def one(self, items: Iterable[T]) -> T | None:
        """Return one of the items, or ``None`` where there are none."""
        found = list(items)
        return self.rng.choice(found) if found else None

    def name(self, items: Iterable[str]) -> str:
        """Return one of the names, or that of nothing."""
        return self.one(items) or NOTHING

    def may(self, agent_id: str) -> bool:
        """Whether somebody's role has the action."""
        role = self.ctx.role_of(agent_id)
        return role is not None and self.action in role.actions

    def people(self, zone: str | None = None) -> list[Agent]:
        """Return who may do the action, in a zone or anywhere; those first who are free."""
        found = [
            agent
            for agent in self.world.agents.values()
            if (zone is None or agent.zone == zone) and self.may(agent.agent_id)
        ]
        free = [agent for agent in found if agent.busy_until <= self.now]
        return free or found

    def person(self, zone: str | None = None) -> str:
        """Return one of those who may do the action."""
        found = self.one(self.people(zone) or self.people())
        return self.rng.choice(list(PEOPLE)) if found is None else found.agent_id

    def move(self, agent_id: str, args: dict[str, Any], **fields: object) -> Move:
        """Return the move of somebody."""
        return Move(agent_id, self.action, args, fields)

    def at_tube(
        self, statuses: Collection[str], fits: Callable[[Specimen], bool] = lambda _: True
    ) -> tuple[str, Specimen | None]:
        """Return somebody who may do the action, and a specimen within reach that fits."""
        near: dict[str, list[str]] = {}
        for agent in self.people():
            near.setdefault(f"zone:{agent.zone}", []).append(agent.agent_id)
            near[f"agent:{agent.agent_id}"] = [agent.agent_id]
        found = [
            item
            for item in self.world.specimens.values()
            if item.status in statuses and item.place in near and fits(item)
        ]
        specimen = self.one(found)
        if specimen is None:
            return self.person(), self.one(self.world.specimens.values())
        return self.rng.choice(near[specimen.place]), specimen

    def lying(self, zone: str, statuses: Collection[str]) -> list[Specimen]:
        """Return the specimens that lie in a zone with one of the statuses."""
        ids = [item for status in statuses for item in self.world.here(f"zone:{zone}", status)]
        return [self.world.specimens[item] for item in ids]

    def devices(self, kind: str) -> list[Device]:
        """Return the devices of a kind."""
        known = self.tables.devices
        return [item for name, item in self.world.devices.items() if known[name].type.kind == kind]

    def idle(self, kind: str) -> list[Device]:
        """Return the devices of a kind that are free, else all of them."""
        found = self.devices(kind)
        idle = [
            item
            for item in found
            if item.idle_unit(self.now) is not None and item.fault_until <= self.now
        ]
        return idle or found

    def results(self, *statuses: str) -> list[Result]:
        """Return the results with one of the statuses."""
        return [item for item in self.world.results.values() if item.status in statuses]


Recipe: TypeAlias = Callable[[Choice], Move]
"""How an action is chosen to be done now."""
