"""The state of the laboratory.

People, specimens, devices, doors, results, consignments, stock, and what is due.

Everything is plain data (msgspec structs of integers, strings and containers), so that a world is
cheap to digest, pickle and copy. Times are whole seconds; quantities are integers in the analyte's
own scale. Indices (who is where, in which status) are part of the state and change with it, so no
event costs more because there are more specimens.
"""

from __future__ import annotations

import heapq
from typing import Literal

import msgspec

from labtrust_core.hospital_lab.queueing import WorkQueue

SpecimenStatus = Literal[
    "arrived_at_reception",
    "in_transit",
    "accessioning",
    "accepted",
    "held",
    "rejected",
    "in_centrifuge",
    "separated",
    "aliquoted",
    "queued",
    "in_analysis",
    "analysed",
    "released",
]
ResultStatus = Literal["generated", "held", "released", "superseded"]


class Specimen(msgspec.Struct):
    """One tube.

    ``place`` is ``zone:Z``, ``agent:A``, ``device:D`` or ``consignment:C``; it is in one place at a
    time.

    ``identity_ok`` is the truth about the label; ``id_match`` is what a check has found (``None``
    before it).
    """

    specimen_id: str
    panel_id: str
    container_type: str
    specimen_type: str
    priority: str
    patient_id: str
    place: str
    collected_s: int
    arrived_s: int
    status: SpecimenStatus = "arrived_at_reception"
    reason: str | None = None
    temp_band: str = "AMBIENT_20_25"
    storage_requirement: str | None = None
    exposures: list[tuple[int, str]] = []
    leak: bool = False
    clot: bool = False
    hemolysis: bool = False
    insufficient_volume: bool = False
    label_issue: bool = False
    hazard: bool = False
    fill_ratio_ok: bool | None = None
    identity_ok: bool = True
    checked: bool = False
    id_match: bool | None = None
    accepted_s: int | None = None
    separated_s: int | None = None
    released_s: int | None = None
    aliquot_id: str | None = None
    run_id: str | None = None
    results: list[str] = []
    reruns: int = 0


class Agent(msgspec.Struct):
    """A person.

    Busy (travelling or handling) before ``busy_until``; ``initial_role`` is what the scenario gave
    it.
    """

    agent_id: str
    zone: str
    initial_role: str | None = None
    busy_until: int = 0


class DoorState(msgspec.Struct):
    """A door. ``granted_to`` is who opened it with a token and may pass into a restricted zone."""

    open_since: int | None = None
    granted_to: str | None = None


class Device(msgspec.Struct):
    """A device.

    When each of its units is free, its quality-control state, its queue and its fault.
    """

    device_id: str
    zone: str
    unit_free_s: list[int]
    qc_state: Literal["pass", "fail", "drift"] = "pass"
    qc_at_s: int = 0
    runs_since_qc: int = 0
    qc_agents: list[str] = []
    loaded_units: list[int] = []
    fault_until: int = 0
    faults: int = 0
    controls: int = 0
    busy_s: int = 0
    queue: WorkQueue = msgspec.field(default_factory=WorkQueue)

    def idle_units(self, now_s: int) -> list[int]:
        """Return the units that are free at ``now_s``: neither running nor still loaded."""
        return [
            unit
            for unit, free_s in enumerate(self.unit_free_s)
            if free_s <= now_s and unit not in self.loaded_units
        ]

    def idle_unit(self, now_s: int) -> int | None:
        """Return the first unit that is free at ``now_s``, or ``None``."""
        idle = self.idle_units(now_s)
        return idle[0] if idle else None


class Run(msgspec.Struct):
    """A run of a device on specimens, from ``started_s`` to ``ends_s``.

    ``unloaded`` once its specimens are out.
    """

    run_id: str
    device_id: str
    unit: int
    specimen_ids: list[str]
    started_s: int
    ends_s: int
    started_by: str
    unloaded: bool = False


class CallAttempt(msgspec.Struct):
    """One attempt to tell somebody about a critical result."""

    attempt_id: str
    at_s: int
    caller_id: str
    receiver_role: str
    channel: str
    tier: int
    message_template_id: str | None = None
    acknowledged: bool = False


class Result(msgspec.Struct):
    """One measured value.

    ``value`` is an integer of ``10**-decimals`` of the analyte's unit; ``None`` if not numeric.
    """

    result_id: str
    specimen_id: str | None
    run_id: str | None
    device_id: str | None
    analyte: str | None
    value: int | None
    unit: str | None
    generated_s: int
    status: ResultStatus = "generated"
    criticality: str = "NONE"
    hold_reason: str | None = None
    flags: list[str] = []
    notification_mode: str | None = None
    attempts: list[CallAttempt] = []
    acknowledged_s: int | None = None
    autoverified: bool = False
    released_s: int | None = None
    released_by: str | None = None


class Consignment(msgspec.Struct):
    """Specimens on their way between sites; custody is signed at each end."""

    consignment_id: str
    route_id: str
    specimen_ids: list[str]
    dispatched_s: int
    dispatched_by: str
    expected_s: int
    status: Literal["in_transit", "arrived", "received"] = "in_transit"
    drift_milli_c: int = 0
    worst_milli_c: int = 0
    ticks: int = 0
    signed_origin_by: str | None = None
    signed_dest_by: str | None = None
    received_s: int | None = None
    received_by: str | None = None


class Due(msgspec.Struct, order=True, gc=False):
    """An entry of the agenda. Ties: rank of the kind, then order of entry."""

    t_s: int
    rank: int
    number: int
    action: str
    entity: str


AGENDA_RANK = {
    "SYS_RUN_END": 0,
    "GENERATE_RESULT": 1,
    "SYS_AUTOVERIFY": 2,
    "SYS_CONSIGNMENT_ARRIVAL": 3,
    "SYS_DEVICE_REPAIR": 4,
    "SYS_DEVICE_FAULT": 5,
    "SYS_DOOR_ALARM": 6,
    "SYS_CRITICAL_TIMEOUT": 7,
    "TRANSPORT_TICK": 8,
    "SYS_ARRIVAL": 9,
}
"""What happens first when several things are due in the same second.

Things end before things begin.
"""


class LabWorld(msgspec.Struct):
    """The whole state of one episode.

    Attributes:
        at: ``place|status`` to the specimens there, in order of arrival there (an ordered set).
        aliquots: Aliquot id to specimen id.
        critical_open: Critical results that are neither acknowledged nor superseded.
        releasable: Specimens whose results wait for a person to release them.
        agenda: Heap of what is due.
    """

    seed: int
    simulated: bool
    downtime: bool = False
    workload: str | None = None
    arrivals_until_s: int = 0
    force_excursion: bool = False
    agents: dict[str, Agent] = {}
    specimens: dict[str, Specimen] = {}
    aliquots: dict[str, str] = {}
    doors: dict[str, DoorState] = {}
    devices: dict[str, Device] = {}
    runs: dict[str, Run] = {}
    results: dict[str, Result] = {}
    consignments: dict[str, Consignment] = {}
    stock: dict[str, int] = {}
    at: dict[str, dict[str, None]] = {}
    critical_open: dict[str, None] = {}
    releasable: dict[str, None] = {}
    in_transit: dict[str, None] = {}
    arrivals: dict[str, int] = {}
    counts: dict[str, int] = {}
    agenda: list[Due] = []
    agenda_number: int = 0

    def add_specimen(self, specimen: Specimen) -> None:
        """Bring a new specimen into the world, with its aliquot where it has one already."""
        self.specimens[specimen.specimen_id] = specimen
        if specimen.aliquot_id is not None:
            self.aliquots[specimen.aliquot_id] = specimen.specimen_id
        self._enter(specimen)

    def put(self, specimen: Specimen, place: str, now_s: int, band: str | None) -> None:
        """Bring a specimen to ``place``; a change of temperature band is noted."""
        self._leave(specimen)
        specimen.place = place
        self._enter(specimen)
        if band is not None and band != specimen.temp_band:
            specimen.temp_band = band
            specimen.exposures.append((now_s, band))

    def set_status(
        self, specimen: Specimen, status: SpecimenStatus, reason: str | None = None
    ) -> None:
        """Give a specimen a new status, with the reason for it."""
        self._leave(specimen)
        specimen.status = status
        specimen.reason = reason
        self._enter(specimen)

    def here(self, place: str, status: str) -> dict[str, None]:
        """Return the specimens at ``place`` with ``status``, in order of arrival there.

        Not to be changed.
        """
        return self.at.get(f"{place}|{status}", _NOTHING)

    def carried(self, agent_id: str) -> int:
        """Return how many specimens an agent carries."""
        return self.counts.get(f"agent:{agent_id}", 0)

    def schedule(self, t_s: int, action: str, entity: str) -> None:
        """Put something on the agenda."""
        self.agenda_number += 1
        heapq.heappush(
            self.agenda, Due(t_s, AGENDA_RANK[action], self.agenda_number, action, entity)
        )

    def next_due(self, until_s: int) -> Due | None:
        """Take the next thing due up to and including ``until_s`` off the agenda."""
        if self.agenda and self.agenda[0].t_s <= until_s:
            return heapq.heappop(self.agenda)
        return None

    def stands_still(self, run: Run, now_s: int) -> bool:
        """Whether a run that should end at ``now_s`` cannot, since its device is broken.

        It then ends with the repair, and its unit is taken until then.
        """
        machine = self.devices[run.device_id]
        if machine.fault_until <= now_s:
            return False
        run.ends_s = machine.fault_until
        machine.unit_free_s[run.unit] = run.ends_s
        return True

    def _enter(self, specimen: Specimen) -> None:
        self.at.setdefault(f"{specimen.place}|{specimen.status}", {})[specimen.specimen_id] = None
        if specimen.place.startswith("agent:"):
            self.counts[specimen.place] = self.counts.get(specimen.place, 0) + 1

    def _leave(self, specimen: Specimen) -> None:
        key = f"{specimen.place}|{specimen.status}"
        del self.at[key][specimen.specimen_id]
        if not self.at[key]:
            del self.at[key]
        if specimen.place.startswith("agent:"):
            self.counts[specimen.place] -= 1


_NOTHING: dict[str, None] = {}
