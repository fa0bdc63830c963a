"""The standard crew, scripted: one small rule for each role, and together they run the laboratory.

Each agent reads its view alone. A rule is an order of preference over the names of legal actions,
and a place to be when nothing there can be done. Work is taken in the order that the actions'
default rule gives: STAT, URGENT, ROUTINE, then arrival.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labtrust_bench.agents.moves import (
    WAIT,
    Fetch,
    Post,
    Rule,
    View,
    go,
    in_turn,
    preferred,
    receive,
    shut_behind,
    turn_away,
)

_DISPATCH_WAIT_S: Final = 600
_DISPATCH_FULL: Final = 6
_PACKING_S: Final = 120
_TOO_LATE_S: Final = 40
_QC_LEAD_S: Final = 3_600
_WORTH_THE_WAY: Final = 10
_BACKLOG: Final = 5
_LAST_UNIT: Final = 3
"""So many times fuller or later than otherwise must a batch be that takes the last unit."""


class ScriptedAgent:
    """Follows one rule; ``fetch``, ``rushes`` and ``rank`` as in its post."""

    def __init__(
        self, rule: Rule, fetch: Fetch | None = None, *, rushes: bool = True, rank: int = 0
    ) -> None:
        self.rule = rule
        self.rank = rank
        self.fetch = _fetch_from if fetch is None else fetch
        self.rushes = rushes
        self.first = True
        self.post: Post | None = None

    def reset(self, name: str, seed: int) -> None:
        """Forget the last episode. Nothing is drawn, so the seed changes nothing."""
        del seed
        self.first = name.endswith("_0")
        self.post = None

    def act(self, view: View) -> int:
        """Return the index of the action to take."""
        if self.post is None:
            self.post = Post(view["zone"], self.first, self.fetch, self.rushes, rank=self.rank)
        return self.rule(view, self.post)


def reception(view: View, post: Post) -> int:
    """Book in, check and decide, book what is added.

    At a site without a laboratory, pack and send on.

    The first of them turns away consignments that are not fit to be received.
    """
    route = next((item for item in view["routes"] if item["origin_zone"] == post.home), None)
    if route is not None and view["zone"] == post.home:
        return _sender(view, route, post)
    if post.first:
        unfit = turn_away(view, post)
        if unfit is not None:
            return unfit
    return (
        in_turn(
            view,
            post,
            "CHAIN_OF_CUSTODY_SIGN",
            "ACCEPT_SPECIMEN",
            "CHECK_ACCEPTANCE_RULES",
            "REJECT_SPECIMEN",
            "ADD_ON_TEST",
            "CREATE_ACCESSION",
        )
        or WAIT
    )


def _sender(view: View, route: dict[str, Any], post: Post) -> int:
    """Sign for what was sent, and get what waits onto the next departure."""
    done = preferred(view, "CHAIN_OF_CUSTODY_SIGN", "REJECT_SPECIMEN", "DISPATCH_TRANSPORT")
    if done is None and _worth_sending(view, route, post):
        done = preferred(view, "RACK_BUILD")
    if done is None:
        done = preferred(view, "RACK_SEAL")
    return done or WAIT


def _worth_sending(view: View, route: dict[str, Any], post: Post) -> bool:
    """Whether the van is about to leave; a courier is called for a full box, or what is urgent."""
    if not route["on_call"]:
        return bool(_TOO_LATE_S <= route["departs_in_s"] <= _PACKING_S)
    waiting = view["here"].get("arrived_at_reception", {"count": 0, "first": []})
    urgent = post.rushes and any(item["priority"] == "STAT" for item in waiting["first"])
    oldest = max((item["age_s"] for item in waiting["first"]), default=0)
    return bool(urgent or waiting["count"] >= _DISPATCH_FULL or oldest >= _DISPATCH_WAIT_S)


def runner(view: View, post: Post) -> int:
    """Fetch and carry.

    What is in hand first, then arrived consignments, then the most urgent thing near home.
    """
    carried = view["carrying"]
    if carried:
        goal = carried[0]["next_zone"]
        if goal is None or goal == view["zone"]:
            return int(view["legal"].get("STORE", WAIT))
        return go(view, goal)
    received = receive(view) if post.first else None
    if received is not None:
        return received
    goal = post.fetch(view, post.home)
    shut = shut_behind(view, goal or post.home)
    if shut is not None:
        return shut
    if goal is None:
        return go(view, post.home)
    return int(view["legal"].get("RETRIEVE", WAIT)) if goal == view["zone"] else go(view, goal)


def _fetch_from(view: View, home: str) -> str | None:
    """Return the zone to fetch from.

    Work in progress before storage, urgent before routine, home before elsewhere.
    """
    pickups: dict[str, dict[str, Any]] = view["pickups"]
    work = [zone for zone, item in pickups.items() if item["count"]]
    if work:
        return min(
            work,
            key=lambda zone: (
                pickups[zone]["priority"] != "STAT",
                zone != home,
                -pickups[zone]["oldest_s"],
            ),
        )
    return worth_storing(view)


def worth_storing(view: View) -> str | None:
    """Return the zone where most waits to be stored, if it is worth the way."""
    pickups: dict[str, dict[str, Any]] = view["pickups"]
    storage = [zone for zone, item in pickups.items() if item["storage"] >= _WORTH_THE_WAY]
    return max(storage, key=lambda zone: (pickups[zone]["storage"], zone)) if storage else None


def prean(view: View, post: Post) -> int:
    """Spin, unload, take what is separated to the aliquoter, and back."""
    ready = preferred(view, "CENTRIFUGE_END:", "ALIQUOT_CREATE:")
    if ready is not None:
        return ready
    if view["carrying"]:
        goal = view["carrying"][0]["next_zone"]
        if goal == "Z_ALIQUOT_LABEL" and goal != view["zone"]:
            return go(view, goal)
        return int(view["legal"].get("STORE", WAIT))
    if view["here"].get("separated"):
        return int(view["legal"].get("RETRIEVE", WAIT))
    spin = preferred(view, "CENTRIFUGE_START:")
    if spin is not None and _worth_spinning(view, post):
        return spin
    return go(view, post.home) if view["zone"] != post.home else WAIT


def _worth_spinning(view: View, post: Post) -> bool:
    """Whether a batch is full enough, has waited long enough, or is urgent: the bench's rule.

    The last idle unit is kept back for what is urgent, as long as that is bearable.
    """
    waiting = view["here"].get("accepted", {"count": 0, "first": []})
    if post.rushes and any(item["priority"] == "STAT" for item in waiting["first"]):
        return True
    oldest = max((item["age_s"] for item in waiting["first"]), default=0)
    for device in view["devices"]:
        rule = device["loading"]
        if rule is not None:
            strict = _LAST_UNIT if post.rushes and device["idle_units"] == 1 else 1
            if waiting["count"] >= strict * rule["min_batch"]:
                return True
            if oldest >= strict * rule["max_wait_s"]:
                return True
    return False


def analytics(view: View, post: Post) -> int:
    """Start what can be started, queue what is ready, keep stock, throw out what has spoilt."""
    done = in_turn(
        view,
        post,
        "START_RUN",
        "QUEUE_RUN",
        *_devices(view, "REROUTE_TO_ALT_DEVICE:", "RESTOCK_REAGENT:"),
        "REJECT_SPECIMEN",
        "RERUN_REQUEST",
    )
    if done is not None:
        return done
    return go(view, post.home) if view["zone"] != post.home else WAIT


def quality(view: View, post: Post) -> int:
    """Run controls where they have failed, drifted or fall due; wait at home in between.

    Nobody waits beside a device that stands still while controls are due on another.
    """
    done = in_turn(view, post, *_devices(view, "QC_EVENT:"))
    if done is not None:
        return done
    due = [
        item
        for item in view["qc"]
        if item["up"] and (item["qc_state"] != "pass" or item["qc_due_in_s"] < _QC_LEAD_S)
    ]
    goal = (
        min(due, key=lambda item: (item["qc_state"] == "pass", item["qc_due_in_s"]))["zone"]
        if due
        else post.home
    )
    return go(view, goal) if goal != view["zone"] else WAIT


def supervisor(view: View, post: Post) -> int:
    """Call critical results through and ask for reruns.

    Release only what the clinical scientist does not keep up with.
    """
    done = in_turn(
        view,
        post,
        "ACK_CRITICAL_RESULT",
        "ESCALATE_CRITICAL_RESULT",
        "NOTIFY_CRITICAL_RESULT",
        "RERUN_REQUEST",
    )
    if done is None and len(view["releasable"]) >= _BACKLOG:
        done = in_turn(view, post, "RELEASE_RESULT")
    return done or WAIT


def clinical_scientist(view: View, post: Post) -> int:
    """Release what waits, amend what was repeated; critical calls are the supervisor's."""
    return in_turn(view, post, "RELEASE_RESULT", "AMEND_RESULT") or WAIT


def _devices(view: View, *verbs: str) -> list[str]:
    """Return the legal actions that begin like one of ``verbs``, verb by verb."""
    return [name for verb in verbs for name in view["legal"] if name.startswith(verb)]


RULES: Final[dict[str, Rule]] = {
    "reception": reception,
    "runner": runner,
    "prean": prean,
    "analytics": analytics,
    "qc": quality,
    "supervisor": supervisor,
    "clinsci": clinical_scientist,
}
"""Rule by the first part of a member's name (``runner_0``)."""

_PLACES: Final[Mapping[str, int]] = {"runner": 2, "analytics": 2}
"""At how many places the members of a kind are posted by turns; at one where it is not listed."""


def _rank(name: str) -> int:
    kind, _, number = name.rpartition("_")
    return int(number) // _PLACES.get(kind, 1)


def scripted_crew(members: Mapping[str, str]) -> dict[str, ScriptedAgent]:
    """Return a scripted agent for every member whose role has a rule."""
    return {
        name: ScriptedAgent(RULES[kind], rank=_rank(name))
        for name in members
        if (kind := name.rpartition("_")[0]) in RULES
    }
