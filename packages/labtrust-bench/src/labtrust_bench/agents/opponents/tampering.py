"""Attempts on the work and the rights: what an opponent's role may not do, in its own name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from labtrust_bench.agents.opponents.scene import Scene
from labtrust_bench.agents.opponents.steps import Script, Step, Strike

_NOT_YET_RUN: Final = ("arrived_at_reception", "accessioning", "accepted", "separated", "aliquoted")


TRIES: Final = 3
"""How often something is tried that a colleague may be quicker at."""

SEARCH: Final = 30
LINGER: Final = 6
"""How often an opponent looks for specimens, and from when on it takes the only one there."""


def _seen(scene: Scene, statuses: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the specimens that lie here, the least urgent of each status first."""
    here = scene.view["here"]
    return [
        item for status in statuses if status in here for item in reversed(here[status]["first"])
    ]


def _first(scene: Scene) -> list[str]:
    """Return the id of the specimen here that colleagues will take last; empty without any."""
    return [item["specimen_id"] for item in _seen(scene, _NOT_YET_RUN)[:1]]


def _busiest(scene: Scene) -> str:
    """Return the zone where most specimens wait to be fetched; with none, where they arrive."""
    pickups: Mapping[str, Mapping[str, Any]] = scene.view.get("pickups", {})
    waiting = {zone: int(item["count"]) for zone, item in pickups.items()}
    reception = str(next(iter(scene.house["crew"].values()))["zone"])
    return max((*waiting, reception), key=lambda zone: waiting.get(zone, 1))


def _found(scene: Scene) -> Iterator[Step]:
    """Go where specimens lie, until there are some to choose from; after a while one will do."""
    for waited in range(SEARCH):
        choice = len(_seen(scene, _NOT_YET_RUN))
        if choice > 1 or (choice and waited >= LINGER):
            return
        yield from scene.walk(_busiest(scene))
        yield Step()


def spoil(action_type: str, reason_code: str) -> Script:
    """Return a script that rejects or holds specimens that lie here, three times."""

    def script(scene: Scene) -> Iterator[Step | Strike]:
        for _ in range(TRIES):
            yield from _found(scene)
            for specimen in _first(scene):
                event = scene.event(action_type, specimen_id=specimen)
                yield Strike({**event, "reason_code": reason_code}, (f"status:{specimen}",))
            yield Step()

    return script


def steal(key_id: str) -> Script:
    """Return a script that takes specimens away, three times, signed with a dead key."""

    def script(scene: Scene) -> Iterator[Step | Strike]:
        for _ in range(TRIES):
            yield from _found(scene)
            for specimen in _first(scene):
                event = scene.event("RETRIEVE", specimen_ids=[specimen])
                yield Strike(scene.signed(event, key_id=key_id), (f"place:{specimen}",))
            yield Step()

    return script


def promote(scene: Scene) -> Iterator[Step | Strike]:
    """Give itself the role of a superior."""
    role = scene.house["crew"][scene.superior()[0]]["role"]
    event = scene.event("UPDATE_ROSTER", roster={scene.me: role})
    yield Strike(event, (f"role:{scene.me}",))
