"""The standard crew under a dispatch rule, as a yardstick: the rule alone says whose turn it is.

Who does what, the ways, doors, controls, stock, consignments and critical calls are the scripted
crew's. What is different is the order of work. Where the scripted crew takes the most urgent, the
rule chooses among the specimens that the view lists; a runner goes where the specimen lies whose
turn it is, however far from home, and a spin or a courier waits until it is full enough or late
enough, whoever waits in it.

Out of a rule's reach: the order of an analyser's queue, which is the device's own (STAT first,
within its share), what goes into a spin (all that waits, as far as it fits) and what a person calls
about. A view lists the twenty most urgent of a kind, so of a longer queue the rule sees no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from labtrust_bench.agents.api import Action, View
from labtrust_bench.agents.dispatch_rules import WEIGHTS, Job, Rule, in_order
from labtrust_bench.agents.scripted import RULES as DUTIES
from labtrust_bench.agents.scripted import ScriptedAgent, worth_storing

Item = dict[str, Any]
_Order = Callable[[View, list[Item]], list[Item]]
_Choice = Callable[[View, str, _Order], dict[str, Any] | None]
"""``choice(view, device, order)``: arguments of the event, or nothing to choose among."""

_READY: Final = ("aliquoted", "separated", "accepted")
_TO_DRAW: Final = ("separated", "accepted")
_ON_THE_WAY: Final = ("arrived_at_reception", *_READY)


def _listed(view: View, *statuses: str) -> list[Item]:
    here = view["here"]
    return [item for status in statuses if status in here for item in here[status]["first"]]


def _named(items: list[Item]) -> dict[str, Any] | None:
    return {"specimen_id": items[0]["specimen_id"]} if items else None


def _book(view: View, _device: str, order: _Order) -> dict[str, Any] | None:
    return _named(order(view, _listed(view, "arrived_at_reception")))


def _check(view: View, _device: str, order: _Order) -> dict[str, Any] | None:
    booked = _listed(view, "accessioning")
    return _named(order(view, [item for item in booked if not item["checked"]]))


def _decide(view: View, _device: str, order: _Order) -> dict[str, Any] | None:
    booked = _listed(view, "accessioning")
    return _named(order(view, [item for item in booked if item["checked"]]))


def _take(view: View, _device: str, order: _Order) -> dict[str, Any] | None:
    """The specimen whose turn it is, and whatever else goes the same way."""
    away = [
        item
        for item in _listed(view, *_ON_THE_WAY)
        if item["next_zone"] not in (None, view["zone"])
    ]
    turns = order(view, away)
    together = [item for item in turns if item["next_zone"] == turns[0]["next_zone"]]
    ids = [item["specimen_id"] for item in together[: view["carry_room"]]]
    return {"specimen_ids": ids} if ids else None


def _draw(view: View, device: str, order: _Order) -> dict[str, Any] | None:
    """The specimen whose turn it is at the aliquoter; an aliquot is called after the second."""
    held = [item for item in view["carrying"] if item["status"] in _TO_DRAW]
    found = [
        item for item in (*_listed(view, *_TO_DRAW), *held) if item["next_zone"] == view["zone"]
    ]
    named = _named(order(view, found))
    if named is None:
        return None
    return {
        **named,
        "device_id": device,
        "aliquot_id": f"{named['specimen_id']}_A{view['t_s']}",
    }


def _queue(view: View, _device: str, order: _Order) -> dict[str, Any] | None:
    """The specimen whose turn it is, at the first analyser here that would take it."""
    open_here = [
        item for item in view["devices"] if f"QUEUE_RUN:{item['device_id']}" in view["legal"]
    ]
    ready = [item for item in _listed(view, *_READY) if item["next_zone"] == view["zone"]]
    for item in order(view, ready):
        fitting = [table["device_id"] for table in open_here if item["panel_id"] in table["panels"]]
        if fitting:
            lane = item["lane"]
            device = lane if lane in fitting else fitting[0]
            return {"device_id": device, "specimen_id": item["specimen_id"]}
    return None


def _release(view: View, _device: str, order: _Order) -> dict[str, Any] | None:
    """The specimen whose turn it is among those with nothing in the way of any result."""
    free = [
        item
        for item in view["releasable"]
        if item["qc_state"] == "pass"
        and not item["own_work"]
        and not any(item[reason] for reason in ("critical_open", "held", "amending", "out"))
    ]
    return _named(order(view, free))


_CHOICES: Final[dict[str, _Choice]] = {
    "CREATE_ACCESSION": _book,
    "CHECK_ACCEPTANCE_RULES": _check,
    "ACCEPT_SPECIMEN": _decide,
    "RETRIEVE": _take,
    "ALIQUOT_CREATE": _draw,
    "QUEUE_RUN": _queue,
    "RELEASE_RESULT": _release,
}
"""What the rule chooses for, by action type; anything else is done by its default rule."""


class DispatchAgent:
    """Does its role's duties, and takes specimens in the order of one rule."""

    def __init__(self, duty: str, rule: Rule, targets_s: Mapping[str, int]) -> None:
        """Make an agent.

        Args:
            duty: A role of the scripted crew, for example ``runner``.
            rule: One of ``dispatch_rules.RULES``.
            targets_s: Priority to the seconds from arrival within which it is due.
        """
        self.rule = rule
        self.targets_s = targets_s
        self._worker = ScriptedAgent(DUTIES[duty], self._fetch, rushes=False)

    def reset(self, name: str, seed: int) -> None:
        """Forget the last episode. Nothing is drawn, so the seed changes nothing."""
        self._worker.reset(name, seed)

    def act(self, view: View) -> Action:
        """Return the index of the action to take, or the action with the specimen that it names."""
        index = self._worker.act(view)
        name = next(known for known, value in view["legal"].items() if value == index)
        action_type, _, device = name.partition(":")
        choice = _CHOICES.get(action_type)
        arguments = None if choice is None else choice(view, device, self._order)
        return index if arguments is None else {"action_type": action_type, "args": arguments}

    def _order(self, view: View, items: list[Item]) -> list[Item]:
        jobs = {str(number): item for number, item in enumerate(items)}
        listed = [self._job(view, item, name) for name, item in jobs.items()]
        return [jobs[job.name] for job in in_order(self.rule, listed, view["t_s"])]

    def _job(self, view: View, item: Item, name: str) -> Job:
        arrived_s = view["t_s"] - item["age_s"]
        priority = item["priority"]
        due_s = arrived_s + self.targets_s[priority]
        return Job(name, arrived_s, due_s, item["work_s"], WEIGHTS[priority])

    def _fetch(self, view: View, _home: str) -> str | None:
        """Return the zone of the specimen whose turn it is; storage when nothing else waits."""
        waiting = [
            {**item, "zone": zone}
            for zone, found in view["pickups"].items()
            for item in found["waiting"]
        ]
        turns = self._order(view, waiting)
        return turns[0]["zone"] if turns else worth_storing(view)


def dispatch_crew(
    members: Mapping[str, str], rule: Rule, targets_s: Mapping[str, int]
) -> dict[str, DispatchAgent]:
    """Return an agent under ``rule`` for every member whose role the scripted crew knows.

    Args:
        members: Member name to agent id, in acting order.
        rule: One of ``dispatch_rules.RULES``.
        targets_s: Priority to the seconds from arrival within which it is due.
    """
    return {
        name: DispatchAgent(duty, rule, targets_s)
        for name in members
        if (duty := name.rpartition("_")[0]) in DUTIES
    }
