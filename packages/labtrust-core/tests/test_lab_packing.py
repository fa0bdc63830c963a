"""Racks and consignments stay consistent, whatever is packed, sent, signed for or refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.testing.laboratory import Laboratory, placed

ENDS = {"origin_site": "SITE_ACUTE", "dest_site": "SITE_HUB"}
REASON = {"reason_code": "RC_LEAKING_CONTAINER"}
TUBES = [f"S{number}" for number in range(1, 6)]
RACKS = ["RK1", "RK2"]
PARCELS = ["CONS_1", "CONS_2", "CONS_3"]
PLACES = {
    "A_RUNNER": "Z_ACUTE_RECEPTION",
    "A_CLERK": "Z_ACUTE_RECEPTION",
    "A_RECEPTION": "Z_INGRESS_DOCK",
}

some = st.lists(st.sampled_from(TUBES), min_size=1, max_size=5, unique=True)
rack = st.sampled_from(RACKS)
parcel = st.sampled_from(PARCELS)
MOVES = st.one_of(
    st.builds(lambda ids, name: ("RACK_BUILD", {"rack_id": name, "specimen_ids": ids}), some, rack),
    st.builds(lambda name: ("RACK_SEAL", {"rack_id": name}), rack),
    st.just(("SEND", {})),
    st.builds(lambda ids: ("DISPATCH_TRANSPORT", {**ENDS, "specimen_ids": ids}), some),
    st.builds(lambda name: ("CHAIN_OF_CUSTODY_SIGN", {"consignment_id": name}), parcel),
    st.builds(lambda name: ("RECEIVE_TRANSPORT", {"consignment_id": name}), parcel),
    st.builds(lambda ids: ("RETRIEVE", {"specimen_ids": ids[:1]}), some),
    st.builds(lambda ids: ("STORE", {"specimen_ids": ids[:1]}), some),
    st.builds(lambda ids: ("REJECT_SPECIMEN", {"specimen_ids": ids[:2], **REASON}), some),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(list(PLACES)), MOVES, st.sampled_from([40, 300, 1_500])),
    min_size=5,
    max_size=40,
)


def started(*, simulated, fault):
    tubes = [
        {
            "specimen_id": name,
            "panel_id": "HAEM_PANEL_CORE",
            "container_type": "WHOLE_BLOOD_EDTA",
            "zone_id": "Z_ACUTE_RECEPTION",
            "integrity_flags": {"leak": name == "S5"},
        }
        for name in TUBES
    ]
    agents = placed(PLACES)
    agents[1]["role"] = "ROLE_RECEPTION"
    stated = {"agents": agents, "specimens": tubes, "faults": False}
    return Laboratory(
        {**stated, "transport_fault_injection": {fault: True} if fault else {}},
        simulated=simulated,
    )


def check(world):
    for name, item in world.racks.items():
        assert item.rack_id == name
        assert item.specimen_ids
        for tube in item.specimen_ids:
            assert world.specimens[tube].rack_id == name
            assert world.specimens[tube].place == item.place
        if item.place.startswith("consignment:"):
            assert item.sealed_by is not None or "rejected" in {
                tube.status for tube in world.specimens.values()
            }
    for tube in world.specimens.values():
        assert tube.rack_id is None or tube.specimen_id in world.racks[tube.rack_id].specimen_ids
        on_the_road = tube.place.startswith("consignment:")
        assert on_the_road is (tube.status == "in_transit")
        if on_the_road:
            assert tube.place.removeprefix("consignment:") in world.in_transit
            assert tube.rack_id is not None
            assert not tube.leak
    for name, item in world.consignments.items():
        inside = [t for t in world.specimens.values() if t.place == f"consignment:{name}"]
        assert (name in world.in_transit) is (item.status in ("in_transit", "arrived"))
        assert bool(inside) is (name in world.in_transit)
        if item.status == "received":
            assert item.signed_origin_by
            assert item.signed_dest_by
            assert item.seal_intact


def move_of(lab, move):
    """Return the event of a move; ``SEND`` names everything that is packed at the clerk's."""
    action, args = move
    if action != "SEND":
        return action, args
    waiting = [
        tube
        for item in lab.world.racks.values()
        if item.place == "zone:Z_ACUTE_RECEPTION"
        for tube in item.specimen_ids
    ]
    return "DISPATCH_TRANSPORT", {**ENDS, "specimen_ids": waiting or ["S1"]}


@pytest.mark.parametrize("fault", [None, "break_seals", "fail_boxes"])
@pytest.mark.parametrize("simulated", [False, True])
@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_racks_and_consignments_stay_consistent_whatever_is_done(simulated, fault, steps):
    lab = started(simulated=simulated, fault=fault)
    now = 0
    for agent, move, wait in steps:
        now += wait
        if simulated:
            lab.engine.advance(now)
        action, args = move_of(lab, move)
        lab.do(agent, action, args, at=now)
        check(lab.world)
