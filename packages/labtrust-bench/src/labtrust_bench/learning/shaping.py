"""What each agent is paid in training: for the work that its own action has done.

The task's reward comes with the release of a specimen, half an hour and some twenty actions of six
roles after its arrival, and is the whole crew's. A learner finds that slowly. In training each
agent is therefore paid, besides a part of the task's reward, for the progress that its own event
makes with the specimens that the event names or that the agent carries:

* ``stage`` for each stage of work (booking in, checking, deciding, spinning, unloading, drawing an
  aliquot, queueing, starting) that is ahead of a specimen before and not after;
* ``carry`` for each minute of way between it and its next stage, less than before;
* ``handover`` for putting it down, or using it from the hand, where its next stage is.

Taking up pays nothing, and putting down elsewhere neither; carrying away takes back what carrying
there has paid. So there is nothing in going round in circles. A stage that opens a new way takes
nothing from who did it. Measurements never use any of this.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from labtrust_core.event import Event, StepResult
from labtrust_core.hospital_lab.logistics import next_zone
from labtrust_core.hospital_lab.lookup import LabContext
from labtrust_core.hospital_lab.tables import LabTables
from labtrust_core.hospital_lab.things import Specimen

from labtrust_bench.learning.config import Shaping

_MINUTE_S: Final = 60
_NAMES_SPECIMENS: Final = ("specimen_id", "specimen_ids")
_CARRIED: Final = ("accepted", "separated", "aliquoted", "arrived_at_reception")
_NO_PROGRESS: Final = frozenset({"SCAN_LABEL", "ASSIGN_LANE", "RERUN_REQUEST", "REJECT_SPECIMEN"})
_ARRIVED: Final = "arrived_at_reception"


class _Place(NamedTuple):
    """How far a specimen has come: status, stages ahead, way ahead in pay."""

    status: str
    stages: int
    way: float


class Progress:
    """Pays for the events of one episode; knows how far each specimen had come before."""

    def __init__(self, tables: LabTables, shaping: Shaping) -> None:
        self._shaping = shaping
        self._stages = {name: _stages_ahead(tables, name) for name in tables.panels}
        self._minutes = _minutes(tables)
        self._known: dict[str, _Place] = {}

    def reset(self) -> None:
        """Forget the episode."""
        self._known = {}

    def pay(self, ctx: LabContext, agent_id: str, result: StepResult) -> float:
        """Return what an agent is paid for an event of its own.

        Args:
            ctx: The episode after the step.
            agent_id: The engine's id of the agent.
            result: What became of the event.
        """
        shaping = self._shaping
        if not result.accepted or result.event is None:
            return -shaping.blocked - shaping.effort
        event = result.event
        paid = shaping.chores.get(event.action_type, 0.0) - shaping.effort
        paid -= shaping.violation * len(result.violations)
        for specimen_id in _touched(ctx, agent_id, event):
            specimen = ctx.world.specimens.get(specimen_id)
            if specimen is not None and specimen.status != "rejected":
                gain = self._gain(ctx, specimen)
                if event.action_type not in _NO_PROGRESS:
                    paid += gain
        return paid

    def _gain(self, ctx: LabContext, specimen: Specimen) -> float:
        """Return the pay for how far a specimen has come since it was last touched; remember."""
        shaping = self._shaping
        stages = self._stages[specimen.panel_id]
        before = self._known.get(specimen.specimen_id)
        if before is None:
            before = _Place(_ARRIVED, stages[_ARRIVED], 0.0)
        ahead = stages[specimen.status]
        if specimen.status == "accessioning" and specimen.checked:
            ahead -= 1
        now = _Place(specimen.status, ahead, self._way(ctx, specimen))
        self._known[specimen.specimen_id] = now
        gain = shaping.stage * (before.stages - now.stages) + before.way
        if now.status == before.status:
            gain -= now.way
        return gain * shaping.priority.get(specimen.priority, 1.0)

    def _way(self, ctx: LabContext, specimen: Specimen) -> float:
        """Return the pay that is still in carrying a specimen to its next stage."""
        goal = next_zone(ctx, specimen) if specimen.status in _CARRIED else None
        if goal is None:
            return 0.0
        kind, _, place = specimen.place.partition(":")
        zone = ctx.world.agents[place].zone if kind == "agent" else place
        if place == goal:
            return 0.0
        minutes = self._minutes.get((zone, goal), 0.0)
        return self._shaping.handover + self._shaping.carry * minutes


def _touched(ctx: LabContext, agent_id: str, event: Event) -> Iterable[str]:
    """Return the specimens that an event was about: those it names, and on the way the carried."""
    if event.action_type == "MOVE":
        place = f"agent:{agent_id}"
        return [item for status in _CARRIED for item in ctx.world.here(place, status)]
    found: list[str] = []
    for name in _NAMES_SPECIMENS:
        stated = event.args.get(name, ())
        found += [stated] if isinstance(stated, str) else stated
    return found


def _stages_ahead(tables: LabTables, panel_id: str) -> dict[str, int]:
    """Return, by status, how many events of people are ahead of a specimen of a panel."""
    panel = tables.panels[panel_id]
    analysis = 2  # queueing, starting: most results are then released without anybody
    separated = analysis + (1 if panel.needs_aliquot else 0)
    accepted = separated + (2 if panel.needs_separation else 0)
    return {
        "in_transit": accepted + 3,
        _ARRIVED: accepted + 3,
        "accessioning": accepted + 2,
        "accepted": accepted,
        "held": accepted,
        "in_centrifuge": separated + 1,
        "separated": separated,
        "aliquoted": analysis,
        "queued": 1,
        "in_analysis": 0,
        "analysed": 0,
        "released": 0,
    }


def _minutes(tables: LabTables) -> dict[tuple[str, str], float]:
    """Return the minutes of the way between any two zones, where there is one."""
    found: dict[tuple[str, str], float] = {}
    for first in tables.zones:
        for last in tables.zones:
            seconds, zone = 0, first
            while zone != last and last in tables.next_hop[zone]:
                following = tables.next_hop[zone][last]
                seconds += tables.ways[zone, following].travel_s
                zone = following
            if zone == last:
                found[first, last] = seconds / _MINUTE_S
    return found
