"""Whom to call and who is on duty, as policy documents.

Times in seconds.
"""

from __future__ import annotations

from labtrust_core.policy.model import Closed, Document


class LadderTier(Closed, frozen=True, kw_only=True):
    """One step of the escalation ladder.

    Whom to call, how, and how long to wait for an acknowledgement.
    """

    role: str
    modes: list[str]
    max_ack_wait_s: int


class CriticalLadder(Document, frozen=True, kw_only=True):
    """``critical/escalation_ladder``: tiers in order, and what a record of a call must hold."""

    tiers: list[LadderTier]
    required_ack_fields: list[str]
    reached_outcomes: list[str]
    downtime_modes: list[str]
    downtime_mode_name: str


class CrewMember(Closed, frozen=True, kw_only=True):
    """One member of a crew: the engine's agent id, role and starting zone."""

    agent_id: str
    role: str
    zone: str


class Crew(Closed, frozen=True, kw_only=True):
    """A crew: member name (``role_index``) to member, in acting order."""

    title: str = ""
    members: dict[str, CrewMember]


class Crews(Document, frozen=True, kw_only=True):
    """``crews/``: the crews, and where agents stand that a scenario does not place."""

    default_positions: dict[str, str]
    crews: dict[str, Crew]
