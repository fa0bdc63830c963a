"""The scripted crew on the road between the sites: packing, departures, and what arrives unfit."""

from collections import Counter

import pytest
from labtrust_bench.agents.scripted import scripted_crew
from labtrust_env.session import Session, SessionConfig

HORIZON_S = 10_800


def played(policy, **scenario):
    """Return the session after three hours of the scripted crew, and all outcomes."""
    config = SessionConfig(
        "multi_site",
        "multi_site_smoke",
        HORIZON_S,
        arrivals_until_s=2_700,
        faults=False,
        scenario=scenario,
    )
    session = Session(policy, config)
    session.reset(7)
    crew = scripted_crew(session.members)
    for name, agent in crew.items():
        agent.reset(name, 7)
    outcomes = []
    while not session.done:
        outcomes += session.step({name: crew[name].act(session.view(name)) for name in crew})
    return session, outcomes


@pytest.fixture(scope="module")
def cold(policy):
    """A day on which every box fails."""
    return played(policy, transport_fault_injection={"fail_boxes": True})


def test_what_arrived_unfit_is_rejected_and_no_consignment_stays_open(cold):
    world = cold[0].ctx.world
    statuses = Counter(item.status for item in world.consignments.values())
    away = [item for item in world.specimens.values() if item.specimen_id.startswith("S_acute")]

    assert statuses["refused"] > 1
    assert set(statuses) <= {"refused", "received"}
    assert world.in_transit == {}
    assert world.racks == {}
    assert sum(item.reason == "TRANSPORT_TEMP_EXCURSION" for item in away) > 3


def test_the_errand_to_the_dock_ends_at_home_and_leaves_no_door_open(cold):
    session, outcomes = cold

    assert session.ctx.world.agents["A_RECEPTION_0"].zone == "Z_SRA_RECEPTION"
    assert not any(item.event.action_type == "SYS_DOOR_ALARM" for item in outcomes if item.event)


def test_work_at_the_hub_goes_on_meanwhile(cold):
    found = cold[0].ctx.world.specimens.values()
    hub = [item for item in found if item.specimen_id.startswith("S_hub")]

    assert sum(item.status == "released" for item in hub) > len(hub) // 2


def test_broken_seals_are_refused_too(policy):
    world = played(policy, transport_fault_injection={"break_seals": True})[0].ctx.world

    assert {item.status for item in world.consignments.values()} == {"refused"}
    assert {
        item.reason for item in world.specimens.values() if item.specimen_id.startswith("S_acute")
    } <= {"PKG_DAMAGED_OR_UNSEALED", "RC_LEAKING_CONTAINER"}


def test_on_an_ordinary_day_everything_travels_packed_sealed_and_signed(policy):
    session, outcomes = played(policy)
    world = session.ctx.world
    done = Counter(item.event.action_type for item in outcomes if item.event and item.accepted)

    assert done["RACK_BUILD"] >= done["RACK_SEAL"] >= done["DISPATCH_TRANSPORT"] > 1
    assert {item.status for item in world.consignments.values()} == {"received"}
    assert all(
        item.signed_origin_by and item.signed_dest_by for item in world.consignments.values()
    )
    # signed for before the van leaves, and not left waiting for the one after it
    for item in world.consignments.values():
        assert item.departs_s - item.dispatched_s <= 120
