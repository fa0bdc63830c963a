"""What a picture shows is what the world has: people, tubes, devices, doors, roads, alarms."""

import pytest
from labtrust_env.render_ansi import Alarm
from labtrust_env.render_picture.scene import TUBE_STATUSES, Tube, scene_of


@pytest.fixture
def played(make_session, greedy):
    session = make_session(horizon_s=7_200)
    while session.steps < 300:
        session.step(greedy(session))
    return session


def test_every_member_is_in_its_zone_and_has_a_mark_of_its_own(played):
    scene = scene_of(played)
    agents = played.ctx.world.agents
    zones = {person.name: person.zone for person in scene.people}
    assert zones == {name: agents[agent].zone for name, agent in played.members.items()}
    assert len({person.mark for person in scene.people}) == len(played.members)
    for zone, shown in scene.zones.items():
        assert all(person.zone == zone for person in shown.people)


def test_every_specimen_is_shown_once(played):
    scene = scene_of(played)
    carried = sum(len(person.carried) for person in scene.people)
    lying = sum(len(zone.tubes) for zone in scene.zones.values())
    devices = [device for zone in scene.zones.values() for device in zone.devices]
    waiting = sum(len(device.queue) for device in devices)
    world = played.ctx.world
    inside = sum(item.place.startswith("device:") for item in world.specimens.values())
    on_the_road = sum(trip.specimens for trip in scene.trips)
    assert carried + lying + waiting + inside + on_the_road == len(world.specimens)
    assert sum(device.inside for device in devices) >= inside
    assert inside > 0


def test_counts_are_of_the_whole_laboratory(played):
    counts = {name: count for name, count, _ in scene_of(played).counts}
    statuses = [item.status for item in played.ctx.world.specimens.values()]
    assert counts["arrived"] == len(statuses)
    assert counts["released"] == statuses.count("released")
    closed = statuses.count("released") + statuses.count("rejected")
    assert counts["in the laboratory"] == len(statuses) - closed


def test_a_tube_shows_status_and_priority(make_session):
    specimen = {
        "specimen_id": "S1",
        "panel_id": "HAEM_PANEL_CORE",
        "container_type": "WHOLE_BLOOD_EDTA",
        "priority": "URGENT",
        "status": "accepted",
        "zone_id": "Z_SORTING_LANES",
    }
    session = make_session(scenario={"specimens": [specimen]})
    shown = scene_of(session).zones["Z_SORTING_LANES"].tubes
    assert shown == (Tube(TUBE_STATUSES.index("accepted"), 1),)


def test_a_device_shows_its_state_its_units_and_its_queue(played):
    world, now = played.ctx.world, played.now
    machine = world.devices["DEV_HAEM_01"]
    machine.fault_until = now + 60
    machine.qc_state = "drift"
    machine.queue.push("S_LATE", 2, now)
    machine.queue.push("S_FIRST", 0, now)
    shown = {item.device_id: item for item in scene_of(played).zones["Z_ANALYZER_HALL_A"].devices}
    haematology = shown["DEV_HAEM_01"]
    assert (haematology.state, haematology.qc) == ("FAULT", "drift")
    assert haematology.queue[0] == 0
    assert haematology.queue[-1] == 2
    assert len(haematology.units) == len(machine.unit_free_s)


def test_a_unit_shows_how_far_its_run_is(played):
    world = played.ctx.world
    device, run = next(
        (machine.device_id, world.runs[name])
        for machine in world.devices.values()
        for name in machine.active
        if world.runs[name].ends_s > played.now
    )
    zone = world.devices[device].zone
    shown = next(item for item in scene_of(played).zones[zone].devices if item.device_id == device)
    share = (played.now - run.started_s) / (run.ends_s - run.started_s)
    assert shown.units[run.unit] == pytest.approx(share)


def test_doors_freezes_and_banners_are_shown(played):
    world, trust = played.ctx.world, played.ctx.trust
    world.doors["D_WASTE"].open_since = played.now - 25
    world.downtime = True
    trust.ledger_frozen = True
    scene = scene_of(played)
    assert scene.doors["D_WASTE"] == 25
    assert scene.doors["D_MAIN_INNER"] is None
    assert scene.banners == ("LEDGER FROZEN", "INFORMATION SYSTEM DOWN")


def test_alarms_come_newest_first_with_their_time_of_day(played):
    alarms = [Alarm(30, "SYS_DOOR_ALARM", {"door_id": "D_WASTE"}), Alarm(90, "TICK", {})]
    told = scene_of(played, alarms).alarms
    assert [text for _, text in told] == ["tick", "door alarm D_WASTE"]
    assert told[1][0] == "08:00:30"
