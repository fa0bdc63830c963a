"""What contradicts itself in the workload document is found before anything runs."""

from functools import cache

import msgspec
import pytest
from labtrust_core.domains import open_documents
from labtrust_core.hospital_lab import workload_references
from labtrust_core.hospital_lab.documents.workload import Workload

ORIGIN = "origins.ed"
STREAM = "streams.emergency"

WRONG = {
    "panel without a catalogue entry": ("tube_faults.NO_PANEL", {"container": "SERUM_SST"}),
    "container that the panel does not come in": (
        "tube_faults.HAEM_PANEL_CORE.container",
        "SERUM_SST",
    ),
    "panel of a mix without a tube": ("mixes.general.count.panels", ["NO_PANEL"]),
    "panel asked for twice": ("mixes.general.count.panels", ["HAEM_PANEL_CORE"] * 2),
    "request for nothing": ("mixes.general.count.panels", []),
    "mix without weight": ("mixes.other", {"one": {"weight": 0, "panels": ["HAEM_PANEL_CORE"]}}),
    "unknown mix": (f"{ORIGIN}.mix", "none_such"),
    "shares above one": (f"{ORIGIN}.urgent_ppm", 900_000),
    "shape of too few hours": ("shapes.emergency", [1] * 23),
    "shape without weight": ("shapes.emergency", [0] * 24),
    "unknown shape": (f"{STREAM}.poisson.shape", "none_such"),
    "unknown site": (f"{STREAM}.site", "SITE_NONE"),
    "unknown origin": (f"{STREAM}.origin", "none_such"),
    "no process": (f"{STREAM}.poisson", None),
    "two processes": (
        f"{STREAM}.rounds",
        {"windows": [], "jitter_sd_s": 0, "mean_requests": 1, "sigma_milli": 0},
    ),
    "rounds without a window": ("streams.vans.rounds.windows", []),
    "window that ends before it begins": (
        "streams.vans.rounds.windows",
        [{"begins_s": 7_200, "ends_s": 3_600, "count": 1}],
    ),
    "unknown stream": ("profiles.district_day.streams.ed", "none_such"),
    "site with an unknown workload": ("site_profiles.district.workload", "none_such"),
    "site with an unknown crew": ("site_profiles.district.crew", "none_such"),
}


class Changed:
    """The shipped policy with another workload document."""

    def __init__(self, shipped, document):
        self.shipped, self.document = shipped, document

    def get(self, name, kind):
        return self.document if name == "workload" else self.shipped.get(name, kind)


@cache
def documents():
    return open_documents().documents


def found_with(path, value):
    shipped = documents()
    data = msgspec.to_builtins(shipped.get("workload", Workload))
    *folders, last = path.split(".")
    place = data
    for folder in folders:
        place = place[folder]
    place[last] = value
    document = msgspec.convert(data, Workload)
    return list(workload_references.problems(Changed(shipped, document)))


@pytest.mark.parametrize("name", WRONG)
def test_a_workload_is_refused_with(name):
    path, value = WRONG[name]
    problems = found_with(path, value)
    assert problems
    assert all(item.document == "workload" for item in problems)
    places = [".".join(map(str, item.path)) for item in problems]
    assert any(place.startswith(path.rpartition(".")[0]) for place in places)


def test_the_shipped_workload_is_in_order():
    assert found_with("description", "the same") == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("mistakes.wrong_blood_ppm", 1_000_001),
        ("profiles.district_day.starts_at_s", -1),
        ("streams.emergency.poisson.requests_per_day", 0),
    ],
)
def test_a_number_outside_its_range_has_not_the_documents_shape(path, value):
    with pytest.raises(msgspec.ValidationError, match="Expected"):
        found_with(path, value)
