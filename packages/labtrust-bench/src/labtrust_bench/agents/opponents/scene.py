"""What an opponent knows, from its views and from the wire, and how it gets about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from labtrust_core.randomness import stream
from labtrust_core.trust.keys import derive_test_key
from labtrust_core.trust.signatures import sign_event

from labtrust_bench.agents.api import View
from labtrust_bench.agents.opponents.steps import WAIT, Step

_QUIET_S: Final = 120
"""Whoever sent nothing for so long is taken to stand still, free."""

_PATIENCE: Final = 30
"""For how many steps somebody waits until a way is free."""

Body = Mapping[str, Any]


class Scene:
    """Where an opponent is and what it has learnt in this episode.

    Attributes:
        name: Its member name.
        seed: The episode's seed, from which test keys derive: its own, and one that it stole.
        view: What it sees now.
        draws: Its draws.
        where: Agent id to the zone where it was last known to be.
        first_head: The ledger head of its first view.
        heard_count: How many events it has heard on the wire.
    """

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.seed = seed
        self.draws = stream(seed, f"opponents.{name}")
        self.view: View = {}
        self.where: dict[str, str] = {}
        self.first_head = ""
        self.heard_count = 0
        self._spoke: dict[str, int] = {}
        self._heard_until: str | None = None
        self._made = 0

    def look(self, view: View) -> None:
        """Take in a view, and what the wire has brought since the last one."""
        self.view = view
        if not self.where:
            self.where = {item["agent_id"]: item["zone"] for item in view["house"]["crew"].values()}
            self.first_head = view["wire"]["head"]
        fresh: list[Body] = []
        for event in reversed(view["wire"]["sent"]):
            if event["event_id"] == self._heard_until:
                break
            fresh.append(event)
        self.heard_count += len(fresh)
        for event in reversed(fresh):
            self._heard_until = event["event_id"]
            self._spoke[event["agent_id"]] = event["t_s"]
            if event["action_type"] == "MOVE":
                self.where[event["agent_id"]] = event["args"]["to_zone"]

    @property
    def now(self) -> int:
        """Simulation time in seconds."""
        return int(self.view["t_s"])

    @property
    def me(self) -> str:
        """Its own agent id."""
        return str(self.view["agent_id"])

    @property
    def house(self) -> Mapping[str, Any]:
        """The plan of the house and who is on duty (``labtrust_env.intrusion.house_of``)."""
        return self.view["house"]  # type: ignore[no-any-return]  # a view is plain data

    def heard(self) -> list[Body]:
        """Return the events of others on the wire, newest first, as they were sent."""
        return [item for item in reversed(self.view["wire"]["sent"]) if item["agent_id"] != self.me]

    def superior(self) -> tuple[str, str]:
        """Return member name and agent id of somebody with more rights: the last of another role.

        Raises:
            LookupError: Nobody in the crew has another role.
        """
        crew = self.house["crew"]
        mine = crew[self.name]["role"]
        others = [(name, item["agent_id"]) for name, item in crew.items() if item["role"] != mine]
        if not others:
            raise LookupError(f"nobody in the crew has another role than {mine}")
        return others[-1]

    def is_quiet(self, agent_id: str) -> bool:
        """Whether an agent has sent nothing for a while."""
        return self.now - self._spoke.get(agent_id, -_QUIET_S) >= _QUIET_S

    def new_id(self) -> str:
        """Return an event id of its own that it has not used."""
        self._made += 1
        return f"{self.name}-x{self._made}"

    def event(self, action_type: str, /, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 - arguments of any event
        """Return a new event of its own, of now, complete but for a signature."""
        return {
            "event_id": self.new_id(),
            "t_s": self.now,
            "agent_id": self.me,
            "action_type": action_type,
            "args": arguments,
        }

    def signed(
        self, event: Body, *, key_id: str, with_key: str = "", head: str = ""
    ) -> dict[str, Any]:
        """Return ``event`` signed under ``key_id``.

        Args:
            event: A complete event.
            key_id: The key that the event names.
            with_key: The key whose private half signs; by default the same.
            head: The ledger head that is named; by default the present one.
        """
        wire = self.view["wire"]
        return sign_event(
            event,
            key_id=key_id,
            private=derive_test_key(self.seed, with_key or key_id),
            episode=wire["episode"],
            head=head or wire["head"],
        )

    def own_key(self) -> str:
        """Return the id of its own key."""
        return f"ed25519:{self.me}"

    def exit(self, zone: str, role: str) -> str | None:
        """Return a neighbouring zone that a role may walk into as it pleases; ``None`` if none."""
        zones = self.house["zones"]
        for target, way in sorted(self.house["ways"][zone].items()):
            admitted = zones[target]["roles"]
            free = way["door"] is None and not zones[target]["restricted"]
            if free and (admitted is None or role in admitted):
                return str(target)
        return None

    def step_aside(self) -> dict[str, Any] | None:
        """Return an own move to a neighbouring zone, which it may do; ``None`` where none is."""
        zone = self.view["zone"]
        target = self.exit(zone, self.view["role"])
        return None if target is None else self.event("MOVE", from_zone=zone, to_zone=target)

    def walk(self, zone: str) -> Iterator[Step]:
        """Walk to a zone, as anybody may; where the way stays barred, stop on it."""
        barred = 0
        while self.view["zone"] != zone and barred < _PATIENCE:
            step = self.view["legal"].get(f"MOVE:{self.view['hops'].get(zone)}", WAIT)
            barred += step == WAIT
            yield Step(int(step))

    def restricted_door(self) -> tuple[str, str, str] | None:
        """Return the first restricted door, its outer side and its inner; ``None`` without one."""
        zones = self.house["zones"]
        for name, door in self.house["doors"].items():
            if door["restricted"]:
                outer, inner = sorted(door["between"], key=lambda zone: zones[zone]["restricted"])
                return name, outer, inner
        return None

    def plain_door(self) -> tuple[str, str] | None:
        """Return the first door that is not restricted, and the side of it that is less shut in."""
        zones, ways = self.house["zones"], self.house["ways"]
        for name, door in self.house["doors"].items():
            sides = [zone for zone in door["between"] if not zones[zone]["restricted"]]
            if not door["restricted"] and sides:
                free = {
                    zone: sum(way["door"] is None for way in ways[zone].values()) for zone in sides
                }
                return name, max(sides, key=free.__getitem__)
        return None
