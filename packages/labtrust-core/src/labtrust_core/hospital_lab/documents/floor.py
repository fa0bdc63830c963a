"""The floor plan and the sites, as policy documents.

Times in seconds, temperatures in milli-degrees Celsius.
"""

from __future__ import annotations

from typing import Literal

from labtrust_core.policy.model import Closed, Document


class Zone(Closed, frozen=True, kw_only=True):
    """A place.

    ``roles`` of ``None`` admits every role; ``token_type`` restricts entry to bearers of such a
    token.
    """

    title: str
    kind: str
    temp_band: str
    roles: list[str] | None = None
    token_type: str | None = None


class Edge(Closed, frozen=True, kw_only=True):
    """An undirected way between two zones, through ``door`` where there is one."""

    between: list[str]
    travel_s: int
    door: str | None = None


class Door(Closed, frozen=True, kw_only=True):
    """A door.

    Open longer than ``max_open_s`` it raises an alarm (and freezes its zones) where ``alarm`` says
    so.
    """

    between: list[str]
    kind: Literal["STANDARD", "RESTRICTED", "RESTRICTED_AIRLOCK"]
    max_open_s: int
    alarm: bool
    token_type: str | None = None
    roles: list[str] | None = None


class ZoneLayout(Document, frozen=True, kw_only=True):
    """``zones/``: the floor plan. ``carry_limit``: specimens one agent can carry."""

    carry_limit: int
    zones: dict[str, Zone]
    edges: dict[str, Edge]
    doors: dict[str, Door]


class Site(Closed, frozen=True, kw_only=True):
    """A building: its zones and where specimens arrive."""

    title: str
    zones: list[str]
    arrival_zone: str


class Departures(Closed, frozen=True, kw_only=True):
    """A timetable, in seconds since midnight.

    From ``first_s`` every ``headway_s`` until ``last_s``.
    """

    first_s: int
    last_s: int
    headway_s: int


class Climate(Closed, frozen=True, kw_only=True):
    """What a box on the road goes through.

    The outside is warmest at 15:00 by ``outside_swing_milli_c`` above its mean, and coldest at
    03:00. ``box_s``: time constant with which the box follows it, ``failed_box_s`` when its
    insulation or cooling fails, which happens to a consignment with a chance of ``failure_ppm``.
    """

    outside_mean_milli_c: int
    outside_swing_milli_c: int
    box_s: int
    failed_box_s: int
    failure_ppm: int


class Route(Closed, frozen=True, kw_only=True):
    """A way for consignments from one site's zone to another's.

    ``departures`` of ``None``: a courier comes when called. A trip takes ``mean_s``; with a chance
    of ``delay_ppm`` it takes ``mean_delay_s`` longer on average.
    """

    origin_site: str
    dest_site: str
    origin_zone: str
    dest_zone: str
    enabled: bool
    mean_s: int
    sd_s: int
    temp_band: str
    max_drift_milli_c: int
    drift_step_milli_c: int
    departures: Departures | None
    delay_ppm: int
    mean_delay_s: int
    seal_break_ppm: int
    climate: Climate


class Sites(Document, frozen=True, kw_only=True):
    """``sites/``.

    Sites and transport routes. ``tick_s``: how often a consignment's temperature is logged.
    ``late_s``: arriving later than this after the expected time raises an alarm. ``rack_capacity``:
    specimens in one transport rack.
    """

    tick_s: int
    late_s: int
    rack_capacity: int
    sites: dict[str, Site]
    routes: dict[str, Route]
