"""Which fields the observation and state vectors have: the one place that knows the order.

Every number of a vector is ``min(value, limit) / limit``, with ``value`` in the field's unit, and
so lies in 0..1. A flag is 0 or 1. What a role has no work list for is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.hospital_lab.tables import LabTables
from numpy.typing import NDArray

STATUSES: Final = (
    "arrived_at_reception",
    "accessioning",
    "held",
    "accepted",
    "separated",
    "aliquoted",
    "analysed",
    "released",
)
"""Statuses in which a specimen lies in a zone."""

COUNT_LIMIT: Final = 60
AGE_LIMIT_S: Final = 14_400
WAIT_LIMIT_S: Final = 3_600
BUSY_LIMIT_S: Final = 600
LIST_LIMIT: Final = 20
CONSIGNMENT_LIMIT: Final = 10

DEVICE_PARTS: Final = (
    "present",
    "up",
    "idle",
    "free_in",
    "queue",
    "qc_pass",
    "qc_fail",
    "qc_drift",
    "qc_due_in",
)
QC_PARTS: Final = ("qc_pass", "qc_fail", "qc_drift", "qc_due_in")
PICKUP_PARTS: Final = ("count", "storage", "stat", "oldest")
RELEASE_PARTS: Final = ("listed", "clear", "critical_open", "held", "qc_not_passed", "own_work")
CRITICAL_PARTS: Final = ("open", "not_called", "called", "longest_wait", "reached")
CONSIGNMENT_PARTS: Final = ("on_the_road", "arrived", "lacking_signature", "receivable", "unfit")
RACK_PARTS: Final = ("open", "sealed", "departs_in")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a vector.

    Attributes:
        name: Its name.
        start: Index of its first number.
        labels: What each of its numbers is about, in order.
        unit: Unit of the value before scaling.
        limit: The value that becomes 1; greater ones are clipped to it.
        meaning: One sentence.
    """

    name: str
    start: int
    labels: tuple[str, ...]
    unit: str
    limit: str
    meaning: str

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return len(self.labels)

    @property
    def place(self) -> slice:
        """Where it stands in the vector."""
        return slice(self.start, self.start + self.size)


class Layout:
    """The fields of one vector, in order.

    Attributes:
        fields: The fields by name.
        size: Length of the vector.
    """

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self.size = 0

    def add(self, name: str, labels: Sequence[str], unit: str, limit: object, meaning: str) -> None:
        """Append a field."""
        self.fields[name] = Field(name, self.size, tuple(labels), unit, str(limit), meaning)
        self.size += len(labels)

    def place(self, name: str) -> slice:
        """Return where a field stands.

        Raises:
            KeyError: There is no such field.
        """
        return self.fields[name].place

    def fields_of(self, vector: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return a vector of this layout as its fields by name, which share its memory."""
        return {name: vector[item.place] for name, item in self.fields.items()}

    def label_of(self, index: int) -> str:
        """Return ``field[label]`` of one number of the vector.

        Raises:
            IndexError: The vector is shorter.
        """
        for item in self.fields.values():
            if item.start <= index < item.start + item.size:
                return f"{item.name}[{item.labels[index - item.start]}]"
        raise IndexError(f"{index} lies outside 0..{self.size - 1}")


def crew_roles(policy: CompiledPolicy) -> tuple[str, ...]:
    """Return every role that somebody in some crew of policy begins with, in policy's order."""
    crews = policy.tables.crews.values()
    used = {member.role for crew in crews for member in crew.members.values()}
    return tuple(role for role in policy.roles.roles if role in used)


def _cross(first: Sequence[str], second: Sequence[str]) -> list[str]:
    return [f"{a}.{b}" for a in first for b in second]


def observation_layout(policy: CompiledPolicy, horizon_s: int) -> Layout:
    """Return the fields of what one agent observes; the same for every role."""
    tables: LabTables = policy.tables
    zones = tuple(tables.zones)
    flag = "flag"
    limit = tables.carry_limit
    layout = Layout()
    layout.add("time", ["t_s"], "s", horizon_s, "Simulated time since the start of the episode.")
    layout.add("role", crew_roles(policy), flag, 1, "The role that the agent holds now.")
    layout.add("zone", zones, flag, 1, "The zone in which the agent stands or arrives.")
    layout.add("busy_for", ["s"], "s", BUSY_LIMIT_S, "How long the agent can only wait.")
    layout.add("stopped_for", ["s"], "s", WAIT_LIMIT_S, "How long enforcement stops the agent.")
    layout.add(
        "actions_left", ["n"], "actions", "rate limit", "Left to the role in this rate window."
    )
    layout.add("carrying", ["n"], "specimens", limit, "How many specimens the agent carries.")
    layout.add(
        "carrying_to", zones, "specimens", limit, "The carried ones, by the next stage's zone."
    )
    layout.add("here", STATUSES, "specimens", COUNT_LIMIT, "Specimens in the zone, by status.")
    layout.add("way_open", zones, flag, 1, "A way leads there, and no door or freeze stops it.")
    layout.add(
        "devices",
        _cross(tuple(tables.devices), DEVICE_PARTS),
        "flags; s; items",
        f"1; free_in {BUSY_LIMIT_S}; queue {COUNT_LIMIT}; qc_due_in {AGE_LIMIT_S}",
        "Devices of the zone; the `qc_` parts of all devices for who runs controls.",
    )
    layout.add(
        "pickups",
        _cross(zones, PICKUP_PARTS),
        "specimens; flag; s",
        f"{COUNT_LIMIT}; 1; oldest {AGE_LIMIT_S}",
        "What waits to be taken on, by zone, and what to be stored; for who may RETRIEVE.",
    )
    layout.add(
        "releasable",
        RELEASE_PARTS,
        "specimens",
        LIST_LIMIT,
        "Specimens whose results wait for a person, and what stands in the way; for who releases.",
    )
    layout.add(
        "critical",
        CRITICAL_PARTS,
        "results; s",
        f"{LIST_LIMIT}; longest_wait {WAIT_LIMIT_S}",
        "Critical results that nobody has acknowledged; for who may call.",
    )
    layout.add(
        "consignments",
        CONSIGNMENT_PARTS,
        "consignments",
        CONSIGNMENT_LIMIT,
        "Consignments between the sites; for who may receive them.",
    )
    layout.add(
        "racks",
        RACK_PARTS,
        "racks; s",
        f"{LIST_LIMIT}; departs_in {WAIT_LIMIT_S}",
        "Transport racks that wait for the road, and its next departure; for who may pack.",
    )
    layout.add(
        "stock", tuple(tables.reagents), "units", "one delivery", "Reagents; for who restocks."
    )
    layout.add("downtime", ["on"], flag, 1, "Whether the information system is down.")
    return layout


def state_layout(policy: CompiledPolicy, members: Sequence[str], horizon_s: int) -> Layout:
    """Return the fields of the global state of a crew."""
    tables: LabTables = policy.tables
    zones = tuple(tables.zones)
    layout = Layout()
    layout.add("time", ["t_s"], "s", horizon_s, "Simulated time since the start of the episode.")
    layout.add("zone", _cross(members, zones), "flag", 1, "Where each member stands.")
    layout.add("busy_for", members, "s", BUSY_LIMIT_S, "How long each member can only wait.")
    layout.add("stopped_for", members, "s", WAIT_LIMIT_S, "How long enforcement stops each member.")
    layout.add("carrying", members, "specimens", tables.carry_limit, "What each member carries.")
    layout.add(
        "specimens", _cross(zones, STATUSES), "specimens", COUNT_LIMIT, "Specimens by zone, status."
    )
    layout.add("doors", tuple(tables.doors), "flag", 1, "Whether each door stands open.")
    layout.add("frozen", zones, "flag", 1, "Whether enforcement has frozen each zone.")
    layout.add(
        "devices",
        _cross(tuple(tables.devices), DEVICE_PARTS),
        "flags; s; items",
        f"1; free_in {BUSY_LIMIT_S}; queue {COUNT_LIMIT}; qc_due_in {AGE_LIMIT_S}",
        "All devices; `present` is 1.",
    )
    layout.add(
        "critical",
        CRITICAL_PARTS,
        "results; s",
        f"{LIST_LIMIT}; longest_wait {WAIT_LIMIT_S}",
        "Critical results that nobody has acknowledged.",
    )
    layout.add(
        "consignments",
        CONSIGNMENT_PARTS,
        "consignments",
        CONSIGNMENT_LIMIT,
        "Consignments between the sites.",
    )
    layout.add(
        "racks",
        RACK_PARTS,
        "racks; s",
        f"{LIST_LIMIT}; departs_in {WAIT_LIMIT_S}",
        "Transport racks that wait for the road, and its next departure.",
    )
    layout.add("stock", tuple(tables.reagents), "units", "one delivery", "Reagents.")
    layout.add("releasable", ["n"], "specimens", LIST_LIMIT, "Results that wait for a person.")
    layout.add("downtime", ["on"], "flag", 1, "Whether the information system is down.")
    return layout
