"""References within the workload document and from it, and what its numbers must add up to."""

from __future__ import annotations

from collections.abc import Iterator

from labtrust_core.engine.domain import Problem
from labtrust_core.engine.references import dangling
from labtrust_core.hospital_lab.documents.catalogue import Catalogue
from labtrust_core.hospital_lab.documents.floor import Sites
from labtrust_core.hospital_lab.documents.people import Crews
from labtrust_core.hospital_lab.documents.workload import ArrivalStream, Workload
from labtrust_core.hospital_lab.rates import HOURS
from labtrust_core.policy.load import Policy

_MILLION = 1_000_000


def problems(policy: Policy) -> Iterator[Problem]:
    """Yield every dangling reference and contradiction of the workload document."""
    document = policy.get("workload", Workload)
    yield from _tubes(policy, document)
    yield from _origins(document)
    yield from _shapes(document)
    sites = policy.get("sites", Sites).sites
    for name, stream in document.streams.items():
        place = ("streams", name)
        yield from dangling("workload", "site", [((*place, "site"), stream.site)], sites)
        yield from dangling(
            "workload", "origin", [((*place, "origin"), stream.origin)], document.origins
        )
        yield from _process(document, name, stream)
    yield from _profiles(policy, document)


def _tubes(policy: Policy, document: Workload) -> Iterator[Problem]:
    panels = policy.get("catalogue", Catalogue).panels
    named = ((("tube_faults", panel), panel) for panel in document.tube_faults)
    yield from dangling("workload", "panel", named, panels)
    for panel_id, faults in document.tube_faults.items():
        if panel_id in panels:
            container = [(("tube_faults", panel_id, "container"), faults.container)]
            yield from dangling("workload", "container", container, panels[panel_id].containers)
    for mix_id, mix in document.mixes.items():
        for name, combination in mix.items():
            place = ("mixes", mix_id, name, "panels")
            listed = (((*place, i), panel) for i, panel in enumerate(combination.panels))
            yield from dangling("workload", "panel", listed, document.tube_faults)
            if len(set(combination.panels)) != len(combination.panels) or not combination.panels:
                yield _contradiction(place, combination.panels, "different panels, at least one")
        weights = [item.weight for item in mix.values()]
        if sum(weights) == 0:
            yield _contradiction(("mixes", mix_id), weights, "a weight above 0")


def _origins(document: Workload) -> Iterator[Problem]:
    for name, origin in document.origins.items():
        place = ("origins", name)
        yield from dangling("workload", "mix", [((*place, "mix"), origin.mix)], document.mixes)
        shares = [origin.stat_ppm, origin.urgent_ppm]
        if sum(shares) > _MILLION:
            yield _contradiction(place, shares, "shares of at most 1,000,000 together")


def _shapes(document: Workload) -> Iterator[Problem]:
    for name, weights in document.shapes.items():
        if len(weights) != HOURS or sum(weights) == 0:
            yield _contradiction(("shapes", name), weights, f"{HOURS} weights, not all 0")


def _process(document: Workload, name: str, stream: ArrivalStream) -> Iterator[Problem]:
    place = ("streams", name)
    stated = [item for item in ("poisson", "rounds") if getattr(stream, item) is not None]
    if len(stated) != 1:
        yield _contradiction(place, stated, "either poisson or rounds")
    if stream.poisson is not None:
        shape = [((*place, "poisson", "shape"), stream.poisson.shape)]
        yield from dangling("workload", "shape", shape, document.shapes)
    if stream.rounds is not None:
        windows = [(item.begins_s, item.ends_s) for item in stream.rounds.windows]
        times = [time for window in windows for time in window]
        if not times or times != sorted(times):
            yield _contradiction((*place, "rounds", "windows"), windows, "windows in order of time")


def _profiles(policy: Policy, document: Workload) -> Iterator[Problem]:
    for profile_id, profile in document.profiles.items():
        used = (
            (("profiles", profile_id, "streams", name), item)
            for name, item in profile.streams.items()
        )
        yield from dangling("workload", "stream", used, document.streams)
    crews = policy.get("crews", Crews).crews
    for name, site in document.site_profiles.items():
        place = ("site_profiles", name)
        workload = [((*place, "workload"), site.workload)]
        yield from dangling("workload", "profile", workload, document.profiles)
        yield from dangling("workload", "crew", [((*place, "crew"), site.crew)], crews)


def _contradiction(path: tuple[str | int, ...], found: object, expected: str) -> Problem:
    return Problem("workload", path, "numbers that do not fit", str(found), expected)
