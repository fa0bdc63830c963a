"""The official baselines: which crews every task is measured against, and their frozen results.

    results/<task>_<baseline id>.json   results 0.2 of each
    summary.csv, summary.md             the same in one table, with intervals
    metadata.json                       what made them, and the digest of every file

There is no clock time and no path in any of them, so that a second generation, anywhere, gives the
same bytes; ``compare`` says where it does not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.domains import open_policy
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_core.policy.documents import read_document
from labtrust_core.policy.load import typed
from labtrust_core.policy.model import Document

from labtrust_bench.runs.aggregate import METADATA, Group, aggregate
from labtrust_bench.runs.aggregate_files import csv_text, markdown_text, row_0_3
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.crew import crew_of
from labtrust_bench.runs.executor import Executor
from labtrust_bench.runs.manifest import differences
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.runs.results import write_results
from labtrust_bench.tasks.base import FULL
from labtrust_bench.tasks.registry import list_tasks

REGISTRY: Final = Path("benchmarks") / "baseline_registry.v0.1.yaml"
FROZEN: Final = Path("benchmarks") / "baselines_official" / "v0.2"
RESULTS: Final = "results"
SHOWN: Final = 3  # differing places of one file

_Positive = Annotated[int, msgspec.Meta(ge=1)]
_Seed = Annotated[int, msgspec.Meta(ge=0)]
_Crews = Annotated[list[str], msgspec.Meta(min_length=1)]


class BaselineRegistry(Document, frozen=True, kw_only=True):
    """What is frozen.

    Attributes:
        version: "0.1".
        episodes: Episodes of each baseline.
        base_seed: Seed of the first.
        tasks: Task to the crews that are measured on it; the first is the task's baseline.
    """

    version: str
    episodes: _Positive
    base_seed: _Seed
    tasks: Annotated[dict[str, _Crews], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Baselines:
    """What to generate.

    Attributes:
        registry: The registry.
        variant: Size of the tasks.
        partner_id: Partner whose policy overlay applies.
    """

    registry: BaselineRegistry
    variant: str = FULL
    partner_id: str | None = None

    def configs(self) -> list[RunConfig]:
        """Return the runs, in the order of the registry."""
        return [
            RunConfig(
                task=task,
                num_episodes=self.registry.episodes,
                base_seed=self.registry.base_seed,
                variant=self.variant,
                agents=crew,
                partner_id=self.partner_id,
            )
            for task, crews in self.registry.tasks.items()
            for crew in crews
        ]


def read_registry(path: Path) -> BaselineRegistry:
    """Read a registry and see that its tasks and crews exist.

    Raises:
        UsageError: There is no such file.
        PolicyError: It is no registry.
        UnknownNameError: It names a task or a crew that nothing offers.
    """
    if not path.is_file():
        raise UsageError(f"{path} does not exist; --registry names the registry of baselines")
    document = read_document(path)
    registry = typed(document.data, BaselineRegistry, [document])
    known = list_tasks()
    for task, crews in registry.tasks.items():
        if task not in known:
            raise UnknownNameError("task", task, known)
        for crew in crews:
            crew_of(crew)
    return registry


def file_name(config: RunConfig) -> str:
    """Return the name of a baseline's results file."""
    return f"{config.task}_{config.agents}.json"


def generate(
    baselines: Baselines,
    folder: Path,
    executor: Executor | None = None,
    progress: Callable[[], None] | None = None,
) -> list[Group]:
    """Run every baseline and write all files.

    Args:
        baselines: What to run.
        folder: An empty folder.
        executor: Where episodes are played; by default here.
        progress: Called after each baseline.

    Returns:
        The rows of the summary.

    Raises:
        LabTrustError: As ``Benchmark`` and ``Benchmark.run`` say.
        OSError: A file cannot be written.
    """
    policy = open_policy(partner=baselines.partner_id)
    (folder / RESULTS).mkdir()
    versions: dict[str, str] = {}
    for config in baselines.configs():
        results = Benchmark(config, policy).run(executor=executor)
        write_results(results, folder / RESULTS / file_name(config))
        versions = results.versions
        if progress is not None:
            progress()
    groups = aggregate([folder / RESULTS])
    _write(folder / "summary.csv", csv_text(row_0_3(group) for group in groups).encode())
    _write(folder / "summary.md", markdown_text(groups, "Official baselines").encode())
    metadata = {
        "base_seed": baselines.registry.base_seed,
        "episodes": baselines.registry.episodes,
        "files": {name: sha256_hex(data) for name, data in _files(folder).items()},
        "partner_id": baselines.partner_id,
        "policy_fingerprint": policy.fingerprint,
        "registry_version": baselines.registry.version,
        "variant": baselines.variant,
        "versions": versions,
    }
    _write(folder / METADATA, canonical_bytes(metadata) + b"\n")
    return groups


def require_frozen(folder: Path) -> None:
    """Refuse a folder that holds no baselines.

    Raises:
        UsageError: It holds none.
    """
    if not (folder / METADATA).is_file():
        raise UsageError(f"{folder} holds no baselines: {METADATA} is missing")


def compare(frozen: Path, fresh: Path) -> list[str]:
    """Return one line for each difference between two folders of baselines; none if there is none.

    Raises:
        UsageError: There is nothing frozen.
    """
    require_frozen(frozen)
    there, now = _files(frozen), _files(fresh)
    found: list[str] = []
    for name in sorted(there.keys() | now.keys()):
        if name not in now:
            found.append(f"{name}: frozen, and not generated any more")
        elif name not in there:
            found.append(f"{name}: generated, and not frozen")
        elif there[name] != now[name]:
            found += (f"{name}: {what}" for what in _shown(list(_what(there[name], now[name]))))
    return found


def _shown(found: Sequence[str]) -> list[str]:
    rest = len(found) - SHOWN
    return [*found[:SHOWN], *([f"and {rest} more"] if rest > 0 else ())]


def _what(there: bytes, now: bytes) -> Iterator[str]:
    """Say where two files differ: places of JSON, else the first line."""
    try:
        before, after = (_by_seed(json.loads(data)) for data in (there, now))
    except ValueError:
        lines = zip([*there.splitlines(), b""], [*now.splitlines(), b""], strict=False)
        first = next((number for number, (a, b) in enumerate(lines, 1) if a != b), 0)
        yield f"line {first} differs" if first else "differs in its line ends"
        return
    found = list(differences(before, after))
    yield from found or ["the same values, in other bytes"]


def _by_seed(document: Any) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a document whose list of episodes is a mapping, so that places in it have names."""
    if isinstance(document, dict) and isinstance(document.get("episodes"), list):
        named = {f"seed {item.get('seed')}": item for item in document["episodes"]}
        return {**document, "episodes": named}
    return document


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
