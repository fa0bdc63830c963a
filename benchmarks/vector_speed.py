"""How much faster several processes play a batch of laboratories than one: wall time, in pairs.

    python benchmarks/vector_speed.py [--envs N] [--workers N] [--steps N] [--pairs N]

Both batches play the same seeds with the same masked random hand, and must show the same. A pair is
one measurement of each, one after the other, so that a machine that is busy slows both; the ratio
of a pair says more than its times. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from typing import Any, Final

import numpy as np
from labtrust_env import EnvConfig, HospitalLabVector

CONFIG: Final = EnvConfig(workload="district_shift", horizon_s=3_600)  # episodes of 360 steps
SEED: Final = 1
GOAL: Final = 1.7  # with two workers on two cores


class Hand:
    """Plays a batch with actions drawn beforehand, and notes how long that takes."""

    def __init__(self, envs: int, workers: int) -> None:
        self.labs = HospitalLabVector(CONFIG, envs, workers=workers)
        shape = (envs, self.labs.num_agents, int(self.labs.single_action_space.n))
        self._draws = np.random.default_rng(SEED).random((32, *shape), np.float32)
        _, self._masks = self.labs.reset(SEED)
        self.returns = np.zeros(envs)

    def play(self, steps: int) -> float:
        """Take some steps and return the seconds that they took."""
        began = time.perf_counter()
        for number in range(steps):
            draws = self._draws[number % len(self._draws)]
            _, self._masks, rewards, *_ = self.labs.step((draws * self._masks).argmax(axis=-1))
            self.returns += rewards.sum(axis=1)
        return time.perf_counter() - began


def measure(envs: int, workers: int, steps: int, pairs: int) -> dict[str, Any]:
    """Return every figure; the first pair warms up and does not count."""
    one, several = Hand(envs, 0), Hand(envs, workers)
    with one.labs, several.labs:
        found = [(one.play(steps), several.play(steps)) for _ in range(pairs + 1)][1:]
        agents = one.labs.num_agents
    if not np.array_equal(one.returns, several.returns):
        raise SystemExit("the two batches did not play the same")
    ratios = [alone / together for alone, together in found]
    fastest = min(together for _, together in found)
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "envs": envs,
        "agents": agents,
        "workers": workers,
        "steps": steps,
        "one_process_s": [round(alone, 3) for alone, _ in found],
        "several_processes_s": [round(together, 3) for _, together in found],
        "ratio_median": round(statistics.median(ratios), 2),
        "ratio_best": round(max(ratios), 2),
        "env_steps_per_s": round(envs * steps / fastest),
        "agent_steps_per_s": round(envs * steps * agents / fastest),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--envs", type=int, default=32)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    found = measure(options.envs, options.workers, options.steps, options.pairs)
    if options.format == "json":
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:<22} {value}")
    print(f"goal with 2 workers    {GOAL}")


if __name__ == "__main__":
    main()
