"""What a site's day costs on one core: CPU time, events, memory by number of days, and crowds.

    python benchmarks/day.py [--site NAME] [--days N] [--seed N] [--format json]

Each day is an episode of its own with the scripted crew, in one process; the seed rises by one a
day. Memory is the process's peak after each day: it is flat when no day leaves anything behind.
See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from labtrust_bench.agents.scripted import scripted_crew
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.runs.metrics import nearest_rank, permille
from labtrust_bench.runs.observers import TimingObserver
from labtrust_core.domains import open_policy
from labtrust_core.event import StepResult
from labtrust_core.hospital_lab.queueing import PRIORITY_RANK
from labtrust_core.hospital_lab.things import Specimen
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_env.session import Session
from labtrust_env.sites import site_session

LAST_HOUR_S: Final = 3_600  # what arrives in it need not be released
SAMPLE_STEPS: Final = 30
MINUTE_S: Final = 60


class Crowds:
    """An observer that keeps the longest queue of each device, and the fullest places."""

    def __init__(self) -> None:
        self.queues: dict[str, int] = {}
        self.places: dict[str, int] = {}

    def begin(self, session: Session) -> None:
        """Forget the last day."""
        self.queues = dict.fromkeys(session.ctx.world.devices, 0)
        self.places = {}

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Look around every few minutes."""
        del results
        if session.steps % SAMPLE_STEPS:
            return
        world: LabWorld = session.ctx.world
        for name, machine in world.devices.items():
            self.queues[name] = max(self.queues[name], len(machine.queue))
        for place, ids in world.at.items():
            if not place.endswith(("|released", "|rejected")):
                self.places[place] = max(self.places.get(place, 0), len(ids))

    def end(self, session: Session) -> None:
        """Nothing is left to do."""


def run_day(session: Session, seed: int, crowds: Crowds) -> dict[str, Any]:
    """Play one day and return its figures."""
    timing = TimingObserver()
    began = time.process_time()
    run_episode(session, scripted_crew(session.members), seed, (timing, crowds))
    seconds = time.process_time() - began
    world: LabWorld = session.ctx.world
    specimens = world.specimens.values()
    due = [item for item in specimens if item.arrived_s <= session.now - LAST_HOUR_S]
    return {
        "seed": seed,
        "cpu_s": round(seconds, 2),
        "events": timing.events,
        "events_per_cpu_s": round(timing.events / seconds),
        "requests": sum(world.arrivals.values()),
        "specimens": len(specimens),
        "released_permille": permille(sum(item.released_s is not None for item in due), len(due)),
        "minutes_p50_p95": _turnarounds(specimens),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def _turnarounds(specimens: Iterable[Specimen]) -> dict[str, tuple[int, int]]:
    seconds: dict[str, list[int]] = {priority: [] for priority in PRIORITY_RANK}
    for item in specimens:
        if item.released_s is not None:
            seconds[item.priority].append(item.released_s - item.arrived_s)
    return {
        priority: (
            (nearest_rank(found, 50) or 0) // MINUTE_S,
            (nearest_rank(found, 95) or 0) // MINUTE_S,
        )
        for priority, found in seconds.items()
        if found
    }


def measure(site: str, days: int, seed: int) -> dict[str, Any]:
    """Return every figure; use and crowds are those of the last day."""
    policy = open_policy()
    session = Session(policy, site_session(policy, site))
    crowds = Crowds()
    found = [run_day(session, seed + number, crowds) for number in range(days)]
    world: LabWorld = session.ctx.world
    fullest = sorted(crowds.places.items(), key=lambda item: -item[1])[:5]
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "site": site,
        "crew": len(session.members),
        "days": found,
        "use_permille": {
            name: permille(machine.busy_s, len(machine.unit_free_s) * session.now)
            for name, machine in world.devices.items()
        },
        "longest_queue": crowds.queues,
        "fullest_places": dict(fullest),
    }


def show(found: dict[str, Any]) -> None:
    """Print the figures for a person."""
    print(f"Python {found['python']}, {found['machine']}, one core")
    print(f"site {found['site']}, {found['crew']} people")
    for day in found["days"]:
        minutes = ", ".join(
            f"{name} {low} / {high}" for name, (low, high) in day["minutes_p50_p95"].items()
        )
        print(
            f"seed {day['seed']}: {day['cpu_s']} CPU s, {day['events']:,} events "
            f"({day['events_per_cpu_s']:,} a CPU s), peak {day['peak_memory_mb']} MB; "
            f"{day['requests']:,} requests, {day['specimens']:,} tubes, "
            f"{day['released_permille'] / 10} % released; minutes {minutes}"
        )
    for title in ("use_permille", "longest_queue", "fullest_places"):
        print(f"{title}: {', '.join(f'{name} {value}' for name, value in found[title].items())}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what a site's day costs on one core.")
    parser.add_argument("--site", default="district")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    chosen = parser.parse_args()
    found = measure(chosen.site, chosen.days, chosen.seed)
    if chosen.format == "json":
        print(json.dumps(found, indent=2, sort_keys=True))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
