"""Replays a log up to one second: where people are, and what lies, waits and runs where.

Only accepted events count, and only what they tell: somebody who has not walked yet and whose
starting place nobody states has no place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from labtrust_core.errors import UsageError
from labtrust_core.event import SYSTEM_AGENT
from labtrust_core.hospital_lab.documents.people import Crew
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.render.episode_log import EpisodeLog, LoggedEvent
from labtrust_core.render.runs import Run, Runs

_PLACE: Final = "zone:"
_HAND: Final = "agent:"
_INSIDE: Final = "device:"
_ROAD: Final = "route:"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody.

    Attributes:
        zone: Where, or None where that is not told.
        walking: Whether still on the way there.
        carried: Number of specimens in hand.
    """

    name: str
    role: str
    zone: str | None
    walking: bool = False
    carried: int = 0


@dataclass(frozen=True, slots=True)
class DeviceState:
    """What a device does: specimens waiting and inside, and whether it is broken or serviced."""

    waiting: int
    inside: int
    broken: bool
    serviced: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One second of the laboratory.

    Attributes:
        people: In the order in which they appear.
        lying: Zone to the number of specimens that lie there and wait in no queue.
        devices: Device to its state; empty where nothing is known of any.
        on_the_road: Route to the number of specimens on it.
    """

    people: tuple[Person, ...]
    lying: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, DeviceState] = field(default_factory=dict)
    on_the_road: Mapping[str, int] = field(default_factory=dict)


def starting_places(crew: Crew) -> Snapshot:
    """Return where the members of a crew start."""
    return Snapshot(
        tuple(Person(item.agent_id, item.role, item.zone) for item in crew.members.values())
    )


def snapshot_at(log: EpisodeLog, tables: LabTables, at_s: int, crew: Crew | None) -> Snapshot:
    """Return one second of a logged episode, with all events of that second done.

    Args:
        log: The log.
        tables: The policy under which it was made.
        at_s: The second, from the start.
        crew: Whose members started at their places; by default the crew that the log names, if
            policy knows it.

    Raises:
        UsageError: The log does not reach that second.
    """
    if not 0 <= at_s <= log.end_s:
        raise UsageError(f"second {at_s} is not in the log, which goes from 0 to {log.end_s}")
    crew = crew or tables.crews.get(log.crew or "")
    roles = {} if crew is None else {item.agent_id: item.role for item in crew.members.values()}
    replay = Replay(tables, _known_places(log, crew), roles, log.starts_at_s(tables) or 0)
    for event in log.events:
        if event.t_s > at_s:
            break
        replay.take(event)
    return replay.snapshot(at_s)


def _known_places(log: EpisodeLog, crew: Crew | None) -> dict[str, str | None]:
    """Return who takes part, and where each one started as far as that is told."""
    places: dict[str, str | None] = {}
    for event in log.events:
        if event.origin != "agent" or not event.accepted or event.agent == SYSTEM_AGENT:
            continue
        places.setdefault(event.agent, None)
        if places[event.agent] is None and _walks(event):
            places[event.agent] = event.text("from_zone")
    members = () if crew is None else crew.members.values()
    stated = {item.agent_id: item.zone for item in members}
    return {**stated, **{name: zone or stated.get(name) for name, zone in places.items()}}


def _walks(event: LoggedEvent) -> bool:
    return event.action == "MOVE" and event.text("entity_type") != "Specimen"


class Replay:
    """The state that the accepted events so far have led to."""

    def __init__(
        self,
        tables: LabTables,
        people: Mapping[str, str | None],
        roles: Mapping[str, str],
        starts_at_s: int,
    ) -> None:
        """Begin with ``people`` at their places, in their ``roles`` if known, and nothing else.

        ``starts_at_s`` is the time of day of the start.
        """
        self._tables = tables
        self._starts_at_s = starts_at_s
        self._zones = dict(people)
        self._arrive_s = dict.fromkeys(people, 0)
        self._roles = dict(roles)
        self._places: dict[str, str] = {}  # specimen to where it is
        self._queued: dict[str, str] = {}  # specimen to the device for which it waits
        self._consignments: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._broken: set[str] = set()
        self._runs = Runs()
        self._streams = _arrival_zones(tables)

    def take(self, event: LoggedEvent) -> None:
        """Take the next event."""
        if event.role:
            self._roles.setdefault(event.agent, event.role)
        if not event.accepted:
            return
        started, ended = self._runs.follow(event)
        if started is not None:
            self._load(started)
        for run in ended:
            self._unload(run)
        effect = _EFFECTS.get(event.action)
        if effect is not None:
            effect(self, event)

    def snapshot(self, now_s: int) -> Snapshot:
        """Return the state as it is at ``now_s``."""
        carried = self._count(_HAND)
        lying = Counter(
            place.removeprefix(_PLACE)
            for item, place in self._places.items()
            if place.startswith(_PLACE) and item not in self._queued
        )
        waiting, inside = Counter(self._queued.values()), self._count(_INSIDE)
        return Snapshot(
            people=tuple(
                Person(
                    name,
                    self._roles.get(name, ""),
                    zone,
                    self._arrive_s.get(name, 0) > now_s,
                    carried[name],
                )
                for name, zone in self._zones.items()
            ),
            lying=lying,
            devices={
                name: DeviceState(
                    waiting[name],
                    inside[name],
                    name in self._broken,
                    table.maintenance_until(now_s, self._starts_at_s) is not None,
                )
                for name, table in self._tables.devices.items()
            },
            on_the_road=self._count(_ROAD),
        )

    def _count(self, kind: str) -> Counter[str]:
        return Counter(
            place.removeprefix(kind) for place in self._places.values() if place.startswith(kind)
        )

    def _load(self, run: Run) -> None:
        for item in run.specimens:
            self._queued.pop(item, None)
            self._places[item] = _INSIDE + run.device_id

    def _unload(self, run: Run) -> None:
        table = self._tables.devices.get(run.device_id)
        for item in run.specimens:
            if table is not None and self._places.get(item) == _INSIDE + run.device_id:
                self._places[item] = _PLACE + table.zone

    def _put(self, event: LoggedEvent, place: str | None) -> None:
        if place is not None:
            self._places.update(dict.fromkeys(self._runs.specimens(event), place))

    # What the events tell, by action.

    def arrive(self, event: LoggedEvent) -> None:
        """Specimens come in where their stream ends."""
        zone = self._streams.get(event.text("stream"))
        if zone is not None:
            for item in event.answered("specimen_ids", "specimen_id"):
                self._places[item] = _PLACE + zone

    def inject(self, event: LoggedEvent) -> None:
        """A specimen is brought in from outside."""
        nested = event.args.get("specimen")
        stated = nested if isinstance(nested, dict) else event.args
        item, zone = stated.get("specimen_id"), stated.get("zone_id")
        if isinstance(item, str):
            first = next(iter(self._tables.sites.values())).arrival_zone
            self._places[item] = _PLACE + (zone if isinstance(zone, str) else first)

    def move(self, event: LoggedEvent) -> None:
        """Somebody walks, perhaps with one specimen in hand."""
        origin, target = event.text("from_zone"), event.text("to_zone")
        if event.text("entity_type") == "Specimen":
            self._places[event.text("entity_id")] = _PLACE + target
        if self._zones.get(event.agent) == origin:
            way = self._tables.ways.get((origin, target))
            self._zones[event.agent] = target
            self._arrive_s[event.agent] = event.t_s + (0 if way is None else way.travel_s)

    def pick_up(self, event: LoggedEvent) -> None:
        """Somebody takes specimens in hand."""
        self._put(event, _HAND + event.agent)

    def put_down(self, event: LoggedEvent) -> None:
        """Somebody puts specimens down; where, is known as far as the person's place is."""
        zone = self._zones.get(event.agent)
        if zone is None:
            for item in self._runs.specimens(event):
                self._places.pop(item, None)
        else:
            self._put(event, _PLACE + zone)

    def queue(self, event: LoggedEvent) -> None:
        """A specimen waits for a device."""
        for item in self._runs.specimens(event):
            self._queued[item] = event.text("device_id")

    def leave_queue(self, event: LoggedEvent) -> None:
        """A specimen that is rejected waits no more."""
        for item in self._runs.specimens(event):
            self._queued.pop(item, None)

    def dispatch(self, event: LoggedEvent) -> None:
        """Specimens go on the road."""
        ends = (event.text("origin_site"), event.text("dest_site"))
        routes = self._tables.routes.items()
        route_id = next(
            (name for name, item in routes if (item.origin_site, item.dest_site) == ends), ""
        )
        for consignment in event.answered("consignment_id"):
            self._consignments[consignment] = (route_id, self._runs.specimens(event))
            self._put(event, _ROAD + route_id)

    def receive(self, event: LoggedEvent) -> None:
        """Specimens come off the road."""
        route_id, items = self._consignments.get(event.text("consignment_id"), ("", ()))
        route = self._tables.routes.get(route_id)
        if route is not None:
            self._places.update(dict.fromkeys(items, _PLACE + route.dest_zone))

    def break_down(self, event: LoggedEvent) -> None:
        """A device stops."""
        self._broken.add(event.text("device_id"))

    def repair(self, event: LoggedEvent) -> None:
        """A device works again."""
        self._broken.discard(event.text("device_id"))


_EFFECTS: Final[dict[str, Callable[[Replay, LoggedEvent], None]]] = {
    "SYS_ARRIVAL": Replay.arrive,
    "INJECT_SPECIMEN": Replay.inject,
    "MOVE": Replay.move,
    "RETRIEVE": Replay.pick_up,
    "STORE": Replay.put_down,
    "QUEUE_RUN": Replay.queue,
    "REJECT_SPECIMEN": Replay.leave_queue,
    "DISPATCH_TRANSPORT": Replay.dispatch,
    "RECEIVE_TRANSPORT": Replay.receive,
    "SYS_DEVICE_FAULT": Replay.break_down,
    "SYS_DEVICE_REPAIR": Replay.repair,
}


def _arrival_zones(tables: LabTables) -> dict[str, str]:
    """Return the zone where a stream ends, for streams that end in one zone in every workload."""
    found: dict[str, set[str]] = {}
    for workload in tables.workloads.values():
        for name, stream in workload.streams.items():
            found.setdefault(name, set()).add(tables.sites[stream.site].arrival_zone)
    return {name: zone for name, zones in found.items() for zone in zones if len(zones) == 1}
