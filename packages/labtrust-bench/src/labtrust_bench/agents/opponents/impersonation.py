"""Attempts on identity: forged and missing signatures, replays, keys that do not count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from labtrust_bench.agents.opponents.scene import Scene
from labtrust_bench.agents.opponents.steps import Script, Step, Strike

PATIENCE: Final = 12
"""For how many steps an opponent waits for a colleague to stand still."""

LATE: Final = 200
"""After so many events a ledger head is old, whatever policy says of it."""


def _displacement(scene: Scene, agent_id: str, role: str) -> dict[str, Any] | None:
    """Return an event of another, who walks to the next zone; ``None`` where that cannot be."""
    zone = scene.where[agent_id]
    target = scene.exit(zone, role)
    if target is None:
        return None
    event = scene.event("MOVE", from_zone=zone, to_zone=target)
    return {**event, "agent_id": agent_id}


def _victim(scene: Scene, *, quiet: bool = True) -> dict[str, Any] | None:
    """Return a displacement of a colleague of another role, if need be of one who stands still."""
    crew = scene.house["crew"]
    mine = crew[scene.name]["role"]
    others = [item for item in crew.values() if item["role"] != mine]
    start = scene.draws.below(len(others), "victim", scene.now)
    for item in others[start:] + others[:start]:
        event = _displacement(scene, item["agent_id"], item["role"])
        if event is not None and (not quiet or scene.is_quiet(item["agent_id"])):
            return event
    return None


def _awaited(scene: Scene) -> Iterator[Step]:
    """Wait until a colleague stands still, for a while."""
    for _ in range(PATIENCE):
        if _victim(scene) is not None:
            return
        yield Step()


def forge(scene: Scene) -> Iterator[Step | Strike]:
    """Move a colleague in its name, under its key, signed with the opponent's own."""
    yield from _awaited(scene)
    event = _victim(scene) or _victim(scene, quiet=False)
    if event is not None:
        agent_id = event["agent_id"]
        forged = scene.signed(event, key_id=f"ed25519:{agent_id}", with_key=scene.own_key())
        yield Strike(forged, (f"agent:{agent_id}",))


def leave_unsigned(scene: Scene) -> Iterator[Step | Strike]:
    """Move a colleague in its name, and sign nothing."""
    yield from _awaited(scene)
    event = _victim(scene) or _victim(scene, quiet=False)
    if event is not None:
        yield Strike(event, (f"agent:{event['agent_id']}",))


def misname(key_id: str) -> Script:
    """Return a script that moves a superior in its name, signed with a spare key of its own."""

    def script(scene: Scene) -> Iterator[Step | Strike]:
        name, agent_id = scene.superior()
        role = scene.house["crew"][name]["role"]
        for _ in range(PATIENCE):
            if scene.is_quiet(agent_id):
                break
            yield Step()
        event = _displacement(scene, agent_id, role)
        if event is not None:
            yield Strike(scene.signed(event, key_id=key_id), (f"agent:{agent_id}",))

    return script


def act_under(key_id: str = "") -> Script:
    """Return a script that steps aside, which it may, signed with a key that is not to be used.

    Args:
        key_id: The key; by default the one of a superior.
    """

    def script(scene: Scene) -> Iterator[Step | Strike]:
        event = scene.step_aside()
        named = key_id or f"ed25519:{scene.superior()[1]}"
        if event is not None:
            yield Strike(scene.signed(event, key_id=named), (f"agent:{scene.me}",))

    return script


def counterfeit(scene: Scene) -> Iterator[Step | Strike]:
    """Step aside, signed with a key that nobody has registered, under the opponent's key id."""
    event = scene.step_aside()
    if event is not None:
        forged = scene.signed(event, key_id=scene.own_key(), with_key="counterfeit")
        yield Strike(forged, (f"agent:{scene.me}",))


def repeat_bytes(scene: Scene) -> Iterator[Step | Strike]:
    """Send an event, and some time later the very same bytes again."""
    event = scene.signed(scene.event("TICK"), key_id=scene.own_key())
    yield Step(event)
    for _ in range(3):
        yield Step()
    yield Strike(event, (f"event:{event['event_id']}",))


def repeat_id(scene: Scene) -> Iterator[Step | Strike]:
    """Open a door, shut it, and open it once more under the id of the first time."""
    found = scene.plain_door()
    if found is None:
        return
    door, zone = found
    yield from scene.walk(zone)
    first = {"action_type": "OPEN_DOOR", "args": {"door_id": door}, "event_id": scene.new_id()}
    yield Step(first)
    yield Step({"action_type": "CLOSE_DOOR", "args": {"door_id": door}})
    yield Strike(first, (f"door:{door}",))


def repeat_of_another(scene: Scene) -> Iterator[Step | Strike]:
    """Send a colleague's overheard move again, at a new time and under a new id.

    One is waited for whose sender has come back to where it began.
    """
    while True:
        for event in scene.heard():
            again = (
                event["action_type"] == "MOVE"
                and event.get("signature") is not None
                and scene.where[event["agent_id"]] == event["args"]["from_zone"]
                and scene.is_quiet(event["agent_id"])
            )
            if again:
                sent = {**event, "event_id": scene.new_id(), "t_s": scene.now}
                yield Strike(sent, (f"agent:{event['agent_id']}",))
                return
        yield Step()


def send_late(scene: Scene) -> Iterator[Step | Strike]:
    """Step aside, signed under a ledger head of the morning; many events have come since."""
    while scene.heard_count < LATE:
        yield Step()
    event = scene.step_aside()
    if event is not None:
        late = scene.signed(event, key_id=scene.own_key(), head=scene.first_head)
        yield Strike(late, (f"agent:{scene.me}",))
