"""The results file, versions 0.2 and 0.3: its shape, its schema, writing and reading it.

A file is the canonical form of :class:`Results` (or of :class:`FullResults`) and a line feed. It
holds no clock time, no path and no name of a machine: the same policy, task and seeds give the same
bytes everywhere.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

import msgspec
from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import DocumentError, UsageError

from labtrust_bench.runs.full_metrics import FullMetrics
from labtrust_bench.runs.intervals import Moments
from labtrust_bench.runs.metrics import Count, Metrics

SchemaVersion: TypeAlias = Literal["0.2", "0.3"]
SCHEMA_VERSIONS: Final[tuple[SchemaVersion, ...]] = get_args(SchemaVersion)
SCHEMA_VERSION: Final = "0.2"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES: Final = 256 * 1024 * 1024

_Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
_Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
_Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]
_Figure: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base: every field is required, and there are no others."""


class LedgerEntry(_Closed, frozen=True):
    """Where an episode's ledger ends: leaf hash of the end record, and number of records."""

    head: _Digest
    length: _Positive


class EpisodeResult(_Closed, frozen=True):
    """One episode.

    Attributes:
        seed: What fixes it.
        metrics: Its metrics.
        ledger: Where its ledger ends.
        extra: Figures of the metrics aggregator, beside the metrics; empty under the default one.
    """

    seed: Count
    metrics: Metrics
    ledger: LedgerEntry
    extra: dict[_Figure, int] = {}


class RunSettings(_Closed, frozen=True):
    """What was run, as far as it is not in policy. Times in seconds of simulated time."""

    crew: _Text
    workload: _Text
    horizon_s: _Positive
    arrivals_until_s: Count
    cutoff_s: Count
    dt_s: _Positive
    max_steps: _Positive
    variant: _Text
    faults: bool
    signed: bool
    sla_s: dict[str, Count]
    reward: dict[str, Count]


class TaskSource(_Closed, frozen=True):
    """Which distribution the task came from; the version is empty for our own."""

    distribution: _Text
    version: str


class AggregatorSource(_Closed, frozen=True):
    """Which metrics aggregator gave ``extra``, and where it came from; no version: our own."""

    aggregator_id: _Text
    distribution: _Text
    version: str


class Results(_Closed, frozen=True):
    """A results file.

    Attributes:
        schema_version: "0.2".
        task: Name of the task.
        task_source: Where the task came from.
        agent_baseline_id: Name of the crew that was measured.
        agents: Member to class, ``module:Class``.
        agent_specs: Member to the spec of its agent, where that is not the crew's.
        num_episodes: Number of episodes.
        base_seed: Seed of the first.
        seeds: Seed of each.
        policy_fingerprint: Digest of the effective policy.
        partner_id: Partner whose overlay applied, or null.
        config: What was run.
        versions: Distribution to version.
        episodes: The episodes, in the order of ``seeds``.
        metrics_aggregator: What gave the episodes' ``extra``; null in files from before there was
            a choice.
    """

    schema_version: Literal["0.2"]
    task: _Text
    task_source: TaskSource
    agent_baseline_id: _Text
    agents: dict[str, _Text]
    num_episodes: _Positive
    base_seed: Count
    seeds: Annotated[list[Count], msgspec.Meta(min_length=1)]
    policy_fingerprint: _Digest
    partner_id: str | None
    config: RunSettings
    versions: dict[str, _Text]
    episodes: Annotated[list[EpisodeResult], msgspec.Meta(min_length=1)]
    metrics_aggregator: AggregatorSource | None = None
    agent_specs: dict[str, _Text] = {}


class FullEpisode(EpisodeResult, frozen=True, kw_only=True):
    """One episode, version 0.3."""

    metrics: FullMetrics


class Bounds(_Closed, frozen=True):
    """Both ends of an interval."""

    lower: float
    upper: float


class Aggregate(_Closed, frozen=True):
    """Means over the episodes that have the figure, with Student's 95 % intervals.

    A mean is null where no episode has the figure, an interval below two.
    """

    throughput_mean: float | None
    throughput_ci_95: Bounds | None
    p95_turnaround_s_mean: float | None
    p95_turnaround_s_ci_95: Bounds | None


class FullResults(Results, frozen=True, kw_only=True):
    """A results file, version 0.3.

    Attributes:
        schema_version: "0.3".
        episodes: The episodes, with fractions and quantiles.
        aggregate: What they come to.
    """

    schema_version: Literal["0.3"]  # type: ignore[assignment] # another version of the same file
    episodes: Annotated[list[FullEpisode], msgspec.Meta(min_length=1)]  # type: ignore[assignment] # nobody adds to it
    aggregate: Aggregate | None


_TYPES: Final[dict[str, type[Results]]] = {"0.2": Results, "0.3": FullResults}


class Totals:
    """Sums up episodes one by one for ``Aggregate``."""

    def __init__(self) -> None:
        self._throughput = Moments()
        self._p95 = Moments()

    def add(self, metrics: Metrics) -> None:
        """Take one more episode."""
        self._throughput.add(metrics.throughput)
        if metrics.p95_turnaround_s is not None:
            self._p95.add(metrics.p95_turnaround_s)

    def aggregate(self) -> Aggregate:
        """Return what the episodes come to."""
        return Aggregate(
            throughput_mean=self._throughput.mean,
            throughput_ci_95=_bounds(self._throughput),
            p95_turnaround_s_mean=self._p95.mean,
            p95_turnaround_s_ci_95=_bounds(self._p95),
        )


def _bounds(moments: Moments) -> Bounds | None:
    found = moments.mean_interval()
    return None if found is None else Bounds(lower=found.lower, upper=found.upper)


def schema_text(version: SchemaVersion = SCHEMA_VERSION) -> str:
    """Return the JSON Schema of results as the shipped file holds it, derived from the types."""
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "title": f"Results of a LabTrust benchmark run, version {version}",
        **msgspec.json.schema(_TYPES[version]),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


@cache
def shipped_schema(version: SchemaVersion = SCHEMA_VERSION) -> dict[str, Any]:
    """Return the shipped JSON Schema."""
    file = files("labtrust_bench") / "schemas" / f"results.v{version}.schema.json"
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


class _Stated(msgspec.Struct):
    schema_version: SchemaVersion


def results_bytes(results: Results) -> bytes:
    """Return what a results file holds.

    Raises:
        DocumentError: The results do not satisfy the shipped schema.
    """
    document = msgspec.to_builtins(results)
    check_document(document)
    return canonical_bytes(document) + b"\n"


def check_document(document: object) -> None:
    """Check a JSON value against the shipped schema of the version that it states.

    Raises:
        DocumentError: It does not satisfy it; names the place.
    """
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - slow to import, rarely needed

    stated = document.get("schema_version") if isinstance(document, dict) else None
    version = next((item for item in SCHEMA_VERSIONS if item == stated), SCHEMA_VERSION)
    validator = Draft202012Validator(shipped_schema(version))
    error = next(iter(validator.iter_errors(document)), None)
    if error is not None:
        raise DocumentError(f"not a results file: {error.message[:200]}", path=error.json_path)


def write_results(results: Results, path: Path) -> None:
    """Write a results file, after it has been checked against the schema.

    Raises:
        DocumentError: The results do not satisfy the schema; nothing is written.
        OSError: The file cannot be written.
    """
    data = results_bytes(results)
    path.write_bytes(data)


def read_results(path: Path) -> Results:
    """Read a results file.

    Raises:
        UsageError: The file cannot be read, or is larger than ``MAX_BYTES``.
        DocumentError: It is not JSON, or no results of version 0.2 or 0.3.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if size > MAX_BYTES:
        raise UsageError(f"{path} has {size} bytes, which no results file has")
    try:
        version = msgspec.json.decode(data, type=_Stated).schema_version
        results = msgspec.json.decode(data, type=_TYPES[version])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        known = " or ".join(SCHEMA_VERSIONS)
        raise DocumentError(f"no results of version {known}: {error}", file=path) from error
    if list(results.seeds) != [item.seed for item in results.episodes]:
        raise DocumentError("the seeds are not those of the episodes", file=path, path="seeds")
    if results.num_episodes != len(results.episodes):
        raise DocumentError(
            "the number of episodes is wrong",
            file=path,
            path="num_episodes",
            found=str(results.num_episodes),
            expected=str(len(results.episodes)),
        )
    return results
