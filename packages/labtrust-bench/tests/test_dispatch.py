"""Crews under a dispatch rule: they name the specimen whose turn it is, and get a shift done."""

import statistics

import pytest
from labtrust_bench.agents.dispatch import dispatch_crew
from labtrust_bench.agents.dispatch_rules import RULES
from labtrust_bench.agents.scripted import scripted_crew
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.plan import RunConfig
from labtrust_bench.tasks.base import TURNAROUND_TARGET_S
from labtrust_bench.tasks.registry import QUICK_TASKS

HERE, THERE = "Z_HERE", "Z_THERE"


def item(specimen_id, priority, age_s, **more):
    """Describe a specimen as a view does."""
    return {
        "specimen_id": specimen_id,
        "panel_id": "PANEL",
        "priority": priority,
        "status": "accepted",
        "checked": False,
        "age_s": age_s,
        "work_s": 600,
        "next_zone": HERE,
        "lane": None,
        **more,
    }


OLD = item("OLD", "ROUTINE", 3_000)
NEW = item("NEW", "STAT", 100, work_s=60)


@pytest.fixture
def decide():
    """Return what a member under a rule does when a view has these things in it."""

    def choose(rule, member, legal, **seen):
        agent = dispatch_crew({member: "A"}, RULES[rule], TURNAROUND_TARGET_S)[member]
        agent.reset(member, 1)
        view = {
            "t_s": 5_000,
            "zone": HERE,
            "legal": {name: index for index, name in enumerate(("NOOP", *legal))},
            "here": {},
            "devices": [],
            "carrying": [],
            "carry_room": 60,
            "ways": {THERE: {"door": None, "open": True}},
            "hops": {THERE: THERE},
            "routes": [],
            "consignments": [],
            "pickups": {},
            "releasable": [],
            **seen,
        }
        action = agent.act(view)
        if isinstance(action, dict):
            return action["action_type"], action["args"]
        return next(name for name, index in view["legal"].items() if index == action)

    return choose


def here(status, *items):
    return {status: {"count": len(items), "first": list(items)}}


@pytest.mark.parametrize(("rule", "turn"), [("fcfs", "OLD"), ("edd", "NEW"), ("spt", "NEW")])
def test_reception_books_in_whose_turn_it_is(decide, rule, turn):
    waiting = here("arrived_at_reception", NEW, OLD)

    assert decide(rule, "reception_0", ["CREATE_ACCESSION"], here=waiting) == (
        "CREATE_ACCESSION",
        {"specimen_id": turn},
    )


def test_reception_checks_what_is_not_checked_and_decides_about_what_is(decide):
    booked = here("accessioning", {**OLD, "checked": True}, NEW)

    assert decide("fcfs", "reception_0", ["CHECK_ACCEPTANCE_RULES"], here=booked) == (
        "CHECK_ACCEPTANCE_RULES",
        {"specimen_id": "NEW"},
    )
    assert decide("edd", "reception_0", ["ACCEPT_SPECIMEN"], here=booked) == (
        "ACCEPT_SPECIMEN",
        {"specimen_id": "OLD"},
    )


def waiting_at(zone, *items):
    keys = ("priority", "age_s", "work_s")
    return {
        zone: {
            "count": len(items),
            "storage": 0,
            "priority": items[0]["priority"],
            "oldest_s": 0,
            "waiting": [{key: one[key] for key in keys} for one in items],
        }
    }


@pytest.mark.parametrize(("rule", "does"), [("fcfs", "MOVE:Z_THERE"), ("edd", "RETRIEVE")])
def test_a_runner_goes_where_the_specimen_lies_whose_turn_it_is(decide, rule, does):
    pickups = waiting_at(HERE, NEW) | waiting_at(THERE, OLD)
    lying = here("accepted", {**NEW, "next_zone": "Z_FAR"})
    found = decide(rule, "runner_0", ["RETRIEVE", "MOVE:Z_THERE"], pickups=pickups, here=lying)

    assert (found if isinstance(found, str) else found[0]) == does


def test_a_runner_takes_along_what_goes_the_same_way_as_far_as_there_is_room(decide):
    lying = here(
        "accepted",
        {**NEW, "next_zone": "Z_B"},
        item("ALSO", "ROUTINE", 2_000, next_zone="Z_A"),
        item("MORE", "ROUTINE", 1_000, next_zone="Z_A"),
        {**OLD, "next_zone": "Z_A"},
    )
    options = {"here": lying, "pickups": waiting_at(HERE, OLD), "carry_room": 2}

    assert decide("fcfs", "runner_0", ["RETRIEVE"], **options) == (
        "RETRIEVE",
        {"specimen_ids": ["OLD", "ALSO"]},
    )


def test_a_runner_stores_when_nothing_else_waits(decide):
    pickups = {HERE: {"count": 0, "storage": 12, "waiting": []}}
    lying = here("released", {**OLD, "status": "released", "next_zone": "Z_COLD"})

    assert decide("spt", "runner_0", ["RETRIEVE"], pickups=pickups, here=lying) == "RETRIEVE"


@pytest.mark.parametrize(("count", "does"), [(1, "NOOP"), (8, "CENTRIFUGE_START:DEV")])
def test_a_spin_waits_for_its_bench_rule_whoever_is_in_it(decide, count, does):
    rule = {"device_id": "DEV", "loading": {"min_batch": 8, "max_wait_s": 240}}
    batch = {"accepted": {"count": count, "first": [NEW]}}
    legal = ["CENTRIFUGE_START:DEV"]

    assert decide("edd", "prean_0", legal, here=batch, devices=[rule]) == does


def test_the_aliquoter_serves_whose_turn_it_is_also_from_the_hand(decide):
    separated = {"status": "separated"}
    found = decide(
        "fcfs",
        "prean_0",
        ["ALIQUOT_CREATE:DEV"],
        here=here("separated", {**NEW, **separated}),
        carrying=[{**OLD, **separated}],
    )

    assert found == (
        "ALIQUOT_CREATE",
        {"device_id": "DEV", "specimen_id": "OLD", "aliquot_id": "OLD_A5000"},
    )


def analyser(name, *panels):
    return {"device_id": name, "panels": list(panels)}


@pytest.mark.parametrize(
    ("lane", "device"), [(None, "DEV_1"), ("DEV_2", "DEV_2"), ("DEV_9", "DEV_1")]
)
def test_an_analyst_queues_whose_turn_it_is_on_its_lane_if_that_is_here(decide, lane, device):
    devices = [analyser("DEV_0", "OTHER"), analyser("DEV_1", "PANEL"), analyser("DEV_2", "PANEL")]
    legal = ["QUEUE_RUN", *(f"QUEUE_RUN:{table['device_id']}" for table in devices)]
    lying = here("accepted", NEW, {**OLD, "lane": lane})

    assert decide("fcfs", "analytics_0", legal, here=lying, devices=devices) == (
        "QUEUE_RUN",
        {"device_id": device, "specimen_id": "OLD"},
    )


NOTHING_IN_THE_WAY = {
    "qc_state": "pass",
    "own_work": False,
    "critical_open": [],
    "held": [],
    "amending": [],
    "out": [],
}


@pytest.mark.parametrize(
    "obstacle",
    [
        {"qc_state": "fail"},
        {"own_work": True},
        {"critical_open": ["R"]},
        {"held": ["R"]},
        {"amending": ["R"]},
        {"out": ["R"]},
    ],
    ids=lambda obstacle: next(iter(obstacle)),
)
def test_what_something_stands_in_the_way_of_does_not_have_its_turn(decide, obstacle):
    free = [OLD | NOTHING_IN_THE_WAY, NEW | NOTHING_IN_THE_WAY]
    stuck = [OLD | NOTHING_IN_THE_WAY | obstacle, NEW | NOTHING_IN_THE_WAY]
    named = [
        decide("fcfs", "clinsci_0", ["RELEASE_RESULT"], releasable=listed)[1]["specimen_id"]
        for listed in (free, stuck)
    ]

    assert named == ["OLD", "NEW"]


def test_with_nothing_to_choose_among_the_default_rule_decides(decide):
    assert decide("atc", "clinsci_0", ["RELEASE_RESULT"]) == "RELEASE_RESULT"


def test_a_courier_is_called_for_one_urgent_specimen_by_the_scripted_crew_alone(decide):
    route = {"origin_zone": HERE, "on_call": True, "departs_in_s": 0}
    waiting = here("arrived_at_reception", NEW)
    view = {
        "zone": HERE,
        "routes": [route],
        "here": waiting,
        "legal": {"NOOP": 0, "RACK_BUILD": 1},
    }
    agent = scripted_crew({"reception_1": "A"})["reception_1"]
    agent.reset("reception_1", 1)

    assert agent.act(view) == 1
    assert decide("edd", "reception_1", ["RACK_BUILD"], routes=[route], here=waiting) == "NOOP"


@pytest.mark.parametrize("rule", RULES)
def test_a_crew_under_a_rule_releases_and_breaks_nothing(play, rule):
    metrics = play("throughput_sla", rule).metrics

    assert metrics.throughput > 0
    assert not metrics.violations_by_invariant_id


@pytest.mark.parametrize("task", QUICK_TASKS)
def test_a_crew_under_a_rule_plays_every_task(play, task):
    metrics = play(task, "atc").metrics

    assert metrics.throughput > 0
    assert not metrics.violations_by_invariant_id


def test_a_crew_under_a_rule_signs_what_it_names(play):
    assert play("throughput_sla", "fcfs", signed=True).metrics.throughput > 0


def test_a_crew_under_a_rule_repeats_itself(policy):
    config = RunConfig("throughput_sla", base_seed=7, variant="smoke", agents="atc")
    benchmark = Benchmark(config, policy)
    heads = [benchmark.run().episodes[0].ledger for _ in range(2)]

    assert heads[0] == heads[1]


def test_rules_lead_to_different_shifts(play):
    heads = {play("throughput_sla", rule).results.episodes[0].ledger.head for rule in RULES}

    assert len(heads) == len(RULES)


@pytest.mark.slow
@pytest.mark.parametrize("task", QUICK_TASKS)
@pytest.mark.parametrize("rule", RULES)
def test_a_whole_shift_under_a_rule_breaks_nothing(play, task, rule):
    metrics = play(task, rule, smoke=False).metrics

    assert metrics.released_before_cutoff_permille > 950
    assert not metrics.violations_by_invariant_id


@pytest.mark.slow
@pytest.mark.parametrize("task", ["throughput_sla", "multi_site_stat"])
def test_arrival_order_beats_chance_and_the_scripted_crew_beats_arrival_order(policy, task):
    def shifts(crew):
        results = Benchmark(RunConfig(task, 3, 7, agents=crew), policy).run()
        found = [episode.metrics for episode in results.episodes]
        released = sum(item.throughput for item in found)
        return released, statistics.mean(
            item.turnaround_by_priority["STAT"].p50_s for item in found
        )

    random, fcfs, scripted = map(shifts, ("random", "fcfs", "scripted"))

    assert 0 < random[0] < fcfs[0] / 5
    assert random[1] > fcfs[1] > scripted[1]
