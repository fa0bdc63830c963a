"""How a crew carries out a few decisions: rules that see everything, and leave nobody waiting.

A *decision* says what the clerk does in which order, which specimens travel and spin together, and
which analyser each goes to. Everything else follows: carriers stand ready where the next load or
spin will be, the aliquoter takes the heaviest first, and analysts help in the other hall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from labtrust_bench.bounds.facts import ANALYST, CLERK, DT_S, Facts, Lane
from labtrust_bench.bounds.instances import HORIZON_S
from labtrust_bench.bounds.shadow import BOOKED_BY, Hand, Names, Shadow, Tube

MOST_STEPS: Final = HORIZON_S // DT_S
FAR: Final = 10_000

ClerkStep = tuple[str, tuple[str, ...]]
"""An action of the clerk and what it is about: specimens, or for MOVE the zone."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided beforehand.

    Attributes:
        clerk: What the clerk does, in order.
        loads: Specimens that leave the clerk together, in the order in which they are fetched.
        spins: Specimens that are spun together.
        lanes: Specimen to analyser, where there is a choice.
        fetchers: How many carriers fetch from the clerk at most.
        by_hall: Whether carriers share what was spun by hall; else by weight.
        analysts_fetch: Whether analysts without work fetch aliquots for their hall.
    """

    clerk: tuple[ClerkStep, ...]
    loads: tuple[tuple[str, ...], ...]
    spins: tuple[tuple[str, ...], ...]
    lanes: tuple[tuple[str, str], ...] = ()
    fetchers: int = 2
    by_hall: bool = False
    analysts_fetch: bool = False


class Dispatcher:
    """Carries out one decision from time 0."""

    def __init__(self, facts: Facts, names: Names, decision: Decision) -> None:
        self.shadow = Shadow.begin(facts, names)
        self.facts = facts
        self.decision = decision
        self._clerk = list(decision.clerk)
        self._lanes = {job.name: self._lane(job.name, job.lanes) for job in facts.jobs}
        self._group = {name: set(group) for group in decision.spins for name in group}
        self._fetched: set[str] = set()
        self._zones = {person.name: frozenset(person.zones) for person in facts.people}
        self._home = {person.name: person.zone for person in facts.people}
        self._rules: dict[str, Callable[[Hand], None]] = {
            person.name: self._rule(person.role) for person in facts.people
        }

    def _rule(self, role: str) -> Callable[[Hand], None]:
        return {CLERK: self._as_clerk, ANALYST: self._as_analyst}.get(role, self._as_carrier)

    def _lane(self, name: str, lanes: Sequence[Lane]) -> Lane:
        wanted = dict(self.decision.lanes).get(name)
        return next((lane for lane in lanes if lane.device_id == wanted), lanes[0])

    def run(self) -> Shadow | None:
        """Return what it comes to, or nothing where it comes to no end."""
        shadow = self.shadow
        while len(shadow.started) < len(shadow.tubes):
            if shadow.now >= MOST_STEPS:
                return None
            for hand in shadow.hands.values():
                if hand.free <= shadow.now:
                    self._rules[hand.name](hand)
            shadow.now += 1
        return shadow

    # --- the clerk -------------------------------------------------------------------------------

    def _as_clerk(self, hand: Hand) -> None:
        if not self._clerk:
            return
        action, about = self._clerk[0]
        shadow = self.shadow
        if action == "MOVE":
            if hand.zone == about[0]:
                self._clerk.pop(0)
                self._as_clerk(hand)
            else:
                shadow.walk(hand, about[0])
            return
        tubes = [shadow.tubes[name] for name in about]
        if action in BOOKED_BY:
            if not shadow.reach(hand, about):
                return
            shadow.book(hand, action, about)
        elif action == "RETRIEVE":
            shadow.take(hand, tubes)
        else:
            shadow.put(hand, tubes)
        self._clerk.pop(0)

    # --- carriers --------------------------------------------------------------------------------

    def _as_carrier(self, hand: Hand) -> None:
        held = self.shadow.held(hand)
        if held:
            self._bring(hand, held)
            return
        at_bay, at_bench = hand.zone == self.facts.bay, hand.zone == self.facts.bench
        if at_bay and self._work_at_bay(hand):
            return
        if at_bench and self._work_at_bench(hand):
            return
        if not self._fetch(hand):
            goal = self._post(hand)
            if hand.zone != goal:
                self.shadow.walk(hand, goal)

    def _bring(self, hand: Hand, held: list[Tube]) -> None:
        """Take what is in hand to where its next stage is."""
        shadow, facts = self.shadow, self.facts
        to_spin = [tube for tube in held if tube.stage == "accepted" and tube.job.spins]
        to_draw = [tube for tube in held if tube.stage == "separated"]
        if to_spin:
            if hand.zone != facts.bay:
                shadow.walk(hand, facts.bay)
            elif not self._spin(hand, to_spin):
                shadow.put(hand, to_spin)
        elif to_draw:
            if hand.zone != facts.bench:
                shadow.walk(hand, facts.bench)
            elif not self._enters_halls(hand):
                shadow.put(hand, to_draw)  # so that others can take each on at once
            elif shadow.aliquoter_free <= shadow.now:
                shadow.draw(hand, min(to_draw, key=_heaviest))
        else:
            self._deliver(hand, held)

    def _deliver(self, hand: Hand, held: list[Tube]) -> None:
        shadow = self.shadow
        here = [tube for tube in held if self._lanes[tube.job.name].zone == hand.zone]
        goals = [self._lanes[tube.job.name].zone for tube in sorted(held, key=_heaviest)]
        if here:
            shadow.put(hand, here)
        elif goals[0] in self._zones[hand.name]:
            shadow.walk(hand, goals[0])
        else:
            shadow.put(hand, held)  # others take it on from here

    def _spin(self, hand: Hand, tubes: list[Tube]) -> bool:
        """Start the spin of a group that is here as a whole."""
        if not self.shadow.can_spin():
            return False
        for tube in tubes:
            group = self._group[tube.job.name]
            ready = all(self.shadow.tubes[name].stage == "accepted" for name in group)
            if ready and self.shadow.reach(hand, group):
                self.shadow.spin(hand, sorted(group))
                return True
        return False

    def _work_at_bay(self, hand: Hand) -> bool:
        shadow = self.shadow
        finished = [spin for spin in shadow.spins if spin.ends <= shadow.now]
        if finished:
            shadow.unload(hand, finished[0])
            return True
        if self._spin(hand, self._to_spin(hand)):
            return True
        separated = shadow.lying(hand.zone, "separated")
        if separated:
            shadow.take(hand, self._share(hand, separated))
            return True
        return False

    def _to_spin(self, hand: Hand) -> list[Tube]:
        return [tube for tube in self.shadow.lying(hand.zone, "accepted") if tube.job.spins]

    def _share(self, hand: Hand, tubes: list[Tube]) -> list[Tube]:
        """Return this carrier's part of what was spun: an equal one of those who are here."""
        shadow = self.shadow
        names = list(shadow.hands)
        later = names[names.index(hand.name) :]
        helpers = [
            other
            for other in (shadow.hands[name] for name in later)
            if self._rules[other.name] == self._as_carrier
            and other.zone == hand.zone
            and other.free <= shadow.now
            and not shadow.held(other)
        ]
        hall = (lambda tube: self._lanes[tube.job.name].zone) if self.decision.by_hall else _no_hall
        ordered = sorted(tubes, key=lambda tube: (hall(tube), _heaviest(tube)))
        return ordered[: -(-len(ordered) // len(helpers))]

    def _work_at_bench(self, hand: Hand) -> bool:
        if self._take_drawn(hand):
            return True
        separated = self.shadow.lying(hand.zone, "separated")
        if separated and self.shadow.aliquoter_free <= self.shadow.now:
            self.shadow.draw(hand, min(separated, key=_heaviest))
        return bool(separated)

    def _take_drawn(self, hand: Hand) -> bool:
        """Take up the heaviest aliquot here that one may bring on, and others with its goal."""
        lanes, lying = self._lanes, self.shadow.lying(hand.zone, "aliquoted")
        drawn = [tube for tube in lying if lanes[tube.job.name].zone in self._zones[hand.name]]
        if not drawn:
            return False
        goal = lanes[min(drawn, key=_heaviest).job.name].zone
        self.shadow.take(hand, [tube for tube in drawn if lanes[tube.job.name].zone == goal])
        return True

    def _enters_halls(self, hand: Hand) -> bool:
        return all(lane.zone in self._zones[hand.name] for lane in self._lanes.values())

    def _fetch(self, hand: Hand) -> bool:
        """Fetch the next load, where it is this carrier's turn; wait for it beside the clerk."""
        shadow = self.shadow
        waiting = [load for load in self._waiting() if self._may_bring(hand, load)]
        if not waiting or self._turn(hand) >= min(len(waiting), self.decision.fetchers):
            return False
        for load in waiting:
            tubes = [shadow.tubes[name] for name in load]
            if all((tube.stage, tube.place) == ("accepted", hand.zone) for tube in tubes):
                shadow.take(hand, tubes)
                self._fetched.update(load)
                return True
        zone = next(hand.zone for hand in shadow.hands.values() if hand.name == self._clerk_name)
        if hand.zone != zone:
            shadow.walk(hand, zone)
        return True

    def _waiting(self) -> list[tuple[str, ...]]:
        return [load for load in self.decision.loads if not self._fetched.issuperset(load)]

    def _may_bring(self, hand: Hand, load: Sequence[str]) -> bool:
        tubes = [self.shadow.tubes[name] for name in load]
        goals = {
            self.facts.bay if tube.job.spins else self._lanes[tube.job.name].zone for tube in tubes
        }
        return goals <= self._zones[hand.name]

    @property
    def _clerk_name(self) -> str:
        return self.facts.of_role(CLERK)[0].name

    def _turn(self, hand: Hand) -> int:
        """Return how many other free carriers are nearer to the clerk."""
        shadow = self.shadow
        clerk = shadow.hands[self._clerk_name].zone
        free = [
            (self.facts.walk[other.zone][clerk] + max(0, other.free - shadow.now), number)
            for number, other in enumerate(shadow.hands.values())
            if self._rules[other.name] == self._as_carrier
            and not shadow.held(other)
            and any(self._may_bring(other, load) for load in self._waiting())
        ]
        mine = list(shadow.hands).index(hand.name)
        return sorted(free).index(
            (self.facts.walk[hand.zone][clerk] + max(0, hand.free - shadow.now), mine)
        )

    def _post(self, hand: Hand) -> str:
        """Return where a carrier without work waits: where the next spin ends."""
        tubes = self.shadow.tubes.values()
        left = self.shadow.lying(self.facts.bench, "aliquoted")
        if any(self._lanes[tube.job.name].zone in self._zones[hand.name] for tube in left):
            return self.facts.bench
        return self.facts.bay if any(tube.job.spins for tube in tubes) else self._home[hand.name]

    # --- analysts --------------------------------------------------------------------------------

    def _as_analyst(self, hand: Hand) -> None:
        shadow = self.shadow
        devices = {lane.device_id: lane for lane in self._lanes.values() if lane.zone == hand.zone}
        for device in devices:
            head = shadow.head(device)
            if head is not None and shadow.reach(hand, (head,)):
                shadow.start(hand, device, head)
                return
        ready = [tube for tube in shadow.tubes.values() if self._is_ready(tube, hand)]
        if ready:
            tube = min(ready, key=_heaviest)
            shadow.queue(hand, tube, self._lanes[tube.job.name])
            return
        if hand.zone == self.facts.bench and self._take_drawn(hand):
            return
        goal = self._analyst_goal(hand)
        if goal != hand.zone:
            shadow.walk(hand, goal)

    def _analyst_goal(self, hand: Hand) -> str:
        held = self.shadow.held(hand)
        if held:
            return self._lanes[held[0].job.name].zone
        if self.decision.analysts_fetch and self._bench_calls(hand):
            return self.facts.bench
        return self._hall(hand)

    def _bench_calls(self, hand: Hand) -> bool:
        """Whether work for the analyst's own hall lies at the aliquoter, or is about to."""
        home, bench = self._home[hand.name], self.facts.bench
        places = {bench}
        for other in self.shadow.hands.values():
            if other.zone == bench and not self._enters_halls(other):
                places.add(f"@{other.name}")
        return any(
            tube.place in places
            and tube.stage in ("separated", "aliquoted")
            and self._lanes[tube.job.name].zone == home
            for tube in self.shadow.tubes.values()
        )

    def _is_ready(self, tube: Tube, hand: Hand) -> bool:
        stage = "aliquoted" if tube.job.spins else "accepted"
        here = tube.place in (hand.zone, f"@{hand.name}")
        return here and tube.stage == stage and self._lanes[tube.job.name].zone == hand.zone

    def _hall(self, hand: Hand) -> str:
        """Return the hall to be in: at home in time, elsewhere while nothing is due at home."""
        home = self._home[hand.name]
        due = {zone: self._due(zone) for zone in {lane.zone for lane in self._lanes.values()}}
        away = [zone for zone, steps in due.items() if zone != home and steps < FAR]
        if not away:
            return home
        goal = min(away, key=due.__getitem__)
        way = self.facts.walk[goal][home]
        at_home = due.get(home, FAR)
        if hand.zone == home:
            return goal if at_home > due[goal] + way and at_home > 2 * way else home
        return home if at_home <= self.facts.walk[hand.zone][home] + 1 else goal

    def _due(self, zone: str) -> int:
        """Return the steps until the first work can be in a hall, at least."""
        return min(
            (
                self._ahead(tube)
                for tube in self.shadow.tubes.values()
                if self._lanes[tube.job.name].zone == zone and tube.stage != "running"
            ),
            default=FAR,
        )

    def _ahead(self, tube: Tube) -> int:
        walk, facts = self.facts.walk, self.facts
        hall = self._lanes[tube.job.name].zone
        if tube.stage in ("queued", "aliquoted") or not tube.job.spins:
            return walk[self._place(tube)][hall]
        on = walk[facts.bench][hall] + 1
        if tube.stage == "separated":
            return walk[self._place(tube)][facts.bench] + on
        for spin in self.shadow.spins:
            if tube.job.name in spin.tubes:
                return max(0, spin.ends - self.shadow.now) + walk[facts.bay][facts.bench] + 1 + on
        return facts.spin + walk[self._place(tube)][facts.bay] + on

    def _place(self, tube: Tube) -> str:
        if tube.place.startswith("@"):
            return self.shadow.hands[tube.place[1:]].zone
        return tube.place


def _heaviest(tube: Tube) -> tuple[int, str]:
    return -tube.job.weight, tube.job.name


def _no_hall(_tube: Tube) -> str:
    return ""
