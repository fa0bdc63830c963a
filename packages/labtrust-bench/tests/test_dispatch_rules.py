"""Each dispatch rule orders jobs as its definition says, whatever the jobs."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_bench.agents.dispatch_rules import RULES, WEIGHTS, Job, atc_of, in_order

NOW_S = 1_000
JOBS = (
    Job("late", arrived_s=0, due_s=900, work_s=400, weight=1),
    Job("short", arrived_s=300, due_s=9_000, work_s=90, weight=1),
    Job("urgent", arrived_s=500, due_s=4_000, work_s=700, weight=4),
    Job("tight", arrived_s=400, due_s=4_100, work_s=1_400, weight=2),
)
EXPECTED = {
    "fcfs": ["late", "short", "tight", "urgent"],
    "edd": ["late", "urgent", "tight", "short"],
    "slack": ["late", "tight", "urgent", "short"],
    "spt": ["short", "late", "urgent", "tight"],
    # P = 647.5, k = 2: log(400/1) + 0 = 6.0, log(700/4) + 2300/1295 = 6.9,
    # log(1400/2) + 1700/1295 = 7.9, log(90/1) + 7910/1295 = 10.6
    "atc": ["late", "urgent", "tight", "short"],
}

jobs = st.lists(
    st.builds(
        Job,
        name=st.text("abc", min_size=1, max_size=3),
        arrived_s=st.integers(-7_200, 7_200),
        due_s=st.integers(-7_200, 28_800),
        work_s=st.integers(0, 2_000),
        weight=st.sampled_from(sorted(WEIGHTS.values())),
    ),
    max_size=12,
)
rules = st.sampled_from(sorted(RULES))


def names(found):
    return [job.name for job in found]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_orders_a_handmade_list_as_it_must(rule):
    assert names(in_order(RULES[rule], JOBS, NOW_S)) == EXPECTED[rule]


@given(rules, jobs)
def test_an_order_is_a_permutation(rule, waiting):
    assert Counter(in_order(RULES[rule], waiting, NOW_S)) == Counter(waiting)


@given(rules, jobs, st.randoms(use_true_random=False))
def test_an_order_does_not_depend_on_how_the_jobs_were_listed(rule, waiting, shuffler):
    unique = list({job.name: job for job in waiting}.values())
    shuffled = list(unique)
    shuffler.shuffle(shuffled)

    # the mean that atc takes is a sum of integers, so not even it depends on the listing
    assert in_order(RULES[rule], shuffled, NOW_S) == in_order(RULES[rule], unique, NOW_S)


@given(jobs, st.integers(0, 10_000))
def test_only_atc_changes_its_mind_as_time_passes(waiting, later_s):
    for name in RULES.keys() - {"atc"}:
        rule = RULES[name]
        assert in_order(rule, waiting, NOW_S) == in_order(rule, waiting, NOW_S + later_s)


def test_atc_lets_a_heavy_job_overtake_once_it_presses():
    heavy = Job("heavy", 0, due_s=20_000, work_s=1_000, weight=4)
    light = Job("light", 0, due_s=5_000, work_s=1_000, weight=1)

    assert names(in_order(RULES["atc"], [heavy, light], 0)) == ["light", "heavy"]
    assert names(in_order(RULES["atc"], [heavy, light], 19_000)) == ["heavy", "light"]


def per_weight(job):
    return Fraction(max(1, job.work_s), job.weight)


@given(jobs)
def test_atc_with_a_far_look_ahead_is_weighted_shortest_processing_time(waiting):
    found = [per_weight(job) for job in in_order(atc_of(1e12), waiting, NOW_S)]

    assert found == sorted(found)


@given(jobs)
def test_atc_with_no_look_ahead_is_least_slack(waiting):
    found = in_order(atc_of(1e-9), waiting, NOW_S)
    spare = [max(0, job.due_s - max(1, job.work_s) - NOW_S) for job in found]

    assert spare == sorted(spare)


@given(jobs, st.sampled_from([0.5, 2.0, 3.0]))
def test_atc_among_late_jobs_is_weighted_shortest_processing_time(waiting, lookahead):
    late = in_order(atc_of(lookahead), waiting, 40_000)
    found = [per_weight(job) for job in late]

    assert found == sorted(found)


def test_atc_tells_jobs_apart_that_have_all_the_time_in_the_world():
    first, second = Job("a", 0, 10**9, 10), Job("b", 0, 10**9 - 10**6, 10)

    assert names(in_order(RULES["atc"], [first, second], 0)) == ["b", "a"]


def test_ties_go_by_arrival_and_then_by_name():
    tied = [Job("b", 5, 10, 1), Job("a", 5, 10, 1), Job("z", 4, 10, 1)]

    assert names(in_order(RULES["edd"], tied, 0)) == ["z", "a", "b"]
