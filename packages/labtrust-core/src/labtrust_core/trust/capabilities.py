"""How much an agent may do: a rate, overrides, and actions that need a reason and a rationale."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from labtrust_core.event import Blocked, Event
from labtrust_core.policy.model import Capabilities


class Usage(msgspec.Struct):
    """What one agent has used up: overrides, and accepted actions in one window.

    The window began at ``window * window_s`` seconds.
    """

    window: int = -1
    actions: int = 0
    overrides: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """One role's limits, compiled."""

    max_actions: int
    max_overrides: int
    high_risk: frozenset[str]


@dataclass(frozen=True, slots=True)
class CapabilityTable:
    """Limits by role. ``window_s``: length of a rate window in seconds."""

    window_s: int
    overrides: frozenset[str]
    limits: dict[str, Limits]


def compile_capabilities(policy: Capabilities) -> CapabilityTable:
    """Compile the capability policy."""
    limits = {
        role_id: Limits(
            profile.max_actions_per_window,
            profile.max_overrides,
            frozenset(profile.high_risk_actions),
        )
        for role_id, profile in policy.profiles.items()
    }
    return CapabilityTable(policy.window_s, frozenset(policy.override_actions), limits)


def check_capability(
    table: CapabilityTable, role_id: str, usage: Usage | None, event: Event
) -> None:
    """Refuse an event beyond the limits of the agent's role.

    Raises:
        Blocked: ``AGENT_RATE_LIMIT``, ``AGENT_OVERRIDE_BUDGET_EXCEEDED`` or
            ``AGENT_CAPABILITY_DENY``.
    """
    limits = table.limits.get(role_id)
    if limits is None:
        raise Blocked("AGENT_CAPABILITY_DENY", f"{role_id} has no capability profile")
    used = usage or Usage()
    actions = used.actions if used.window == event.t_s // table.window_s else 0
    if actions >= limits.max_actions:
        raise Blocked(
            "AGENT_RATE_LIMIT", f"more than {limits.max_actions} actions in {table.window_s} s"
        )
    if event.action_type in table.overrides and used.overrides >= limits.max_overrides:
        raise Blocked(
            "AGENT_OVERRIDE_BUDGET_EXCEEDED", f"more than {limits.max_overrides} overrides"
        )
    if event.action_type in limits.high_risk and not (event.reason_code and event.rationale):
        raise Blocked(
            "AGENT_CAPABILITY_DENY", f"{event.action_type} needs a reason code and a rationale"
        )


def count_usage(table: CapabilityTable, usage: dict[str, Usage], event: Event) -> None:
    """Book an accepted event."""
    window = event.t_s // table.window_s
    mine = usage.get(event.agent_id)
    if mine is None:
        mine = usage[event.agent_id] = Usage()
    if mine.window != window:
        mine.window = window
        mine.actions = 0
    mine.actions += 1
    if event.action_type in table.overrides:
        mine.overrides += 1
