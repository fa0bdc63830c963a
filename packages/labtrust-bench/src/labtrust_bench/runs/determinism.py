"""Whether an episode is the same in other processes: the determinism report.

One episode is played in three fresh processes, each in an empty folder of its own:

    first               hash seed 1
    other_hash_seed     hash seed 2
    after_another       hash seed 1, after an episode with another seed in the same process

What depends on the order of sets, on addresses, on the folder or on former episodes differs between
them. Compared are the log, the results, each metric, and the digest of the state at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec
from labtrust_core.errors import LabTrustError, UsageError
from labtrust_core.policy.directory import find_policy_dir

from labtrust_bench.runs.manifest import config_fields, differences
from labtrust_bench.runs.plan import MAX_SEED, RunConfig
from labtrust_bench.runs.probe import Answer, Question

FIRST: Final = "first"
PROCESSES: Final[Mapping[str, tuple[str, bool]]] = {
    FIRST: ("1", False),
    "other_hash_seed": ("2", False),
    "after_another": ("1", True),
}
"""Name of each process: its hash seed, and whether another episode comes first."""

_PLACES: Final = ("log_sha256", "results_sha256", "world_digest", "metrics")
_PATIENCE_S: Final = 3_600


class DeterminismReport(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the processes.

    Attributes:
        task: Name of the task.
        agents: Spec of the crew.
        seed: Seed of the episode.
        processes: By name, what came of each.
        differences: By name of each process but the first, in what it differs from that.
        deterministic: Whether there are none.
    """

    task: str
    agents: str
    seed: int
    processes: dict[str, Answer]
    differences: dict[str, list[str]]
    deterministic: bool


def determinism_report(
    config: RunConfig, progress: Callable[[], None] | None = None
) -> DeterminismReport:
    """Play the first episode of a run in three processes and compare.

    Args:
        config: What to run; agents in files or modules of the current folder are found there.
        progress: Called after each process.

    Raises:
        UsageError: The episode cannot be played, in any of the processes.
        LabTrustError: A process failed.
    """
    found: dict[str, Answer] = {}
    for name, (hash_seed, warmed) in PROCESSES.items():
        found[name] = _ask(_question(config, warmed=warmed), hash_seed)
        if progress is not None:
            progress()
    first = found[FIRST]
    differing = {name: _compared(first, item) for name, item in found.items() if name != FIRST}
    return DeterminismReport(
        task=config.task,
        agents=config.agents,
        seed=config.base_seed,
        processes=found,
        differences=differing,
        deterministic=not any(differing.values()),
    )


def _question(config: RunConfig, *, warmed: bool) -> Question:
    folder = find_policy_dir(config.policy_dir).absolute()
    alone = replace(
        config,
        num_episodes=1,
        agents=_anywhere(config.agents),
        mixed={name: _anywhere(spec) for name, spec in config.mixed.items()},
    )
    run = config_fields(alone)
    other = config.base_seed + 1 if config.base_seed < MAX_SEED else config.base_seed - 1
    return Question(run, str(folder), other if warmed else None)


def _anywhere(spec: str) -> str:
    """Return a spec that names the same agent from any folder."""
    place, colon, name = spec.rpartition(":")
    if not colon:
        return spec
    if place.endswith(".py"):
        return f"{Path(place).absolute()}:{name}"
    scheme, _, rest = spec.partition(":")
    return f"{scheme}:{Path(rest).absolute()}" if Path(rest).is_dir() else spec


def _ask(question: Question, hash_seed: str) -> Answer:
    paths = (str(Path(entry).absolute()) for entry in (*sys.path, str(Path.cwd())))
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "labtrust_bench.runs.probe"],
            input=msgspec.json.encode(question),
            capture_output=True,
            check=False,
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(paths)},
            timeout=_PATIENCE_S,
        )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise LabTrustError(f"a process of the report failed with {done.returncode}: {said}")
    answer = msgspec.json.decode(done.stdout, type=Answer)
    if answer.error:
        raise UsageError(answer.error)
    return answer


def _compared(first: Answer, other: Answer) -> list[str]:
    found: list[str] = []
    for place in _PLACES:
        found += differences(getattr(first, place), getattr(other, place), place)
    return [
        item.replace(" there and ", " in the first and ").removesuffix(" now") for item in found
    ]
