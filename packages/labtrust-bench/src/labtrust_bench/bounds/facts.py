"""The numbers of policy that a bound rests on, in whole steps, and their fingerprint.

Decisions fall on the boundaries of steps, so whatever keeps a person or a unit busy for part of a
step keeps it busy for all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import UsageError
from labtrust_core.hospital_lab.documents.people import CrewMember
from labtrust_core.hospital_lab.tables import LabTables

from labtrust_bench.agents.dispatch_rules import WEIGHTS
from labtrust_bench.bounds.instances import Instance

MODEL: Final = 1
"""Number of the model; a stored bound of another number is stale."""

DT_S: Final = 10
CLERK: Final = "ROLE_RECEPTION"
ANALYST: Final = "ROLE_ANALYTICS"


@dataclass(frozen=True, slots=True)
class Lane:
    """An analyser that can run a specimen.

    Attributes:
        device_id: The analyser.
        zone: Where it stands.
        run_s: Seconds for which the specimen occupies it.
        run: The same in steps.
        latency_s: Seconds from there to the results.
    """

    device_id: str
    zone: str
    run_s: int
    run: int
    latency_s: int


@dataclass(frozen=True, slots=True)
class Job:
    """One specimen, as a scheduling problem sees it.

    Attributes:
        name: Specimen id.
        weight: What a second until its release costs.
        kind: Panel and priority; jobs of one kind are interchangeable.
        spins: Whether it goes through the centrifuge.
        aliquots: Whether it goes through the aliquoter.
        lanes: Where it can be analysed.
    """

    name: str
    weight: int
    kind: str
    spins: bool
    aliquots: bool
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the crew who can carry, in acting order: name, role, first zone, all zones."""

    name: str
    role: str
    zone: str
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the model knows of an instance. Durations in steps unless the name says seconds.

    Attributes:
        dt_s: Seconds of a step.
        jobs: The specimens.
        people: Those who book in, carry or analyse.
        handling: Action to the steps for which it keeps a person busy (for one specimen).
        walk: Zone to zone to the steps that the shortest way takes.
        spin: Steps from the start of a spin to when it can be unloaded.
        spin_units: How many spins can be under way.
        aliquot: Steps for which an aliquot occupies the aliquoter.
        reception: Where the specimens are.
        bay: Where the centrifuge is.
        bench: Where the aliquoter is.
    """

    dt_s: int
    jobs: tuple[Job, ...]
    people: tuple[Person, ...]
    handling: dict[str, int]
    walk: dict[str, dict[str, int]]
    spin: int
    spin_units: int
    aliquot: int
    reception: str
    bay: str
    bench: str

    @property
    def clerk_zones(self) -> tuple[str, ...]:
        """Where the clerk may go."""
        return self.of_role(CLERK)[0].zones

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the instance and of everything that the model takes from policy."""
        return sha256_hex(canonical_bytes({"model": MODEL, **asdict(self)}))

    def of_role(self, role: str) -> list[Person]:
        """Return the people of a role, in acting order."""
        return [person for person in self.people if person.role == role]


def facts_of(instance: Instance, policy: CompiledPolicy) -> Facts:
    """Return what the model knows of an instance.

    Raises:
        UsageError: The model's rules do not fit the policy: several people book in, others do the
            work of clerks or analysts, there is more than one centrifuge or aliquoter, a panel is
            spun and not aliquoted, or booking in takes no whole number of steps.
    """
    tables: LabTables = policy.tables
    centrifuge, aliquoter = _the_only(tables, "centrifuge"), _the_only(tables, "aliquoter")
    spin = max(tables.devices[centrifuge].run_s.values())
    walk = _walks(tables)
    reception = next(iter(tables.sites.values())).arrival_zone
    facts = Facts(
        dt_s=DT_S,
        jobs=tuple(
            _job(tables, tube.specimen_id, tube.panel_id, tube.priority) for tube in instance.tubes
        ),
        people=_people(policy, tables.crews[instance.crew].members, walk[reception]),
        handling=_handling(policy),
        walk=walk,
        spin=_steps(spin),
        spin_units=tables.devices[centrifuge].type.units,
        aliquot=_steps(max(tables.devices[aliquoter].run_s.values())),
        reception=reception,
        bay=tables.devices[centrifuge].zone,
        bench=tables.devices[aliquoter].zone,
    )
    _require_roles(instance, policy)
    clerks = facts.of_role(CLERK)
    if len(clerks) != 1 or clerks[0].zone != facts.reception:
        raise UsageError(f"the model books in with one clerk at reception; {instance.crew} has not")
    return facts


def _require_roles(instance: Instance, policy: CompiledPolicy) -> None:
    """Refuse a crew in which others may do what the model leaves to clerks and analysts."""
    tables: LabTables = policy.tables
    doers = {**dict.fromkeys(_BOOKING, CLERK), "QUEUE_RUN": ANALYST, "START_RUN": ANALYST}
    for member in tables.crews[instance.crew].members.values():
        for action in policy.roles.roles[member.role].actions & doers.keys():
            if doers[action] != member.role:
                raise UsageError(f"the model leaves {action} to {doers[action]}, not {member.role}")


def _steps(seconds: int) -> int:
    return -(-seconds // DT_S)


def _the_only(tables: LabTables, kind: str) -> str:
    found = [name for name, table in tables.devices.items() if table.type.kind == kind]
    if len(found) != 1:
        raise UsageError(f"the model has one {kind}; policy has {', '.join(found) or 'none'}")
    return found[0]


def _job(tables: LabTables, name: str, panel_id: str, priority: str) -> Job:
    panel = tables.panels[panel_id]
    lanes = tuple(
        Lane(
            table.device_id,
            table.zone,
            table.run_s[panel_id],
            _steps(table.run_s[panel_id]),
            table.latency_s[panel_id],
        )
        for table in tables.devices.values()
        if table.type.kind == "analyser" and panel_id in table.panels
    )
    if panel.needs_separation != panel.needs_aliquot:
        raise UsageError(f"the model spins what it aliquots; {panel_id} is different")
    return Job(
        name,
        WEIGHTS[priority],
        f"{panel_id}/{priority}",
        panel.needs_separation,
        panel.needs_aliquot,
        lanes,
    )


def _people(
    policy: CompiledPolicy, members: Mapping[str, CrewMember], site: Iterable[str]
) -> tuple[Person, ...]:
    """Return who can carry, with the zones of the site that admit each."""
    zones: LabTables = policy.tables
    return tuple(
        Person(
            name,
            member.role,
            member.zone,
            tuple(
                zone
                for zone in sorted(site)
                if member.role in (zones.zones[zone].roles or (member.role,))
            ),
        )
        for name, member in members.items()
        if "RETRIEVE" in policy.roles.roles[member.role].actions
    )


_BOOKING: Final = ("CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES", "ACCEPT_SPECIMEN")
_BENCH: Final = (
    "RETRIEVE",
    "STORE",
    "CENTRIFUGE_START",
    "CENTRIFUGE_END",
    "ALIQUOT_CREATE",
    "QUEUE_RUN",
    "START_RUN",
)


def _handling(policy: CompiledPolicy) -> dict[str, int]:
    for action in _BOOKING:
        seconds = policy.actions[action].handling_s
        if seconds % DT_S:
            raise UsageError(f"the model books in by whole steps; {action} takes {seconds} s")
    return {name: _steps(policy.actions[name].handling_s) for name in (*_BOOKING, *_BENCH)}


def _walks(tables: LabTables) -> dict[str, dict[str, int]]:
    """Return the steps of the shortest ways, as if every door were open and every zone free."""
    walk = {start: {start: 0} for start in tables.zones}
    for start, reached in walk.items():
        frontier = [start]
        while frontier:
            here = min(frontier, key=lambda zone: reached[zone])
            frontier.remove(here)
            for zone in tables.neighbours[here]:
                steps = reached[here] + _steps(tables.ways[here, zone].travel_s)
                if steps < reached.get(zone, steps + 1):
                    reached[zone] = steps
                    frontier.append(zone)
    return walk
