"""Nobody ends a run from afar, opens a centrifuge like an analyser, or injects what cannot be."""

import pytest
from labtrust_core.testing.laboratory import Laboratory, placed
from labtrust_core.testing.world_invariants import Watch
from labtrust_core.trust.keys import TestKeyBinding, TestKeyring

SYSTEM = TestKeyring(
    {"K_SYSTEM": TestKeyBinding(agent_id="SYSTEM", role_id="R_SYSTEM_CONTROL")}, seed=3
)
SPIN = {"device_id": "DEV_CENTRIFUGE_BANK_01", "specimen_ids": ["S_SPIN"]}
HAEM = {"device_id": "DEV_HAEM_01"}
TUBES = {
    "S_SPIN": ("Z_CENTRIFUGE_BAY", "BIOCHEM_PANEL_CORE", "SERUM_SST"),
    "S_HAEM": ("Z_ANALYZER_HALL_A", "HAEM_PANEL_CORE", "WHOLE_BLOOD_EDTA"),
}


def tube(specimen_id, **fields):
    zone, panel, container = TUBES.get(specimen_id, TUBES["S_HAEM"])
    stated = {"panel_id": panel, "container_type": container, "status": "accepted"}
    return {"specimen_id": specimen_id, "zone_id": zone, **stated, **fields}


@pytest.fixture
def lab():
    people = {
        "A_PREAN": "Z_CENTRIFUGE_BAY",
        "A_OPS_0": "Z_CENTRIFUGE_BAY",
        "A_ANALYTICS": "Z_ANALYZER_HALL_A",
        "P_HALL_B": "Z_ANALYZER_HALL_B",
    }
    agents = [{**item, "role": "ROLE_ANALYTICS"} for item in placed(people)[3:]]
    scenario = {"agents": [*placed(people)[:3], *agents], "specimens": [tube(n) for n in TUBES]}
    return Laboratory(scenario, keyring=SYSTEM)


def test_a_centrifuge_is_not_opened_like_an_analyser(lab):
    assert lab.do("A_PREAN", "CENTRIFUGE_START", SPIN).accepted
    lab.do("A_PREAN", "NOOP", at=5_000)
    run = {"device_id": "DEV_CENTRIFUGE_BANK_01", "run_id": "SPIN_1"}
    assert lab.refused("A_OPS_0", "END_RUN", run) == "ROUTE_DEVICE_INCOMPATIBLE"


def test_a_run_is_ended_at_its_own_device(lab):
    lab.do("A_ANALYTICS", "QUEUE_RUN", {**HAEM, "specimen_id": "S_HAEM"})
    start = {**HAEM, "run_id": "R1", "specimen_ids": ["S_HAEM"]}
    assert lab.do("A_ANALYTICS", "START_RUN", start, at=10).accepted
    lab.do("A_ANALYTICS", "NOOP", at=5_000)
    elsewhere = {"device_id": "DEV_COAG_01", "run_id": "R1"}
    assert lab.refused("P_HALL_B", "END_RUN", elsewhere) == "RC_RUN_UNKNOWN"
    assert lab.do("A_ANALYTICS", "END_RUN", {**HAEM, "run_id": "R1"}).accepted


@pytest.mark.parametrize(
    "stated",
    [
        {"status": "queued"},
        {"status": "in_centrifuge"},
        {"status": "in_analysis"},
        {"status": "in_transit"},
        {"status": "released"},
        {"carried_by": "NOBODY"},
    ],
)
def test_nothing_is_injected_where_it_cannot_be(lab, stated):
    args = {"specimen": tube("S_NEW", **stated)}
    reason = lab.refused("SYSTEM", "INJECT_SPECIMEN", args, key="K_SYSTEM")
    assert reason == "RC_INJECT_SPECIMEN_INVALID"


@pytest.mark.parametrize(
    "stated", [{"aliquot_id": "S_HAEM"}, {"aliquot_id": "S_NEW"}, {"specimen_id": "AL_1"}]
)
def test_no_id_comes_to_mean_a_specimen_and_an_aliquot(lab, stated):
    first = {"specimen": tube("S_FIRST", aliquot_id="AL_1")}
    assert lab.do("SYSTEM", "INJECT_SPECIMEN", first, key="K_SYSTEM").accepted
    args = {"specimen": {**tube("S_NEW"), **stated}}
    reason = lab.refused("SYSTEM", "INJECT_SPECIMEN", args, key="K_SYSTEM")
    assert reason == "RC_INJECT_SPECIMEN_DUPLICATE"


def test_somebody_can_be_given_a_specimen_to_carry(lab):
    watch = Watch(lab.engine)
    args = {"specimen": tube("S_NEW", carried_by="A_PREAN")}
    result = lab.do("SYSTEM", "INJECT_SPECIMEN", args, key="K_SYSTEM")
    assert result.accepted
    watch.see(result)


def test_a_tube_goes_by_the_id_of_its_last_aliquot_only():
    separated = {"status": "separated", "zone_id": "Z_ALIQUOT_LABEL", "separated_ts_s": 0}
    specimen = tube("S_SPIN", aliquot_id="AL_OLD", **separated)
    people = placed({"A_PREAN": "Z_ALIQUOT_LABEL"})
    lab = Laboratory({"agents": people, "specimens": [specimen]})
    watch = Watch(lab.engine)
    args = {"device_id": "DEV_ALIQUOTER_01", "specimen_id": "S_SPIN", "aliquot_id": "AL_NEW"}
    result = lab.do("A_PREAN", "ALIQUOT_CREATE", args)
    assert result.accepted
    watch.see(result)
    assert lab.world.aliquots == {"AL_NEW": "S_SPIN"}
