"""What the devices still need for a specimen, stage by stage, and that a view says it."""

import pytest
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.hospital_lab.remaining_work import remaining_work
from labtrust_core.hospital_lab.views import agent_view

SPIN_S, ALIQUOT_S = 60 + 600 + 60, 5
COAG_S = 90 + 300  # four tests at 160 an hour, then the results' latency
FBC_S = 36 + 60  # one specimen at 85 % of 119 an hour


@pytest.fixture(scope="module")
def tables():
    return open_policy().tables


@pytest.mark.parametrize("status", ["arrived_at_reception", "accessioning", "held", "accepted"])
def test_before_the_devices_all_stages_are_ahead(tables, status):
    assert tables.work_s["COAG_PANEL_CORE"][status] == SPIN_S + ALIQUOT_S + COAG_S


def test_each_stage_that_is_done_is_work_no_more(tables):
    left = tables.work_s["COAG_PANEL_CORE"]

    assert left["separated"] == ALIQUOT_S + COAG_S
    assert left["aliquoted"] == COAG_S
    assert not left.keys() & {"analysed", "released"}


def test_stages_that_a_panel_does_not_need_are_no_work(tables):
    assert tables.work_s["HAEM_PANEL_CORE"]["accepted"] == FBC_S


def test_without_a_device_for_it_a_stage_takes_no_time(tables):
    found = remaining_work(tables.panels, {})

    assert set(found) == set(tables.panels)
    assert not any(seconds for left in found.values() for seconds in left.values())


def test_a_view_says_what_presses_and_what_the_hands_hold(tables):
    tube = {
        "specimen_id": "S1",
        "panel_id": "HAEM_PANEL_CORE",
        "container_type": "WHOLE_BLOOD_EDTA",
        "zone_id": "Z_INGRESS_DOCK",
        "priority": "STAT",
    }
    engine = Engine(open_policy())
    config = EpisodeConfig("EP", 2, simulated=True, signatures_required=False)
    engine.reset({"crew": "standard", "workload": None, "specimens": [tube]}, config)
    view = agent_view(engine.ctx, "A_RUNNER_0")

    assert view["carry_room"] == tables.carry_limit
    assert view["pickups"]["Z_INGRESS_DOCK"]["waiting"] == [
        {"priority": "STAT", "age_s": 0, "work_s": FBC_S}
    ]
