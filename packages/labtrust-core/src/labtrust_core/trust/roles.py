"""Who may do what: the compiled roles, and what the role gate asks. Deny is the default."""

from __future__ import annotations

from dataclasses import dataclass

from labtrust_core.event import Blocked, Event
from labtrust_core.policy.model import Rbac


@dataclass(frozen=True, slots=True)
class RoleTable:
    """One role, compiled. ``zones`` and ``devices`` of ``None`` mean everywhere."""

    role_id: str
    actions: frozenset[str]
    zones: frozenset[str] | None
    devices: frozenset[str] | None
    tools: frozenset[str]


@dataclass(frozen=True, slots=True)
class RoleTables:
    """All roles, and what separates duties.

    Attributes:
        roles: Role id to its table.
        incompatible_duties: Action to the duties whose holder may not perform it.
        exclusive: Role id to the roles that an agent who has held it may never hold in the same
            episode.
    """

    roles: dict[str, RoleTable]
    incompatible_duties: dict[str, tuple[str, ...]]
    exclusive: dict[str, frozenset[str]]


def compile_roles(rbac: Rbac) -> RoleTables:
    """Compile the role policy."""
    roles = {
        role_id: RoleTable(
            role_id,
            frozenset(role.actions),
            None if role.zones is None else frozenset(role.zones),
            None if role.devices is None else frozenset(role.devices),
            frozenset(role.tools),
        )
        for role_id, role in rbac.roles.items()
    }
    exclusive: dict[str, set[str]] = {role_id: set() for role_id in roles}
    for group in rbac.exclusive_roles:
        for role_id in group:
            exclusive[role_id] |= set(group) - {role_id}
    return RoleTables(
        roles,
        {action: tuple(duties) for action, duties in rbac.incompatible_duties.items()},
        {role_id: frozenset(others) for role_id, others in exclusive.items()},
    )


def check_role(role: RoleTable | None, event: Event) -> RoleTable:
    """Refuse an event that the agent's role does not allow, and return the role.

    Raises:
        Blocked: ``RBAC_ACTION_DENY``, ``RBAC_ZONE_DENY`` or ``RBAC_DEVICE_DENY``.
    """
    if role is None:
        raise Blocked("RBAC_ACTION_DENY", f"agent {event.agent_id} holds no role")
    if event.action_type not in role.actions:
        raise Blocked("RBAC_ACTION_DENY", f"{role.role_id} may not {event.action_type}")
    if (
        role.devices is not None
        and "device_id" in event.args
        and event.text("device_id") not in role.devices
    ):
        raise Blocked(
            "RBAC_DEVICE_DENY", f"{role.role_id} may not use device {event.args['device_id']}"
        )
    if (
        role.zones is not None
        and "to_zone" in event.args
        and event.text("to_zone") not in role.zones
    ):
        raise Blocked(
            "RBAC_ZONE_DENY", f"{role.role_id} may not enter zone {event.args['to_zone']}"
        )
    return role
