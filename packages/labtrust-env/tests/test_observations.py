"""Observations and state: inside their spaces, and nothing but the agent's view encoded."""

import numpy as np
import pytest
from labtrust_env.fields import (
    AGE_LIMIT_S,
    CONSIGNMENT_LIMIT,
    COUNT_LIMIT,
    DEVICE_PARTS,
    LIST_LIMIT,
    STATUSES,
    WAIT_LIMIT_S,
)


def check_containment(env, play, steps):
    seed = 0
    while steps > 0:
        env.reset(seed=seed)
        for _ in range(min(steps, env.max_cycles)):
            play(env, 1, hand_seed=steps)
            steps -= 1
            if not env.agents:
                break
            for name in env.agents:
                seen = {
                    "observation": env.observer.observe(name),
                    "action_mask": env.action_mask(name),
                }
                assert env.observation_space(name).contains(seen)
            assert env.state_space.contains(env.state())
        seed += 1


@pytest.mark.parametrize("crew", ["standard", "multi_site", "adversarial"])
def test_observations_lie_in_their_space_in_random_play(make_env, play, crews, crew):
    check_containment(make_env(crew=crew, workload=crews[crew]), play, 350)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("crew", ["standard", "multi_site", "adversarial"])
def test_observations_lie_in_their_space_in_long_random_play(make_env, play, crews, crew):
    check_containment(make_env(crew=crew, workload=crews[crew], horizon_s=28_800), play, 7_000)


def test_every_number_of_the_vectors_has_a_label(make_env):
    observer = make_env().observer
    for layout in (observer.layout, observer.state_layout):
        labels = [layout.label_of(index) for index in range(layout.size)]
        assert len(set(labels)) == layout.size
        with pytest.raises(IndexError):
            layout.label_of(layout.size)


def share(value, limit):
    return np.float32(min(1.0, max(0, value) / limit))


def part(env, vector, field):
    labels = env.observer.layout.fields[field].labels
    return dict(zip(labels, vector[env.observer.layout.place(field)], strict=True))


def check_own(env, vector, view):
    assert part(env, vector, "time")["t_s"] == share(view["t_s"], env.config.horizon_s)
    assert [key for key, value in part(env, vector, "role").items() if value] == [view["role"]]
    assert [key for key, value in part(env, vector, "zone").items() if value] == [view["zone"]]
    assert part(env, vector, "busy_for")["s"] == share(view["busy_for_s"], 600)
    here = {status: view["here"].get(status, {"count": 0})["count"] for status in STATUSES}
    assert part(env, vector, "here") == {key: share(n, COUNT_LIMIT) for key, n in here.items()}
    ways = {zone for zone, way in view["ways"].items() if way["open"] and not way["frozen"]}
    assert {zone for zone, value in part(env, vector, "way_open").items() if value} == ways


def check_devices(env, vector, view):
    seen = part(env, vector, "devices")
    for device in view["devices"]:
        found = {name: seen[f"{device['device_id']}.{name}"] for name in DEVICE_PARTS}
        assert found["present"] == 1
        assert found["up"] == device["up"]
        assert found["queue"] == share(device["queue_length"], COUNT_LIMIT)
        assert found["free_in"] == share(device["next_free_in_s"], 600)
        assert found[f"qc_{device['qc_state']}"] == 1
    elsewhere = {name.split(".")[0] for name in seen} - {
        item["device_id"] for item in view["devices"]
    }
    for device_id in elsewhere:
        assert seen[f"{device_id}.present"] == seen[f"{device_id}.queue"] == 0
        control = [seen[f"{device_id}.qc_{state}"] for state in ("pass", "fail", "drift")]
        known = {item["device_id"]: item["qc_state"] for item in view.get("qc", ())}
        assert sum(control) == (device_id in known or "qc" in view)


def check_lists(env, vector, view):
    for zone in env.session.ctx.tables.zones:
        item = view.get("pickups", {}).get(zone, {"count": 0, "storage": 0, "oldest_s": 0})
        seen = part(env, vector, "pickups")
        assert seen[f"{zone}.count"] == share(item["count"], COUNT_LIMIT)
        assert seen[f"{zone}.storage"] == share(item["storage"], COUNT_LIMIT)
        assert seen[f"{zone}.oldest"] == share(item["oldest_s"], AGE_LIMIT_S)
    listed = view.get("releasable", [])
    seen = part(env, vector, "releasable")
    assert seen["listed"] == share(len(listed), LIST_LIMIT)
    assert seen["own_work"] == share(sum(item["own_work"] for item in listed), LIST_LIMIT)
    assert seen["held"] == share(sum(bool(item["held"]) for item in listed), LIST_LIMIT)
    critical = view.get("critical", [])
    seen = part(env, vector, "critical")
    assert seen["open"] == share(len(critical), LIST_LIMIT)
    assert seen["called"] == share(sum(item["calls"] > 0 for item in critical), LIST_LIMIT)
    longest = max((item["waiting_s"] for item in critical), default=0)
    assert seen["longest_wait"] == share(longest, WAIT_LIMIT_S)
    reached = sum(item["reached_attempt_id"] is not None for item in critical)
    assert seen["reached"] == share(reached, LIST_LIMIT)
    consignments = view.get("consignments", [])
    seen = part(env, vector, "consignments")
    arrived = [item for item in consignments if item["arrived"]]
    assert seen["on_the_road"] == share(len(consignments) - len(arrived), CONSIGNMENT_LIMIT)
    assert seen["arrived"] == share(len(arrived), CONSIGNMENT_LIMIT)
    unfit = sum(not item["fit"] for item in arrived)
    assert seen["unfit"] == share(unfit, CONSIGNMENT_LIMIT)
    waiting = [item for item in view.get("racks", []) if item["place"].startswith("zone:")]
    seen = part(env, vector, "racks")
    assert seen["sealed"] == share(sum(item["sealed"] for item in waiting), LIST_LIMIT)
    assert seen["open"] == share(sum(not item["sealed"] for item in waiting), LIST_LIMIT)
    leaves = min((item["departs_in_s"] for item in view.get("routes", [])), default=0)
    assert seen["departs_in"] == share(leaves, WAIT_LIMIT_S)
    deliveries = env.session.ctx.tables.reagents
    stock = view.get("stock", {})
    assert part(env, vector, "stock") == {
        name: share(stock.get(name, 0), item.delivery) for name, item in deliveries.items()
    }


@pytest.mark.parametrize("crew", ["standard", "multi_site"])
def test_the_vector_is_an_encoding_of_the_view(make_env, play, crews, crew):
    env = make_env(crew=crew, workload=crews[crew], horizon_s=7_200)
    env.reset(seed=4)
    for _ in range(120):
        play(env, 6, hand_seed=env.session.steps)
        env.observer.refresh()
        for name in env.agents:
            view, vector = env.session.view(name), env.observer.observe(name)
            check_own(env, vector, view)
            check_devices(env, vector, view)
            check_lists(env, vector, view)


def test_an_agent_sees_no_work_list_that_its_role_has_no_use_for(make_env, play):
    env = make_env(horizon_s=7_200)
    env.reset(seed=4)
    for _ in range(100):
        play(env, 10, hand_seed=env.session.steps)
        if env.session.view("reception_0")["pickups"]:
            break
    env.observer.refresh()
    vector = env.observer.observe("reception_0")
    assert not vector[env.observer.layout.place("releasable")].any()
    assert not vector[env.observer.layout.place("stock")].any()
    assert vector[env.observer.layout.place("pickups")].any()


def test_the_state_shows_where_everybody_is(make_env):
    env = make_env()
    env.reset(seed=1)
    layout = env.observer.state_layout
    state = env.state()
    assert state.shape == env.state_space.shape
    zone = layout.fields["zone"]
    standing = [name for name, value in zip(zone.labels, state[zone.place], strict=True) if value]
    assert standing[0] == "reception_0.Z_SRA_RECEPTION"
    assert len(standing) == len(env.agents)
