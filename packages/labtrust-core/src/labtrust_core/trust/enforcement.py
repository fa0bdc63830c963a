"""Enforcement: what a violation brings about, and containment, the state in which it shows.

A rule counts the matching violations of each agent; from a tier's count on, its action follows as
an event of its own, with a ledger record. Containment ends by itself after ``duration_s``, or when
it is lifted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from labtrust_core.event import SYSTEM_AGENT, Blocked, Violation
from labtrust_core.policy.model import Enforcement, EnforcementTier

ENFORCEMENT_ACTIONS: Final = {
    "throttle_agent": "THROTTLE_AGENT",
    "kill_switch": "KILL_SWITCH_AGENT",
    "freeze_zone": "KILL_SWITCH_ZONE",
    "stop_device": "KILL_SWITCH_DEVICE",
    "forensic_freeze": "FORENSIC_FREEZE_LOG",
}
"""Policy's action to the type (and emit) of the event that carries it out."""

FOREVER: Final = 2**53 - 1


class Containment(msgspec.Struct):
    """Who and what is stopped. Each maps an id to the first second at which it is free again.

    Attributes:
        throttled: Agents that must wait.
        killed: Agents that are stopped.
        zones: Zones that nobody may enter or work in.
        devices: Devices that may not be started.
        counts: ``agent|rule`` to the violations counted so far.
    """

    throttled: dict[str, int] = {}
    killed: dict[str, int] = {}
    zones: dict[str, int] = {}
    devices: dict[str, int] = {}
    counts: dict[str, int] = {}

    def is_zone_frozen(self, zone_id: str, now_s: int) -> bool:
        """Whether ``zone_id`` is frozen at ``now_s``."""
        until = self.zones.get(zone_id)
        return until is not None and now_s < until

    def is_device_stopped(self, device_id: str, now_s: int) -> bool:
        """Whether ``device_id`` is stopped at ``now_s``."""
        until = self.devices.get(device_id)
        return until is not None and now_s < until


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One enforcement rule; an empty set matches anything."""

    rule_id: str
    invariants: frozenset[str]
    severities: frozenset[str]
    scopes: frozenset[str]
    tiers: tuple[EnforcementTier, ...]

    def matches(self, violation: Violation, scope: str) -> bool:
        """Whether the rule answers ``violation``, whose invariant has ``scope``."""
        return (
            (not self.invariants or violation.invariant_id in self.invariants)
            and (not self.severities or violation.severity in self.severities)
            and (not self.scopes or scope in self.scopes)
        )

    def tier(self, count: int) -> EnforcementTier | None:
        """Return the highest tier that ``count`` reaches."""
        reached = [tier for tier in self.tiers if tier.count <= count]
        return reached[-1] if reached else None


def compile_enforcement(policy: Enforcement) -> tuple[CompiledRule, ...]:
    """Compile the rules, tiers by rising count; no rules when enforcement is switched off."""
    if not policy.enabled:
        return ()
    return tuple(
        CompiledRule(
            rule_id,
            frozenset(rule.match.invariant_ids),
            frozenset(rule.match.severities),
            frozenset(rule.match.scopes),
            tuple(sorted(rule.tiers, key=lambda tier: tier.count)),
        )
        for rule_id, rule in policy.rules.items()
    )


def reactions(
    rules: tuple[CompiledRule, ...],
    scopes: dict[str, str],
    agent_id: str,
    violations: tuple[Violation, ...],
    containment: Containment,
) -> list[dict[str, Any]]:
    """Count the violations of a step; return what must follow, as enforcement events' arguments.

    Args:
        rules: The compiled rules.
        scopes: Invariant id to its scope.
        agent_id: Whom the violations are charged to.
        violations: Its violations; a rule counts one step once.
        containment: Where the counts are kept; changed.
    """
    found: list[dict[str, Any]] = []
    for rule in rules:
        reason = next(
            (item for item in violations if rule.matches(item, scopes[item.invariant_id])), None
        )
        if reason is None:
            continue
        key = f"{agent_id}|{rule.rule_id}"
        containment.counts[key] = count = containment.counts.get(key, 0) + 1
        tier = rule.tier(count)
        target = None if tier is None else _target(tier, agent_id, reason)
        if tier is not None and target is not None:
            found.append(
                {
                    "type": tier.action,
                    "rule_id": rule.rule_id,
                    "reason_code": reason.reason_code,
                    "target": target,
                    "duration_s": tier.duration_s,
                }
            )
    return found


def _target(tier: EnforcementTier, agent_id: str, reason: Violation) -> str | None:
    if tier.action == "freeze_zone":
        return tier.zone_id
    if tier.action == "stop_device":
        return reason.subject
    if tier.action == "forensic_freeze":
        return "ledger"
    return None if agent_id == SYSTEM_AGENT else agent_id


def check_containment(containment: Containment, agent_id: str, now_s: int) -> None:
    """Refuse an agent that is stopped or must wait.

    Raises:
        Blocked: ``AGENT_KILLED`` or ``AGENT_THROTTLED``.
    """
    until = containment.killed.get(agent_id)
    if until is not None and now_s < until:
        raise Blocked(
            "AGENT_KILLED",
            f"{agent_id} is stopped" + (f" until {until} s" if until < FOREVER else ""),
        )
    until = containment.throttled.get(agent_id)
    if until is not None and now_s < until:
        raise Blocked("AGENT_THROTTLED", f"{agent_id} must wait until {until} s")
