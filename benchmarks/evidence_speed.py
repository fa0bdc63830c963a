"""What the ledger of an episode costs: keeping it, and writing all of it to a file.

    python benchmarks/evidence_speed.py [--seed N] [--rounds N] [--format json]

An unsigned shift of `throughput_sla` is played three ways in turn, in one process: with the chain
of records taken out, so that none is encoded, hashed or kept; with the chain, as every episode has
it; and with its whole log written to a file. Figures are medians over the rounds, CPU time, of the
replay of recorded events through the bare engine, and of the scripted crew in its environment.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

from labtrust_bench.runs.crew import agents_for
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.tasks.registry import get_task
from labtrust_core.domains import open_policy
from labtrust_core.ledger.chain import Sink
from labtrust_core.ledger.record import NO_PREV
from labtrust_core.ledger.writer import LogWriter
from labtrust_env.session import Session
from speed import TASK, Recorder, replay

CHAIN: Final = "labtrust_core.engine.engine.Chain"
WAYS: Final = ("none", "chain", "log")


class NoChain:
    """Stands where an episode's chain stands, and records nothing."""

    head = NO_PREV
    length = events = 0

    def __init__(self, sink: Sink | None = None) -> None:
        """Take a sink, for which there will be nothing."""

    def start(self, *_record: object) -> str:
        """Record nothing."""
        return NO_PREV

    event = end = start


class Shift:
    """One shift, to be played again and again."""

    def __init__(self, seed: int) -> None:
        task = get_task(TASK)
        self.session = Session(open_policy(), task.session_config())
        self.seed = seed
        self.horizon_s = task.size.horizon_s
        self.agents = agents_for(task, self.session.members, "scripted")
        recorder = Recorder()
        run_episode(self.session, self.agents, seed, (recorder,))
        self.trace = recorder.trace
        self.events = recorder.total
        self.steps = self.session.steps
        self.digest = self.session.engine.digest()

    def engine(self, sink: Sink | None) -> None:
        """Replay the recorded events through the engine alone."""
        engine = self.session.engine
        self.session.reset(self.seed, sink=sink)
        replay(engine, self.trace, self.horizon_s)
        if sink is not None:
            engine.finish()

    def crew(self, sink: Sink | None) -> None:
        """Let the crew play it in its environment."""
        run_episode(self.session, self.agents, self.seed, sink=sink)

    def check(self) -> None:
        """Refuse figures of another episode than the recorded one."""
        if self.session.engine.digest() != self.digest:
            raise SystemExit("what was played is not the episode that was recorded")


def seconds(way: str, shift: Shift, play: Callable[[Sink | None], None], log: Path) -> float:
    """Play once and return its CPU seconds; a log is written to its end and closed."""
    log.unlink(missing_ok=True)
    began = time.process_time()
    if way == "log":
        with LogWriter(log) as writer:
            play(writer.write)
    else:
        with patch(CHAIN, NoChain) if way == "none" else nullcontext():
            play(None)
    spent = time.process_time() - began
    shift.check()
    return spent


def measure(shift: Shift, play: Callable[[Sink | None], None], rounds: int) -> dict[str, Any]:
    """Return costs of a step each way, and the median of their shares round by round."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        for _ in range(rounds):
            for way in WAYS:
                found[way].append(seconds(way, shift, play, log))
        size, records = log.stat().st_size, len(log.read_bytes().splitlines())
    turns = list(zip(*found.values(), strict=True))
    return {
        "us_per_step": {way: round(1e6 * median(found[way]) / shift.steps, 1) for way in WAYS},
        "us_per_event": {way: round(1e6 * median(found[way]) / shift.events, 2) for way in WAYS},
        "ledger_and_log_share": round(median((log - none) / log for none, _, log in turns), 3),
        "log_share": round(median((log - chain) / log for _, chain, log in turns), 3),
        "bytes_per_record": round(size / records, 1),
        "records": records,
        "bytes": size,
    }


def show(name: str, found: dict[str, Any]) -> None:
    """Print the figures of one way to play for a person."""
    costs = ", ".join(f"{way} {cost}" for way, cost in found["us_per_step"].items())
    print(f"{name}: us a step: {costs}")
    print(f"  ledger and file: {100 * found['ledger_and_log_share']:.1f} % of a step")
    print(f"  file alone:      {100 * found['log_share']:.1f} % of a step")
    print(f"  {found['records']} records of {found['bytes_per_record']} bytes")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what the ledger costs.")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    chosen = parser.parse_args()
    shift = Shift(chosen.seed)
    found = {
        "engine": measure(shift, shift.engine, chosen.rounds),
        "crew": measure(shift, shift.crew, chosen.rounds),
    }
    if chosen.format == "json":
        whole = {"python": platform.python_version(), "steps": shift.steps, **found}
        print(json.dumps(whole, indent=2, sort_keys=True))
    else:
        print(f"Python {platform.python_version()}, {shift.events} events, {shift.steps} steps")
        for name, figures in found.items():
            show(name, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
