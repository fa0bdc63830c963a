"""Fills the observation and state vectors from the running episode; ``fields`` says what is where.

It reads the same world as ``labtrust_core.hospital_lab.views`` and shows an agent nothing that its
view does not hold. What is the same for several agents is looked up once a state.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np
from labtrust_core.hospital_lab.handlers.critical import answered_attempt
from labtrust_core.hospital_lab.handlers.transport import has_excursion
from labtrust_core.hospital_lab.journey import departs_in_s
from labtrust_core.hospital_lab.logistics import most_urgent, next_zone, pickups
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.things import Agent, Specimen
from numpy.typing import NDArray

from labtrust_env.fields import (
    AGE_LIMIT_S,
    BUSY_LIMIT_S,
    CONSIGNMENT_LIMIT,
    CONSIGNMENT_PARTS,
    COUNT_LIMIT,
    CRITICAL_PARTS,
    DEVICE_PARTS,
    LIST_LIMIT,
    PICKUP_PARTS,
    QC_PARTS,
    RELEASE_PARTS,
    STATUSES,
    WAIT_LIMIT_S,
    crew_roles,
    observation_layout,
    state_layout,
)
from labtrust_env.readings import DeviceReading
from labtrust_env.session import Session
from labtrust_env.verbs.moving import carried
from labtrust_env.verbs.reporting import current_results

Vector = NDArray[np.float32]

_NEEDED: Final = {
    "pickups": ("RETRIEVE",),
    "releasable": ("RELEASE_RESULT", "RELEASE_RESULT_OVERRIDE"),
    "critical": ("NOTIFY_CRITICAL_RESULT",),
    "consignments": ("RECEIVE_TRANSPORT",),
    "racks": ("RACK_BUILD",),
    "stock": ("RESTOCK_REAGENT",),
}
"""The actions of which a role must have one to see a work list, as in its view."""


class Observer:
    """Encodes one session.

    A row has three kinds of numbers. What an agent's situation determines is kept with it (see
    ``labtrust_env.situations``). What runs by the clock for each agent is asked each time. What is
    the same for everybody who may see it is looked up once a state, and shown through a mask.
    """

    def __init__(self, session: Session) -> None:
        """Lay the vectors out for the session's policy, crew and horizon."""
        policy = session.engine.policy
        tables = policy.tables
        self._session = session
        self._zones = {zone: number for number, zone in enumerate(tables.zones)}
        self._roles = {role: number for number, role in enumerate(crew_roles(policy))}
        self._device_zone = {name: table.zone for name, table in tables.devices.items()}
        self.layout = observation_layout(policy, session.config.horizon_s)
        self.state_layout = state_layout(policy, tuple(session.members), session.config.horizon_s)
        self._at = {name: item.place for name, item in self.layout.fields.items()}
        self._first = {name: item.start for name, item in self.layout.fields.items()}
        self._clocks = slice(self._first["busy_for"], self._first["actions_left"] + 1)
        self._tail = self._first["devices"]  # from here on it is the same for all who see it
        self._masks: dict[tuple[str, str], Vector] = {}
        self._lists: dict[str, frozenset[str]] = {}
        self._piles: dict[str, tuple[list[Specimen], _Pile]] = {}
        self._everybodys: Vector | None = None

    def refresh(self) -> None:
        """Forget what was looked up: the state has changed."""
        self._everybodys = None

    def observe(self, name: str) -> Vector:
        """Return what a member observes, as a new vector of ``layout.size`` numbers in 0..1."""
        row: Vector = self._matrix((name,))[0]
        return row

    def observe_all(self) -> Vector:
        """Return what all members observe, a row each, as a new matrix."""
        return self._matrix(self._session.members)

    def _matrix(self, names: Iterable[str]) -> Vector:
        session = self._session
        ctx = session.ctx
        now, agents, roster = ctx.trust.now, ctx.world.agents, ctx.trust.roster
        held = ctx.trust.containment
        stopped = bool(held.throttled or held.killed)
        rows, masks = [], []
        clocks: list[float] = []
        for name in names:
            agent = agents[session.members[name]]
            role_id = roster.get(agent.agent_id, "")
            rows.append(session.row(name, self._row))
            masks.append(self._mask(role_id, agent.zone))
            busy_s = agent.busy_until - now
            clocks += (
                _share(busy_s, BUSY_LIMIT_S) if busy_s > 0 else 0.0,
                _share(_stopped_until(ctx, agent) - now, WAIT_LIMIT_S) if stopped else 0.0,
                _actions_left(ctx, agent.agent_id, role_id),
            )
        matrix: Vector = np.concatenate(rows).reshape(len(rows), -1)
        matrix[:, self._first["time"]] = min(1.0, now / session.config.horizon_s)
        matrix[:, self._clocks] = np.array(clocks, np.float32).reshape(len(rows), -1)
        shown = np.concatenate(masks).reshape(len(rows), -1)
        if self._everybodys is None:
            self._everybodys = self._shared_tail(ctx)
        shown *= self._everybodys
        matrix[:, self._tail :] += shown
        return matrix

    def _row(self, agent: Agent) -> Vector:
        """Return what the agent's situation determines, and 0 elsewhere."""
        ctx, first = self._session.ctx, self._first
        role_id = ctx.trust.roster.get(agent.agent_id, "")
        row = np.zeros(self.layout.size, np.float32)
        if role_id in self._roles:
            row[first["role"] + self._roles[role_id]] = 1
        row[first["zone"] + self._zones[agent.zone]] = 1
        held = carried(ctx, agent)
        if held:
            limit = ctx.tables.carry_limit
            row[first["carrying"]] = _share(len(held), limit)
            for specimen in held:
                goal = next_zone(ctx, specimen)
                if goal is not None:
                    row[first["carrying_to"] + self._zones[goal]] += 1 / limit
            goals = self._at["carrying_to"]
            np.minimum(row[goals], 1, out=row[goals])
        row[self._at["here"]] = self._lying(ctx, agent.zone)
        row[self._at["way_open"]] = _ways(ctx, agent.zone)
        if "releasable" in self._visible(role_id):
            row[self._at["releasable"]] = _releasable(ctx, agent)
        return row

    def _lying(self, ctx: LabContext, zone: str) -> Vector:
        """Return the numbers of ``here``, kept until something in the zone changes."""
        change = ctx.world.changes.of(f"zone:{zone}")
        kept: tuple[int, Vector] | None = ctx.kept.get(f"here:{zone}")
        if kept is None or kept[0] != change:
            counts = np.array(_here(ctx, zone), np.float32)
            kept = ctx.kept[f"here:{zone}"] = (change, counts)
        return kept[1]

    def _shared_tail(self, ctx: LabContext) -> Vector:
        """Return the fields from ``devices`` on as one sees them who sees everything.

        ``releasable`` is 0 in it, since it is each agent's own.
        """
        return np.array(
            [
                *self._devices(ctx),
                *self._pickups(ctx),
                *_NO_RELEASABLE,
                *_critical(ctx),
                *_consignments(ctx),
                *_racks(ctx),
                *_stock(ctx),
                ctx.world.downtime,
            ],
            np.float32,
        )

    def _devices(self, ctx: LabContext) -> list[float]:
        now = ctx.trust.now
        return [value for item in self._session.readings() for value in _device(item, now)]

    def _pickups(self, ctx: LabContext) -> list[float]:
        """Return the numbers of ``pickups``; a zone has a new list whenever it is another one."""
        found: list[float] = []
        by_zone = pickups(ctx)
        for zone in ctx.tables.zones:
            here = by_zone.get(zone)
            if here is None:
                found += _NO_PICKUPS
                continue
            kept = self._piles.get(zone)
            if kept is None or kept[0] is not here:
                kept = self._piles[zone] = (here, _pile(here))
            oldest = _share(ctx.trust.now - kept[1].oldest_s, AGE_LIMIT_S)
            found += (*kept[1].counts, oldest)
        return found

    def state(self) -> Vector:
        """Return the global state, as a new vector of ``state_layout.size`` numbers in 0..1."""
        ctx = self._session.ctx
        now = ctx.trust.now
        agents = [ctx.world.agents[agent_id] for agent_id in self._session.members.values()]
        standing = np.zeros((len(agents), len(self._zones)), np.float32)
        for row, agent in enumerate(agents):
            standing[row, self._zones[agent.zone]] = 1
        frozen = ctx.trust.containment
        limit = ctx.tables.carry_limit
        parts: list[Any] = [
            [min(1.0, now / self._session.config.horizon_s)],
            standing.ravel(),
            [_share(agent.busy_until - now, BUSY_LIMIT_S) for agent in agents],
            [_share(_stopped_until(ctx, agent) - now, WAIT_LIMIT_S) for agent in agents],
            [_share(ctx.world.carried(agent.agent_id), limit) for agent in agents],
            *(_here(ctx, zone) for zone in self._zones),
            [door.open_since is not None for door in ctx.world.doors.values()],
            [frozen.is_zone_frozen(zone, now) for zone in self._zones],
            self._devices(ctx),
            _critical(ctx),
            _consignments(ctx),
            _racks(ctx),
            _stock(ctx),
            [_share(len(ctx.world.releasable), LIST_LIMIT), ctx.world.downtime],
        ]
        return np.concatenate(parts, dtype=np.float32)

    def _visible(self, role_id: str) -> frozenset[str]:
        found = self._lists.get(role_id)
        if found is None:
            role = self._session.engine.policy.roles.roles.get(role_id)
            actions = frozenset() if role is None else role.actions
            visible = (name for name, any_of in _NEEDED.items() if actions.intersection(any_of))
            found = self._lists[role_id] = frozenset(visible)
        return found

    def _mask(self, role_id: str, zone: str) -> Vector:
        """Return 1 for each number of the shared tail that a role sees from a zone, else 0."""
        found = self._masks.get((role_id, zone))
        if found is None:
            role = self._session.engine.policy.roles.roles.get(role_id)
            controls = role is not None and "QC_EVENT" in role.actions
            mask = np.zeros(self.layout.size, np.float32)
            mask[self._at["devices"]] = [
                place == zone or (controls and part in QC_PARTS)
                for place in self._device_zone.values()
                for part in DEVICE_PARTS
            ]
            for name in self._visible(role_id):
                mask[self._at[name]] = 1
            mask[self._first["downtime"]] = 1
            found = self._masks[role_id, zone] = mask[self._tail :]
        return found


def _share(value: float, limit: float) -> float:
    return 0.0 if value <= 0 else min(1.0, value / limit)


def _stopped_until(ctx: LabContext, agent: Agent) -> int:
    contained = ctx.trust.containment
    throttled = contained.throttled.get(agent.agent_id, 0)
    return max(throttled, contained.killed.get(agent.agent_id, 0))


def _actions_left(ctx: LabContext, agent_id: str, role_id: str) -> float:
    table = ctx.policy.capabilities
    limits = table.limits.get(role_id)
    if limits is None or limits.max_actions == 0:
        return 0.0
    used = ctx.trust.usage.get(agent_id)
    if used is None or used.window != ctx.trust.now // table.window_s:
        return 1.0
    return 1 - _share(used.actions, limits.max_actions)


def _here(ctx: LabContext, zone: str) -> list[float]:
    at = ctx.world.at
    return [
        min(1.0, len(at[place]) / COUNT_LIMIT) if place in at else 0.0
        for place in (f"zone:{zone}|{status}" for status in STATUSES)
    ]


def _ways(ctx: LabContext, zone: str) -> list[float]:
    neighbours = ctx.tables.neighbours[zone]
    return [
        float(target in neighbours and _is_passable(ctx, zone, target))
        for target in ctx.tables.zones
    ]


def _is_passable(ctx: LabContext, zone: str, target: str) -> bool:
    door = ctx.tables.ways[zone, target].door
    shut = door is not None and ctx.world.doors[door].open_since is None
    return not shut and not ctx.trust.containment.is_zone_frozen(target, ctx.trust.now)


def _device(item: DeviceReading, now: int) -> tuple[float, ...]:
    machine = item.machine
    state = machine.qc_state
    return (
        1.0,
        item.up,
        item.idle / len(machine.unit_free_s),
        _share(min(machine.unit_free_s) - now, BUSY_LIMIT_S),
        _share(len(machine.queue), COUNT_LIMIT),
        state == "pass",
        state == "fail",
        state == "drift",
        _share(item.qc_due_in_s, AGE_LIMIT_S),
    )


class _Pile(NamedTuple):
    """What waits in one zone: the first numbers of ``pickups``, and when the oldest arrived."""

    counts: tuple[float, float, float]
    oldest_s: int


def _pile(waiting: list[Specimen]) -> _Pile:
    storage = sum(item.status == "released" for item in waiting)
    counts = (
        _share(len(waiting) - storage, COUNT_LIMIT),
        _share(storage, COUNT_LIMIT),
        float(waiting[0].priority == "STAT"),
    )
    return _Pile(counts, min(item.arrived_s for item in waiting))


_NO_PICKUPS: Final = [0.0] * len(PICKUP_PARTS)
_NO_RELEASABLE: Final = [0.0] * len(RELEASE_PARTS)
_NO_CRITICAL: Final = (0.0,) * len(CRITICAL_PARTS)
_NO_CONSIGNMENTS: Final = (0.0,) * len(CONSIGNMENT_PARTS)


def _releasable(ctx: LabContext, agent: Agent) -> tuple[float, ...]:
    world = ctx.world
    counts = [0, 0, 0, 0, 0]
    listed = most_urgent(ctx, world.releasable)[:LIST_LIMIT] if world.releasable else []
    for specimen in listed:
        current = current_results(ctx, specimen)
        run = world.runs.get(specimen.run_id or "")
        devices = [world.devices[item.device_id] for item in current if item.device_id]
        hindrances = (
            any(item.result_id in world.critical_open for item in current),
            any(item.status == "held" for item in current),
            any(machine.qc_state != "pass" for machine in devices),
            run is not None and run.started_by == agent.agent_id,
        )
        counts[0] += not any(hindrances)
        for number, hindrance in enumerate(hindrances, 1):
            counts[number] += hindrance
    return tuple(_share(count, LIST_LIMIT) for count in (len(listed), *counts))


def _critical(ctx: LabContext) -> tuple[float, ...]:
    if not ctx.world.critical_open:
        return _NO_CRITICAL
    results = [ctx.world.results[item] for item in list(ctx.world.critical_open)[:LIST_LIMIT]]
    called = sum(bool(item.attempts) for item in results)
    reached = sum(answered_attempt(ctx, item) is not None for item in results)
    wait = max((ctx.trust.now - item.generated_s for item in results), default=0)
    return (
        _share(len(results), LIST_LIMIT),
        _share(len(results) - called, LIST_LIMIT),
        _share(called, LIST_LIMIT),
        _share(wait, WAIT_LIMIT_S),
        _share(reached, LIST_LIMIT),
    )


def _consignments(ctx: LabContext) -> tuple[float, ...]:
    if not ctx.world.in_transit:
        return _NO_CONSIGNMENTS
    items = [ctx.world.consignments[item] for item in ctx.world.in_transit]
    arrived = [item for item in items if item.arrives_s <= ctx.trust.now]
    unsigned = [item for item in items if item.signed_origin_by is None]
    unsigned += [item for item in arrived if item.signed_dest_by is None and item not in unsigned]
    fit = [item for item in arrived if item.seal_intact and not has_excursion(ctx, item)]
    ready = [item for item in fit if item not in unsigned]
    counts = (
        len(items) - len(arrived),
        len(arrived),
        len(unsigned),
        len(ready),
        len(arrived) - len(fit),
    )
    return tuple(_share(count, CONSIGNMENT_LIMIT) for count in counts)


def _racks(ctx: LabContext) -> tuple[float, ...]:
    """Racks that wait for the road, and the time until the next departure of any open route."""
    waiting = [item for item in ctx.world.racks.values() if item.place.startswith("zone:")]
    sealed = sum(item.sealed_by is not None for item in waiting)
    time_of_day = ctx.world.time_of_day(ctx.trust.now)
    routes = (item for item in ctx.tables.routes.values() if item.enabled)
    departs = min((departs_in_s(item.departures, time_of_day) for item in routes), default=0)
    return (
        _share(len(waiting) - sealed, LIST_LIMIT),
        _share(sealed, LIST_LIMIT),
        _share(departs, WAIT_LIMIT_S),
    )


def _stock(ctx: LabContext) -> list[float]:
    stock = ctx.world.stock
    return [_share(stock[name], item.delivery) for name, item in ctx.tables.reagents.items()]
