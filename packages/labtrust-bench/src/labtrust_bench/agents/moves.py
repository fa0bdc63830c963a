"""What everybody who works by hand needs: preferences, ways, doors, and what comes in by road."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

View = dict[str, Any]
Rule = Callable[["View", "Post"], int]
"""``rule(view, post) -> action index``."""
Fetch = Callable[[View, str], str | None]
"""``fetch(view, home) -> zone to fetch work from``, or nothing."""

WAIT: Final = 0


@dataclass(slots=True)
class Post:
    """Where an agent belongs: the zone where it began, and whether it is the first of its role.

    ``errand``: whether it has left for something elsewhere and is not back yet. ``fetch``: how a
    runner chooses where to fetch from. ``rushes``: whether a spin or a courier that is not worth it
    yet is started for one STAT specimen. ``rank``: how many colleagues at the same place choose
    before it. ``yielded``: for how many turns in a row it has left to them what it could have done.
    """

    home: str
    first: bool
    fetch: Fetch
    rushes: bool
    errand: bool = False
    rank: int = 0
    yielded: int = 0


def preferred(view: View, *names: str) -> int | None:
    """Return the first legal action among ``names``.

    A name that ends in ``:`` stands for all its targets.
    """
    legal: dict[str, int] = view["legal"]
    for wanted in names:
        if wanted.endswith(":"):
            found = next((index for name, index in legal.items() if name.startswith(wanted)), None)
        else:
            found = legal.get(wanted)
        if found is not None:
            return found
    return None


def in_turn(view: View, post: Post, *names: str) -> int | None:
    """Return the first legal action among ``names`` that is not left to a colleague.

    Who acts first takes the first piece of work, so there must be more pieces than colleagues that
    choose before. They may be busy, though: who has yielded as often as there are such colleagues
    yields no longer.
    """
    wanted = [name for name in names if name in view["legal"]]
    patient = post.yielded < post.rank
    for name in wanted:
        if not patient or pieces(view, name) > post.rank:
            post.yielded = 0
            return int(view["legal"][name])
    post.yielded = post.yielded + 1 if wanted else 0
    return None


def pieces(view: View, name: str) -> int:
    """Return how many members could do an action now, each with work of its own."""
    here = view["here"]
    booked = here.get("accessioning", _NOTHING)["first"]
    if name == "CREATE_ACCESSION":
        return int(here.get("arrived_at_reception", _NOTHING)["count"])
    if name in {"CHECK_ACCEPTANCE_RULES", "ACCEPT_SPECIMEN"}:
        return sum(item["checked"] is (name == "ACCEPT_SPECIMEN") for item in booked)
    if name == "START_RUN":
        return sum(known.startswith("START_RUN:") for known in view["legal"])
    if name == "QUEUE_RUN":
        ready = [item for status in _READY for item in here.get(status, _NOTHING)["first"]]
        return sum(item["next_zone"] == view["zone"] for item in ready)
    return len(view["releasable"]) if name == "RELEASE_RESULT" else 1


_NOTHING: Final[dict[str, Any]] = {"count": 0, "first": []}
_READY: Final = ("aliquoted", "separated", "accepted")


def go(view: View, goal: str) -> int:
    """Take one step towards ``goal``.

    Through a door that is shut, open it first; behind a door left open, shut it.
    """
    legal: dict[str, int] = view["legal"]
    hop = view["hops"].get(goal)
    if hop is None:
        return WAIT
    way = view["ways"][hop]
    if way["door"] is not None and not way["open"]:
        return legal.get(f"OPEN_DOOR:{way['door']}", WAIT)
    return legal.get(f"MOVE:{hop}", WAIT)


def turn_away(view: View, post: Post) -> int | None:
    """Return the next step of rejecting what has arrived unfit and of coming back, if any."""
    unfit = [item["dest_zone"] for item in view["consignments"] if item["fit"] is False]
    if unfit:
        post.errand = True
        return (
            go(view, unfit[0]) if view["zone"] not in unfit else preferred(view, "REJECT_SPECIMEN")
        )
    if not post.errand:
        return None
    shut = shut_behind(view, post.home)
    if view["zone"] == post.home:
        # once, since a runner may be about to walk through the same door
        post.errand = shut is None and any(
            way["door"] is not None and way["open"] for way in view["ways"].values()
        )
        return shut
    return go(view, post.home) if shut is None else shut


def shut_behind(view: View, goal: str) -> int | None:
    """Return the action that closes an open door here which is not on the way to ``goal``."""
    for zone, way in view["ways"].items():
        if way["door"] is not None and way["open"] and view["hops"].get(goal) != zone:
            index: int | None = view["legal"].get(f"CLOSE_DOOR:{way['door']}")
            return index
    return None


def receive(view: View) -> int | None:
    """Return the next thing to do about a consignment that has arrived, if any."""
    arrived = [item for item in view["consignments"] if item["fit"] and item["signed_origin"]]
    if not arrived:
        return None
    done = preferred(view, "RECEIVE_TRANSPORT", "CHAIN_OF_CUSTODY_SIGN")
    return done if done is not None else go(view, arrived[0]["dest_zone"])
