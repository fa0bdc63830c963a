"""What there is in a laboratory: specimens, people, doors, devices, runs, results, consignments.

Plain data (msgspec structs of integers, strings and containers). Times are whole seconds;
quantities are integers in the analyte's own scale.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from labtrust_core.hospital_lab.quality_things import AnalyteError, QcState, Suspect
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
ResultStatus = Literal["generated", "held", "released", "superseded", "amended"]
REPLACED = frozenset({"superseded", "amended"})
"""Statuses of results in whose place another measurement has come, before or after release."""


class Specimen(msgspec.Struct):
    """One tube.

    ``place`` is ``zone:Z``, ``agent:A``, ``device:D`` or ``consignment:C``; it is in one place at a
    time.

    ``lane`` is the analyser that somebody has chosen for it.

    ``identity_ok`` is the truth about the label; ``id_match`` is what a check has found (``None``
    before it). ``wrong_blood`` is a truth that nobody sees: the label is good and names
    ``patient_id``, the blood is another patient's. Tubes of one ``request_id`` were drawn together;
    ``source`` is the kind of place where. ``free_hb_mg_l`` is free haemoglobin in mg/L.
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
    unlabelled: bool = False
    request_missing: bool = False
    wrong_blood: bool = False
    free_hb_mg_l: int = 0
    request_id: str = ""
    source: str = ""
    hazard: bool = False
    fill_ratio_ok: bool | None = None
    identity_ok: bool = True
    checked: bool = False
    id_match: bool | None = None
    accepted_s: int | None = None
    separated_s: int | None = None
    released_s: int | None = None
    aliquot_id: str | None = None
    lane: str | None = None
    scanned_s: int | None = None
    run_id: str | None = None
    rack_id: str | None = None
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

    When each of its units is free, its quality-control state, its queue and its fault; ``active``
    are the runs that are in it or whose results are on the way (an ordered set).

    ``qc_at_s`` is its last control, ``qc_good_s`` the last that it passed; ``suspects`` are the
    analytes that the last control spoke against (with none of them named, the whole device), and
    ``control_runs`` the z-scores of the last ones, by analyte.
    """

    device_id: str
    zone: str
    unit_free_s: list[int]
    qc_state: QcState = "pass"
    qc_at_s: int = 0
    qc_good_s: int = 0
    runs_since_qc: int = 0
    qc_agents: list[str] = []
    active: dict[str, None] = {}
    loaded_units: list[int] = []
    fault_until: int = 0
    faults: int = 0
    controls: int = 0
    busy_s: int = 0
    suspects: dict[str, Suspect] = {}
    control_runs: dict[str, list[list[int]]] = {}
    errors: dict[str, AnalyteError] = {}
    results_since_good: list[str] = []
    investigation: str | None = None
    queue: WorkQueue = msgspec.field(default_factory=WorkQueue)

    def idle_units(self, now_s: int) -> list[int]:
        """Return the units that are free at ``now_s``: neither running nor still loaded."""
        loaded = self.loaded_units
        return [
            unit
            for unit, free_s in enumerate(self.unit_free_s)
            if free_s <= now_s and unit not in loaded
        ]

    def idle_unit(self, now_s: int) -> int | None:
        """Return the first unit that is free at ``now_s``, or ``None``."""
        idle = self.idle_units(now_s)
        return idle[0] if idle else None

    def occupy(self, now_s: int, duration_s: int) -> int:
        """Take a unit for ``duration_s`` and return it.

        The first free one; that there is one is a guard's business, without it unit 0 is taken.
        """
        unit = self.idle_unit(now_s) or 0
        self.unit_free_s[unit] = now_s + duration_s
        self.busy_s += duration_s
        return unit


class Run(msgspec.Struct):
    """A run of a device on specimens: it occupies a unit from ``started_s`` to ``ends_s``.

    Its results are there at ``results_s``; ``unloaded`` once its specimens are out.
    """

    run_id: str
    device_id: str
    unit: int
    specimen_ids: list[str]
    started_s: int
    ends_s: int
    results_s: int
    started_by: str
    unloaded: bool = False


class CallAttempt(msgspec.Struct):
    """One attempt to tell somebody about a critical result.

    Simulated time draws whether, when and how it is answered; its caller learns that at
    ``answered_s`` (``None``: never) and not before. In explicit time the caller states it.
    """

    attempt_id: str
    at_s: int
    caller_id: str
    receiver_role: str
    channel: str
    tier: int
    message_template_id: str | None = None
    answered_s: int | None = None
    read_back: bool = False
    acknowledged: bool = False


class Result(msgspec.Struct):
    """One measured value.

    ``value`` is an integer of ``10**-decimals`` of the analyte's unit; ``None`` if not numeric.
    ``delta`` is its difference from the result that it was compared with, the patient's last one.
    ``amends`` is the released result in whose place this one came.
    A critical one that is known already has ``call_required`` false.
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
    investigation_id: str | None = None
    flags: list[str] = []
    panel_id: str | None = None
    hemolysis_index_mg_l: int = 0
    compared_with: str | None = None
    delta: int | None = None
    amends: str | None = None
    notification_mode: str | None = None
    attempts: list[CallAttempt] = []
    call_required: bool = True
    notified_s: int | None = None
    acknowledged_s: int | None = None
    autoverified: bool = False
    released_s: int | None = None
    released_by: str | None = None

    def awaits_call(self) -> bool:
        """Whether it is critical, not known already, and nobody has acknowledged it."""
        return self.criticality != "NONE" and self.call_required and self.acknowledged_s is None


class Rack(msgspec.Struct):
    """A transport rack: packed in ``place`` (``zone:Z``), then on the road in a consignment."""

    rack_id: str
    place: str
    specimen_ids: dict[str, None]
    sealed_by: str | None = None


class Baseline(msgspec.Struct, frozen=True):
    """The last released value of a patient's analyte, and which result states it."""

    value: int
    collected_s: int
    result_id: str
    specimen_id: str


class PanelVerification(msgspec.Struct):
    """What autoverification made of a panel.

    Specimens looked at and released, results looked at and passed, and failures by rule.
    """

    specimens: int = 0
    released: int = 0
    tests: int = 0
    tests_passed: int = 0
    failed: dict[str, int] = {}


class Consignment(msgspec.Struct):
    """Specimens on their way between sites; custody is signed at each end.

    ``expected_s`` is what anybody may know, ``arrives_s`` when it really comes. ``drift_milli_c``
    is how far the box is outside its temperature band now (0 within it), ``worst_milli_c`` how far
    it has been.
    """

    consignment_id: str
    route_id: str
    specimen_ids: list[str]
    dispatched_s: int
    dispatched_by: str
    departs_s: int
    expected_s: int
    arrives_s: int
    status: Literal["in_transit", "arrived", "received", "refused"] = "in_transit"
    seal_intact: bool = True
    box_failed: bool = False
    box_milli_c: int = 0
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
    "SYS_ADD_ON_REQUEST": 10,
    "SYS_CRITICAL_DEADLINE": 11,
    "SYS_DOWNTIME_END": 12,
    "SYS_DOWNTIME_BEGIN": 13,
    "SYS_REAGENT_DELIVERY": 14,
}
"""What happens first when several things are due in the same second.

Things end before things begin.
"""
