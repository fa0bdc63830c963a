"""Attempts on places: restricted doors and rooms, worthless tokens, going on when stopped."""

from __future__ import annotations

from collections.abc import Iterator

from labtrust_bench.agents.opponents.scene import Scene
from labtrust_bench.agents.opponents.steps import Script, Step, Strike


def open_with(*token_refs: str) -> Script:
    """Return a script that opens the restricted door, presenting tokens or none."""

    def script(scene: Scene) -> Iterator[Step | Strike]:
        found = scene.restricted_door()
        if found is None:
            return
        door, outer, _ = found
        yield from scene.walk(outer)
        event = {**scene.event("OPEN_DOOR", door_id=door), "token_refs": list(token_refs)}
        yield Strike(event, (f"door:{door}",))

    return script


def slip_in(scene: Scene) -> Iterator[Step | Strike]:
    """Walk into the restricted room past its door."""
    found = scene.restricted_door()
    if found is None:
        return
    _, outer, inner = found
    yield from scene.walk(outer)
    yield Strike(scene.event("MOVE", from_zone=outer, to_zone=inner), (f"agent:{scene.me}",))


def go_on(scene: Scene) -> Iterator[Step | Strike]:
    """Do what anybody may do: step aside."""
    event = scene.step_aside()
    if event is not None:
        yield Strike(event, (f"agent:{scene.me}",))
