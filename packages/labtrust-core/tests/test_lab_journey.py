"""Consignments on the road: departures, delays, temperatures, seals, racks and refusals."""

from dataclasses import replace
from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.domains import open_documents
from labtrust_core.errors import ScenarioError
from labtrust_core.hospital_lab.documents.catalogue import TemperatureBand
from labtrust_core.hospital_lab.documents.floor import Departures, Sites
from labtrust_core.hospital_lab.journey import (
    TickAt,
    departs_in_s,
    drift,
    load,
    outside_band,
    outside_milli_c,
    plan_trip,
)
from labtrust_core.hospital_lab.references import problems
from labtrust_core.hospital_lab.things import Consignment
from labtrust_core.hospital_lab.units import DAY_S
from labtrust_core.hospital_lab.views import agent_view
from labtrust_core.hospital_lab.world import LabWorld
from labtrust_core.testing.laboratory import Laboratory, placed, shipped_policy

TABLES = shipped_policy().tables
ROUTE = TABLES.routes["ACUTE_TO_HUB"]
BAND = TABLES.bands[ROUTE.temp_band]
ENDS = {"origin_site": "SITE_ACUTE", "dest_site": "SITE_HUB"}
PARCEL = {"consignment_id": "CONS_1"}
PLACES = {"A_RUNNER": "Z_ACUTE_RECEPTION", "A_RECEPTION": "Z_INGRESS_DOCK"}
MANY = 4_000

timetables = st.builds(
    lambda first, span, headway: Departures(first_s=first, last_s=first + span, headway_s=headway),
    st.integers(0, DAY_S // 2),
    st.integers(0, DAY_S // 2 - 1),
    st.integers(1, DAY_S),
)


def a_world(**fields):
    return LabWorld(seed=11, simulated=True, **fields)


@cache
def trips():
    world = a_world()
    return [
        plan_trip(world, ROUTE, f"CONS_{number}", number, 17 * number) for number in range(MANY)
    ]


def consignment(name="CONS_1"):
    return Consignment(name, "ACUTE_TO_HUB", [], 0, "A", 0, 600, 600)


def tubes(count=2, **fields):
    return [
        {
            "specimen_id": f"S{number}",
            "panel_id": "HAEM_PANEL_CORE",
            "container_type": "WHOLE_BLOOD_EDTA",
            "zone_id": "Z_ACUTE_RECEPTION",
            **fields,
        }
        for number in range(1, count + 1)
    ]


def packed(*ids, sealed_by="A_RUNNER", rack_id="RK1"):
    return {"rack_id": rack_id, "specimen_ids": list(ids), "sealed_by": sealed_by}


def laboratory(*, simulated=False, **scenario):
    stated = {"agents": placed(PLACES), "specimens": tubes(), "racks": [packed("S1", "S2")]}
    return Laboratory({"faults": False, **stated, **scenario}, simulated=simulated)


def sent(**scenario):
    lab = laboratory(**scenario)
    assert lab.do("A_RUNNER", "DISPATCH_TRANSPORT", {**ENDS, "specimen_ids": ["S1", "S2"]}).accepted
    return lab


# Timetable and delays


@given(timetables, st.integers(0, DAY_S - 1))
def test_a_van_leaves_on_the_grid_and_no_departure_is_missed(plan, now_s):
    wait_s = departs_in_s(plan, now_s)
    leaves_s = (now_s + wait_s) % DAY_S
    assert plan.first_s <= leaves_s <= plan.last_s
    assert (leaves_s - plan.first_s) % plan.headway_s == 0
    grid = range(plan.first_s, plan.last_s + 1, plan.headway_s)
    later = [item for item in grid if item >= now_s]
    assert wait_s == (later[0] - now_s if later else DAY_S - now_s + plan.first_s)


def test_a_courier_comes_when_called():
    assert departs_in_s(None, 12_345) == 0


def test_trips_leave_on_the_grid_and_are_expected_after_the_mean():
    headway = ROUTE.departures.headway_s
    for number, trip in enumerate(trips()):
        assert trip.departs_s % headway == 0
        assert 0 <= trip.departs_s - 17 * number < headway
        assert trip.expected_s == trip.departs_s + ROUTE.mean_s
        assert trip.arrives_s > trip.departs_s


def test_as_many_trips_are_held_up_as_policy_says_and_for_as_long():
    late = [item.arrives_s - item.expected_s for item in trips()]
    quick = msgspec.structs.replace(ROUTE, delay_ppm=0)
    world = a_world()
    on_time = [
        plan_trip(world, quick, f"CONS_{number}", number, 17 * number) for number in range(MANY)
    ]
    delays = [a - (b.arrives_s - b.expected_s) for a, b in zip(late, on_time, strict=True)]
    held_up = [item for item in delays if item]
    assert abs(1_000_000 * len(held_up) // MANY - ROUTE.delay_ppm) < 12_000
    assert abs(sum(held_up) / len(held_up) - ROUTE.mean_delay_s) < 200
    assert min(held_up) > 0


def test_an_undelayed_trip_takes_the_mean_on_average():
    quick = msgspec.structs.replace(ROUTE, delay_ppm=0)
    world = a_world()
    seconds = [
        trip.arrives_s - trip.departs_s
        for trip in (plan_trip(world, quick, f"CONS_{n}", n, 0) for n in range(MANY))
    ]
    assert abs(sum(seconds) / MANY - ROUTE.mean_s) < 4


def test_a_late_consignment_is_known_to_be_late_but_not_when_it_comes():
    lab = sent(simulated=True, transport_fault_injection={"delay_s": 3_000})
    arrives_s = lab.world.consignments["CONS_1"].arrives_s
    seen = []
    for now in (599, 1_500, arrives_s - 1):
        lab.engine.advance(now)
        [item] = agent_view(lab.engine.ctx, "A_RECEPTION")["consignments"]
        seen.append((item["arrives_in_s"], item["late_s"], item["arrived"], item["fit"]))
    assert seen == [
        (1, 0, False, None),
        (1, 900, False, None),
        (1, arrives_s - 601, False, None),
    ]
    lab.engine.advance(arrives_s)
    [item] = agent_view(lab.engine.ctx, "A_RECEPTION")["consignments"]
    assert (item["arrives_in_s"], item["arrived"], item["fit"]) == (0, True, True)


def alarms(lab, until_s):
    found = [item.data for item in lab.engine.advance(until_s) if "ALARM" in item.emits]
    return [(item["reason_code"], item["late_s"]) for item in found]


@pytest.mark.parametrize(("delay_s", "alarmed"), [(0, False), (300, False), (2_000, True)])
def test_a_consignment_that_is_late_by_more_than_policy_allows_raises_an_alarm(delay_s, alarmed):
    lab = sent(simulated=True, transport_fault_injection={"delay_s": delay_s})
    late_s = lab.world.consignments["CONS_1"].arrives_s - 600
    assert alarms(lab, 10_000) == ([("RC_TRANSPORT_LATE", late_s)] if alarmed else [])


# Temperature


@given(st.integers(0, DAY_S - 1))
def test_the_outside_is_coldest_at_three_and_warmest_at_three_in_the_afternoon(now_s):
    climate = ROUTE.climate
    mean, swing = climate.outside_mean_milli_c, climate.outside_swing_milli_c
    assert outside_milli_c(climate, 3 * 3_600) == mean - swing
    assert outside_milli_c(climate, 15 * 3_600) == mean + swing
    assert mean - swing <= outside_milli_c(climate, now_s) <= mean + swing


@given(st.integers(-50_000, 50_000))
def test_how_far_outside_its_band_a_box_is(milli_c):
    band = TemperatureBand(min_milli_c=2_000, max_milli_c=8_000)
    far = outside_band(band, milli_c)
    assert band.min_milli_c <= milli_c - far <= band.max_milli_c
    assert (far == 0) is (band.min_milli_c <= milli_c <= band.max_milli_c)


@given(st.integers(0, 10_000), st.booleans())
def test_a_box_stays_between_its_start_and_the_outside_but_for_the_noise(number, failed):
    world = a_world()
    box = consignment(f"CONS_{number}")
    load(world, ROUTE, BAND, box)
    assert BAND.min_milli_c <= box.box_milli_c <= BAND.max_milli_c
    box.box_failed = failed
    lowest = ROUTE.climate.outside_mean_milli_c - ROUTE.climate.outside_swing_milli_c
    for tick in range(1, 61):
        drift(world, ROUTE, BAND, box, TickAt(60 * tick, 60))
        noise = tick * ROUTE.drift_step_milli_c
        assert lowest - noise <= box.box_milli_c <= BAND.max_milli_c + noise
        assert box.drift_milli_c == outside_band(BAND, box.box_milli_c)
        assert box.worst_milli_c >= abs(box.drift_milli_c)
        assert isinstance(box.box_milli_c, int)


def excursions(failed):
    """Return how many of a thousand ordinary trips have an excursion."""
    world, found = a_world(), 0
    for number in range(1_000):
        box = consignment(f"CONS_{number}")
        load(world, ROUTE, BAND, box)
        box.box_failed = failed
        for tick in range(1, 11):
            drift(world, ROUTE, BAND, box, TickAt(60 * tick, 60))
        found += box.worst_milli_c >= ROUTE.max_drift_milli_c
    return found


def test_a_sound_box_hardly_ever_gets_too_cold_and_a_broken_one_nearly_always():
    assert excursions(failed=False) <= 10
    assert excursions(failed=True) >= 700


def test_boxes_fail_and_seals_break_as_often_as_policy_says():
    world = a_world()
    boxes = [consignment(f"CONS_{number}") for number in range(20_000)]
    for box in boxes:
        load(world, ROUTE, BAND, box)
    failed = 50 * sum(item.box_failed for item in boxes)
    broken = 50 * sum(not item.seal_intact for item in boxes)
    assert abs(failed - ROUTE.climate.failure_ppm) < 3_000
    assert abs(broken - ROUTE.seal_break_ppm) < 1_200


def test_an_excursion_is_reported_once_when_it_begins():
    lab = sent(simulated=True, transport_fault_injection={"fail_boxes": True})
    found = lab.engine.advance(10_000)
    assert sum("excursions" in item.data for item in found) == 1
    assert sum(bool(item.violations) for item in found) == 1


# Racks and refusals


def test_a_tube_that_is_taken_out_of_a_rack_opens_it_and_the_last_one_ends_it():
    lab = laboratory()
    assert lab.do("A_RUNNER", "RETRIEVE", {"specimen_ids": ["S1"]}).accepted
    assert lab.world.racks["RK1"].sealed_by is None
    assert list(lab.world.racks["RK1"].specimen_ids) == ["S2"]
    assert lab.do("A_RUNNER", "RETRIEVE", {"specimen_ids": ["S2"]}, at=10).accepted
    assert lab.world.racks == {}
    assert {item.rack_id for item in lab.world.specimens.values()} == {None}


def test_receipt_dissolves_the_rack():
    lab = sent()
    assert lab.world.racks["RK1"].place == "consignment:CONS_1"
    assert lab.do("A_RUNNER", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=30).accepted
    assert lab.do("A_RECEPTION", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=600).accepted
    assert lab.do("A_RECEPTION", "RECEIVE_TRANSPORT", PARCEL, at=610).accepted
    assert lab.world.racks == {}
    assert {item.place for item in lab.world.specimens.values()} == {"zone:Z_INGRESS_DOCK"}


def test_a_rack_on_the_road_is_packed_no_further():
    lab = sent(specimens=tubes(3))
    args = {"rack_id": "RK1", "specimen_ids": ["S3"]}
    assert lab.refused("A_RUNNER", "RACK_BUILD", args, at=30) == "RC_RACK_INVALID"


def test_what_is_rejected_out_of_a_consignment_stays_behind_when_the_rest_is_received():
    lab = sent()
    assert lab.do("A_RUNNER", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=30).accepted
    assert lab.do("A_RECEPTION", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=600).accepted
    reject = {"specimen_id": "S1", "reason_code": "RC_LEAKING_CONTAINER"}
    assert lab.do("A_RECEPTION", "REJECT_SPECIMEN", reject, at=610).accepted
    assert lab.do("A_RECEPTION", "RECEIVE_TRANSPORT", PARCEL, at=620).accepted
    statuses = {item.specimen_id: item.status for item in lab.world.specimens.values()}
    assert statuses == {"S1": "rejected", "S2": "arrived_at_reception"}
    assert lab.world.consignments["CONS_1"].status == "received"


@pytest.mark.parametrize("fault", ["break_seals", "force_temp_excursion_on_next_receive"])
def test_a_consignment_that_cannot_be_received_is_closed_when_all_of_it_is_rejected(fault):
    lab = sent(transport_fault_injection={fault: True})
    lab.do("A_RUNNER", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=30)
    lab.do("A_RECEPTION", "CHAIN_OF_CUSTODY_SIGN", PARCEL, at=600)
    assert lab.refused("A_RECEPTION", "RECEIVE_TRANSPORT", PARCEL, at=610) is not None
    reject = {"specimen_ids": ["S1", "S2"], "reason_code": "TRANSPORT_TEMP_EXCURSION"}
    assert lab.do("A_RECEPTION", "REJECT_SPECIMEN", reject, at=610).data["refused"] == "CONS_1"
    assert lab.world.in_transit == {}
    assert lab.world.racks == {}
    assert lab.world.consignments["CONS_1"].status == "refused"


@pytest.mark.parametrize(
    "racks",
    [
        [packed("S9")],
        [packed()],
        [packed("S1"), packed("S2")],
        [packed("S1"), packed("S1", rack_id="RK2")],
    ],
)
def test_racks_of_a_scenario_hold_specimens_that_there_are_each_in_one(racks):
    with pytest.raises(ScenarioError):
        laboratory(racks=racks)


def test_a_rack_of_a_scenario_is_in_one_place_and_a_delay_is_not_negative():
    with pytest.raises(ScenarioError, match="two places"):
        laboratory(specimens=[*tubes(1), {**tubes(2)[1], "zone_id": "Z_INGRESS_DOCK"}])
    with pytest.raises(ScenarioError, match="below zero"):
        laboratory(transport_fault_injection={"delay_s": -1})


# Policy


def with_route(**changes):
    policy = open_documents().documents
    sites = policy.get("sites", Sites)
    routes = {**sites.routes, "ACUTE_TO_HUB": msgspec.structs.replace(ROUTE, **changes)}
    documents = {**policy.documents, "sites": msgspec.structs.replace(sites, routes=routes)}
    return replace(policy, documents=documents)


@pytest.mark.parametrize(
    "changes",
    [
        {"delay_ppm": 1_000_001},
        {"seal_break_ppm": -1},
        {"departures": Departures(first_s=10, last_s=5, headway_s=60)},
        {"departures": Departures(first_s=0, last_s=DAY_S, headway_s=60)},
        {"departures": Departures(first_s=0, last_s=5, headway_s=0)},
        {"climate": msgspec.structs.replace(ROUTE.climate, failed_box_s=0)},
        {"climate": msgspec.structs.replace(ROUTE.climate, failure_ppm=2_000_000)},
    ],
)
def test_policy_refuses_a_route_that_cannot_be(changes):
    assert [item.document for item in problems(with_route(**changes))] == ["sites"]
