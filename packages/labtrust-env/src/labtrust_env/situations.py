"""What a member can do and sees around it, kept until something that it depends on has changed.

The rule: an answer is kept under a *key* that holds everything the answer was read from, so a kept
answer is found again only where it would come out the same. A key holds

- the agent's role, its zone, and the place to which work elsewhere calls it;
- the number of the last change among the specimens in its zone, and in its hands if they hold any
  (``labtrust_core.hospital_lab.changes``);
- as they are: the doors, which zones are frozen, which devices are up, which reagents run out, and
  the state of the zone's devices and of every queue;
- for who works with results: the agent itself (its own work is not its to release) and the number
  of events so far that may have touched any result;
- *the clock itself* wherever something runs against it: what is on the road or packed for it,
  calls and requests that wait, and queued specimens within reach, which may spoil. Then the answer
  is good for this second only.

Whether the agent is busy, stopped or out of actions is asked each time and is in no key. Agents of
one role who stand in one zone with empty hands share their answers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.changes import ALIQUOTS
from labtrust_core.hospital_lab.handlers.quality import qc_due_in
from labtrust_core.hospital_lab.logistics import is_up
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.things import Agent
from numpy.typing import NDArray

from labtrust_env.actions import NOOP, TICK, ActionDef
from labtrust_env.permissions import Permissions
from labtrust_env.verbs.analysis import QC_LEAD_S, needs_stock
from labtrust_env.verbs.moving import calls_for_work
from labtrust_env.verbs.proposal import Proposal

Mask = NDArray[np.int8]
Vector = NDArray[np.float32]

_KEPT: Final = 1_024
"""So many answers are kept, then all are forgotten: most are stale by then."""

_WITHIN_REACH: Final = frozenset(
    {
        "ACCEPT_SPECIMEN",
        "ALIQUOT_CREATE",
        "ASSIGN_LANE",
        "CENTRIFUGE_END",
        "CENTRIFUGE_START",
        "CHECK_ACCEPTANCE_RULES",
        "CLOSE_DOOR",
        "CREATE_ACCESSION",
        "MOVE",
        "NOOP",
        "OPEN_DOOR",
        "QUEUE_RUN",
        "RETRIEVE",
        "SCAN_LABEL",
        "STORE",
        "TICK",
    }
)
"""Actions that touch no result; whatever is not listed may."""

_ON_RESULTS: Final = frozenset(
    {
        "ACK_CRITICAL_RESULT",
        "ADD_ON_TEST",
        "AMEND_RESULT",
        "ESCALATE_CRITICAL_RESULT",
        "NOTIFY_CRITICAL_RESULT",
        "RELEASE_RESULT",
        "RELEASE_RESULT_OVERRIDE",
        "RERUN_REQUEST",
    }
)
"""Who may do one of them looks at the lists of results."""


class Answer(NamedTuple):
    """What a member can do: its proposals by index, in rising order, and the mask they make."""

    proposals: Mapping[int, Proposal]
    mask: Mask


class Situation:
    """What is kept under one key; each part is ``None`` until somebody asks for it.

    Attributes:
        answer: What an agent that is free to act can do.
        row: The part of its observation that the key determines.
    """

    __slots__ = ("answer", "row")

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.row: Vector | None = None


class _Around(NamedTuple):
    """What all keys of one state have in common, looked up once."""

    shared: Hashable
    devices: dict[str, Hashable]
    calls: list[str]
    granted: bool
    results: Hashable


class Situations:
    """The answers for one session."""

    def __init__(self, policy: CompiledPolicy, actions: Sequence[ActionDef]) -> None:
        """Begin with nothing kept."""
        self._permissions = Permissions(policy, actions)
        self._size = len(actions)
        self._zones = {zone: (f"zone:{zone}", f"zone:{zone}|queued") for zone in policy.tables.zones}
        self._on_results = {
            name for name, role in policy.roles.roles.items() if role.actions & _ON_RESULTS
        }
        self._busy: dict[tuple[str, str], Answer] = {}
        self._nothing = self._answer({NOOP: ("NOOP", {})})
        self.forget()

    def forget(self) -> None:
        """Keep nothing: another episode runs, or somebody has changed the world by hand."""
        self._known: dict[Hashable, Situation] = {}
        self._tokens: dict[Hashable, int] = {}
        self._around: _Around | None = None
        self._present: dict[str, Situation] = {}
        self._on_any_result = 0
        self._events = -1

    def moved(self, results: Sequence[StepResult], events: int) -> None:
        """Take note of a step; ``events`` is how many events the episode has had in all.

        Events that are in the ledger and not among the results may have touched anything.
        """
        self._around = None
        self._present = {}
        known = self._events + len(results) == events
        self._events = events
        if not known or not all(_stays_within_reach(item) for item in results):
            self._on_any_result += 1

    def answer(self, ctx: LabContext, agent: Agent, role_id: str | None) -> Answer:
        """Return what an agent can do now."""
        permissions, trust = self._permissions, ctx.trust
        if role_id is None or not permissions.may_act(trust, agent.agent_id, role_id):
            return self._nothing
        if agent.busy_until > trust.now:
            return self._while_busy(role_id, agent.zone)
        situation = self.of(ctx, agent, role_id)
        if situation.answer is None:
            situation.answer = self._answer(self._propose(ctx, agent, role_id))
        return situation.answer

    def of(self, ctx: LabContext, agent: Agent, role_id: str | None) -> Situation:
        """Return what is kept about the situation in which an agent is now."""
        found = self._present.get(agent.agent_id)
        if found is None:
            found = self._present[agent.agent_id] = self._find(self._key(ctx, agent, role_id))
        return found

    def _find(self, key: Hashable) -> Situation:
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[key] = Situation()
        return found

    def _key(self, ctx: LabContext, agent: Agent, role_id: str | None) -> Hashable:
        around = self._around
        if around is None:
            around = self._around = self._look_around(ctx)
        world, zone, agent_id = ctx.world, agent.zone, agent.agent_id
        lying, queued = self._zones[zone]
        runs_out = queued in world.at
        own: Hashable = None
        if world.carried(agent_id):
            hands = f"agent:{agent_id}"
            own = (agent_id, world.changes.of(hands))
            runs_out = runs_out or f"{hands}|queued" in world.at
        elif around.granted:
            own = agent_id
        results = around.results if role_id in self._on_results else None
        return (
            role_id,
            zone,
            world.changes.of(lying),
            next((place for place in around.calls if place != zone), None),
            own,
            ctx.trust.now if runs_out else None,
            None if results is None else (agent_id, results),
            around.devices.get(zone),
            around.shared,
        )

    def _look_around(self, ctx: LabContext) -> _Around:
        world, now, held = ctx.world, ctx.trust.now, ctx.trust.containment
        on_the_road = world.in_transit or world.racks
        waits = world.critical_open or world.add_ons or world.repeats
        doors = tuple([(item.open_since is None, item.granted_to) for item in world.doors.values()])
        devices = ctx.tables.devices.values()
        queues = tuple([(item.queue.number, len(item.queue)) for item in world.devices.values()])
        here: dict[str, list[Hashable]] = {}
        for table in devices:
            here.setdefault(table.zone, [queues]).append(_device(ctx, table))
        shared = (
            doors,
            tuple([is_up(ctx, table) for table in devices]),
            tuple([needs_stock(ctx, item) for item in ctx.tables.reagents]),
            len(world.consignments),
            now if on_the_road else None,
            tuple([zone for zone in held.zones if held.is_zone_frozen(zone, now)]),
        )
        return _Around(
            self._token(shared),
            {zone: self._token(tuple(found)) for zone, found in here.items()},
            calls_for_work(ctx),
            any(item.granted_to is not None for item in world.doors.values()),
            (self._on_any_result, now if waits else None) if waits or world.releasable else None,
        )

    def _token(self, content: Hashable) -> int:
        """Return a number that stands for ``content`` in keys, where it is quicker to compare."""
        if len(self._tokens) >= _KEPT:
            self._tokens.clear()
            self._known.clear()
        return self._tokens.setdefault(content, len(self._tokens))

    def _while_busy(self, role_id: str, zone: str) -> Answer:
        found = self._busy.get((role_id, zone))
        if found is None:
            possible = (action.index for action in self._permissions.possible(role_id, zone))
            ticks: dict[int, Proposal] = {TICK: ("TICK", {})} if TICK in possible else {}
            found = self._answer({NOOP: ("NOOP", {}), **ticks})
            self._busy[role_id, zone] = found
        return found

    def _answer(self, proposals: dict[int, Proposal]) -> Answer:
        mask = np.zeros(self._size, np.int8)
        mask[list(proposals)] = 1
        return Answer(proposals, mask)

    def _propose(self, ctx: LabContext, agent: Agent, role_id: str) -> dict[int, Proposal]:
        """Ask every verb that the role has in the zone."""
        found: dict[int, Proposal] = {NOOP: ("NOOP", {})}
        frozen = ctx.trust.containment.is_zone_frozen(agent.zone, ctx.trust.now)
        for action in self._permissions.possible(role_id, agent.zone):
            if frozen and action.action_type in self._permissions.stopped_by_freeze:
                continue
            proposal = action.propose(ctx, agent, action.target)
            if proposal is not None:
                found[action.index] = proposal
        return found


def _stays_within_reach(result: StepResult) -> bool:
    if result.system_results or result.event is None:
        return False
    return not result.accepted or result.event.action_type in _WITHIN_REACH


def _device(ctx: LabContext, table: DeviceTable) -> Hashable:
    """Return everything that verbs at a device go by, but its queue and whether it is up."""
    world, now = ctx.world, ctx.trust.now
    machine = world.devices[table.device_id]
    due_in_s = qc_due_in(ctx, machine)
    return (
        machine.idle_unit(now) is None,
        machine.qc_state,
        due_in_s < 0,
        due_in_s < QC_LEAD_S,
        *_AT_KIND.get(table.type.kind, _nothing_more)(ctx, table),
    )


def _nothing_more(_ctx: LabContext, _table: DeviceTable) -> tuple[Hashable, ...]:
    return ()


def _at_centrifuge(ctx: LabContext, table: DeviceTable) -> tuple[Hashable, ...]:
    """Return what is in it, and how many of its spins have ended."""
    world, now = ctx.world, ctx.trust.now
    runs = [world.runs[item] for item in world.devices[table.device_id].active]
    inside = world.changes.of(f"device:{table.device_id}")
    return inside, sum(item.ends_s <= now for item in runs)


def _at_aliquoter(ctx: LabContext, _table: DeviceTable) -> tuple[Hashable, ...]:
    """Return what new aliquots' ids go by."""
    return (ctx.world.changes.of(ALIQUOTS),)


_AT_KIND: Final = {"centrifuge": _at_centrifuge, "aliquoter": _at_aliquoter}
