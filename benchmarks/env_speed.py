"""How fast the environment is, on one core: steps by kind of play, agents and specimens; resets.

    python benchmarks/env_speed.py [--task NAME] [--seed N] [--rounds N] [--format json]

A step makes observations, masks and infos of all agents; the ledger's chain and all gates and
invariants are on. What is played is recorded beforehand, so that nobody's thinking is counted.
Times are CPU time of this process, the best of several rounds. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import platform
import pstats
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import cycle, islice
from pathlib import PurePath
from typing import Any, Final

import msgspec
import numpy as np
from labtrust_bench.runs.crew import agents_for
from labtrust_bench.tasks.base import BenchmarkTask
from labtrust_bench.tasks.registry import get_task
from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_env.action_forms import Action
from labtrust_env.config import EnvConfig
from labtrust_env.parallel_env import HospitalLabEnv

Play = list[dict[str, Action]]
"""Everybody's actions, step by step."""

CROWDS: Final = (9, 25, 50, 100, 200)
CROWD_STEPS: Final = 200
FINISHED: Final = (0, 100, 1_000, 10_000)
FINISHED_STEPS: Final = 500
RESETS: Final = 200

AREAS: Final = (
    ("labtrust_env/situations.py", "masks"),
    ("labtrust_env/verbs", "masks"),
    ("labtrust_env/permissions.py", "masks"),
    ("labtrust_env/actions.py", "masks"),
    ("labtrust_env/observations.py", "observations"),
    ("labtrust_env/readings.py", "observations"),
    ("labtrust_env/rewards.py", "rewards"),
    ("labtrust_env/parallel_env.py", "infos and dicts"),
    ("labtrust_env/session.py", "session: actions to events"),
    ("labtrust_core/ledger", "engine: ledger"),
    ("labtrust_core/canonical.py", "engine: ledger"),
    ("labtrust_core/event.py", "engine: reading events"),
    ("trust/invariants.py", "engine: invariants"),
    ("hospital_lab/invariants.py", "engine: invariants"),
    ("labtrust_core/trust", "engine: gates"),
    ("engine/gates.py", "engine: gates"),
    ("labtrust_core/engine", "engine: kernel"),
    ("hospital_lab/handlers", "engine: guards and handlers"),
    ("hospital_lab/logistics.py", "what waits where"),
    ("labtrust_core", "engine: world, clockwork, draws"),
)
"""Beginning or part of a path to its area; the first that fits counts."""


def environment(
    task: BenchmarkTask,
    policy: CompiledPolicy,
    **changes: Any,  # noqa: ANN401 - fields of EnvConfig
) -> HospitalLabEnv:
    """Return a task's environment with some options changed."""
    stated = task.session_config()
    config = EnvConfig(
        crew=stated.crew,
        workload=stated.workload,
        horizon_s=stated.horizon_s,
        arrivals_until_s=stated.arrivals_until_s,
        dt_s=stated.dt_s,
        faults=stated.faults,
        scenario=stated.scenario,
        reward_config=task.reward_config,
    )
    return HospitalLabEnv(replace(config, **changes), policy)


def waiting(env: HospitalLabEnv, seed: int) -> Play:
    """Return an episode in which everybody waits."""
    del seed
    return [{} for _ in range(env.session.max_steps)]


def random_masked(env: HospitalLabEnv, seed: int) -> Play:
    """Record an episode in which everybody does anything that its mask allows."""
    rng = np.random.default_rng(seed)
    found: Play = []
    env.reset(seed=seed)
    while env.agents:
        masks = env.session.masks()
        chosen = (masks * (1 + rng.random(masks.shape))).argmax(axis=1)
        found.append(dict(zip(env.agents, map(int, chosen), strict=True)))
        env.step(found[-1])
    return found


def scripted(task: BenchmarkTask) -> Callable[[HospitalLabEnv, int], Play]:
    """Return what records an episode of the scripted crew."""

    def record(env: HospitalLabEnv, seed: int) -> Play:
        session = env.session
        agents = agents_for(task, session.members, "scripted")
        found: Play = []
        env.reset(seed=seed)
        for name, agent in agents.items():
            agent.reset(name, seed)
        while env.agents:
            free = (item for item in agents.items() if not session.is_busy(item[0]))
            found.append({name: agent.act(session.view(name)) for name, agent in free})  # type: ignore[union-attr] # scripted agents read views
            env.step(found[-1])
        return found

    return record


def cost(env: HospitalLabEnv, play: Play, seed: int, rounds: int) -> float:
    """Return the CPU seconds of a step, in the best round."""
    found = []
    for _ in range(rounds):
        env.reset(seed=seed)
        began = time.process_time()
        for actions in play:
            env.step(actions)
        found.append(time.process_time() - began)
    return min(found) / len(play)


def by_play(task: BenchmarkTask, policy: CompiledPolicy, seed: int, rounds: int) -> dict[str, Any]:
    """Return steps a second and where their time goes, for each kind of play."""
    env = environment(task, policy)
    kinds = {"waiting": waiting, "random": random_masked, "scripted": scripted(task)}
    found = {}
    for name, record in kinds.items():
        play = record(env, seed)
        seconds = cost(env, play, seed, rounds)
        found[name] = {
            "steps_per_cpu_s": round(1 / seconds),
            "agent_steps_per_cpu_s": round(len(env.possible_agents) / seconds),
            "us_per_step": round(1e6 * seconds, 1),
            "events_per_step": round(env.session.engine.chain.events / len(play), 2),
            "percent_by_area": areas(env, play, seed),
        }
    return found


def areas(env: HospitalLabEnv, play: Play, seed: int) -> dict[str, int]:
    """Return how many percent of a profiled episode each area takes.

    What is built into Python and numpy counts for who calls it. A profile makes small functions
    look dearer than they are: the shares are a guide, no measurement.
    """
    env.reset(seed=seed)
    profile = cProfile.Profile()
    profile.enable()
    for actions in play:
        env.step(actions)
    profile.disable()
    seconds: Counter[str] = Counter()
    for place, (_, _, own, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined] # typeshed hides it
        area = _area(place[0])
        if area is not None:
            seconds[area] += own
            continue
        for caller, figures in callers.items():
            seconds[_area(caller[0]) or "other"] += figures[2]
    total = sum(seconds.values())
    return {name: round(100 * value / total) for name, value in seconds.most_common()}


def _area(path: str) -> str | None:
    written = PurePath(path).as_posix()
    return next((area for part, area in AREAS if part in written), None)


def resets(task: BenchmarkTask, policy: CompiledPolicy, rounds: int) -> int:
    """Return resets a CPU second, each with another seed."""
    env = environment(task, policy)
    found = []
    for _ in range(rounds):
        began = time.process_time()
        for seed in range(RESETS):
            env.reset(seed=seed)
        found.append(time.process_time() - began)
    return round(RESETS / min(found))


def crowd(policy: CompiledPolicy, crew: str, size: int) -> CompiledPolicy:
    """Return a policy in which a crew has ``size`` members, of the same mix of roles."""
    crews = policy.tables.crews
    mix = cycle(crews[crew].members.values())
    members = {
        f"member_{number}": msgspec.structs.replace(member, agent_id=f"A_MEMBER_{number}")
        for number, member in enumerate(islice(mix, size))
    }
    larger = msgspec.structs.replace(crews[crew], members=members)
    return replace(policy, tables=replace(policy.tables, crews={**crews, crew: larger}))


def by_agents(
    task: BenchmarkTask, policy: CompiledPolicy, seed: int, rounds: int
) -> dict[str, Any]:
    """Return the cost of a step by the number of agents, who play at random."""
    found = {}
    for size in CROWDS:
        env = environment(task, crowd(policy, task.crew, size), max_cycles=CROWD_STEPS)
        found[size] = cost(env, random_masked(env, seed), seed, rounds) / size
    return {
        "us_per_agent_step": {str(size): round(1e6 * item, 1) for size, item in found.items()},
        "ratio_most_to_fewest": round(found[CROWDS[-1]] / found[CROWDS[0]], 2),
    }


def by_finished(
    task: BenchmarkTask, policy: CompiledPolicy, seed: int, rounds: int
) -> dict[str, Any]:
    """Return the cost of a step by how many specimens are released and in store."""
    found = {}
    for number in FINISHED:
        stored = [_stored(item) for item in range(number)]
        env = environment(task, policy, max_cycles=FINISHED_STEPS, scenario={"specimens": stored})
        found[number] = cost(env, random_masked(env, seed), seed, rounds)
    return {
        "us_per_step": {str(number): round(1e6 * item, 1) for number, item in found.items()},
        "ratio_most_to_fewest": round(found[FINISHED[-1]] / found[FINISHED[0]], 2),
    }


def _stored(number: int) -> Mapping[str, str]:
    return {
        "specimen_id": f"OLD{number:05d}",
        "panel_id": "BIOCHEM_PANEL_CORE",
        "container_type": "SERUM_SST",
        "status": "released",
        "zone_id": "Z_COLD_FRIDGE",
    }


def measure(name: str, seed: int, rounds: int) -> dict[str, Any]:
    """Return every figure."""
    policy, task = open_policy(), get_task(name)
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "task": name,
        "play": by_play(task, policy, seed, rounds),
        "resets_per_cpu_s": resets(task, policy, rounds),
        "agents": by_agents(task, policy, seed, rounds),
        "finished": by_finished(task, policy, seed, rounds),
    }


def show(found: dict[str, Any]) -> None:
    """Print the figures for a person."""
    print(f"Python {found['python']}, {found['machine']}, one core, {found['task']}")
    for name, item in found["play"].items():
        print(
            f"{name:<10} {item['steps_per_cpu_s']:>7,} steps a CPU second "
            f"({item['agent_steps_per_cpu_s']:,} agent-steps), {item['us_per_step']} us a step, "
            f"{item['events_per_step']} events a step"
        )
    print(f"resets     {found['resets_per_cpu_s']:>7,} a CPU second")
    for title, figure in (("agents", "us_per_agent_step"), ("finished", "us_per_step")):
        costs = ", ".join(f"{name}: {item}" for name, item in found[title][figure].items())
        print(f"{figure} by {title}: {costs}; ratio {found[title]['ratio_most_to_fewest']}")
    print("percent of a profiled episode")
    kinds = found["play"]
    names = dict.fromkeys(area for item in kinds.values() for area in item["percent_by_area"])
    print(f"{'':<34}" + "".join(f"{kind:>10}" for kind in kinds))
    for area in names:
        shares = (item["percent_by_area"].get(area, 0) for item in kinds.values())
        print(f"{area:<34}" + "".join(f"{share:>10}" for share in shares))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the environment's speed on one core.")
    parser.add_argument("--task", default="throughput_sla")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    chosen = parser.parse_args()
    found = measure(chosen.task, chosen.seed, chosen.rounds)
    if chosen.format == "json":
        print(json.dumps(found, indent=2, sort_keys=True))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
