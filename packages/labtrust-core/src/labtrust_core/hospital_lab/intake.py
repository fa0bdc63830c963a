"""Reading an initial state.

From a scenario's plain data to the world that an episode starts from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.errors import ScenarioError
from labtrust_core.hospital_lab.analytical_error import begin_with_bias
from labtrust_core.hospital_lab.clockwork import schedule_clockwork
from labtrust_core.hospital_lab.openings import (
    OutageInput,
    RackInput,
    ResultInput,
    enter_results,
    pack_racks,
    require_known,
    schedule_downtime,
    schedule_outages,
    set_stock,
)
from labtrust_core.hospital_lab.queueing import PRIORITY_RANK
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import (
    Agent,
    Device,
    DoorState,
    Specimen,
    SpecimenStatus,
)
from labtrust_core.hospital_lab.world import LabWorld

S = TypeVar("S", bound=msgspec.Struct)


class _Input(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of what a scenario may state."""


class IntegrityFlags(_Input):
    """What is wrong with a tube, its label or its request."""

    leak: bool = False
    clot: bool = False
    hemolysis: bool = False
    insufficient_volume: bool = False
    label_issue: bool = False
    unlabelled: bool = False
    request_missing: bool = False
    wrong_blood: bool = False


class Exposure(_Input):
    """From when on a specimen was in which temperature band."""

    t_s: int
    temp_band: str


class SpecimenInput(_Input):
    """A specimen as scenarios and INJECT_SPECIMEN state it, in upstream's field names."""

    specimen_id: str
    panel_id: str
    container_type: str
    specimen_type: str = ""
    patient_identifiers_hash: str = ""
    collection_ts_s: int = 0
    arrival_ts_s: int | None = None
    separated_ts_s: int | None = None
    status: SpecimenStatus = "arrived_at_reception"
    temp_band: str = "AMBIENT_20_25"
    storage_requirement: str | None = None
    temp_exposure_log: list[Exposure] = []
    integrity_flags: IntegrityFlags = msgspec.field(default_factory=IntegrityFlags)
    fill_ratio_ok: bool | None = None
    hazard_flag: bool = False
    priority: str = "ROUTINE"
    priority_class: str | None = None
    identity_ok: bool = True
    free_hb_mg_l: int = 0
    request_id: str = ""
    source: str = ""
    aliquot_id: str | None = None
    zone_id: str | None = None
    carried_by: str | None = None


class SystemInput(_Input):
    """State of the laboratory as a whole.

    ``now_s`` is carried by scenarios; the clock starts at 0 all the same.
    """

    now_s: int = 0
    downtime_active: bool = False


class AgentInput(_Input):
    """An agent's place, and a role where policy gives it none."""

    agent_id: str
    zone_id: str
    role: str | None = None
    key_id: str | None = None


class QueueInput(_Input):
    """A work item that waits already."""

    device_id: str
    work_id: str
    priority_class: str = "ROUTINE"
    enqueued_ts_s: int = 0


class DeviceInput(_Input):
    """A device's state at the start; ``bias_milli_sd`` is the hidden error of an analyte."""

    device_id: str
    qc_state: str = "pass"
    qc_at_s: int = 0
    fault_until_s: int = 0
    runs_since_qc: int = 0
    bias_milli_sd: dict[str, int] = {}


class TransportFault(_Input):
    """Deliberate trouble on the way."""

    force_temp_excursion_on_next_receive: bool = False
    break_seals: bool = False
    fail_boxes: bool = False
    delay_s: int = 0


class ScenarioInput(_Input):
    """The laboratory's part of an initial state.

    Attributes:
        crew: Name of the crew that is on duty; without one, policy's default positions hold.
        workload: Name of the workload profile that brings specimens (simulated time).
        arrivals_until_s: No specimen arrives after this.
        downtime: Windows, begin and end in seconds, in which the information system is down
            (simulated time); in order, without overlap.
        reagent_lead_s: Reagent to the seconds from an order to its delivery (simulated time).
        outages: Faults to come, in addition to those that are drawn (simulated time).
        racks: Transport racks that are packed already.
        results: Results that are there already; a critical one wants its call.
        faults: Whether devices break down and are maintained (simulated time).
        site: Name of a site profile: its crew and workload where none is stated, and arrivals for
            as long as it says unless ``arrivals_until_s`` is above 0.
    """

    system: SystemInput = msgspec.field(default_factory=SystemInput)
    agents: list[AgentInput] = []
    specimens: list[SpecimenInput] = []
    initial_queue_entries: list[QueueInput] = []
    devices: list[DeviceInput] = []
    reagent_initial_stock: dict[str, int] = {}
    reagent_lead_s: dict[str, int] = {}
    outages: list[OutageInput] = []
    transport_fault_injection: TransportFault = msgspec.field(default_factory=TransportFault)
    tokens: list[Any] = []
    crew: str | None = None
    workload: str | None = None
    arrivals_until_s: int = 0
    downtime: list[tuple[int, int]] = []
    racks: list[RackInput] = []
    results: list[ResultInput] = []
    faults: bool = True
    site: str | None = None


def new_world(tables: LabTables, scenario: Mapping[str, Any], config: EpisodeConfig) -> LabWorld:
    """Return the world that an episode starts from.

    Raises:
        ScenarioError: The scenario does not have the documented shape, or names something that
            policy does not know.
    """
    stated = _at_site(tables, _convert(scenario, ScenarioInput, ""))
    if stated.workload is not None:
        require_known(stated.workload, tables.workloads, "workload")
    workload = tables.workloads.get(stated.workload or "")
    world = LabWorld(
        seed=config.seed,
        simulated=config.simulated,
        downtime=stated.system.downtime_active,
        workload=stated.workload,
        starts_at_s=0 if workload is None else workload.starts_at_s,
        arrivals_until_s=stated.arrivals_until_s,
        force_excursion=stated.transport_fault_injection.force_temp_excursion_on_next_receive,
        break_seals=stated.transport_fault_injection.break_seals,
        fail_boxes=stated.transport_fault_injection.fail_boxes,
        delay_trips_s=_at_least_0(
            stated.transport_fault_injection.delay_s, "transport_fault_injection.delay_s"
        ),
        agents=_agents(tables, stated),
        doors={door_id: DoorState() for door_id in tables.doors},
        devices={
            device_id: Device(device_id, table.zone, [0] * table.type.units)
            for device_id, table in tables.devices.items()
        },
        stock={name: reagent.initial_stock for name, reagent in tables.reagents.items()},
    )
    for number, item in enumerate(stated.specimens):
        path = f"specimens[{number}]"
        if item.specimen_id in world.specimens:
            raise ScenarioError("specimen id used twice", path=path, found=item.specimen_id)
        if item.aliquot_id in world.aliquots:
            raise ScenarioError("aliquot id used twice", path=path, found=str(item.aliquot_id))
        world.add_specimen(_specimen(tables, item, path, now_s=0))
    enter_results(tables, stated.results, world)
    pack_racks(stated.racks, world)
    _apply_devices(tables, stated, world)
    set_stock(tables, stated.reagent_initial_stock, stated.reagent_lead_s, world)
    schedule_downtime(stated.downtime, world)
    schedule_outages(tables, stated.outages, world)
    if world.simulated:
        schedule_clockwork(tables, world, faults=stated.faults)
    return world


def _at_least_0(value: int, path: str) -> int:
    if value < 0:
        raise ScenarioError("below zero", path=path, found=str(value), expected="0 or more")
    return value


def _at_site(tables: LabTables, stated: ScenarioInput) -> ScenarioInput:
    """Return a scenario with what its site profile adds."""
    if stated.site is None:
        return stated
    require_known(stated.site, tables.site_profiles, "site")
    site = tables.site_profiles[stated.site]
    return msgspec.structs.replace(
        stated,
        crew=stated.crew or site.crew,
        workload=stated.workload or site.workload,
        arrivals_until_s=stated.arrivals_until_s or site.horizon_s,
    )


def read_specimen(tables: LabTables, raw: object, path: str, *, now_s: int) -> Specimen:
    """Return the specimen that plain data state.

    Raises:
        ScenarioError: It does not have the documented shape, or names a panel, band, place or
            priority unknown to policy.
    """
    return _specimen(tables, _convert(raw, SpecimenInput, path), path, now_s=now_s)


def _specimen(tables: LabTables, item: SpecimenInput, path: str, *, now_s: int) -> Specimen:
    priority = item.priority_class or item.priority
    zone = item.zone_id or _arrival_zone(tables)
    require_known(item.panel_id, tables.panels, f"{path}.panel_id")
    require_known(zone, tables.zones, f"{path}.zone_id")
    require_known(item.temp_band, tables.bands, f"{path}.temp_band")
    require_known(priority, PRIORITY_RANK, f"{path}.priority")
    flags = item.integrity_flags
    return Specimen(
        specimen_id=item.specimen_id,
        panel_id=item.panel_id,
        container_type=item.container_type,
        specimen_type=item.specimen_type or tables.panels[item.panel_id].specimen_type,
        priority=priority,
        patient_id=item.patient_identifiers_hash,
        place=f"zone:{zone}" if item.carried_by is None else f"agent:{item.carried_by}",
        collected_s=item.collection_ts_s,
        arrived_s=now_s if item.arrival_ts_s is None else item.arrival_ts_s,
        status=item.status,
        temp_band=item.temp_band,
        storage_requirement=item.storage_requirement,
        exposures=[(entry.t_s, entry.temp_band) for entry in item.temp_exposure_log],
        leak=flags.leak,
        clot=flags.clot,
        hemolysis=flags.hemolysis,
        insufficient_volume=flags.insufficient_volume,
        label_issue=flags.label_issue,
        unlabelled=flags.unlabelled,
        request_missing=flags.request_missing,
        wrong_blood=flags.wrong_blood,
        free_hb_mg_l=item.free_hb_mg_l,
        request_id=item.request_id,
        source=item.source,
        hazard=item.hazard_flag,
        fill_ratio_ok=item.fill_ratio_ok,
        identity_ok=item.identity_ok,
        separated_s=item.separated_ts_s,
        aliquot_id=item.aliquot_id,
    )


def _arrival_zone(tables: LabTables) -> str:
    return next(iter(tables.sites.values())).arrival_zone


def _agents(tables: LabTables, stated: ScenarioInput) -> dict[str, Agent]:
    if stated.crew is None:
        agents = {
            agent_id: Agent(agent_id, zone) for agent_id, zone in tables.default_positions.items()
        }
    else:
        require_known(stated.crew, tables.crews, "crew")
        members = tables.crews[stated.crew].members.values()
        agents = {
            member.agent_id: Agent(member.agent_id, member.zone, member.role) for member in members
        }
    for number, item in enumerate(stated.agents):
        require_known(item.zone_id, tables.zones, f"agents[{number}].zone_id")
        agents[item.agent_id] = Agent(item.agent_id, item.zone_id, item.role)
    return agents


def _apply_devices(tables: LabTables, stated: ScenarioInput, world: LabWorld) -> None:
    for number, item in enumerate(stated.devices):
        require_known(item.device_id, tables.devices, f"devices[{number}].device_id")
        require_known(item.qc_state, _QC, f"devices[{number}].qc_state")
        device = world.devices[item.device_id]
        device.qc_state = item.qc_state  # type: ignore[assignment] # just required to be one of the three
        device.qc_at_s = item.qc_at_s
        device.qc_good_s = item.qc_at_s if item.qc_state == "pass" else 0
        for code in item.bias_milli_sd:
            controlled = tables.quality.analytes.get(item.device_id, ())
            require_known(code, controlled, f"devices[{number}].bias_milli_sd")
        begin_with_bias(tables, world, device, item.bias_milli_sd)
        device.fault_until = item.fault_until_s
        device.runs_since_qc = item.runs_since_qc
    for number, entry in enumerate(stated.initial_queue_entries):
        path = f"initial_queue_entries[{number}]"
        require_known(entry.device_id, tables.devices, f"{path}.device_id")
        rank = PRIORITY_RANK.get(entry.priority_class, PRIORITY_RANK["ROUTINE"])
        world.devices[entry.device_id].queue.push(entry.work_id, rank, entry.enqueued_ts_s)


_QC = ("pass", "fail", "drift")


def _convert(raw: object, kind: type[S], path: str) -> S:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise ScenarioError(str(error), path=path, expected=kind.__name__) from error
