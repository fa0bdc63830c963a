"""Sites of policy as sessions, and several people at one bench."""

import pytest
from labtrust_core.errors import UnknownNameError
from labtrust_env.session import Session, SessionConfig
from labtrust_env.sites import site_session

TUBE = {"panel_id": "BIOCHEM_PANEL_CORE", "container_type": "SERUM_SST"}


def book_in(session):
    """Return the index of booking a specimen in."""
    return next(item.index for item in session.actions if item.name == "CREATE_ACCESSION")


@pytest.fixture
def bench(policy):
    """Return a session with two tubes at reception and four clerks."""
    tubes = [{**TUBE, "specimen_id": name} for name in ("S1", "S2")]
    session = Session(policy, SessionConfig("district", None, 600, scenario={"specimens": tubes}))
    session.reset(1)
    return session


def test_a_site_is_its_crew_and_its_work_for_as_long_as_it_says(policy):
    config = site_session(policy, "night", dt_s=30)
    assert (config.crew, config.workload) == ("night", "night_shift")
    assert (config.horizon_s, config.dt_s) == (28_800, 30)
    Session(policy, config).reset(1)


def test_an_unknown_site_names_the_known_ones(policy):
    with pytest.raises(UnknownNameError, match="hub_satellite"):
        site_session(policy, "moon")


def test_two_clerks_who_book_in_take_two_tubes(bench):
    index = book_in(bench)
    bench.step({"reception_0": index, "reception_1": index})
    assert [item.accepted for item in bench.outcomes.values()] == [True, True]
    assert bench.engine.query("specimen_counts") == {"accessioning": 2}


def test_who_comes_when_nothing_is_left_is_refused(bench):
    index = book_in(bench)
    bench.step(dict.fromkeys(("reception_0", "reception_1", "reception_2"), index))
    refused = bench.outcomes["reception_2"]
    assert refused.blocked_reason_code == "RC_SPECIMEN_STATUS"
    assert refused.event.args == {"specimen_id": "S1"}


def test_a_mapping_that_names_its_tube_keeps_it(bench):
    index = book_in(bench)
    named = {"action_index": index, "args": {"specimen_id": "S1"}}
    bench.step({"reception_0": index, "reception_1": named})
    assert bench.outcomes["reception_0"].accepted
    assert bench.outcomes["reception_1"].blocked_reason_code == "RC_SPECIMEN_STATUS"
