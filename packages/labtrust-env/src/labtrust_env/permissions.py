"""What the gates let an agent do at all, before any question about specimens and devices.

Role, zone, capability profile, containment and key: the same tables that the engine's gates ask,
put the other way round, so that a mask need not try every action.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import TrustState

from labtrust_env.actions import ActionDef

_FREEZE_GUARD: Final = "zone_not_frozen"


class Permissions:
    """Answers for one policy and action table; keeps nothing of an episode.

    Attributes:
        stopped_by_freeze: Action types that a freeze of the agent's own zone stops.
    """

    def __init__(self, policy: CompiledPolicy, actions: Sequence[ActionDef]) -> None:
        """Read which actions a freeze stops."""
        guard = policy.domain.guards[_FREEZE_GUARD]
        guarded = {name for name, action in policy.actions.items() if guard in action.guards}
        self.stopped_by_freeze = frozenset(guarded - {"MOVE"})  # its guard looks at where it leads
        self._policy = policy
        self._actions = tuple(actions)
        self._possible: dict[tuple[str, str], tuple[ActionDef, ...]] = {}

    def may_act(self, trust: TrustState, agent_id: str, role_id: str) -> bool:
        """Whether neither a freeze, nor containment, nor the role's rate limit stops the agent."""
        held, now = trust.containment, trust.now
        stopped = (held.throttled or held.killed) and now < max(
            held.throttled.get(agent_id, 0), held.killed.get(agent_id, 0)
        )
        table = self._policy.capabilities
        limits = table.limits.get(role_id)
        if stopped or trust.ledger_frozen or limits is None:
            return False
        used = trust.usage.get(agent_id)
        if used is None or used.window != now // table.window_s:
            return limits.max_actions > 0
        return used.actions < limits.max_actions

    def possible(self, role_id: str, zone: str) -> tuple[ActionDef, ...]:
        """Return the actions that a role can ever do by index in a zone, in rising order."""
        found = self._possible.get((role_id, zone))
        if found is None:
            found = self._possible[role_id, zone] = tuple(
                action
                for action in self._actions
                if (action.zones is None or zone in action.zones) and self._suits(role_id, action)
            )
        return found

    def _suits(self, role_id: str, action: ActionDef) -> bool:
        """Whether the role may do the action without a token, a reason or a rationale."""
        policy = self._policy
        role = policy.roles.roles[role_id]
        rule = policy.actions.get(action.action_type)
        if rule is None or rule.runtime_control or rule.token_subject is not None:
            return False
        limits = policy.capabilities.limits.get(role_id)
        explained = limits is not None and action.action_type in limits.high_risk
        is_device = action.target in policy.tables.devices
        barred = is_device and role.devices is not None and action.target not in role.devices
        return action.action_type in role.actions and not explained and not barred
