"""How specimens arrive, as a policy document.

Times in seconds, chances in parts per million.
"""

from __future__ import annotations

from labtrust_core.policy.model import Closed, Document


class PanelMix(Closed, frozen=True, kw_only=True):
    """How often a panel is asked for (weight), and what can be wrong with its tube."""

    weight: int
    container: str
    leak_ppm: int = 0
    clot_ppm: int = 0
    hemolysis_ppm: int = 0
    insufficient_volume_ppm: int = 0
    citrate_underfill_ppm: int = 0
    source: str = ""


class ArrivalStream(Closed, frozen=True, kw_only=True):
    """A Poisson stream of specimens at one site.

    Attributes:
        site: Where they arrive.
        mean_interval_s: Mean time between arrivals.
        stat_ppm, urgent_ppm: Shares by priority; the rest is routine.
        collection_age_s: Mean time since collection at arrival: one half always, the other half
            exponential.
        label_error_ppm, id_mismatch_ppm: Identity errors.
        panels: Panel id to mix.
    """

    site: str
    mean_interval_s: int
    stat_ppm: int
    urgent_ppm: int
    collection_age_s: int
    label_error_ppm: int
    id_mismatch_ppm: int
    panels: dict[str, PanelMix]
    source: str = ""


class WorkloadProfile(Closed, frozen=True, kw_only=True):
    """A workload: its arrival streams.

    ``starts_at_s``: the time of day at which an episode with it begins, in seconds since midnight.
    """

    title: str
    starts_at_s: int
    streams: dict[str, ArrivalStream]


class Workload(Document, frozen=True, kw_only=True):
    """``workload/``: profiles by name."""

    profiles: dict[str, WorkloadProfile]
