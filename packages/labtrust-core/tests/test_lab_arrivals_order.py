"""Nothing but the seed decides what arrives, and sites bring the work that they name."""

from collections import Counter
from functools import cache
from math import sqrt

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.domains import open_documents
from labtrust_core.errors import ScenarioError
from labtrust_core.hospital_lab.documents.workload import Workload
from labtrust_core.hospital_lab.units import DAY_S
from labtrust_core.testing.arriving import arrivals_by_stream, arriving

BAND = 4.0  # standard errors
HOUR_S = 3_600


@cache
def opened():
    return open_documents()


def document():
    return opened().documents.get("workload", Workload)


def started(workload="district_day", *, seed=1, until=DAY_S, **scenario):
    return arriving(opened().compiled, workload, seed=seed, until_s=until, **scenario)


# Nothing else matters


def made_of(engine, stream, *, timed):
    """Return what a stream's tubes are, by id, with or without their times."""
    arrivals_by_stream(engine)
    found = {}
    for name, tube in engine.ctx.world.specimens.items():
        if name.startswith(f"S_{stream}_"):
            stated = msgspec.to_builtins(tube)
            for field in () if timed else ("arrived_s", "collected_s"):
                del stated[field]
            found[name] = stated
    return found


@pytest.mark.parametrize("stream", ["ed", "wards", "rounds", "vans"])
def test_a_stream_is_the_same_whatever_other_streams_bring(stream):
    alone, among = started("district_day", seed=5), started("surge_day", seed=5)
    assert made_of(alone, stream, timed=True) == made_of(among, stream, timed=True)


def test_the_nth_request_is_the_same_whenever_an_episode_begins():
    day = made_of(started("district_day", seed=6), "ed", timed=False)
    night = made_of(started("night_shift", seed=6, until=28_800), "ed", timed=False)
    common = day.keys() & night.keys()
    assert len(common) > 30
    assert all(day[name] == night[name] for name in common)


def test_another_seed_brings_other_requests():
    one = made_of(started(seed=7), "vans", timed=False)
    other = made_of(started(seed=8), "vans", timed=False)
    assert one != other


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**53 - 1), until=st.integers(0, DAY_S))
def test_nothing_arrives_after_the_limit_and_what_came_before_stays(seed, until):
    cut, whole = (
        {
            item.event.event_id: (item.event.t_s, item.data)
            for group in arrivals_by_stream(
                started("district_day", seed=seed, until=limit)
            ).values()
            for item in group
        }
        for limit in (until, DAY_S)
    )
    assert all(t_s <= until for t_s, _ in cut.values())
    assert list(cut.values()) == [found for found in whole.values() if found[0] <= until]


def test_the_next_day_is_like_the_first_and_not_the_same():
    found = arrivals_by_stream(started(until=2 * DAY_S), 2 * DAY_S)
    second = [item for item in found["vans"] if item.event.t_s >= DAY_S]
    assert len(second) == 10
    first = [item.data["requests"] for item in found["vans"]][:10]
    assert [item.data["requests"] for item in second] != first
    evening = [item.event.t_s for item in found["ed"] if item.event.t_s > DAY_S + 12 * HOUR_S]
    assert len(evening) > 80


def test_an_episode_that_begins_at_night_has_the_nights_rate():
    weights = document().shapes["emergency"]
    expected = 222 * sum(weights[hour % 24] for hour in range(22, 30)) / sum(weights)
    found = sum(
        len(arrivals_by_stream(started("night_shift", seed=seed, until=28_800))["ed"])
        for seed in range(30)
    )
    assert abs(found - 30 * expected) < BAND * sqrt(30 * expected)


def test_satellites_receive_at_their_own_reception():
    engine = started("hub_satellite_day", seed=2)
    arrivals_by_stream(engine)
    places = Counter(
        (tube.source == "acute", tube.place) for tube in engine.ctx.world.specimens.values()
    )
    assert places[True, "zone:Z_ACUTE_RECEPTION"] > 50
    assert places[True, "zone:Z_SRA_RECEPTION"] == 0


# Sites


@pytest.mark.parametrize("site", ["district", "hub_satellite", "night", "surge"])
def test_a_site_brings_its_crew_and_its_work(site):
    profile = document().site_profiles[site]
    engine = started(None, until=0, site=site)
    world = engine.ctx.world
    crew = opened().compiled.tables.crews[profile.crew].members
    assert world.agents.keys() == {member.agent_id for member in crew.values()}
    assert world.workload == profile.workload
    assert world.arrivals_until_s == profile.horizon_s


@pytest.mark.parametrize(("field", "name"), [("site", "moon"), ("workload", "none_such")])
def test_an_unknown_name_names_the_known_ones(field, name):
    with pytest.raises(ScenarioError, match="district"):
        started(**{"workload": None, field: name})
