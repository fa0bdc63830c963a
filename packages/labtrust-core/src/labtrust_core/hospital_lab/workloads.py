"""The workload document, compiled: what drawing a request looks up."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

from labtrust_core.hospital_lab.documents.workload import (
    ArrivalStream,
    FreeHaemoglobin,
    Mistakes,
    Origin,
    RoundsProcess,
    TubeFaults,
    Workload,
)
from labtrust_core.hospital_lab.rates import DailyRate, times_of_day


@dataclass(frozen=True, slots=True)
class RoundsTable:
    """Rounds: times of day, jitter, and the size of a batch (log-normal)."""

    times: tuple[int, ...]
    jitter_sd_s: int
    median_milli: int
    sigma_milli: int


@dataclass(frozen=True, slots=True)
class StreamTable:
    """A stream: either ``rate`` or ``rounds`` says when; the panels that are asked for, weighted.

    ``origin_id`` names the origin.
    """

    site: str
    origin_id: str
    origin: Origin
    rate: DailyRate | None
    rounds: RoundsTable | None
    panels: tuple[tuple[str, ...], ...]
    weights: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WorkloadTable:
    """A profile: when an episode begins, and its streams by the name under which they run."""

    starts_at_s: int
    streams: dict[str, StreamTable]


@dataclass(frozen=True, slots=True)
class TubeTable:
    """What is common to all streams: what can be wrong with a tube."""

    mistakes: Mistakes
    free_haemoglobin: FreeHaemoglobin
    faults: dict[str, TubeFaults]


def compile_tubes(document: Workload) -> TubeTable:
    """Compile what is common to all streams."""
    return TubeTable(document.mistakes, document.free_haemoglobin, document.tube_faults)


def compile_workloads(document: Workload) -> dict[str, WorkloadTable]:
    """Compile the profiles of a document whose references have been checked."""
    streams = {name: _stream(document, item) for name, item in document.streams.items()}
    return {
        profile_id: WorkloadTable(
            profile.starts_at_s, {name: streams[item] for name, item in profile.streams.items()}
        )
        for profile_id, profile in document.profiles.items()
    }


def _stream(document: Workload, stream: ArrivalStream) -> StreamTable:
    origin = document.origins[stream.origin]
    mix = document.mixes[origin.mix].values()
    poisson = stream.poisson
    return StreamTable(
        site=stream.site,
        origin_id=stream.origin,
        origin=origin,
        rate=None
        if poisson is None
        else DailyRate.of(poisson.requests_per_day, document.shapes[poisson.shape]),
        rounds=None if stream.rounds is None else _rounds(stream.rounds),
        panels=tuple(tuple(item.panels) for item in mix),
        weights=tuple(item.weight for item in mix),
    )


def _rounds(process: RoundsProcess) -> RoundsTable:
    # The mean of a log-normal variable is its median times exp(sigma^2 / 2).
    median = 1_000 * process.mean_requests * exp(-((process.sigma_milli / 1_000) ** 2) / 2)
    return RoundsTable(
        times_of_day(process.windows), process.jitter_sd_s, round(median), process.sigma_milli
    )
