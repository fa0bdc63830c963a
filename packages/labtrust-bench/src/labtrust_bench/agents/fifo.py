"""The naive crew: each member at its post takes what came first, one specimen at a time, at once.

It works through the whole workflow, and that is all it does. No priorities: a STAT waits its turn.
No batches: a runner carries the oldest specimen alone, a clerk finishes one tube before the next, a
spin starts with what lies there, a courier leaves with what is there. No looking ahead: controls
are run when an analyser refuses work without them, reagents are ordered when a run cannot start for
want of them, and the queue of a device that stands still waits for its repair.

Like everybody it sees at most the twenty most urgent specimens of a kind, so of a longer heap it
takes the oldest of those. The order of an analyser's queue is the device's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from labtrust_bench.agents.api import Action
from labtrust_bench.agents.moves import (
    WAIT,
    Post,
    View,
    go,
    preferred,
    receive,
    shut_behind,
    turn_away,
)

Item = dict[str, Any]
Duty = Callable[[View, Post], Action]

_ON_THE_WAY: Final = ("arrived_at_reception", "accepted", "separated", "aliquoted", "released")
_READY: Final = ("aliquoted", "separated", "accepted")
_TO_DRAW: Final = ("separated", "accepted")


class FifoAgent:
    """Does its role's duty, first come, first served."""

    def __init__(self, duty: Duty) -> None:
        self.duty = duty
        self._first = True
        self._post: Post | None = None

    def reset(self, name: str, seed: int) -> None:
        """Forget the last episode. Nothing is drawn, so the seed changes nothing."""
        del seed
        self._first = name.endswith("_0")
        self._post = None

    def act(self, view: View) -> Action:
        """Return what to do now."""
        if self._post is None:
            self._post = Post(view["zone"], self._first, _nowhere, rushes=False)
        return self.duty(view, self._post)


def _nowhere(_view: View, _home: str) -> None:
    """A post asks where to fetch from; here each duty looks for itself."""


def _listed(view: View, *statuses: str) -> list[Item]:
    here = view["here"]
    return [item for status in statuses if status in here for item in here[status]["first"]]


def _oldest(items: list[Item]) -> Item | None:
    return max(items, key=lambda item: item["age_s"], default=None)


def _on(action_type: str, item: Item, **arguments: str) -> Action:
    return {"action_type": action_type, "args": {"specimen_id": item["specimen_id"], **arguments}}


def reception(view: View, post: Post) -> Action:
    """Take the oldest tube from booking to decision, then the next; pack and send what is there."""
    if post.first:
        unfit = turn_away(view, post)
        if unfit is not None:
            return unfit
    done = preferred(
        view,
        "CHAIN_OF_CUSTODY_SIGN",
        "DISPATCH_TRANSPORT",
        "RACK_SEAL",
        "REJECT_SPECIMEN",
        "RACK_BUILD",
    )
    if done is not None:
        return done
    tube = _in_hand(view)
    if tube is None:
        return preferred(view, "ADD_ON_TEST") or WAIT
    if tube["status"] == "arrived_at_reception":
        booked = "CREATE_ACCESSION"
    else:
        booked = "ACCEPT_SPECIMEN" if tube["checked"] else "CHECK_ACCEPTANCE_RULES"
    return _on(booked, tube) if booked in view["legal"] else WAIT


def _in_hand(view: View) -> Item | None:
    """Return the tube that is begun, else the oldest one at its reception that is not."""
    begun = _oldest(_listed(view, "accessioning"))
    if begun is not None:
        return begun
    arrived = _listed(view, "arrived_at_reception")
    return _oldest([item for item in arrived if item["next_zone"] == view["zone"]])


def runner(view: View, post: Post) -> Action:
    """Carry the oldest specimen alone to where it goes, and go for the next oldest."""
    if view["carrying"]:
        goal = view["carrying"][0]["next_zone"]
        if goal is None or goal == view["zone"]:
            return int(view["legal"].get("STORE", WAIT))
        return go(view, goal)
    goal = _oldest_elsewhere(view)
    done = receive(view) if post.first else None
    if done is None:
        done = shut_behind(view, goal or post.home)
    if done is not None:
        return done
    return _take_one(view) if goal == view["zone"] else go(view, goal or post.home)


def _oldest_elsewhere(view: View) -> str | None:
    """Return the zone of the oldest specimen that has to be taken on; else of one to be stored."""
    waiting = {
        zone: max(item["age_s"] for item in found["waiting"])
        for zone, found in view["pickups"].items()
        if found["waiting"]
    }
    stored = {
        zone: found["oldest_s"] for zone, found in view["pickups"].items() if found["storage"]
    }
    ages = waiting or stored
    return max(ages, key=lambda zone: (ages[zone], zone)) if ages else None


def _take_one(view: View) -> Action:
    """Pick up the oldest specimen here that has to go elsewhere; what is to be stored, last."""
    away = [
        item
        for item in _listed(view, *_ON_THE_WAY)
        if item["next_zone"] not in (None, view["zone"])
    ]
    work = [item for item in away if item["status"] != "released"]
    item = _oldest(work or away)
    if item is None or "RETRIEVE" not in view["legal"]:
        return WAIT
    return {"action_type": "RETRIEVE", "args": {"specimen_ids": [item["specimen_id"]]}}


def prean(view: View, post: Post) -> Action:
    """Unload, draw, take one tube to the aliquoter, and spin whatever lies there."""
    unloaded = preferred(view, "CENTRIFUGE_END:")
    ready = _draw(view) if unloaded is None else unloaded
    if ready is not None:
        return ready
    if view["carrying"]:
        goal = view["carrying"][0]["next_zone"]
        if goal == "Z_ALIQUOT_LABEL" and goal != view["zone"]:
            return go(view, goal)
        return int(view["legal"].get("STORE", WAIT))
    if view["zone"] != post.home:
        return go(view, post.home)
    spin = preferred(view, "CENTRIFUGE_START:")
    if spin is None and view["here"].get("separated"):
        return _take_one(view)
    return spin or WAIT


def _draw(view: View) -> Action | None:
    device = next((name for name in view["legal"] if name.startswith("ALIQUOT_CREATE:")), None)
    if device is None:
        return None
    held = [item for item in view["carrying"] if item["status"] in _TO_DRAW]
    found = [
        item for item in (*_listed(view, *_TO_DRAW), *held) if item["next_zone"] == view["zone"]
    ]
    item = _oldest(found)
    if item is None:
        return None
    aliquot = f"{item['specimen_id']}_A{view['t_s']}"
    return _on("ALIQUOT_CREATE", item, device_id=device.partition(":")[2], aliquot_id=aliquot)


def analytics(view: View, post: Post) -> Action:
    """Start and queue in order of arrival; order reagents when a run cannot start for want of."""
    start = preferred(view, "START_RUN")
    if start is not None:
        return start
    queued = _queue(view)
    if queued is not None:
        return queued
    done = preferred(view, "REJECT_SPECIMEN", "RERUN_REQUEST")
    if done is None and _is_stuck(view):
        done = _order_what_is_out(view)
    if done is not None:
        return done
    return go(view, post.home) if view["zone"] != post.home else WAIT


def _queue(view: View) -> Action | None:
    """Queue the oldest ready specimen here, at the first analyser here that would take it."""
    open_here = [
        item for item in view["devices"] if f"QUEUE_RUN:{item['device_id']}" in view["legal"]
    ]
    ready = [item for item in _listed(view, *_READY) if item["next_zone"] == view["zone"]]
    for item in sorted(ready, key=lambda one: -one["age_s"]):
        fitting = [table["device_id"] for table in open_here if item["panel_id"] in table["panels"]]
        if fitting:
            device = item["lane"] if item["lane"] in fitting else fitting[0]
            return _on("QUEUE_RUN", item, device_id=device)
    return None


def _is_stuck(view: View) -> bool:
    """Whether an analyser here that works, is free and in control does not start its queue."""
    return any(
        item["kind"] == "analyser"
        and item["queue_head"] is not None
        and item["up"]
        and item["idle_units"] > 0
        and item["qc_state"] != "fail"
        and item["qc_due_in_s"] >= 0
        for item in view["devices"]
    )


def _order_what_is_out(view: View) -> int | None:
    """Order the reagent of which least is left, unless it is on its way already."""
    stock: dict[str, int] = view["stock"]
    scarcest = min(stock, key=lambda name: (stock[name], name))
    return preferred(view, f"RESTOCK_REAGENT:{scarcest}")


def quality(view: View, post: Post) -> Action:
    """Run controls where work is refused without them; otherwise stay at home."""
    refused = [
        item
        for item in view["qc"]
        if item["up"] and (item["qc_state"] != "pass" or item["qc_due_in_s"] < 0)
    ]
    here = [item for item in refused if f"QC_EVENT:{item['device_id']}" in view["legal"]]
    if here:
        return int(view["legal"][f"QC_EVENT:{here[0]['device_id']}"])
    goal = refused[0]["zone"] if refused else post.home
    return go(view, goal) if goal != view["zone"] else WAIT


def supervisor(view: View, post: Post) -> Action:
    """Note answers, call, ask for reruns, release: whatever is there."""
    del post
    done = preferred(
        view,
        "ACK_CRITICAL_RESULT",
        "ESCALATE_CRITICAL_RESULT",
        "NOTIFY_CRITICAL_RESULT",
        "RERUN_REQUEST",
    )
    return _release(view) if done is None else done


def clinical_scientist(view: View, post: Post) -> Action:
    """Release the oldest that nothing stands in the way of; amend what was repeated."""
    del post
    return _release(view)


def _release(view: View) -> Action:
    free = [
        item
        for item in view["releasable"]
        if item["qc_state"] == "pass"
        and not item["own_work"]
        and not any(item[reason] for reason in ("critical_open", "held", "amending", "out"))
    ]
    item = _oldest(free)
    if item is not None and "RELEASE_RESULT" in view["legal"]:
        return _on("RELEASE_RESULT", item)
    return preferred(view, "RELEASE_RESULT", "AMEND_RESULT") or WAIT


DUTIES: Final[Mapping[str, Duty]] = {
    "reception": reception,
    "runner": runner,
    "prean": prean,
    "analytics": analytics,
    "qc": quality,
    "supervisor": supervisor,
    "clinsci": clinical_scientist,
}
"""Duty by the first part of a member's name (``runner_0``)."""


def fifo_crew(members: Mapping[str, str]) -> dict[str, FifoAgent]:
    """Return a naive agent for every member whose role has a duty.

    Args:
        members: Member name to agent id, in acting order.
    """
    return {
        name: FifoAgent(DUTIES[kind])
        for name in members
        if (kind := name.rpartition("_")[0]) in DUTIES
    }
