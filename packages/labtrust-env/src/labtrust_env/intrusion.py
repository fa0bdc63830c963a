"""What intruders of an episode have and hear: credentials, the plan of the house, the wire.

An intruder is a member of the crew who does not keep to a member's means. Its view also has
``house``, what anybody who works there knows, and ``wire``, the accepted events of the last while
as they were sent. Its actions may state whose event this is and when it was made (``agent_id``,
``t_s``), and are taken as they are: no session signs for another's name. Whether any of it is
believed is for the engine to decide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.trust.keys import TestKeyBinding

CLAIMS: Final = frozenset({"agent_id", "t_s"})
"""The fields of an event that only an intruder states."""

WIRE_LIMIT: Final = 400
"""How many events a view's wire reaches back."""


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A further key of a member, in the role that it begins with; times in seconds."""

    holder: str
    status: Literal["ACTIVE", "REVOKED", "EXPIRED"] = "ACTIVE"
    not_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class MemberToken:
    """A token that exists at the start: it lets a member through the restricted door.

    Attributes:
        holder: The member to whom it is bound.
        expires_s: Last second at which it is good.
        state: Whether it is active, used or revoked.
    """

    holder: str
    expires_s: int
    state: Literal["ACTIVE", "CONSUMED", "REVOKED"] = "ACTIVE"


@dataclass(frozen=True, slots=True)
class Intrusion:
    """Who intrudes, and which keys and tokens there are for them to misuse.

    Attributes:
        members: The intruders' member names.
        keys: Key id to a key besides those of the crew; only where events are signed.
        tokens: Token id to a token for the first restricted door of policy.
    """

    members: frozenset[str]
    keys: Mapping[str, MemberKey] = field(default_factory=dict)
    tokens: Mapping[str, MemberToken] = field(default_factory=dict)


@dataclass(slots=True)
class Line:
    """The plan of the house, and the events that were accepted, as they were sent."""

    house: Mapping[str, Any]
    sent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=WIRE_LIMIT))


def key_bindings(
    keys: Mapping[str, MemberKey], members: Mapping[str, str], roles: Mapping[str, str]
) -> dict[str, TestKeyBinding]:
    """Return the bindings of further keys; those of nobody in the crew are left out.

    Args:
        keys: Key id to the key.
        members: Member name to agent id.
        roles: Member name to role id.
    """
    return {
        key_id: TestKeyBinding(
            agent_id=members[key.holder],
            role_id=roles[key.holder],
            status=key.status,
            not_after_s=key.not_after_s,
        )
        for key_id, key in keys.items()
        if key.holder in members
    }


def initial_tokens(
    tokens: Mapping[str, MemberToken], members: Mapping[str, str], tables: LabTables
) -> list[dict[str, Any]]:
    """Return tokens as an initial state has them; none where policy restricts no door."""
    types = [door.token_type for door in tables.doors.values() if door.token_type is not None]
    return [
        {
            "token_id": token_id,
            "token_type": types[0],
            "subject_type": "agent",
            "subject_id": members[token.holder],
            "issued_at_ts_s": 0,
            "expires_at_ts_s": token.expires_s,
            "state": token.state,
        }
        for token_id, token in tokens.items()
        if types and token.holder in members
    ]


def house_of(tables: LabTables, crew: str) -> dict[str, Any]:
    """Return what anybody who works there knows of the house and of who is on duty.

    ``zones`` (roles admitted, null for all; whether entry is restricted), ``ways`` (zone to
    neighbour to travel time and door), ``doors`` (the two sides, whether it is restricted),
    ``devices`` (zone, kind, panels) and ``crew`` (member to agent, role, first zone).
    """
    ways: dict[str, dict[str, Any]] = {zone: {} for zone in tables.zones}
    for (origin, target), way in tables.ways.items():
        ways[origin][target] = {"travel_s": way.travel_s, "door": way.door}
    return {
        "zones": {
            name: {"roles": zone.roles, "restricted": zone.token_type is not None}
            for name, zone in tables.zones.items()
        },
        "ways": ways,
        "doors": {
            name: {"between": list(door.between), "restricted": door.token_type is not None}
            for name, door in tables.doors.items()
        },
        "devices": {
            name: {
                "zone": device.zone,
                "kind": device.type.kind,
                "panels": sorted(device.panels),
            }
            for name, device in tables.devices.items()
        },
        "crew": {
            name: {"agent_id": member.agent_id, "role": member.role, "zone": member.zone}
            for name, member in tables.crews[crew].members.items()
        },
    }
