"""The state of the laboratory.

People, specimens, devices, doors, results, consignments, stock, and what is due.

Everything is plain data (msgspec structs of integers, strings and containers), so that a world is
cheap to digest, pickle and copy. Times are whole seconds; quantities are integers in the analyte's
own scale. Indices (who is where, in which status) are part of the state and change with it, so no
event costs more because there are more specimens.
"""

from __future__ import annotations

import heapq

import msgspec

from labtrust_core.hospital_lab.changes import ALIQUOTS, Changes
from labtrust_core.hospital_lab.quality_things import Investigation
from labtrust_core.hospital_lab.things import (
    AGENDA_RANK,
    Agent,
    Baseline,
    Consignment,
    Device,
    DoorState,
    Due,
    PanelVerification,
    Rack,
    Result,
    Run,
    Specimen,
    SpecimenStatus,
)
from labtrust_core.hospital_lab.units import DAY_S


class LabWorld(msgspec.Struct, dict=True):
    """The whole state of one episode; ``changes``, which is no part of it, numbers what changes.

    Attributes:
        starts_at_s: Time of day at which the episode begins, in seconds since midnight.
        at: ``place|status`` to the specimens there, in order of arrival there (an ordered set).
        arrivals: Stream to the number of requests that have come.
        arrival_marks: Stream to where its process stands (see ``arrivals``).
        aliquots: Aliquot id to specimen id.
        critical_open: Critical results that need a call and are neither acknowledged nor
            superseded.
        known_critical: ``analyte|patient`` to the time and the value of the critical result that
            was acknowledged last.
        racks: Transport racks that hold something.
        releasable: Specimens whose results wait for a person to release them.
        baselines: Patient to analyte to the last released value.
        verified: Panel to what autoverification made of it.
        add_ons: Specimens in store to the panel that somebody wants measured in them too.
        reagent_lead_s: Reagent to the seconds from an order to its delivery; 0 where not listed.
        on_order: Reagent to what has been ordered and is not there yet.
        repeats: Released specimens that are to be measured again, since controls failed after them.
        agenda: Heap of what is due.
    """

    seed: int
    simulated: bool
    downtime: bool = False
    workload: str | None = None
    starts_at_s: int = 0
    arrivals_until_s: int = 0
    force_excursion: bool = False
    break_seals: bool = False
    fail_boxes: bool = False
    delay_trips_s: int = 0
    agents: dict[str, Agent] = {}
    specimens: dict[str, Specimen] = {}
    aliquots: dict[str, str] = {}
    doors: dict[str, DoorState] = {}
    devices: dict[str, Device] = {}
    runs: dict[str, Run] = {}
    results: dict[str, Result] = {}
    consignments: dict[str, Consignment] = {}
    investigations: dict[str, Investigation] = {}
    stock: dict[str, int] = {}
    reagent_lead_s: dict[str, int] = {}
    on_order: dict[str, int] = {}
    at: dict[str, dict[str, None]] = {}
    racks: dict[str, Rack] = {}
    critical_open: dict[str, None] = {}
    known_critical: dict[str, tuple[int, int]] = {}
    releasable: dict[str, None] = {}
    baselines: dict[str, dict[str, Baseline]] = {}
    verified: dict[str, PanelVerification] = {}
    add_ons: dict[str, str] = {}
    repeats: dict[str, None] = {}
    in_transit: dict[str, None] = {}
    arrivals: dict[str, int] = {}
    arrival_marks: dict[str, int] = {}
    counts: dict[str, int] = {}
    agenda: list[Due] = []
    agenda_number: int = 0

    def __post_init__(self) -> None:
        self.changes = Changes()

    def time_of_day(self, now_s: int) -> int:
        """Return the seconds since midnight at ``now_s``."""
        return (self.starts_at_s + now_s) % DAY_S

    def add_specimen(self, specimen: Specimen) -> None:
        """Bring a new specimen into the world, with its aliquot where it has one already."""
        self.specimens[specimen.specimen_id] = specimen
        if specimen.aliquot_id is not None:
            self.aliquots[specimen.aliquot_id] = specimen.specimen_id
            self.changes.note(ALIQUOTS)
        self._enter(specimen)

    def put(self, specimen: Specimen, place: str, now_s: int, band: str | None) -> None:
        """Bring a specimen to ``place``; a change of temperature band is noted.

        Outside its rack it goes anywhere, inside it on a consignment only.
        """
        if specimen.rack_id is not None and not place.startswith("consignment:"):
            self.unpack(specimen)
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

    def unpack(self, specimen: Specimen) -> None:
        """Take a specimen out of its rack, which is open then; an empty one is gone."""
        rack = self.racks[specimen.rack_id or ""]
        specimen.rack_id = None
        rack.sealed_by = None
        del rack.specimen_ids[specimen.specimen_id]
        if not rack.specimen_ids:
            del self.racks[rack.rack_id]

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

    def begin(self, run: Run) -> None:
        """Note a run whose unit is occupied."""
        self.runs[run.run_id] = run
        self.devices[run.device_id].active[run.run_id] = None

    def finish(self, run: Run) -> None:
        """Note that a run is out of its device, results and all."""
        self.devices[run.device_id].active.pop(run.run_id, None)

    def break_down(self, machine: Device, now_s: int, repair_s: int) -> None:
        """Stop a device for ``repair_s`` more seconds.

        What goes on in it stands still for as long, and then goes on.
        """
        machine.fault_until = max(machine.fault_until, now_s) + repair_s
        machine.unit_free_s = [
            free_s + repair_s if free_s > now_s else free_s for free_s in machine.unit_free_s
        ]
        for run_id in machine.active:
            run = self.runs[run_id]
            if run.ends_s > now_s:
                run.ends_s += repair_s
            if run.results_s > now_s:
                run.results_s += repair_s

    def _enter(self, specimen: Specimen) -> None:
        self.at.setdefault(f"{specimen.place}|{specimen.status}", {})[specimen.specimen_id] = None
        self.changes.note(specimen.place)
        if specimen.place.startswith("agent:"):
            self.counts[specimen.place] = self.counts.get(specimen.place, 0) + 1

    def _leave(self, specimen: Specimen) -> None:
        key = f"{specimen.place}|{specimen.status}"
        ids = self.at[key]
        del ids[specimen.specimen_id]
        if not ids:
            del self.at[key]
        self.changes.note(specimen.place)
        if specimen.place.startswith("agent:"):
            self.counts[specimen.place] -= 1


_NOTHING: dict[str, None] = {}
