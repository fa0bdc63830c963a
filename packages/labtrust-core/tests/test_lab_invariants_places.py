"""The invariants of places each object when exactly they are broken, so that none is idle."""

import pytest
from labtrust_core.hospital_lab.things import Rack
from labtrust_core.testing import invariants_of_places
from labtrust_core.testing.breaking import Breakers, consignment, need, objectors_to_state, tube

BREAKERS = Breakers()
breaks = BREAKERS.breaks


@breaks("keys_are_ids")
def _(now):
    consignment(now, "received").consignment_id = "CONS_OTHER"


@breaks("one_place_at_a_time")
def _(now):
    now.world.at["zone:Z_WASTE_DISPOSAL|accepted"] = {next(iter(now.world.specimens)): None}


@breaks("one_place_at_a_time")
def _(now):
    now.world.at["zone:Z_WASTE_DISPOSAL|accepted"] = {}


@breaks("places_exist")
def _(now):
    moved = tube(now, "accepted", fits=lambda item: item.rack_id is None)
    now.world.put(moved, "zone:Z_MOON", now.now, None)


@breaks("carried_is_counted")
def _(now):
    now.world.counts["agent:A_QC"] = 3


@breaks("nobody_carries_too_much", "carried_is_counted")
def _(now):
    now.world.counts["agent:A_QC"] = now.tables.carry_limit + 1


@breaks("machines_hold_what_they_work_on")
def _(now):
    now.world.put(tube(now, "in_centrifuge", "in_analysis"), "zone:Z_PREANALYTICS", now.now, None)


@breaks("what_is_in_a_machine_is_being_worked_on")
def _(now):
    need(now.world.simulated)
    now.world.set_status(tube(now, "in_analysis"), "analysed")


@breaks("travellers_are_in_transit")
def _(now):
    now.world.set_status(tube(now, "in_transit"), "accepted")


@breaks("aliquots_are_one_to_one")
def _(now):
    now.world.aliquots["AL_LOST"] = next(iter(now.world.specimens))


@breaks("aliquots_are_one_to_one")
def _(now):
    first, second = list(now.world.specimens.values())[:2]
    need(first.aliquot_id is None)
    first.aliquot_id = second.specimen_id
    now.world.aliquots[second.specimen_id] = first.specimen_id


@breaks("aliquots_are_one_to_one")
def _(now):
    alias = next(iter(now.world.aliquots))
    tube(now, fits=lambda item: item.aliquot_id is None).aliquot_id = alias


@breaks("exposures_are_in_order")
def _(now):
    moved = next(iter(now.world.specimens.values()))
    moved.exposures = [(now.now + 9, moved.temp_band)]


@breaks("exposures_end_in_the_present_band")
def _(now):
    next(iter(now.world.specimens.values())).exposures = [(0, "FROZEN_M20")]


@breaks("nothing_is_in_the_future")
def _(now):
    tube(now, "accepted").accepted_s = now.now + 1


@breaks("requests_are_counted")
def _(now):
    need(now.world.simulated)
    now.world.arrivals[next(iter(now.world.arrivals))] += 1


@breaks("people_are_somewhere")
def _(now):
    now.world.agents["A_QC"].zone = "Z_MOON"


@breaks("people_get_free_again")
def _(now):
    now.world.agents["A_QC"].busy_until = now.now + 10**6


@breaks("doors_open_in_the_past")
def _(now):
    now.world.doors["D_MAIN_INNER"].open_since = now.now + 5


@breaks("doors_open_in_the_past")
def _(now):
    del now.world.doors["D_MAIN_INNER"]


@breaks("doors_do_not_stay_open")
def _(now):
    need(now.world.simulated)
    need(now.now > 700)
    now.world.doors["D_MAIN_INNER"].open_since = now.now - 601


@breaks("only_open_doors_are_granted")
def _(now):
    door = now.world.doors["D_WASTE"]
    need(door.open_since is None)
    door.granted_to = "A_RUNNER"


@breaks("stock_is_never_negative")
def _(now):
    now.world.stock["R_HAEM_CORE"] = -1


@breaks("open_consignments_are_listed")
def _(now):
    now.world.in_transit[consignment(now, "received").consignment_id] = None


@breaks("travellers_are_on_the_list")
def _(now):
    consignment(now, "in_transit", "arrived").specimen_ids.clear()


@breaks("received_consignments_are_complete")
def _(now):
    consignment(now, "received").signed_dest_by = None


@breaks("received_consignments_are_complete")
def _(now):
    consignment(now, "received").received_by = None


@breaks("received_consignments_are_complete")
def _(now):
    consignment(now, "in_transit", "arrived").received_s = 0


@breaks("received_consignments_were_cold_enough")
def _(now):
    consignment(now, "received").worst_milli_c = 10**4


@breaks("received_consignments_were_cold_enough")
def _(now):
    consignment(now, "received").seal_intact = False


@breaks("worst_is_the_worst")
def _(now):
    item = consignment(now, "in_transit", "arrived", "received", "refused")
    item.drift_milli_c = -item.worst_milli_c - 1


@breaks("trips_are_in_order")
def _(now):
    item = consignment(now, "received")
    item.dispatched_s = item.departs_s + 1


@breaks("arrivals_are_noticed")
def _(now):
    need(now.world.simulated)
    consignment(now, "in_transit").status = "arrived"


@breaks("racks_hold_their_specimens")
def _(now):
    now.world.racks["RACK_EMPTY"] = Rack("RACK_EMPTY", "zone:Z_INGRESS_DOCK", {})


@breaks("racks_hold_their_specimens")
def _(now):
    rack = next(item for item in now.world.racks.values() if item.sealed_by is None)
    rack.place = "zone:Z_MOON"


@breaks("racked_specimens_are_in_their_rack")
def _(now):
    tube(now, "accepted", fits=lambda item: item.rack_id is None).rack_id = "RACK_LOST"


@breaks("racks_travel_sealed")
def _(now):
    racks = now.world.racks.values()
    next(item for item in racks if item.place.startswith("consignment:")).sealed_by = None


@pytest.mark.parametrize(("breaker", "names"), BREAKERS.cases, ids=BREAKERS.ids)
def test_what_is_broken_is_objected_to_by_its_invariant_and_no_other(breaker, names):
    assert objectors_to_state(breaker) == names


def test_every_invariant_is_broken_by_something():
    assert BREAKERS.idle(invariants_of_places.CHECKS) == set()
