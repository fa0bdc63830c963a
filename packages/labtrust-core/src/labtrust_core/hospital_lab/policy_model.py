"""The laboratory's own policy documents, as types.

Units: times in seconds, temperatures in milli-degrees Celsius, chances in parts per million;
analyte quantities are decimal strings in the analyte's UCUM unit and become integers of
``10**-decimals`` in the world.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from labtrust_core.policy.model import Closed, Document, DocumentKind


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


class Route(Closed, frozen=True, kw_only=True):
    """A way for consignments from one site's zone to another's."""

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


class Sites(Document, frozen=True, kw_only=True):
    """``sites/``.

    Sites and transport routes. ``tick_s``: how often a consignment's temperature is logged.
    """

    tick_s: int
    sites: dict[str, Site]
    routes: dict[str, Route]


class QcModel(Closed, frozen=True, kw_only=True):
    """Quality control of a device type.

    Valid for ``interval_s`` or ``max_runs`` runs; in control with ``pass_ppm``.
    """

    interval_s: int
    max_runs: int
    duration_s: int
    pass_ppm: int


class DeviceType(Closed, frozen=True, kw_only=True):
    """What a device of this type does and how fast.

    Attributes:
        kind: ``centrifuge`` (batches of specimens), ``aliquoter`` (one specimen) or ``analyser``
            (queued runs).
        units: Runs that can go on at the same time.
        batch_max: Specimens in one run.
        panels: Panels it serves.
        setup_s, run_s, teardown_s: Times of one run; an analyser's run takes ``run_s`` of the panel
            if given in ``panel_run_s``.
        qc: Its quality control; ``None`` where it needs none.
        queue_capacity: Work items that may wait.
    """

    kind: Literal["centrifuge", "aliquoter", "analyser"]
    units: int
    batch_max: int
    panels: list[str]
    setup_s: int = 0
    run_s: int
    teardown_s: int = 0
    panel_run_s: dict[str, int] = msgspec.field(default_factory=dict)
    queue_capacity: int = 0
    qc: QcModel | None = None
    source: str = ""


class Device(Closed, frozen=True, kw_only=True):
    """A device and where it stands."""

    type: str
    zone: str


class Equipment(Document, frozen=True, kw_only=True):
    """``equipment/equipment_registry``.

    Types and instances. ``max_stat_queue_share_percent``: fairness guard.
    """

    max_stat_queue_share_percent: int
    stat_share_window: int
    device_types: dict[str, DeviceType]
    devices: dict[str, Device]


class FailureModel(Closed, frozen=True, kw_only=True):
    """Mean seconds between failures and mean seconds to repair (both exponential)."""

    mtbf_s: int
    mttr_s: int


class MaintenanceWindow(Closed, frozen=True, kw_only=True):
    """A planned stop of one device, ``[start_s, end_s)`` in episode time."""

    device: str
    start_s: int
    end_s: int


class Failures(Document, frozen=True, kw_only=True):
    """``equipment/failure_models``: faults by device, and maintenance windows."""

    models: dict[str, FailureModel]
    maintenance: dict[str, MaintenanceWindow]


class CriticalLimits(Closed, frozen=True, kw_only=True):
    """A value strictly below ``low`` or strictly above ``high`` is critical."""

    criticality: Literal["CRIT_A", "CRIT_B"]
    low: str | None = None
    high: str | None = None
    source: str = ""


class ValueModel(Closed, frozen=True, kw_only=True):
    """How simulated values are drawn.

    Normal, or lognormal with the median and the spread in thousandths (of ln).
    """

    distribution: Literal["normal", "lognormal"]
    median: str
    sd: str | None = None
    sigma_milli: int | None = None


class Analyte(Closed, frozen=True, kw_only=True):
    """A quantity that is measured. ``unit`` is the printed unit, ``ucum`` its UCUM code."""

    title: str
    loinc: str
    unit: str
    ucum: str
    decimals: int
    reference_low: str | None = None
    reference_high: str | None = None
    critical: CriticalLimits | None = None
    values: ValueModel
    source: str = ""


class Panel(Closed, frozen=True, kw_only=True):
    """A set of tests on one tube.

    Attributes:
        containers: Container types that are accepted.
        specimen_type: What the tube yields.
        needs_citrate_fill: Whether the tube must be filled to the line.
        needs_separation, needs_aliquot: Stages before analysis.
        analytes: Codes measured.
        autoverify: Whether unremarkable results may be released without a person.
    """

    title: str
    containers: list[str]
    specimen_type: str
    needs_citrate_fill: bool
    needs_separation: bool
    needs_aliquot: bool
    analytes: list[str]
    autoverify: bool


class Catalogue(Document, frozen=True, kw_only=True):
    """``catalogue/``: panels and analytes."""

    panels: dict[str, Panel]
    analytes: dict[str, Analyte]


class TemperatureBand(Closed, frozen=True, kw_only=True):
    """A storage band in milli-degrees Celsius."""

    min_milli_c: int
    max_milli_c: int


class PanelStability(Closed, frozen=True, kw_only=True):
    """How long a panel's specimen stays good, in seconds; ``None`` where there is no limit.

    Attributes:
        pre_separation_s: Collection to separation.
        collection_to_arrival_s: Collection to arrival.
        post_separation_s: Separation to run, by temperature band.
        prohibited_bands: Bands it must never have been in.
    """

    pre_separation_s: int | None = None
    collection_to_arrival_s: int | None = None
    post_separation_s: dict[str, int]
    prohibited_bands: list[str] = msgspec.field(default_factory=list)
    source: str = ""


class Stability(Document, frozen=True, kw_only=True):
    """``stability/``.

    Bands and limits. ``out_of_band_grace_s``: time outside its band that a specimen survives.
    """

    out_of_band_grace_s: int
    bands: dict[str, TemperatureBand]
    panels: dict[str, PanelStability]


class Reagent(Closed, frozen=True, kw_only=True):
    """Stock of one reagent, in tests, and what one delivery brings."""

    initial_stock: int
    delivery: int


class PanelReagent(Closed, frozen=True, kw_only=True):
    """What one run of a panel uses."""

    reagent: str
    units: int


class Reagents(Document, frozen=True, kw_only=True):
    """``reagents/``: stock and use."""

    reagents: dict[str, Reagent]
    panels: dict[str, PanelReagent]


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


class PanelMix(Closed, frozen=True, kw_only=True):
    """How often a panel is asked for (weight), and what can be wrong with its tube."""

    weight: int
    container: str
    leak_ppm: int = 0
    clot_ppm: int = 0
    hemolysis_ppm: int = 0
    insufficient_volume_ppm: int = 0
    citrate_underfill_ppm: int = 0
    source: str = ""


class ArrivalStream(Closed, frozen=True, kw_only=True):
    """A Poisson stream of specimens at one site.

    Attributes:
        site: Where they arrive.
        mean_interval_s: Mean time between arrivals.
        stat_ppm, urgent_ppm: Shares by priority; the rest is routine.
        collection_age_s: Mean time since collection at arrival: one half always, the other half
            exponential.
        label_error_ppm, id_mismatch_ppm: Identity errors.
        panels: Panel id to mix.
    """

    site: str
    mean_interval_s: int
    stat_ppm: int
    urgent_ppm: int
    collection_age_s: int
    label_error_ppm: int
    id_mismatch_ppm: int
    panels: dict[str, PanelMix]
    source: str = ""


class WorkloadProfile(Closed, frozen=True, kw_only=True):
    """A workload: its arrival streams."""

    title: str
    streams: dict[str, ArrivalStream]


class Workload(Document, frozen=True, kw_only=True):
    """``workload/``: profiles by name."""

    profiles: dict[str, WorkloadProfile]


LAB_DOCUMENTS = (
    DocumentKind("zones", "zones/zone_layout_policy.v0.1.yaml", ZoneLayout),
    DocumentKind("sites", "sites/sites_policy.v0.1.yaml", Sites),
    DocumentKind("equipment", "equipment/equipment_registry.v0.1.yaml", Equipment),
    DocumentKind("failures", "equipment/failure_models.v0.1.yaml", Failures),
    DocumentKind("catalogue", "catalogue/test_catalogue.v0.1.yaml", Catalogue),
    DocumentKind("stability", "stability/stability_policy.v0.1.yaml", Stability),
    DocumentKind("reagents", "reagents/reagent_policy.v0.1.yaml", Reagents),
    DocumentKind("critical", "critical/escalation_ladder.v0.2.yaml", CriticalLadder),
    DocumentKind("crews", "crews/crews.v0.1.yaml", Crews),
    DocumentKind("workload", "workload/workload_profiles.v0.1.yaml", Workload),
)
