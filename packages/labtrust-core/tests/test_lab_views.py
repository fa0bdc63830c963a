"""What agents see, where things have to go, and what an event costs."""

import itertools
import json
import sys
from functools import cache

import pytest
from labtrust_core.domains import open_policy
from labtrust_core.engine.context import EpisodeConfig
from labtrust_core.engine.engine import Engine
from labtrust_core.hospital_lab.logistics import next_zone
from labtrust_core.hospital_lab.views import LIST_LIMIT, agent_view

BLOOD = {"panel_id": "HAEM_PANEL_CORE", "container_type": "WHOLE_BLOOD_EDTA"}


@cache
def policy():
    return open_policy()


def started(scenario, *, simulated=True):
    engine = Engine(policy())
    config = EpisodeConfig("EP", 2, simulated=simulated, signatures_required=False)
    engine.reset(scenario, config)
    return engine


class Crew:
    """A crew of one mind: everybody does the next thing that its own view suggests."""

    def __init__(self, engine):
        self.engine, self.numbers = engine, itertools.count()

    def act(self, agent_id):
        view = agent_view(self.engine.ctx, agent_id)
        action = self.choose(view) if view["busy_for_s"] == 0 else None
        if action is not None:
            number = next(self.numbers)
            event = {"event_id": f"c{number}", "t_s": self.engine.now, "agent_id": agent_id}
            self.engine.step({**event, "action_type": action[0], "args": action[1]})

    def choose(self, view):
        first = {status: seen["first"][0] for status, seen in view["here"].items()}
        if view["role"] == "ROLE_RECEPTION":
            for status, action in (
                ("accessioning", "ACCEPT_SPECIMEN"),
                ("arrived_at_reception", "CREATE_ACCESSION"),
            ):
                if status in first:
                    specimen = first[status]["specimen_id"]
                    known = self.engine.ctx.world.specimens[specimen]
                    check = status == "accessioning" and not known.checked
                    name = "CHECK_ACCEPTANCE_RULES" if check else action
                    return name, {"specimen_id": specimen}
        if view["role"] == "ROLE_ANALYTICS":
            return self.analyse(view, first)
        return self.carry(view) if view["role"] == "ROLE_RUNNER" else None

    def analyse(self, view, first):
        for device in view["devices"]:
            name = device["device_id"]
            if device["queue_head"] is not None and device["idle_units"]:
                run = f"R{next(self.numbers)}"
                args = {"run_id": run, "specimen_ids": [device["queue_head"]]}
                return "START_RUN", {"device_id": name, **args}
            panels = self.engine.ctx.tables.devices[name].panels
            if "accepted" in first and first["accepted"]["panel_id"] in panels:
                specimen = first["accepted"]["specimen_id"]
                return "QUEUE_RUN", {"device_id": name, "specimen_id": specimen}
        return None

    def carry(self, view):
        zone = view["zone"]
        if view["carrying"]:
            goal = view["carrying"][0]["next_zone"]
            together = [i["specimen_id"] for i in view["carrying"] if i["next_zone"] == goal]
            if goal in (zone, None):
                return "STORE", {"specimen_ids": together}
            return "MOVE", {"from_zone": zone, "to_zone": view["hops"][goal]}
        waiting = [item for seen in view["here"].values() for item in seen["first"]]
        waiting = [item for item in waiting if item["next_zone"] not in (zone, None)]
        if waiting:
            goal = waiting[0]["next_zone"]
            together = [item["specimen_id"] for item in waiting if item["next_zone"] == goal]
            return "RETRIEVE", {"specimen_ids": together}
        goals = [goal for goal in view["pickups"] if goal in view["hops"]]
        if goals:
            return "MOVE", {"from_zone": zone, "to_zone": view["hops"][goals[0]]}
        return None


@cache
def episode():
    """Play an hour; return the views by the way, as JSON, and the engine at the end."""
    scenario = {"crew": "multi_site", "workload": "multi_site_smoke", "arrivals_until_s": 5400}
    engine = started(scenario)
    crew, seen = Crew(engine), []
    for step in range(1, 541):
        for agent_id in engine.ctx.world.agents:
            crew.act(agent_id)
        engine.advance(step * 10)
        if step % 20 == 0:
            shared = {}
            seen += [agent_view(engine.ctx, name, shared) for name in engine.ctx.world.agents]
    return engine, seen


def lists_of(value):
    """Yield every list inside a view."""
    if isinstance(value, list):
        yield value
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, dict | list):
            yield from lists_of(item)


def test_the_crew_that_follows_its_views_releases_specimens():
    engine, _ = episode()
    assert engine.query("specimen_counts")["released"] > 5


def test_every_view_is_plain_json():
    _, seen = episode()
    assert all(json.loads(json.dumps(view)) == view for view in seen)
    assert {view["role"] for view in seen} >= {"ROLE_RECEPTION", "ROLE_RUNNER", "ROLE_QC"}


def test_no_view_names_a_patient():
    engine, seen = episode()
    text = json.dumps(seen)
    patients = {item.patient_id for item in engine.ctx.world.specimens.values()}
    assert len(patients) > 50
    assert [patient for patient in patients if patient in text] == []
    assert "patient" not in text


def test_each_agent_sees_its_own_zone_and_only_the_lists_of_its_role():
    engine, seen = episode()
    for view in seen:
        actions = engine.policy.roles.roles[view["role"]].actions
        assert ("releasable" in view) is ("RELEASE_RESULT" in actions)
        assert ("critical" in view) is ("NOTIFY_CRITICAL_RESULT" in actions)
        devices = engine.ctx.tables.devices
        assert {devices[item["device_id"]].zone for item in view["devices"]} <= {view["zone"]}


def crowded():
    """Return an episode with many more specimens and consignments than a list shows."""
    agents = [{"agent_id": "A_RECEPTION", "zone_id": "Z_ACUTE_RECEPTION"}]
    states = ("arrived_at_reception", "accepted", "held", "released")
    tubes = [
        {
            **BLOOD,
            "specimen_id": f"S{number}",
            "status": states[number % 4],
            "zone_id": "Z_ACUTE_RECEPTION",
        }
        for number in range(400)
    ]
    racks = [
        {"rack_id": f"RK{number}", "specimen_ids": [f"S{number}"], "sealed_by": "A_RECEPTION"}
        for number in range(0, 160, 4)
    ]
    engine = started({"agents": agents, "specimens": tubes, "racks": racks}, simulated=False)
    ends = {"origin_site": "SITE_ACUTE", "dest_site": "SITE_HUB"}
    for number in range(0, 160, 4):
        event = {"event_id": f"d{number}", "t_s": 40 * number, "agent_id": "A_RECEPTION"}
        args = {**ends, "specimen_ids": [f"S{number}"]}
        assert engine.step({**event, "action_type": "DISPATCH_TRANSPORT", "args": args}).accepted
    return engine


def test_lists_are_cut_and_counts_are_whole():
    view = agent_view(crowded().ctx, "A_RECEPTION")
    assert view["here"]["held"]["count"] == 100
    assert max(map(len, lists_of(view))) == LIST_LIMIT


def test_what_is_most_urgent_is_shown_first():
    _, seen = episode()
    rank = ["STAT", "URGENT", "ROUTINE"]
    shown = [part["first"] for view in seen for part in view["here"].values()]
    orders = [[(rank.index(i["priority"]), -i["age_s"]) for i in items] for items in shown]
    assert max(map(len, orders)) > 3
    assert all(order == sorted(order) for order in orders)


def test_a_caller_who_changes_a_view_changes_nothing_else():
    engine = started({})
    view = agent_view(engine.ctx, "A_RUNNER")
    view["hops"].clear()
    view["ways"].clear()
    assert agent_view(engine.ctx, "A_RUNNER")["hops"]


def test_following_the_hops_leads_to_every_goal():
    tables = policy().tables
    for start, hops in tables.next_hop.items():
        for goal in hops:
            zone, steps = start, 0
            while zone != goal:
                zone, steps = tables.next_hop[zone][goal], steps + 1
                assert tables.zones[zone].token_type is None
                assert steps < len(tables.zones)


@pytest.mark.parametrize(
    ("panel", "status", "zone"),
    [
        ("HAEM_PANEL_CORE", "accepted", "Z_ANALYZER_HALL_A"),
        ("COAG_PANEL_CORE", "accepted", "Z_CENTRIFUGE_BAY"),
        ("COAG_PANEL_CORE", "separated", "Z_ALIQUOT_LABEL"),
        ("COAG_PANEL_CORE", "aliquoted", "Z_ANALYZER_HALL_B"),
        ("COAG_PANEL_CORE", "released", "Z_COLD_FRIDGE"),
        ("COAG_PANEL_CORE", "rejected", None),
    ],
)
def test_a_specimen_goes_next_where_its_next_stage_is(panel, status, zone):
    tube = {**BLOOD, "specimen_id": "S1", "panel_id": panel, "status": status}
    engine = started({"specimens": [tube]})
    assert next_zone(engine.ctx, engine.ctx.world.specimens["S1"]) == zone


# Cost, counted in calls


def large_world(count):
    """Return an episode with ``count`` specimens, in every early status and many zones."""
    zones = ["Z_SRA_RECEPTION", "Z_SORTING_LANES", "Z_ANALYZER_HALL_A", "Z_CENTRIFUGE_BAY"]
    tubes = [
        {
            **BLOOD,
            "specimen_id": f"S{number}",
            "status": ("arrived_at_reception", "accepted")[number // 4 % 2],
            "zone_id": zones[number % 4],
        }
        for number in range(count)
    ]
    engine = started({"specimens": tubes}, simulated=False)
    for number, specimen in enumerate(("S2", "S10")):
        engine.ctx.world.set_status(engine.ctx.world.specimens[specimen], "accepted")
        args = {"device_id": "DEV_HAEM_01", "specimen_id": specimen}
        event = {"event_id": f"q{number}", "t_s": 600 + 10 * number, "agent_id": "A_ANALYTICS"}
        assert engine.step({**event, "action_type": "QUEUE_RUN", "args": args}).accepted
    return engine


def calls(engine, event):
    """Return how many calls of functions an accepted event takes."""
    count = 0

    def profile(_frame, kind, _argument):
        nonlocal count
        count += kind in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        result = engine.step(event)
    finally:
        sys.setprofile(before)
    assert result.accepted, result.detail
    return count


EVENTS = [
    ("A_RECEPTION", "CREATE_ACCESSION", {"specimen_id": "S0"}),
    ("A_RECEPTION", "CHECK_ACCEPTANCE_RULES", {"specimen_id": "S0"}),
    ("A_RECEPTION", "ACCEPT_SPECIMEN", {"specimen_id": "S0"}),
    ("A_RUNNER", "RETRIEVE", {"specimen_ids": ["S1", "S5"]}),
    ("A_RUNNER", "STORE", {"specimen_ids": ["S1", "S5"]}),
    ("A_RUNNER", "MOVE", {"from_zone": "Z_SORTING_LANES", "to_zone": "Z_ACCESSIONING"}),
    (
        "A_ANALYTICS",
        "START_RUN",
        {"device_id": "DEV_HAEM_01", "run_id": "R", "specimen_ids": ["S2"]},
    ),
    ("A_ANALYTICS", "END_RUN", {"device_id": "DEV_HAEM_01", "run_id": "R"}),
    ("A_QC", "TICK", {}),
]


def test_an_event_costs_the_same_among_a_hundred_specimens_and_among_ten_thousand():
    small, large = large_world(100), large_world(10_000)
    for number, (agent, action, args) in enumerate(EVENTS):
        event = {"event_id": f"e{number}", "t_s": 1000 + 100 * number, "agent_id": agent}
        event |= {"action_type": action, "args": args}
        few, many = calls(small, event), calls(large, event)
        assert many <= 1.05 * few, action
