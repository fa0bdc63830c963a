"""What a member can do and sees around it, kept until something that it depends on has changed.

``labtrust_env.reads`` gives the rule: what is kept stands under the reads that it was made from.
Whether the agent is busy, stopped or out of actions is asked each time. Agents of one role who
stand in one zone with empty hands share what is kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

import numpy as np
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.changes import ALIQUOTS
from labtrust_core.hospital_lab.logistics import devices_up
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.things import Agent, Device
from numpy.typing import NDArray

from labtrust_env.actions import NOOP, TICK, ActionDef
from labtrust_env.permissions import Permissions
from labtrust_env.readings import DeviceReading, read_devices
from labtrust_env.reads import ON_RESULTS, ROW, WITHIN_REACH, Kept, Reads, names_of, picks
from labtrust_env.verbs.analysis import QC_LEAD_S, needs_stock
from labtrust_env.verbs.moving import calls_for_work
from labtrust_env.verbs.proposal import Proposal

Mask = NDArray[np.int8]
Vector = NDArray[np.float32]

T = TypeVar("T")

_KEPT: Final = 1_024
"""So many answers are kept, then all are forgotten: most are stale by then."""


class Answer(NamedTuple):
    """What a member can do: its proposals by index, in rising order, and the mask they make."""

    proposals: Mapping[int, Proposal]
    mask: Mask


class Situation:
    """What is kept for one agent; each part comes when somebody asks for it.

    Attributes:
        reads: What it is made from.
        answer: What the agent can do when it is free to act.
        row: The part of its observation that the reads determine.
    """

    __slots__ = ("answer", "reads", "row")

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self.answer: Answer | None = None
        self.row: Vector | None = None


class _Around(NamedTuple):
    """What the reads of one state have in common, looked up once."""

    readings: list[DeviceReading]
    up: Hashable
    devices: dict[str, Hashable]
    ways: Hashable
    granted: bool
    road: Hashable
    stock: Hashable
    results: Hashable
    calls: list[str]


class _Desk(NamedTuple):
    """What a role can ever do in a zone: its actions by what they read, and its answer if busy."""

    groups: list[tuple[str, Kept, list[ActionDef]]]
    at_devices: bool
    while_busy: Answer


class _Opening(NamedTuple):
    """What was kept in the first state of an episode, and how that began."""

    scenario: bytes
    known: dict[Hashable, Situation]
    parts: dict[Hashable, dict[int, Proposal]]
    rows: dict[Hashable, Vector]
    tokens: dict[Hashable, int]


class Situations:
    """The answers for one session.

    Attributes:
        nothing: The answer of who can only wait.
    """

    def __init__(self, policy: CompiledPolicy, actions: Sequence[ActionDef]) -> None:
        """Begin with nothing kept."""
        self._permissions = Permissions(policy, actions)
        self._size = len(actions)
        self._places = {
            zone: (f"zone:{zone}", f"zone:{zone}|queued") for zone in policy.tables.zones
        }
        self._on_results = {
            name for name, role in policy.roles.roles.items() if role.actions & ON_RESULTS
        }
        self._desks: dict[tuple[str, str], _Desk] = {}
        self.nothing = self._answer({NOOP: ("NOOP", {})})
        self._numbers = itertools.count()
        self.forget()

    def forget(self) -> None:
        """Keep nothing: another episode runs, or somebody has changed the world by hand."""
        self._known: dict[Hashable, Situation] = {}
        self._parts: dict[Hashable, dict[int, Proposal]] = {}
        self._rows: dict[Hashable, Vector] = {}
        self._tokens: dict[Hashable, int] = {}
        self._around: _Around | None = None
        self._common: Hashable = None
        self._present: dict[str, Situation] = {}
        self._on_any_result = 0
        self._events = -1
        self._opening: _Opening | None = None

    def begin(self, scenario: bytes) -> None:
        """Begin an episode, of which ``scenario`` states everything but the seed.

        What is open to anybody's eyes in its first state does not go by the seed: of an episode
        that begins like the last one, the answers of the first state are those of the last one's.
        """
        opening = self._opening
        self.forget()
        if opening is not None and opening.scenario == scenario:
            self._known, self._parts = opening.known.copy(), opening.parts.copy()
            self._rows, self._tokens = opening.rows.copy(), opening.tokens.copy()
            self._opening = opening
        else:
            self._opening = _Opening(scenario, self._known, self._parts, self._rows, self._tokens)

    def moved(self, results: Sequence[StepResult], events: int) -> None:
        """Take note of a step; ``events`` is how many events the episode has had in all.

        Events that are in the ledger and not among the results may have touched anything.
        """
        opening = self._opening
        if opening is not None and opening.known is self._known:  # what follows is another state
            self._known, self._parts = opening.known.copy(), opening.parts.copy()
            self._rows, self._tokens = opening.rows.copy(), opening.tokens.copy()
        self._around = None
        known = self._events + len(results) == events
        self._events = events
        if not known or not all(_stays_within_reach(item) for item in results):
            self._on_any_result += 1

    def answer(self, ctx: LabContext, agent: Agent, situation: Situation) -> Answer:
        """Return what an agent can do now, in its situation."""
        trust, reads = ctx.trust, situation.reads
        role_id = reads.role_id
        if role_id is None or not self._permissions.may_act(trust, agent.agent_id, role_id):
            return self.nothing
        if agent.busy_until > trust.now:
            return self._desk(role_id, agent.zone).while_busy
        if situation.answer is None:
            situation.answer = self._answer(self._propose(ctx, agent, reads))
        return situation.answer

    def row(self, situation: Situation, agent: Agent, make: Callable[[Agent], Vector]) -> Vector:
        """Return the kept part of an observation, which ``make`` makes; not to be changed."""
        if situation.row is None:
            reads = ROW(situation.reads)
            found = self._rows.get(reads)
            if found is None:
                found = make(agent)
                _keep(self._rows, reads, found)
            situation.row = found
        return situation.row

    def of(self, ctx: LabContext, agent: Agent, role_id: str | None) -> Situation:
        """Return what is kept about the situation in which an agent is now."""
        if self._around is None:
            self._look_around(ctx)
        found = self._present.get(agent.agent_id)
        if found is None or not found.reads.still_hold(role_id, agent.zone):
            reads = self._read(ctx, agent, role_id)
            found = self._known.get(reads)
            if found is None:
                found = Situation(reads)
                _keep(self._known, reads, found)
            self._present[agent.agent_id] = found
        return found

    def _read(self, ctx: LabContext, agent: Agent, role_id: str | None) -> Reads:
        around = self._look_around(ctx)
        world, zone, agent_id = ctx.world, agent.zone, agent.agent_id
        lying, queued = self._places[zone]
        spoils = queued in world.at
        hands: Hashable = None
        if world.carried(agent_id):
            place = f"agent:{agent_id}"
            hands = (agent_id, world.changes.of(place))
            spoils = spoils or f"{place}|queued" in world.at
        works = role_id is not None and self._desk(role_id, zone).at_devices
        frozen = ctx.trust.containment.zones
        releases = around.results is not None and role_id in self._on_results
        return Reads(
            role_id,
            zone,
            bool(frozen) and ctx.trust.containment.is_zone_frozen(zone, ctx.trust.now),
            world.changes.of(lying),
            hands,
            ctx.trust.now if spoils else None,
            around.up,
            around.devices.get(zone) if works else None,
            around.ways,
            agent_id if around.granted else None,
            around.road,
            around.stock,
            (agent_id, around.results) if releases else None,
            next((place for place in around.calls if place != zone), None),
        )

    def _desk(self, role_id: str, zone: str) -> _Desk:
        found = self._desks.get((role_id, zone))
        if found is None:
            possible = self._permissions.possible(role_id, zone)
            groups: dict[str, list[ActionDef]] = {}
            for action in possible:
                groups.setdefault(names_of(action), []).append(action)
            ticks = TICK in (action.index for action in possible)
            busy: dict[int, Proposal] = {NOOP: ("NOOP", {})}
            found = self._desks[role_id, zone] = _Desk(
                [(names, picks(names), actions) for names, actions in groups.items()],
                any("devices" in names.split() for names in groups),
                self._answer(busy | ({TICK: ("TICK", {})} if ticks else {})),
            )
        return found

    def readings(self, ctx: LabContext) -> list[DeviceReading]:
        """Return what the devices show now."""
        return self._look_around(ctx).readings

    def _look_around(self, ctx: LabContext) -> _Around:
        """Return what all reads have in common; where it has changed, so may have anybody's."""
        if self._around is None:
            self._around = self._survey(ctx)
            common = (ctx.world.changes.latest, self._around[1:])
            if common != self._common:
                self._common = common
                self._present = {}
        return self._around

    def _survey(self, ctx: LabContext) -> _Around:
        world, now, held = ctx.world, ctx.trust.now, ctx.trust.containment
        on_the_road = world.in_transit or world.racks
        waits = world.critical_open or world.add_ons or world.repeats
        frozen = tuple([zone for zone in held.zones if held.is_zone_frozen(zone, now)])
        doors = tuple([(item.open_since is None, item.granted_to) for item in world.doors.values()])
        readings = read_devices(ctx)
        queues = tuple([(item.queue.number, len(item.queue)) for item in world.devices.values()])
        here: dict[str, list[Hashable]] = {}
        for item in readings:
            here.setdefault(item.table.zone, [queues]).append(_content(ctx, item))
        return _Around(
            readings,
            self._token(tuple(devices_up(ctx).values())),
            {zone: self._token(tuple(found)) for zone, found in here.items()},
            self._token((doors, frozen)),
            any(granted_to is not None for _, granted_to in doors),
            (len(world.consignments), now if on_the_road else None),
            self._token(tuple([needs_stock(ctx, name) for name in ctx.tables.reagents])),
            (self._on_any_result, now if waits else None) if waits or world.releasable else None,
            calls_for_work(ctx),
        )

    def _token(self, content: Hashable) -> int:
        """Return a number that stands for ``content`` in reads, where it is quicker to compare.

        No number ever stands for two contents.
        """
        found = self._tokens.get(content)
        if found is None:
            found = next(self._numbers)
            _keep(self._tokens, content, found)
        return found

    def _answer(self, proposals: dict[int, Proposal]) -> Answer:
        mask = np.zeros(self._size, np.int8)
        mask[list(proposals)] = 1
        return Answer(proposals, mask)

    def _propose(self, ctx: LabContext, agent: Agent, reads: Reads) -> dict[int, Proposal]:
        """Ask every verb that the role has in the zone, but those whose reads are the same."""
        found: dict[int, Proposal] = {NOOP: ("NOOP", {})}
        stopped = self._permissions.stopped_by_freeze if reads.frozen else frozenset()
        for names, kept, actions in self._desk(reads.role_id or "", reads.zone).groups:
            key = (names, kept(reads))
            part = self._parts.get(key)
            if part is None:
                part = _ask(ctx, agent, actions, stopped)
                _keep(self._parts, key, part)
            found.update(part)
        return dict(sorted(found.items()))


def _ask(
    ctx: LabContext, agent: Agent, actions: Iterable[ActionDef], stopped: frozenset[str]
) -> dict[int, Proposal]:
    found: dict[int, Proposal] = {}
    for action in actions:
        if action.action_type not in stopped:
            proposal = action.propose(ctx, agent, action.target)
            if proposal is not None:
                found[action.index] = proposal
    return found


def _keep(kept: dict[Hashable, T], key: Hashable, value: T) -> None:
    if len(kept) >= _KEPT:
        kept.clear()
    kept[key] = value


def _stays_within_reach(result: StepResult) -> bool:
    if result.system_results or result.event is None:
        return False
    return not result.accepted or result.event.action_type in WITHIN_REACH


def _content(ctx: LabContext, item: DeviceReading) -> Hashable:
    """Return everything that verbs at a device go by, but its queue and whether it is up."""
    return (
        item.idle == 0,
        item.machine.qc_state,
        item.qc_due_in_s < 0,
        item.qc_due_in_s < QC_LEAD_S,
        _AT_KIND.get(item.table.type.kind, _nothing_more)(ctx, item.machine),
    )


def _nothing_more(_ctx: LabContext, _machine: Device) -> Hashable:
    return None


def _at_centrifuge(ctx: LabContext, machine: Device) -> Hashable:
    """Return what is in it, and how many of its spins have ended."""
    world, now = ctx.world, ctx.trust.now
    runs = [world.runs[item] for item in machine.active]
    inside = world.changes.of(f"device:{machine.device_id}")
    return inside, sum(item.ends_s <= now for item in runs)


def _at_aliquoter(ctx: LabContext, _machine: Device) -> Hashable:
    """Return what new aliquots' ids go by."""
    return ctx.world.changes.of(ALIQUOTS)


_AT_KIND: Final = {"centrifuge": _at_centrifuge, "aliquoter": _at_aliquoter}
