"""What a scenario lays down for later: outages, and deliveries that take their time."""

import pytest
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.errors import ScenarioError

OUTAGE = {"device_id": "DEV_HAEM_01", "begins_s": 100, "lasts_s": 50}


@pytest.fixture(scope="module")
def policy():
    return open_policy()


@pytest.fixture
def world(policy):
    """Start an episode and let time pass; gives its world."""

    def begin(until_s=0, seed=1, *, simulated=True, **scenario):
        engine = Engine(policy)
        config = EpisodeConfig("e", seed, simulated=simulated, signatures_required=False)
        engine.reset({"faults": False, **scenario}, config)
        if until_s:
            engine.advance(until_s)
        return engine.ctx.world

    return begin


@pytest.mark.parametrize(
    ("until_s", "broken"), [(99, False), (100, True), (149, True), (151, False)]
)
def test_an_outage_begins_and_ends_when_it_is_stated(world, until_s, broken):
    assert (world(until_s, outages=[OUTAGE]).devices["DEV_HAEM_01"].fault_until > until_s) is broken


def test_an_outage_comes_once(world):
    assert world(1_000, outages=[OUTAGE]).devices["DEV_HAEM_01"].faults == 1


def test_jitter_is_drawn_by_the_seed_within_its_bounds(world):
    stated = {**OUTAGE, "jitter_s": 60}
    ends = {
        world(1_000, seed, outages=[stated]).devices["DEV_HAEM_01"].fault_until for seed in range(8)
    }

    assert len(ends) > 1
    assert all(150 <= item <= 210 for item in ends)


@pytest.mark.parametrize(
    "change",
    [{"device_id": "DEV_NONE"}, {"lasts_s": 0}, {"begins_s": -1}, {"jitter_s": -1}],
    ids=str,
)
def test_what_is_no_outage_is_an_error(world, change):
    with pytest.raises(ScenarioError, match="outages"):
        world(outages=[{**OUTAGE, **change}])


def test_there_are_neither_outages_nor_deliveries_to_come_in_explicit_time(world):
    with pytest.raises(ScenarioError, match="outages"):
        world(simulated=False, outages=[OUTAGE])
    with pytest.raises(ScenarioError, match="reagent_lead_s"):
        world(simulated=False, reagent_lead_s={"R_CHEM_CORE": 60})


@pytest.mark.parametrize("part", ["reagent_initial_stock", "reagent_lead_s"])
@pytest.mark.parametrize("stated", [{"R_NONE": 1}, {"R_CHEM_CORE": -1}], ids=str)
def test_stock_and_lead_are_of_known_reagents_and_not_below_0(world, part, stated):
    with pytest.raises(ScenarioError, match=part):
        world(**{part: stated})
