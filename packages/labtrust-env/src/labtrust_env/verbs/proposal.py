"""The shape of a verb and its proposal, and what several work areas look up."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from labtrust_core.hospital_lab.logistics import by_urgency, is_up, lying
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import Agent, Specimen

Proposal = tuple[str, dict[str, Any]]
"""Action type and arguments of an event."""

Verb = Callable[[LabContext, Agent, str], Proposal | None]
"""``(episode, agent, target)`` to what the agent can do; ``target`` is ``""`` by default rule."""


def own_copy(proposal: Proposal) -> Proposal:
    """Return a proposal that shares no list or mapping with the one that is kept."""
    action_type, args = proposal
    return action_type, {
        name: value.copy() if type(value) is list else value for name, value in args.items()
    }


def first_here(
    ctx: LabContext, agent: Agent, status: str, *, checked: bool | None = None
) -> Specimen | None:
    """Return the most urgent specimen of a status that lies in the agent's zone."""
    for item in lying(ctx, f"zone:{agent.zone}", status):
        if checked is None or item.checked is checked:
            return item
    return None


def within_reach(ctx: LabContext, agent: Agent, status: str) -> list[Specimen]:
    """Return the specimens of a status in the agent's zone or hands, by urgency.

    Not to be changed.
    """
    here = lying(ctx, f"zone:{agent.zone}", status)
    if not ctx.world.carried(agent.agent_id):
        return here
    held = lying(ctx, f"agent:{agent.agent_id}", status)
    return by_urgency((*here, *held)) if here and held else here or held


def at_device(ctx: LabContext, agent: Agent, target: str) -> DeviceTable | None:
    """Return the device if the agent stands at it."""
    table = ctx.tables.devices[target]
    return table if table.zone == agent.zone else None


def usable(ctx: LabContext, agent: Agent, target: str) -> DeviceTable | None:
    """Return the device if the agent stands at it, it is up and a unit is idle."""
    table = at_device(ctx, agent, target)
    if table is None or not is_up(ctx, table):
        return None
    return table if ctx.world.devices[target].idle_unit(ctx.trust.now) is not None else None


def unused(first: str, taken: Container[str]) -> str:
    """Return ``first``, or ``first_2``, ``first_3``… where somebody has taken it."""
    if first not in taken:
        return first
    number = 2
    while f"{first}_{number}" in taken:
        number += 1
    return f"{first}_{number}"
