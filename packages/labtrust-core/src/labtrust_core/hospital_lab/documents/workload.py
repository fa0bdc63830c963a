"""How work arrives, as a policy document.

Times in seconds, chances in parts per million, times of day in seconds since midnight. What several
places share is stated once: shapes of a day, mixes of panels, origins and streams have names, and
profiles put streams together.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec

from labtrust_core.policy.model import Closed, Document, Natural, Positive

Ppm: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
TimeOfDay: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=86_400)]


class FreeHaemoglobin(Closed, frozen=True, kw_only=True):
    """Free haemoglobin of tubes in mg/L: log-normal, sigma in thousandths."""

    median_mg_l: Positive
    sigma_milli: Natural
    source: str = ""


class Mistakes(Closed, frozen=True, kw_only=True):
    """What goes wrong with identities and requests, whatever the panel.

    Attributes:
        label_error_ppm: Labels that reception sees to be wrong, by tube.
        unlabelled_ppm: Tubes without a label.
        id_mismatch_ppm: Tubes and requests that name different patients, by tube.
        wrong_blood_ppm: Tubes with another patient's blood under a good label, which nobody sees.
        request_missing_ppm: Requests that did not come with their tubes, by request.
    """

    label_error_ppm: Ppm
    unlabelled_ppm: Ppm
    id_mismatch_ppm: Ppm
    wrong_blood_ppm: Ppm
    request_missing_ppm: Ppm
    source: str = ""


class TubeFaults(Closed, frozen=True, kw_only=True):
    """The tube of a panel, and what can be wrong with it."""

    container: str
    leak_ppm: Ppm = 0
    clot_ppm: Ppm = 0
    hemolysis_ppm: Ppm = 0
    insufficient_volume_ppm: Ppm = 0
    citrate_underfill_ppm: Ppm = 0
    source: str = ""


class Combination(Closed, frozen=True, kw_only=True):
    """Panels that are asked for together, one tube each, and how often."""

    weight: Natural
    panels: list[str]


class Patients(Closed, frozen=True, kw_only=True):
    """Whose blood it is: somebody of a pool of ``pool`` people, or else somebody new."""

    pool: Positive
    repeat_ppm: Ppm
    source: str = ""


class Origin(Closed, frozen=True, kw_only=True):
    """A kind of place where blood is drawn.

    Attributes:
        stat_ppm, urgent_ppm: Shares of requests by priority; the rest is routine.
        collection_age_s: Mean time since collection at arrival: one half always, the other half
            exponential.
        mix: Name of the mix of panels.
    """

    title: str
    stat_ppm: Ppm
    urgent_ppm: Ppm
    collection_age_s: Natural
    mix: str
    patients: Patients
    source: str = ""


class PoissonProcess(Closed, frozen=True, kw_only=True):
    """Requests that come one by one: a Poisson process with a rate by the hour of the day."""

    requests_per_day: Positive
    shape: str


class RoundWindow(Closed, frozen=True, kw_only=True):
    """So many rounds a day, evenly spaced from one time of day to another."""

    begins_s: TimeOfDay
    ends_s: TimeOfDay
    count: Positive


class RoundsProcess(Closed, frozen=True, kw_only=True):
    """Requests that come in batches: vans, porters, ward rounds.

    Attributes:
        windows: When, in order of time.
        jitter_sd_s: Standard deviation of a round's time; no round overtakes another.
        mean_requests: Mean requests of a batch.
        sigma_milli: Standard deviation of the logarithm of a batch's size, in thousandths
            (log-normal, at least one request).
    """

    windows: list[RoundWindow]
    jitter_sd_s: Natural
    mean_requests: Positive
    sigma_milli: Natural


class ArrivalStream(Closed, frozen=True, kw_only=True):
    """Requests that arrive at one site from one origin, by exactly one of two processes."""

    site: str
    origin: str
    poisson: PoissonProcess | None = None
    rounds: RoundsProcess | None = None
    title: str = ""
    source: str = ""


class WorkloadProfile(Closed, frozen=True, kw_only=True):
    """A workload.

    ``starts_at_s``: the time of day at which an episode with it begins. ``streams``: the name under
    which a stream runs, which its specimens bear, to the stream.
    """

    title: str
    starts_at_s: TimeOfDay
    streams: dict[str, str]


class SiteProfile(Closed, frozen=True, kw_only=True):
    """A laboratory to study: a workload, the crew that is there for it, and for how long."""

    title: str
    workload: str
    crew: str
    horizon_s: Positive


class Workload(Document, frozen=True, kw_only=True):
    """``workload/``: streams, the profiles that they make up, and sites to study.

    ``stat_acceptance_goal_s``: a STAT tube that is accepted later than this after its arrival is
    noted. ``tube_faults``: by panel. ``shapes``: 24 weights, by hour of the day.
    """

    stat_acceptance_goal_s: Natural
    mistakes: Mistakes
    free_haemoglobin: FreeHaemoglobin
    tube_faults: dict[str, TubeFaults]
    mixes: dict[str, dict[str, Combination]]
    origins: dict[str, Origin]
    shapes: dict[str, list[Natural]]
    streams: dict[str, ArrivalStream]
    profiles: dict[str, WorkloadProfile]
    site_profiles: dict[str, SiteProfile]
