"""What a picture shows of the running episode, as plain data; nothing is drawn here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.queries import device_state
from labtrust_core.hospital_lab.queueing import PRIORITY_RANK
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import Device, Specimen
from labtrust_core.hospital_lab.units import DAY_S
from labtrust_core.render.episode_log import clock

from labtrust_env.fields import STATUSES
from labtrust_env.render_ansi import Alarm
from labtrust_env.session import Session

TUBE_STATUSES: Final = (*STATUSES, "rejected")
"""Statuses in which a specimen lies in a zone or in somebody's hands, in the order shown."""

_CLOSED: Final = ("released", "rejected")


@dataclass(frozen=True, slots=True, order=True)
class Tube:
    """A specimen: the number of its status in ``TUBE_STATUSES``, and its priority's rank."""

    status: int
    priority: int


@dataclass(frozen=True, slots=True)
class PersonScene:
    """A member of the crew; ``mark`` is a short name, such as ``R0``."""

    name: str
    mark: str
    role: str
    zone: str
    busy: bool
    stopped: bool
    carried: tuple[Tube, ...]


@dataclass(frozen=True, slots=True)
class DeviceScene:
    """A device.

    Attributes:
        state: ``IDLE``, ``RUNNING``, ``FAULT`` or ``MAINT``.
        qc: State of its quality control, or empty where it has none.
        units: For each unit, how much of its work is done (0 to 1), ``None`` where it is free.
        queue: The priority's rank of each specimen that waits for it, STAT first.
        inside: Number of specimens in it.
    """

    device_id: str
    kind: str
    state: str
    qc: str
    units: tuple[float | None, ...]
    queue: tuple[int, ...]
    inside: int


@dataclass(frozen=True, slots=True)
class ZoneScene:
    """A zone: who is in it, what lies in it and waits in no queue, what stands in it."""

    people: tuple[PersonScene, ...]
    tubes: tuple[Tube, ...]
    devices: tuple[DeviceScene, ...]
    frozen: bool


@dataclass(frozen=True, slots=True)
class TripScene:
    """A consignment on a route: how far it has come (0 to 1), and how much it holds."""

    route_id: str
    share: float
    specimens: int


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment.

    Attributes:
        title: What is played.
        clock: Time of day.
        elapsed: Time since the start.
        step: Steps taken, and of how many.
        counts: What is counted, with its number and whether that is a bad sign.
        people: The crew in acting order.
        zones: By zone.
        doors: Door to the seconds for which it has stood open; ``None`` where it is shut.
        trips: On the road.
        alarms: When (time of day), and what; the newest first.
        banners: What holds for the whole laboratory and must not be overlooked.
        head: The beginning of the ledger's head.
    """

    title: str
    clock: str
    elapsed: str
    step: tuple[int, int]
    counts: tuple[tuple[str, int, bool], ...]
    people: tuple[PersonScene, ...]
    zones: dict[str, ZoneScene]
    doors: dict[str, int | None]
    trips: tuple[TripScene, ...]
    alarms: tuple[tuple[str, str], ...]
    banners: tuple[str, ...]
    head: str


def scene_of(session: Session, alarms: Sequence[Alarm] = ()) -> Scene:
    """Return what is to be seen of a session now.

    Args:
        session: Its episode has begun.
        alarms: Those to be shown, the oldest first.
    """
    ctx = session.ctx
    world = ctx.world
    people = _people(session)
    banners = {
        "LEDGER FROZEN": ctx.trust.ledger_frozen,
        "INFORMATION SYSTEM DOWN": world.downtime,
    }
    stated = session.config
    return Scene(
        title=f"crew {stated.crew}, workload {stated.workload}, seed {ctx.config.seed}",
        clock=clock(world.time_of_day(session.now)),
        elapsed=clock(session.now),
        step=(session.steps, session.max_steps),
        counts=_counts(ctx),
        people=people,
        zones={zone: _zone(ctx, zone, people) for zone in ctx.tables.zones},
        doors={
            name: None if door.open_since is None else session.now - door.open_since
            for name, door in world.doors.items()
        },
        trips=_trips(ctx),
        alarms=tuple(
            (clock((world.starts_at_s + item.t_s) % DAY_S), _told(item)) for item in alarms[::-1]
        ),
        banners=tuple(text for text, holds in banners.items() if holds),
        head=session.engine.head[:12],
    )


def _counts(ctx: LabContext) -> tuple[tuple[str, int, bool], ...]:
    world = ctx.world
    closed = {
        status: sum(len(ids) for key, ids in world.at.items() if key.endswith(f"|{status}"))
        for status in _CLOSED
    }
    held = sum(len(ids) for key, ids in world.at.items() if key.endswith("|held"))
    critical = len(world.critical_open)
    return (
        ("arrived", len(world.specimens), False),
        ("in the laboratory", len(world.specimens) - sum(closed.values()), False),
        ("released", closed["released"], False),
        ("rejected", closed["rejected"], False),
        ("held", held, held > 0),
        ("to review", len(world.releasable), False),
        ("critical, not called", critical, critical > 0),
        ("on the road", sum(trip.specimens for trip in _trips(ctx)), False),
    )


def _people(session: Session) -> tuple[PersonScene, ...]:
    ctx, found = session.ctx, []
    marks = _marks(tuple(session.members))
    for name, agent_id in session.members.items():
        agent = ctx.world.agents[agent_id]
        contained = ctx.trust.containment
        until = max(contained.throttled.get(agent_id, 0), contained.killed.get(agent_id, 0))
        found.append(
            PersonScene(
                name=name,
                mark=marks[name],
                role=name.rpartition("_")[0],
                zone=agent.zone,
                busy=session.is_busy(name),
                stopped=until > session.now,
                carried=_tubes(ctx, f"agent:{agent_id}"),
            )
        )
    return tuple(found)


def _marks(names: Sequence[str]) -> dict[str, str]:
    """Return short names: the fewest letters of the role that tell it from others, the number."""
    roles = sorted({name.rpartition("_")[0] for name in names})
    found = {}
    for name in names:
        role, _, number = name.rpartition("_")
        length = 1
        while sum(other[:length] == role[:length] for other in roles) > 1 and length < len(role):
            length += 1
        found[name] = role[:length].title() + number
    return found


def _zone(ctx: LabContext, zone: str, people: Iterable[PersonScene]) -> ZoneScene:
    return ZoneScene(
        people=tuple(person for person in people if person.zone == zone),
        tubes=_tubes(ctx, f"zone:{zone}"),
        devices=tuple(
            _device(ctx, table) for table in ctx.tables.devices.values() if table.zone == zone
        ),
        frozen=ctx.trust.containment.is_zone_frozen(zone, ctx.trust.now),
    )


def _tubes(ctx: LabContext, place: str) -> tuple[Tube, ...]:
    return tuple(
        sorted(
            _tube(ctx.world.specimens[item])
            for status in TUBE_STATUSES
            for item in ctx.world.here(place, status)
        )
    )


def _tube(specimen: Specimen) -> Tube:
    return Tube(TUBE_STATUSES.index(specimen.status), PRIORITY_RANK[specimen.priority])


def _device(ctx: LabContext, table: DeviceTable) -> DeviceScene:
    machine = ctx.world.devices[table.device_id]
    running = [ctx.world.runs[item] for item in machine.active]
    waiting = (*sorted(machine.queue.stat), *sorted(machine.queue.other))
    return DeviceScene(
        device_id=table.device_id,
        kind=table.type.kind,
        state=device_state(ctx, table.device_id),
        qc="" if table.type.qc is None else machine.qc_state,
        units=_units(ctx, machine),
        queue=tuple(item.rank for item in waiting),
        inside=sum(len(item.specimen_ids) for item in running if not item.unloaded),
    )


def _units(ctx: LabContext, machine: Device) -> tuple[float | None, ...]:
    """Return how far each unit is; of work that is no run (controls) only that it goes on."""
    now = ctx.trust.now
    share: dict[int, float] = {}
    for run_id in machine.active:
        run = ctx.world.runs[run_id]
        if run.ends_s > now:
            share[run.unit] = (now - run.started_s) / (run.ends_s - run.started_s)
    found: list[float | None] = []
    for unit, free_s in enumerate(machine.unit_free_s):
        if unit in machine.loaded_units and free_s <= now:
            found.append(1.0)
        else:
            found.append(share.get(unit, 0.0) if free_s > now else None)
    return tuple(found)


def _trips(ctx: LabContext) -> tuple[TripScene, ...]:
    found = []
    for item in (ctx.world.consignments[name] for name in ctx.world.in_transit):
        whole = max(1, item.expected_s - item.departs_s)
        gone = (ctx.trust.now - item.departs_s) / whole
        share = 1.0 if item.status == "arrived" else min(0.95, max(0.0, gone))
        found.append(TripScene(item.route_id, share, len(item.specimen_ids)))
    return tuple(found)


def _told(alarm: Alarm) -> str:
    subject = next((str(value) for value in alarm.args.values() if isinstance(value, str)), "")
    kind = alarm.action_type.removeprefix("SYS_").replace("_", " ").lower()
    return f"{kind} {subject}".strip()
