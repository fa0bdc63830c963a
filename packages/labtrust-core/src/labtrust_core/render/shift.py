"""Reads a shift out of an episode log: who did what when, what ran when, and what happened when.

Ends of runs, faults and repairs stand in the log. How long a person handles something, a quality
control or an aliquot takes, and when a device is serviced, does not: that is policy's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.event import SYSTEM_AGENT
from labtrust_core.hospital_lab.handlers.reception import PER_SPECIMEN
from labtrust_core.hospital_lab.tables import DeviceTable, LabTables
from labtrust_core.render.episode_log import EpisodeLog, LoggedEvent
from labtrust_core.render.runs import Run, Runs

PRIORITIES: Final = ("STAT", "URGENT", "ROUTINE")
UNKNOWN: Final = "priority not told"
CONTROL: Final = "quality control"
FAULT: Final = "fault"
SERVICE: Final = "maintenance"
CALL: Final = "critical call"
BLOCKED: Final = "blocked action"
ARRIVAL: Final = "arrival"
RELEASE: Final = "release"
ALARM: Final = "alarm"

_FAMILIES: Final[dict[str, tuple[str, ...]]] = {
    "moving": (
        "MOVE",
        "OPEN_DOOR",
        "CLOSE_DOOR",
        "RETRIEVE",
        "STORE",
        "DISPATCH_TRANSPORT",
        "CHAIN_OF_CUSTODY_SIGN",
        "RECEIVE_TRANSPORT",
    ),
    "reception": (
        "CREATE_ACCESSION",
        "CHECK_ACCEPTANCE_RULES",
        "ACCEPT_SPECIMEN",
        "HOLD_SPECIMEN",
        "REJECT_SPECIMEN",
    ),
    "bench": ("CENTRIFUGE_START", "CENTRIFUGE_END", "ALIQUOT_CREATE", "RESTOCK_REAGENT"),
    "analysis": ("QUEUE_RUN", "START_RUN", "START_RUN_OVERRIDE", "END_RUN", "QC_EVENT"),
    "release": ("RELEASE_RESULT", "RELEASE_RESULT_OVERRIDE", "HOLD_RESULT", "RERUN_REQUEST"),
    "calls": ("NOTIFY_CRITICAL_RESULT", "ACK_CRITICAL_RESULT", "ESCALATE_CRITICAL_RESULT"),
}
OTHER: Final = "other"
FAMILIES: Final = (*_FAMILIES, OTHER)
_FAMILY: Final = {action: family for family, actions in _FAMILIES.items() for action in actions}
_CALLS: Final = frozenset({"NOTIFY_CRITICAL_RESULT", "ESCALATE_CRITICAL_RESULT"})
_ALARMS: Final = frozenset({"SYS_DOOR_ALARM", "SYS_CRITICAL_TIMEOUT", "SYS_DEVICE_FAULT"})


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that lasts, ``[start_s, end_s)`` in seconds since the start.

    Attributes:
        kind: What it is: a priority, a family of actions, or one of the names above.
        text: What it was, in words.
        open_end: Whether the log ends before it does.
    """

    start_s: int
    end_s: int
    kind: str
    text: str
    open_end: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happens at one second."""

    t_s: int
    kind: str
    text: str


@dataclass(slots=True)
class Lane:
    """One row of the chart: a unit of a device, a person, or happenings of one kind."""

    name: str
    detail: str = ""
    bars: list[Bar] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift, ready to be drawn.

    Attributes:
        happenings: Lanes of arrivals, releases and alarms.
        devices: A lane for each unit, in policy's order.
        people: A lane for each agent, in the order in which they first act.
    """

    end_s: int
    happenings: tuple[Lane, ...]
    devices: tuple[Lane, ...]
    people: tuple[Lane, ...]


def read_shift(log: EpisodeLog, policy: CompiledPolicy) -> Shift:
    """Return the shift that a log tells.

    Args:
        log: The log.
        policy: The policy under which it was made.
    """
    reader = _Reader(log, policy)
    for event in log.events:
        reader.take(event)
    return Shift(
        log.end_s,
        (reader.arrivals, reader.releases, reader.alarms),
        tuple(
            lane for device in policy.tables.devices.values() for lane in reader.lanes_of(device)
        ),
        tuple(reader.people.values()),
    )


class _Reader:
    """What the events so far tell."""

    def __init__(self, log: EpisodeLog, policy: CompiledPolicy) -> None:
        self.arrivals = Lane("arrivals")
        self.releases = Lane("releases")
        self.alarms = Lane("alarms")
        self.people: dict[str, Lane] = {}
        self._log = log
        self._policy = policy
        self._tables: LabTables = policy.tables
        self._runs = Runs()
        self._priorities: dict[str, str] = {}
        self._broken: dict[str, int] = {}
        self._stops: dict[str, list[Bar]] = {name: [] for name in self._tables.devices}
        self._works: dict[str, list[Bar]] = {name: [] for name in self._tables.devices}

    def take(self, event: LoggedEvent) -> None:
        """Take the next event."""
        if event.origin == "agent" and event.agent not in ("", SYSTEM_AGENT):
            self._act(event)
        if event.accepted:
            self._runs.follow(event)
            self._happen(event)
            self._occupy(event)

    def lanes_of(self, device: DeviceTable) -> Iterable[Lane]:
        """Return a lane for each unit of a device.

        A log does not name units: work goes to the first one that is free, as in the laboratory.
        """
        units = [Lane(device.device_id) for _ in range(device.type.units)]
        if len(units) > 1:
            for number, lane in enumerate(units):
                lane.detail = f"unit {number + 1}"
        works = [*self._works.get(device.device_id, ()), *self._finished_runs(device.device_id)]
        free_s = [0] * len(units)
        for bar in sorted(works, key=lambda item: item.start_s):
            idle = [unit for unit, since in enumerate(free_s) if since <= bar.start_s]
            unit = idle[0] if idle else free_s.index(min(free_s))
            free_s[unit] = max(free_s[unit], bar.end_s)
            units[unit].bars.append(bar)
        for lane in units:
            lane.bars.extend(self._out_of_order(device))
        return units

    def _act(self, event: LoggedEvent) -> None:
        lane = self.people.setdefault(event.agent, Lane(event.agent))
        lane.detail = lane.detail or event.role
        if not event.accepted:
            refused = f"{event.action} refused: {event.reason}"
            lane.marks.append(Mark(event.t_s, BLOCKED, refused))
            return
        if event.action in _CALLS:
            lane.marks.append(Mark(event.t_s, CALL, f"{event.action} {event.text('result_id')}"))
        lasts_s = self._handling_s(event)
        if lasts_s:
            family = _FAMILY.get(event.action, OTHER)
            lane.bars.append(Bar(event.t_s, event.t_s + lasts_s, family, event.action))

    def _handling_s(self, event: LoggedEvent) -> int:
        """Return how long the acting agent is busy with an accepted event."""
        if event.action == "MOVE":
            ends = (event.text("from_zone"), event.text("to_zone"))
            way = self._tables.ways.get(ends)
            return 0 if way is None or event.text("entity_type") == "Specimen" else way.travel_s
        rule = self._policy.actions.get(event.action)
        if rule is None or not self._log.simulated:
            return 0
        return rule.handling_s * (len(event.named()) if event.action in PER_SPECIMEN else 1)

    def _happen(self, event: LoggedEvent) -> None:
        if event.action == "SYS_ARRIVAL":
            arrived = event.answered("specimen_ids")
            for item, stated in zip_longest(arrived, event.answered("priorities")[: len(arrived)]):
                self._priorities[item] = priority = _known_priority(stated)
                self.arrivals.marks.append(Mark(event.t_s, priority, f"{item} {ARRIVAL}"))
        elif event.action == "INJECT_SPECIMEN":
            self._inject(event)
        elif event.action in _ALARMS:
            subject = next((text for text in map(str, event.args.values()) if text), "")
            self.alarms.marks.append(Mark(event.t_s, ALARM, f"{event.action} {subject}"))
        for item in event.answered("released_specimens"):
            text = f"{item} {RELEASE} by {event.agent}"
            self.releases.marks.append(Mark(event.t_s, self._priority((item,)), text))

    def _inject(self, event: LoggedEvent) -> None:
        nested = event.args.get("specimen")
        stated: Mapping[str, object] = nested if isinstance(nested, dict) else event.args
        item = str(stated.get("specimen_id"))
        self._priorities[item] = _known_priority(
            stated.get("priority_class"), stated.get("priority")
        )
        text = f"{item} {ARRIVAL} from outside"
        self.arrivals.marks.append(Mark(event.t_s, self._priority((item,)), text))

    def _occupy(self, event: LoggedEvent) -> None:
        name = event.text("device_id")
        if name not in self._tables.devices:
            return
        table = self._tables.devices[name]
        if event.action == "SYS_DEVICE_FAULT":
            self._broken[name] = event.t_s
        elif event.action == "SYS_DEVICE_REPAIR" and name in self._broken:
            self._stops[name].append(Bar(self._broken.pop(name), event.t_s, FAULT, FAULT))
        elif event.action == "QC_EVENT":
            outcome = ", ".join(event.answered("qc_outcome"))
            end_s = event.t_s + _control_s(table)
            self._works[name].append(Bar(event.t_s, end_s, CONTROL, f"{CONTROL}: {outcome}"))
        elif event.action == "ALIQUOT_CREATE":
            items = self._runs.specimens(event)
            end_s = event.t_s + table.idle_run_s
            text = f"aliquot of {', '.join(items)}"
            self._works[name].append(Bar(event.t_s, end_s, self._priority(items), text))

    def _finished_runs(self, device_id: str) -> Iterable[Bar]:
        return (self._bar(run) for run in self._runs.runs.values() if run.device_id == device_id)

    def _bar(self, run: Run) -> Bar:
        tubes = f"{len(run.specimens)} specimen{'' if len(run.specimens) == 1 else 's'}"
        end_s = self._log.end_s if run.end_s is None else run.end_s
        text = f"{run.run_id}, {tubes}, started by {run.agent}"
        return Bar(run.start_s, end_s, self._priority(run.specimens), text, run.end_s is None)

    def _out_of_order(self, device: DeviceTable) -> list[Bar]:
        stops = list(self._stops[device.device_id])
        if device.device_id in self._broken:
            since = self._broken[device.device_id]
            stops.append(Bar(since, self._log.end_s, FAULT, FAULT, open_end=True))
        starts_at_s = self._log.starts_at_s(self._policy.tables) or 0
        stops.extend(
            Bar(start_s, end_s, SERVICE, f"planned {SERVICE}")
            for start_s, end_s in device.maintenance_windows(self._log.end_s, starts_at_s)
        )
        return stops

    def _priority(self, items: Iterable[str]) -> str:
        """Return the most urgent priority among specimens, as far as it is told."""
        known = {self._priorities.get(item) for item in items}
        return next((item for item in PRIORITIES if item in known), UNKNOWN)


def _known_priority(*stated: object) -> str:
    return next((item for item in PRIORITIES if item in stated), UNKNOWN)


def _control_s(table: DeviceTable) -> int:
    return 0 if table.type.qc is None else table.type.qc.duration_s


def merged(bars: Iterable[Bar], gap_s: float) -> list[Bar]:
    """Return bars with neighbours of one kind made one where no more than ``gap_s`` lies between.

    The words of a merged bar count what it is made of.
    """
    groups: list[list[Bar]] = []
    for bar in bars:
        last = groups[-1] if groups else []
        if last and last[-1].kind == bar.kind and bar.start_s - last[-1].end_s <= gap_s:
            last.append(bar)
        else:
            groups.append([bar])
    return [
        Bar(group[0].start_s, max(bar.end_s for bar in group), group[0].kind, _told(group))
        for group in groups
    ]


def _told(group: list[Bar]) -> str:
    counts = Counter(bar.text for bar in group)
    return ", ".join(
        f"{count} \u00d7 {text}" if count > 1 else text for text, count in counts.items()
    )
