"""How fast the engine is, on one core: events, resets, cost by specimens, `labtrust --help`.

    python benchmarks/speed.py [--seed N] [--rounds N] [--format json]

Times are CPU time of this process (of the child for `--help`). Each figure is the best of several
rounds, since the least disturbed round says most about the code. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from labtrust_bench.runs.crew import agents_for
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.tasks.registry import get_task
from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.event import StepResult
from labtrust_env.session import Session

TASK: Final = "throughput_sla"
RESETS: Final = 300
SIZES: Final = (100, 1_000, 10_000)
PRESENTED: Final = 90  # specimens that are booked in, a run
PERIOD_S: Final = 60  # of booking one in: three actions, none of which takes longer than 20 s
HEAVY_IMPORTS: Final = ("numpy", "gymnasium", "pettingzoo", "labtrust_bench", "jsonschema", "rich")

Trace = list[tuple[int, list[dict[str, Any]]]]
"""Second of simulated time, and the agents' events of that second, in order."""


class Recorder:
    """An observer that keeps the agents' events as they were sent."""

    def __init__(self) -> None:
        self.trace: Trace = []
        self.total = 0

    def begin(self, session: Session) -> None:
        """Forget the last episode."""
        del session
        self.trace = []
        self.total = 0

    def step(self, session: Session, results: Sequence[StepResult]) -> None:
        """Keep what agents did in a step."""
        del session
        events = [
            msgspec.to_builtins(item.event)
            for item in results
            if item.origin == "agent" and item.event is not None
        ]
        self.total += len(results) + sum(len(item.system_results) for item in results)
        if events:
            self.trace.append((events[0]["t_s"], events))

    def end(self, session: Session) -> None:
        """Nothing is left to do."""


def best(rounds: int, work: Callable[[], None], prepare: Callable[[], None]) -> float:
    """Return the least CPU seconds that ``work`` took; ``prepare`` goes before, untimed."""
    found = []
    for _ in range(rounds):
        prepare()
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


def events_per_second(session: Session, seed: int, rounds: int) -> dict[str, Any]:
    """Replay the events of a scripted shift; all gates, invariants and the ledger are on.

    The replay must come to the state of the recorded episode, or the figure means nothing.
    """
    task = get_task(TASK)
    recorder = Recorder()
    run_episode(session, agents_for(task, session.members, "scripted"), seed, (recorder,))
    digest = session.engine.digest()
    engine = session.engine

    def work() -> None:
        replay(engine, recorder.trace, task.size.horizon_s)

    seconds = best(rounds, work, lambda: session.reset(seed))
    if engine.digest() != digest or engine.chain.events != recorder.total:
        raise SystemExit("the replay is not the episode that was recorded")
    agents = sum(len(events) for _, events in recorder.trace)
    return {
        "agent_events": agents,
        "system_events": recorder.total - agents,
        "cpu_s": round(seconds, 4),
        "events_per_cpu_s": round(recorder.total / seconds),
    }


def replay(engine: Engine, trace: Trace, horizon_s: int) -> None:
    """Let agents' events happen again, each in its second, and the clock run to the end."""
    for t_s, events in trace:
        if t_s > engine.now:
            engine.advance(t_s)
        for event in events:
            engine.step(event)
    engine.advance(horizon_s)


def resets_per_second(session: Session, seed: int, rounds: int) -> dict[str, Any]:
    """Reset again and again, each time with another seed."""

    def work() -> None:
        for number in range(RESETS):
            session.reset(seed + number)

    seconds = best(rounds, work, lambda: None)
    return {"resets": RESETS, "resets_per_cpu_s": round(RESETS / seconds)}


def cost_by_size(policy: CompiledPolicy, seed: int, rounds: int) -> dict[str, Any]:
    """Book the same specimens in while ever more lie about, and compare the cost of an event."""
    costs = {str(size): _booking_cost(policy, seed, rounds, size) for size in SIZES}
    return {
        "ns_per_event": costs,
        "ratio_most_to_fewest": round(costs[str(SIZES[-1])] / costs[str(SIZES[0])], 3),
    }


def _booking_cost(policy: CompiledPolicy, seed: int, rounds: int, size: int) -> int:
    engine = Engine(policy)
    scenario = {"crew": "standard", "specimens": [_specimen(number) for number in range(size)]}
    config = EpisodeConfig(episode="size", seed=seed, simulated=True, signatures_required=False)
    names = ("CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES", "ACCEPT_SPECIMEN")

    def work() -> None:
        for number in range(PRESENTED):
            for place, action_type in enumerate(names):
                engine.advance(number * PERIOD_S + place * PERIOD_S // len(names))
                engine.step(_booking(engine.now, number, action_type))

    seconds = best(rounds, work, lambda: engine.reset(scenario, config))
    accepted = engine.query("specimen_counts").get("accepted", 0)
    if accepted != PRESENTED:
        raise SystemExit(f"{accepted} specimens were accepted, expected {PRESENTED}")
    return round(1e9 * seconds / engine.chain.events)


def _specimen(number: int) -> dict[str, Any]:
    return {
        "specimen_id": f"S{number:05d}",
        "panel_id": "BIOCHEM_PANEL_CORE",
        "container_type": "SERUM_SST",
        "specimen_type": "SERUM",
        "zone_id": "Z_SRA_RECEPTION",
    }


def _booking(now: int, number: int, action_type: str) -> dict[str, Any]:
    return {
        "event_id": f"e{number}-{action_type}",
        "t_s": now,
        "agent_id": "A_RECEPTION_0",
        "action_type": action_type,
        "args": {"specimen_id": f"S{number:05d}"},
    }


def help_cost(rounds: int) -> dict[str, Any]:
    """Start `labtrust --help`, and see what it imports."""
    script = shutil.which("labtrust", path=str(Path(sys.executable).parent))
    if script is None:
        raise SystemExit("no labtrust beside the interpreter")
    found = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([script, "--help"], check=True, capture_output=True)  # noqa: S603 - our own
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    done = subprocess.run(  # noqa: S603 - the interpreter itself
        [sys.executable, "-X", "importtime", script, "--help"],
        check=True,
        capture_output=True,
        text=True,
    )
    modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    return {
        "cpu_s": round(min(found), 3),
        "modules": len(modules),
        "heavy_imports": [name for name in HEAVY_IMPORTS if name in modules],
    }


def measure(seed: int, rounds: int) -> dict[str, Any]:
    """Return every figure."""
    policy = open_policy()
    session = Session(policy, get_task(TASK).session_config())
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "events": events_per_second(session, seed, rounds),
        "resets": resets_per_second(session, seed, rounds),
        "size": cost_by_size(policy, seed, rounds),
        "help": help_cost(rounds),
    }


def show(found: dict[str, Any]) -> None:
    """Print the figures for a person."""
    events, size, start = found["events"], found["size"], found["help"]
    total = events["agent_events"] + events["system_events"]
    costs = ", ".join(f"{name}: {cost} ns" for name, cost in size["ns_per_event"].items())
    heavy = ", ".join(start["heavy_imports"]) or "none"
    rows = (
        ("events a CPU second", f"{events['events_per_cpu_s']:,}", f"{total} events of a shift"),
        ("resets a CPU second", f"{found['resets']['resets_per_cpu_s']:,}", "with a crew"),
        ("cost of an event, 10,000 to 100 specimens", size["ratio_most_to_fewest"], costs),
        (
            "labtrust --help, CPU seconds",
            start["cpu_s"],
            f"{start['modules']} modules; {heavy} heavy",
        ),
    )
    print(f"Python {found['python']}, {found['machine']}, one core")
    for name, figure, remark in rows:
        print(f"{name:<42} {figure!s:>10}   {remark}")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure speed on one core.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    chosen = parser.parse_args()
    found = measure(chosen.seed, chosen.rounds)
    if chosen.format == "json":
        print(json.dumps(found, indent=2, sort_keys=True))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
