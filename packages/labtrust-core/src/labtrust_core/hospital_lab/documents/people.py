"""Whom to call and who is on duty, as policy documents.

Times in seconds.
"""

from __future__ import annotations

from labtrust_core.policy.model import Closed, Document


class LadderTier(Closed, frozen=True, kw_only=True):
    """One step of the escalation ladder.

    Whom to call, how, and how long to wait for an acknowledgement. In simulated time a call over a
    mode is answered with a chance of ``reach_ppm``, after ``mean_answer_s`` on average.
    """

    role: str
    modes: list[str]
    max_ack_wait_s: int
    reach_ppm: dict[str, int]
    mean_answer_s: int


class CallGoal(Closed, frozen=True, kw_only=True):
    """How soon a critical result of one class is to be acknowledged, counted from the result."""

    acknowledged_s: int
    source: str


class RepeatRule(Closed, frozen=True, kw_only=True):
    """When a critical result is known already and needs no call.

    The last value of the patient's analyte was acknowledged at most ``window_s`` ago and differs by
    at most ``change_percent`` in a hundred.
    """

    window_s: int
    change_percent: int


class CriticalLadder(Document, frozen=True, kw_only=True):
    """``critical/escalation_ladder``: tiers in order, and what a record of a call must hold.

    ``redial_s``: least time between two calls about one result. ``goals``: by criticality class.
    """

    tiers: list[LadderTier]
    required_ack_fields: list[str]
    reached_outcomes: list[str]
    downtime_modes: list[str]
    downtime_mode_name: str
    redial_s: int
    read_back_ppm: int
    goals: dict[str, CallGoal]
    repeat: RepeatRule


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
