"""The naive crew: the oldest first, one at a time, at once, and nothing ahead of its time."""

import pytest
from labtrust_bench.agents.fifo import fifo_crew
from labtrust_bench.runs.benchmark import Benchmark
from labtrust_bench.runs.plan import RunConfig

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
        "next_zone": HERE,
        "lane": None,
        **more,
    }


OLD = item("OLD", "ROUTINE", 3_000)
NEW = item("NEW", "STAT", 100)


@pytest.fixture
def decide():
    """Return what a naive member does when a view has these things in it."""

    def choose(member, legal, **seen):
        agent = fifo_crew({member: "A"})[member]
        agent.reset(member, 1)
        view = {
            "t_s": 5_000,
            "zone": HERE,
            "legal": {name: index for index, name in enumerate(("NOOP", *legal))},
            "here": {},
            "devices": [],
            "qc": [],
            "carrying": [],
            "ways": {THERE: {"door": None, "open": True}},
            "hops": {THERE: THERE},
            "consignments": [],
            "pickups": {},
            "releasable": [],
            "stock": {},
            **seen,
        }
        action = agent.act(view)
        if isinstance(action, dict):
            return action["action_type"], action["args"]
        return next(name for name, index in view["legal"].items() if index == action)

    return choose


def here(status, *items):
    found = [{**one, "status": status} for one in items]
    return {status: {"count": len(found), "first": found}}


def test_reception_books_in_the_oldest_whatever_its_priority(decide):
    assert decide(
        "reception_0", ["CREATE_ACCESSION"], here=here("arrived_at_reception", NEW, OLD)
    ) == (
        "CREATE_ACCESSION",
        {"specimen_id": "OLD"},
    )


def test_reception_finishes_a_tube_before_the_next(decide):
    begun = {**here("accessioning", NEW), **here("arrived_at_reception", OLD)}

    assert decide("reception_0", ["CREATE_ACCESSION", "CHECK_ACCEPTANCE_RULES"], here=begun) == (
        "CHECK_ACCEPTANCE_RULES",
        {"specimen_id": "NEW"},
    )


def test_a_runner_takes_the_oldest_alone(decide):
    waiting = here("accepted", {**NEW, "next_zone": THERE}, {**OLD, "next_zone": THERE})
    pickups = {HERE: {"count": 2, "storage": 0, "oldest_s": 3_000, "waiting": [OLD, NEW]}}

    assert decide("runner_0", ["RETRIEVE"], here=waiting, pickups=pickups) == (
        "RETRIEVE",
        {"specimen_ids": ["OLD"]},
    )


def test_a_runner_goes_where_the_oldest_lies(decide):
    pickups = {
        HERE: {"count": 1, "storage": 0, "oldest_s": 100, "waiting": [NEW]},
        THERE: {"count": 1, "storage": 0, "oldest_s": 3_000, "waiting": [OLD]},
    }

    assert decide("runner_0", ["RETRIEVE", "MOVE:Z_THERE"], pickups=pickups) == "MOVE:Z_THERE"


def test_a_spin_starts_with_what_there_is(decide):
    waiting = here("accepted", {**NEW, "age_s": 0, "priority": "ROUTINE"})

    assert decide("prean_0", ["CENTRIFUGE_START:D"], here=waiting) == "CENTRIFUGE_START:D"


def analyser(**state):
    return {
        "device_id": "D",
        "kind": "analyser",
        "panels": ["PANEL"],
        "up": True,
        "idle_units": 1,
        "queue_head": "OLD",
        "qc_state": "pass",
        "qc_due_in_s": 100,
        **state,
    }


@pytest.mark.parametrize(
    ("state", "does"),
    [
        ({}, "RESTOCK_REAGENT:R_LOW"),
        ({"queue_head": None}, "NOOP"),
        ({"idle_units": 0}, "NOOP"),
        ({"up": False}, "NOOP"),
        ({"qc_due_in_s": -1}, "NOOP"),
    ],
    ids=str,
)
def test_reagents_are_ordered_when_a_run_cannot_start_for_want_of_them(decide, state, does):
    legal = ["RESTOCK_REAGENT:R_MORE", "RESTOCK_REAGENT:R_LOW"]
    stock = {"R_MORE": 100, "R_LOW": 5}

    assert decide("analytics_0", legal, devices=[analyser(**state)], stock=stock) == does


@pytest.mark.parametrize(
    ("state", "does"),
    [
        ({"qc_due_in_s": 100}, "NOOP"),
        ({"qc_due_in_s": -1}, "QC_EVENT:D"),
        ({"qc_state": "fail"}, "QC_EVENT:D"),
    ],
    ids=str,
)
def test_controls_are_run_when_work_is_refused_without_them(decide, state, does):
    device = {**analyser(**state), "zone": HERE}

    assert decide("qc_0", ["QC_EVENT:D"], qc=[device]) == does


def test_results_are_released_in_order_of_arrival(decide):
    free = dict.fromkeys(("critical_open", "held", "amending", "out", "own_work"), False)
    waiting = [{**one, "qc_state": "pass", **free} for one in (NEW, OLD)]

    assert decide("clinsci_0", ["RELEASE_RESULT"], releasable=waiting) == (
        "RELEASE_RESULT",
        {"specimen_id": "OLD"},
    )


def test_an_episode_owes_nothing_to_the_one_before(policy):
    def play(count, seed):
        plan = RunConfig("coord_scale", count, seed, variant="smoke", agents="fifo")
        return Benchmark(plan, policy).run().episodes[-1].metrics

    assert play(2, 7) == play(1, 8)


def test_a_member_of_no_known_role_gets_no_agent():
    assert list(fifo_crew({"runner_0": "A", "adversary_0": "B"})) == ["runner_0"]
