"""Many results files as few rows: one for each task, crew, partner and variant.

A row gives means over episodes with standard deviation and Student's interval, and shares of
episodes with the exact interval. Nothing is averaged that was not measured alike: files of one row
must agree in everything but seeds, and no seed may come twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from labtrust_core.errors import UsageError

from labtrust_bench.runs.intervals import Interval, Moments, clopper_pearson
from labtrust_bench.runs.manifest import MANIFEST, differences
from labtrust_bench.runs.metrics import Metrics
from labtrust_bench.runs.results import Results, read_results

Number: TypeAlias = int | Fraction
METADATA: Final = "metadata.json"
NOT_RESULTS: Final = frozenset({MANIFEST, METADATA})
"""JSON files that a folder of runs may hold besides results."""


def _share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def _of_due(metrics: Metrics, weight: str) -> Fraction | None:
    served = metrics.service
    return None if served is None else _share(getattr(served, weight), served.due_weight)


def _of_attack(metrics: Metrics, name: str) -> int | None:
    found: int | None = getattr(metrics.opposition, name, None)
    return found


def _share_of_attack(metrics: Metrics, name: str) -> Fraction | None:
    found = _of_attack(metrics, name)
    return None if found is None else Fraction(found, 1_000)


def _acknowledged(metrics: Metrics) -> Fraction | None:
    return _share(metrics.critical.acknowledged, metrics.critical.results)


FIGURES: Final[Mapping[str, Callable[[Metrics], Number | None]]] = {
    "throughput": lambda found: found.throughput,
    "arrivals": lambda found: found.arrivals,
    "p50_turnaround_s": lambda found: found.p50_turnaround_s,
    "p95_turnaround_s": lambda found: found.p95_turnaround_s,
    "on_time_rate": lambda found: _share(found.on_time, found.throughput),
    "released_before_cutoff_rate": lambda found: _share(
        found.throughput_before_cutoff, found.arrivals_before_cutoff
    ),
    "weighted_on_time_rate": lambda found: _of_due(found, "served_weight"),
    "weighted_right_rate": lambda found: _of_due(found, "right_weight"),
    "violations_total": lambda found: sum(found.violations_by_invariant_id.values()),
    "blocked_total": lambda found: sum(found.blocked_by_reason_code.values()),
    "holds_count": lambda found: found.holds_count,
    "critical_communication_compliance_rate": _acknowledged,
    "detection_latency_s": lambda found: _of_attack(found, "detection_latency_s"),
    "time_to_first_detected_security_violation": lambda found: _of_attack(
        found, "time_to_first_detected_security_violation"
    ),
    "fraction_of_attacks_contained": lambda found: _share_of_attack(
        found, "fraction_of_attacks_contained_permille"
    ),
    "forensic_quality_score": lambda found: _share_of_attack(
        found, "forensic_quality_score_permille"
    ),
    "reward_milli": lambda found: found.reward_milli,
}
"""What is averaged over the episodes that have it."""


SHARES: Final[Mapping[str, Callable[[Metrics], bool | None]]] = {
    "without_violation": lambda found: not any(found.violations_by_invariant_id.values()),
    "containment_success": lambda found: (
        None if found.opposition is None else found.opposition.containment_success
    ),
}
"""What an episode has or has not; null where the question does not arise."""


@dataclass(slots=True)
class Share:
    """How many of the episodes had something."""

    hits: int = 0
    count: int = 0

    @property
    def interval(self) -> Interval | None:
        """The exact interval of the share."""
        return clopper_pearson(self.hits, self.count)


@dataclass(slots=True)
class Group:
    """The files of one row.

    Attributes:
        header: The first file's results, without episodes.
        files: The files.
        seeds: Seed to the file that has it.
        figures: Name of a figure to its values.
        shares: Name of a share to how often it was so.
    """

    header: Results
    files: list[Path] = field(default_factory=list)
    seeds: dict[int, Path] = field(default_factory=dict)
    figures: dict[str, list[Number]] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)

    @property
    def episodes(self) -> int:
        """How many episodes there are."""
        return len(self.seeds)

    def moments(self, name: str) -> Moments:
        """Return mean and spread of a figure."""
        found = Moments()
        for value in self.figures[name]:
            found.add(value)
        return found

    def add(self, path: Path, results: Results) -> None:
        """Take a file.

        Raises:
            UsageError: It was not measured alike, or has a seed that another file has.
        """
        differing = list(differences(_circumstances(self.header), _circumstances(results)))
        if differing:
            raise UsageError(f"{path} does not go with {self.files[0]}: {'; '.join(differing[:3])}")
        self.files.append(path)
        for episode in results.episodes:
            if episode.seed in self.seeds:
                raise UsageError(
                    f"seed {episode.seed} of {results.task} ({results.agent_baseline_id}) is in "
                    f"{self.seeds[episode.seed]} and in {path}; each episode counts once"
                )
            self.seeds[episode.seed] = path
            self._count(episode.metrics)

    def _count(self, metrics: Metrics) -> None:
        for name, figure in FIGURES.items():
            values = self.figures.setdefault(name, [])
            value = figure(metrics)
            if value is not None:
                values.append(value)
        for name, asked in SHARES.items():
            share = self.shares.setdefault(name, Share())
            found = asked(metrics)
            if found is not None:
                share.count += 1
                share.hits += found


def _circumstances(results: Results) -> dict[str, object]:
    """Return what files of one row must agree in."""
    whole: dict[str, object] = msgspec.to_builtins(results)
    seeds = {"episodes", "num_episodes", "base_seed", "seeds", "aggregate", "schema_version"}
    return {name: value for name, value in whole.items() if name not in seeds}


def find_results(paths: Iterable[Path]) -> list[Path]:
    """Return the results files that paths name: files, and all in folders, sorted.

    In a folder every ``.json`` file is one, but manifests and metadata.

    Raises:
        UsageError: A path does not exist, or a folder holds none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = [item for item in sorted(path.rglob("*.json")) if _may_be_results(item)]
            if not inside:
                raise UsageError(f"{path} holds no results file (*.json)")
            found |= dict.fromkeys(inside)
        elif path.exists():
            found[path] = None
        else:
            raise UsageError(f"{path} does not exist; expected a results file or a folder")
    return list(found)


def _may_be_results(path: Path) -> bool:
    return path.name not in NOT_RESULTS and not path.name.startswith(".")


def aggregate(paths: Sequence[Path], *, mixed_policies: bool = False) -> list[Group]:
    """Read results files and group them, sorted by task, crew, partner and variant.

    Args:
        paths: Results files, or folders of them.
        mixed_policies: Whether files of one partner may come from different policies; each policy
            then has rows of its own.

    Raises:
        UsageError: There are no files, policies are mixed, files of one row differ, or a seed comes
            twice.
        DocumentError: A file holds no results.
    """
    groups: dict[tuple[str, ...], Group] = {}
    policies: dict[str | None, tuple[str, Path]] = {}
    for path in find_results(paths):
        results = read_results(path)
        known, first = policies.setdefault(results.partner_id, (results.policy_fingerprint, path))
        if known != results.policy_fingerprint and not mixed_policies:
            raise UsageError(
                f"{first} and {path} come from different policies ({known[:12]} and "
                f"{results.policy_fingerprint[:12]}), which are not compared unless asked for"
            )
        header = msgspec.structs.replace(results, episodes=[])
        groups.setdefault(_key(results), Group(header)).add(path, results)
    return [groups[key] for key in sorted(groups)]


def _key(results: Results) -> tuple[str, ...]:
    return (
        results.task,
        results.agent_baseline_id,
        results.partner_id or "",
        results.config.variant,
        results.policy_fingerprint,
    )
