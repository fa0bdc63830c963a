"""How fast devices are, when they stand still, and what happens to what is in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.hospital_lab.documents.equipment import MaintenanceWindow
from labtrust_core.hospital_lab.tables import DeviceTable
from labtrust_core.hospital_lab.units import DAY_S

BLOOD = {
    "specimen_id": "S1",
    "panel_id": "HAEM_PANEL_CORE",
    "container_type": "WHOLE_BLOOD_EDTA",
    "status": "accepted",
    "zone_id": "Z_ANALYZER_HALL_A",
}


@pytest.fixture(scope="module")
def policy():
    return open_policy()


@pytest.fixture(scope="module")
def devices(policy):
    return policy.tables.devices


def episode(policy, **scenario):
    engine = Engine(policy)
    engine.reset(scenario, EpisodeConfig("EP", 5, simulated=True, signatures_required=False))
    return engine


# Throughput and latency


def test_an_analyser_is_as_fast_as_routine_use_makes_it(devices):
    # 2,000 tests an hour at 60 % are one in 3 s; 119 specimens at 85 % one in 36 s; 160 tests an
    # hour, measured, one in 22.5 s.
    assert devices["DEV_CHEM_A_01"].run_s["BIOCHEM_PANEL_CORE"] == 8 * 3
    assert devices["DEV_HAEM_01"].run_s["HAEM_PANEL_CORE"] == 36
    assert devices["DEV_COAG_01"].run_s["COAG_PANEL_CORE"] == 90


def test_results_take_longer_than_they_occupy_the_analyser(devices):
    for device_id, panel in (
        ("DEV_CHEM_A_01", "BIOCHEM_PANEL_CORE"),
        ("DEV_HAEM_01", "HAEM_PANEL_CORE"),
        ("DEV_COAG_01", "COAG_PANEL_CORE"),
    ):
        assert devices[device_id].latency_s[panel] > devices[device_id].run_s[panel]


def test_a_centrifuge_is_set_up_spins_and_is_taken_down(devices):
    assert devices["DEV_CENTRIFUGE_BANK_01"].run_s["BIOCHEM_PANEL_CORE"] == 60 + 600 + 60


# Maintenance


def serviced(*windows):
    empty = {"run_s": {}, "idle_run_s": 1, "latency_s": {}, "faults": {}}
    return DeviceTable("D", "Z", None, frozenset(), **empty, maintenance=windows)


def window(start_s, end_s, every_days=1, first_day=0):
    return MaintenanceWindow(
        device="D", start_s=start_s, end_s=end_s, every_days=every_days, first_day=first_day
    )


WINDOWS = st.builds(
    lambda start, length, every, first: window(start, min(DAY_S, start + length), every, first),
    st.integers(0, DAY_S - 1),
    st.integers(1, DAY_S),
    st.integers(1, 9),
    st.integers(0, 9),
)


@given(WINDOWS, st.integers(0, DAY_S - 1), st.integers(0, 12 * DAY_S))
def test_a_second_is_in_maintenance_exactly_when_it_lies_in_a_window(item, starts_at_s, now_s):
    device = serviced(item)
    listed = device.maintenance_windows(now_s + 2 * DAY_S, starts_at_s)
    inside = [end_s for start_s, end_s in listed if start_s <= now_s < end_s]
    assert device.maintenance_until(now_s, starts_at_s) == (inside[0] if inside else None)


def test_maintenance_follows_the_time_of_day_and_the_day():
    weekly = serviced(window(3600, 7200, every_days=7, first_day=1))
    late = 22 * 3600
    assert weekly.maintenance_windows(9 * DAY_S, late) == [
        (3 * 3600, 4 * 3600),
        (7 * DAY_S + 3 * 3600, 7 * DAY_S + 4 * 3600),
    ]
    assert weekly.maintenance_until(3 * 3600, late) == 4 * 3600
    assert weekly.maintenance_until(3 * 3600 - 1, late) is None


# Faults


def test_faults_come_in_kinds_each_with_its_own_repair(policy):
    engine = episode(policy, crew="standard")
    found = {}
    while engine.now < 400 * DAY_S:
        for item in engine.advance(engine.now + DAY_S):
            if item.event.action_type == "SYS_DEVICE_FAULT":
                length = item.data["repair_until_s"] - item.event.t_s
                found.setdefault(item.event.args["fault"], []).append(length)
    major, minor = found["major"], found["minor"]
    # Four analysers with a major fault each 29 days and six devices with minor ones; exponential
    # repairs, so the band is four standard errors of the mean wide, or wider.
    assert 30 <= len(major) <= 80
    assert sum(major) / len(major) == pytest.approx(25_200, rel=0.55)
    assert len(minor) > 400
    assert sum(minor) / len(minor) == pytest.approx(900, rel=0.25)


def test_controls_are_due_after_a_major_repair_and_not_after_a_minor_one(policy):
    engine = episode(policy, crew="standard")
    usable = {}
    while set(usable) != {"major", "minor"}:
        for item in engine.advance(engine.now + 3600):
            if item.event.action_type == "SYS_DEVICE_REPAIR":
                machine = engine.ctx.world.devices[item.event.args["device_id"]]
                model = policy.tables.devices[machine.device_id].type.qc
                if model is not None:
                    due = machine.runs_since_qc >= model.max_runs
                    usable.setdefault(item.event.args["fault"], due)
                    machine.runs_since_qc = 0
    assert usable == {"major": True, "minor": False}


# Lanes


def test_a_lane_decides_where_a_specimen_is_taken(policy):
    from labtrust_core.hospital_lab.logistics import next_zone

    tube = {
        "specimen_id": "S1",
        "panel_id": "BIOCHEM_PANEL_CORE",
        "container_type": "SERUM_SST",
        "status": "aliquoted",
        "zone_id": "Z_ALIQUOT_LABEL",
    }
    engine = episode(policy, specimens=[tube])
    specimen = engine.ctx.world.specimens["S1"]
    for lane, zone in (
        ("DEV_CHEM_B_01", "Z_ANALYZER_HALL_B"),
        ("DEV_CHEM_A_01", "Z_ANALYZER_HALL_A"),
    ):
        specimen.lane = lane
        assert next_zone(engine.ctx, specimen) == zone
