"""The laboratory's policy, compiled.

Looked up by key, never searched, shared by all episodes and never changed.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from labtrust_core.hospital_lab.documents.catalogue import (
    Analyte,
    Catalogue,
    Panel,
    PanelStability,
    Stability,
    TemperatureBand,
)
from labtrust_core.hospital_lab.documents.equipment import (
    DeviceType,
    Equipment,
    FailureModel,
    Failures,
    MaintenanceWindow,
    PanelReagent,
    Reagent,
    Reagents,
)
from labtrust_core.hospital_lab.documents.floor import Door, Route, Site, Sites, Zone, ZoneLayout
from labtrust_core.hospital_lab.documents.people import Crew, Crews, CriticalLadder
from labtrust_core.hospital_lab.documents.verification import Verification
from labtrust_core.hospital_lab.documents.workload import SiteProfile, Workload
from labtrust_core.hospital_lab.quality_tables import QualityTable, compile_quality
from labtrust_core.hospital_lab.remaining_work import remaining_work
from labtrust_core.hospital_lab.units import DAY_S, HOUR_S
from labtrust_core.hospital_lab.workloads import (
    TubeTable,
    WorkloadTable,
    compile_tubes,
    compile_workloads,
)
from labtrust_core.policy.load import Policy

_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Way:
    """A way from one zone to a neighbour."""

    travel_s: int
    door: str | None


@dataclass(frozen=True, slots=True)
class AnalyteTable:
    """An analyte with its limits as integers of ``10**-decimals``.

    ``spread`` and ``within`` of a normal distribution and ``hemolysis_bias`` (per g/L) are in
    thousandths of that; of a lognormal one they are thousandths of the logarithm.
    """

    code: str
    loinc: str
    unit: str
    decimals: int
    reference_low: int | None
    reference_high: int | None
    critical_low: int | None
    critical_high: int | None
    criticality: str
    distribution: str
    median: int
    spread: int
    within: int
    ill_ppm: int
    ill_median: int
    ill_percent: int
    hemolysis_bias: int
    verify_low: int | None
    verify_high: int | None
    hemolysis_max_mg_l: int | None
    delta_limit: int | None
    delta_window_s: int

    def scaled(self, value: Decimal) -> int:
        """Return ``value`` as an integer of ``10**-decimals``, ties to even."""
        return int((value * 10**self.decimals).to_integral_value())

    def classify(self, value: int) -> str:
        """Return the criticality class of a scaled value.

        ``NONE`` where it is not critical. Limits are strict.
        """
        low = self.critical_low is not None and value < self.critical_low
        high = self.critical_high is not None and value > self.critical_high
        return self.criticality if low or high else "NONE"

    def within_limits(self, value: int) -> bool:
        """Whether a scaled value may leave without a person."""
        low = self.verify_low is None or value >= self.verify_low
        return low and (self.verify_high is None or value <= self.verify_high)

    def reference_flag(self, value: int) -> str | None:
        """Return the flag of a value outside the reference interval, else ``None``.

        ``LL`` or ``HH`` beyond a critical limit, else ``L`` or ``H``.
        """
        if self.critical_low is not None and value < self.critical_low:
            return "LL"
        if self.critical_high is not None and value > self.critical_high:
            return "HH"
        if self.reference_low is not None and value < self.reference_low:
            return "L"
        if self.reference_high is not None and value > self.reference_high:
            return "H"
        return None


@dataclass(frozen=True, slots=True)
class DeviceTable:
    """A device with its type.

    Attributes:
        run_s: Panel to the seconds for which a run of it occupies a unit.
        idle_run_s: The same for a run of nothing.
        latency_s: Panel to the seconds from there to its results.
        faults: Kind of fault to how often it strikes and how long it lasts.
    """

    device_id: str
    zone: str
    type: DeviceType
    panels: frozenset[str]
    run_s: dict[str, int]
    idle_run_s: int
    latency_s: dict[str, int]
    faults: dict[str, FailureModel]
    maintenance: tuple[MaintenanceWindow, ...]

    def maintenance_windows(self, until_s: int, starts_at_s: int) -> list[tuple[int, int]]:
        """Return the parts of ``[0, until_s)`` in which the device is serviced, in order.

        ``starts_at_s`` is the time of day at which the episode begins.
        """
        found = []
        for midnight_s in range(-starts_at_s, until_s, DAY_S):
            day = (midnight_s + starts_at_s) // DAY_S
            for item in self.maintenance:
                start_s = max(0, midnight_s + item.start_s)
                end_s = min(until_s, midnight_s + item.end_s)
                if _is_serviced(item, day) and start_s < end_s:
                    found.append((start_s, end_s))
        return sorted(found)

    def maintenance_until(self, now_s: int, starts_at_s: int) -> int | None:
        """Return when the maintenance in which ``now_s`` lies ends, or ``None``.

        ``starts_at_s`` is the time of day at which the episode began.
        """
        if not self.maintenance:
            return None
        day, second = divmod(starts_at_s + now_s, DAY_S)
        for item in self.maintenance:
            if _is_serviced(item, day) and item.start_s <= second < item.end_s:
                return now_s + item.end_s - second
        return None


def _is_serviced(window: MaintenanceWindow, day: int) -> bool:
    since = day - window.first_day
    return since >= 0 and not since % window.every_days


@dataclass(frozen=True)
class LabTables:
    """Everything the laboratory looks up.

    Attributes:
        outposts: The zones in which an open route begins.
        arrival_zone: Where specimens arrive at the hub.
        first_of_kind: Kind of device to the zone of the first one.
        analysers_of: Panel to the analysers that run it, in policy's order.
    """

    zones: dict[str, Zone]
    ways: dict[tuple[str, str], Way]
    neighbours: dict[str, tuple[str, ...]]
    next_hop: dict[str, dict[str, str]]
    doors: dict[str, Door]
    carry_limit: int
    sites: dict[str, Site]
    routes: dict[str, Route]
    transport_tick_s: int
    transport_late_s: int
    rack_capacity: int
    devices: dict[str, DeviceTable]
    work_s: dict[str, dict[str, int]]
    quality: QualityTable
    stat_share_percent: int
    stat_share_window: int
    panels: dict[str, Panel]
    analytes: dict[str, AnalyteTable]
    verification_rules: dict[str, list[str]]
    lookback_specimens: int
    add_ons: dict[str, str]
    grace_s: int
    bands: dict[str, TemperatureBand]
    stability: dict[str, PanelStability]
    reagents: dict[str, Reagent]
    panel_reagents: dict[str, PanelReagent]
    ladder: CriticalLadder
    tier_of_role: dict[str, int]
    outposts: frozenset[str]
    arrival_zone: str
    first_of_kind: dict[str, str]
    analysers_of: dict[str, tuple[DeviceTable, ...]]
    default_positions: dict[str, str]
    crews: dict[str, Crew]
    workloads: dict[str, WorkloadTable]
    tubes: TubeTable
    stat_acceptance_goal_s: int
    site_profiles: dict[str, SiteProfile]


def compile_tables(policy: Policy) -> LabTables:
    """Compile the laboratory's documents; their references have been checked."""
    layout = policy.get("zones", ZoneLayout)
    sites = policy.get("sites", Sites)
    equipment = policy.get("equipment", Equipment)
    catalogue = policy.get("catalogue", Catalogue)
    stability = policy.get("stability", Stability)
    verification = policy.get("verification", Verification)
    reagents = policy.get("reagents", Reagents)
    ladder = policy.get("critical", CriticalLadder)
    crews = policy.get("crews", Crews)
    workload = policy.get("workload", Workload)
    ways = _ways(layout)
    devices = _devices(equipment, policy.get("failures", Failures), catalogue.panels)
    return LabTables(
        zones=layout.zones,
        ways=ways,
        neighbours={zone: tuple(sorted(b for a, b in ways if a == zone)) for zone in layout.zones},
        next_hop=_next_hops(layout, ways),
        doors=layout.doors,
        carry_limit=layout.carry_limit,
        sites=sites.sites,
        routes=sites.routes,
        transport_tick_s=sites.tick_s,
        transport_late_s=sites.late_s,
        rack_capacity=sites.rack_capacity,
        devices=devices,
        work_s=remaining_work(catalogue.panels, devices),
        quality=compile_quality(policy),
        stat_share_percent=equipment.max_stat_queue_share_percent,
        stat_share_window=equipment.stat_share_window,
        panels=catalogue.panels,
        analytes={
            code: compile_analyte(code, item, verification)
            for code, item in catalogue.analytes.items()
        },
        verification_rules=verification.rules,
        lookback_specimens=verification.lookback_specimens,
        add_ons={
            after: name
            for name, panel in catalogue.panels.items()
            if panel.add_on is not None
            for after in panel.add_on.after
        },
        grace_s=stability.out_of_band_grace_s,
        bands=stability.bands,
        stability=stability.panels,
        reagents=reagents.reagents,
        panel_reagents=reagents.panels,
        ladder=ladder,
        tier_of_role={tier.role: number for number, tier in enumerate(ladder.tiers)},
        outposts=frozenset(item.origin_zone for item in sites.routes.values() if item.enabled),
        arrival_zone=next(iter(sites.sites.values())).arrival_zone,
        first_of_kind={item.type.kind: item.zone for item in reversed(devices.values())},
        analysers_of={
            panel_id: tuple(
                item
                for item in devices.values()
                if item.type.kind == "analyser" and panel_id in item.panels
            )
            for panel_id in catalogue.panels
        },
        default_positions=crews.default_positions,
        crews=crews.crews,
        workloads=compile_workloads(workload),
        tubes=compile_tubes(workload),
        stat_acceptance_goal_s=workload.stat_acceptance_goal_s,
        site_profiles=workload.site_profiles,
    )


def _ways(layout: ZoneLayout) -> dict[tuple[str, str], Way]:
    ways: dict[tuple[str, str], Way] = {}
    for edge in layout.edges.values():
        first, second = edge.between
        ways[first, second] = ways[second, first] = Way(edge.travel_s, edge.door)
    return ways


def _next_hops(layout: ZoneLayout, ways: dict[tuple[str, str], Way]) -> dict[str, dict[str, str]]:
    """Return, by zone and goal, the first zone of the quickest way, past no restricted zone.

    Ties by name.
    """
    open_zones = [zone_id for zone_id, zone in layout.zones.items() if zone.token_type is None]
    hops: dict[str, dict[str, str]] = {zone: {} for zone in layout.zones}
    for goal in open_zones:
        distance = {goal: 0}
        fringe = [(0, goal)]
        while fringe:
            gone, zone = heapq.heappop(fringe)
            for other in open_zones:
                way = ways.get((other, zone))
                if way is not None and gone + way.travel_s < distance.get(
                    other, gone + way.travel_s + 1
                ):
                    distance[other] = gone + way.travel_s
                    hops[other][goal] = zone
                    heapq.heappush(fringe, (distance[other], other))
    return hops


def _devices(
    equipment: Equipment, failures: Failures, panels: dict[str, Panel]
) -> dict[str, DeviceTable]:
    devices: dict[str, DeviceTable] = {}
    for device_id, device in equipment.devices.items():
        kind = equipment.device_types[device.type]
        devices[device_id] = DeviceTable(
            device_id=device_id,
            zone=device.zone,
            type=kind,
            panels=frozenset(kind.panels),
            run_s={panel_id: _run_s(kind, len(item.analytes)) for panel_id, item in panels.items()},
            idle_run_s=_run_s(kind, 1),
            latency_s={panel_id: kind.latency_s.get(panel_id, 0) for panel_id in panels},
            faults=failures.models.get(device_id, {}),
            maintenance=tuple(
                item for item in failures.maintenance.values() if item.device == device_id
            ),
        )
    return devices


def _run_s(kind: DeviceType, tests: int) -> int:
    """Return for how many seconds a run of one specimen with so many tests occupies a unit."""
    run_s = kind.run_s
    if kind.rate is not None:
        counted = tests if kind.rate.per == "test" else 1
        per_h = kind.rate.nominal_per_h * kind.rate.efficiency_percent
        run_s = -(-counted * HOUR_S * _PERCENT // per_h)
    return kind.setup_s + run_s + kind.teardown_s


def compile_analyte(code: str, analyte: Analyte, verification: Verification) -> AnalyteTable:
    """Compile one analyte with what verification asks of it.

    Raises: decimal.InvalidOperation: A quantity is not a decimal string (``problems`` reports it
        first).
    """
    scale = 10**analyte.decimals

    def scaled(text: str | None) -> int | None:
        return None if text is None else int((Decimal(text) * scale).to_integral_value())

    def fine(text: str | None) -> int | None:
        return None if text is None else int((Decimal(text) * scale * 1_000).to_integral_value())

    critical = analyte.critical
    values = analyte.values
    limits = verification.limits.get(code)
    delta = verification.delta_checks.get(code)
    return AnalyteTable(
        code=code,
        loinc=analyte.loinc,
        unit=analyte.unit,
        decimals=analyte.decimals,
        reference_low=scaled(analyte.reference_low),
        reference_high=scaled(analyte.reference_high),
        critical_low=None if critical is None else scaled(critical.low),
        critical_high=None if critical is None else scaled(critical.high),
        criticality="NONE" if critical is None else critical.criticality,
        distribution=values.distribution,
        median=scaled(values.median) or 0,
        spread=fine(values.sd) or values.sigma_milli or 0,
        within=fine(values.within_sd) or values.within_sigma_milli or 0,
        ill_ppm=values.ill_ppm,
        ill_median=scaled(values.ill_median) or scaled(values.median) or 0,
        ill_percent=values.ill_percent,
        hemolysis_bias=fine(analyte.hemolysis_bias) or 0,
        verify_low=None if limits is None else scaled(limits.low),
        verify_high=None if limits is None else scaled(limits.high),
        hemolysis_max_mg_l=None if limits is None else limits.hemolysis_max_mg_l,
        delta_limit=None if delta is None else scaled(delta.limit),
        delta_window_s=0 if delta is None else delta.window_s,
    )
