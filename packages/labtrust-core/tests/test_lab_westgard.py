"""Westgard's rules: what each one means, pinned, and what holds for any controls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.hospital_lab.westgard import (
    RULES,
    RUNS_KEPT,
    broken_rules,
    rule_2_2s_across,
    rule_2_2s_within,
)

QUIET = [0, 0]
Z = st.integers(-6_000, 6_000)
HISTORIES = st.lists(st.tuples(Z, Z), min_size=1, max_size=8)


def breaks(*history):
    return broken_rules(history, RULES)


@pytest.mark.parametrize(
    ("run", "broken"),
    [
        ([2_000, -2_000], []),
        ([2_001, 0], ["1-2s"]),
        ([0, -2_001], ["1-2s"]),
        ([3_000, 0], ["1-2s"]),
        ([3_001, 0], ["1-2s", "1-3s"]),
        ([0, -3_001], ["1-2s", "1-3s"]),
        ([2_001, 2_001], ["1-2s", "2-2s"]),
        ([-2_001, -2_001], ["1-2s", "2-2s"]),
        ([2_001, -2_001], ["1-2s", "R-4s"]),
        ([-3_001, 2_001], ["1-2s", "1-3s", "R-4s"]),
    ],
)
def test_what_one_run_breaks(run, broken):
    assert breaks(run) == broken


def test_r_4s_is_one_above_and_one_below_two_and_not_a_range_of_four():
    assert "R-4s" not in breaks([2_900, -1_900])
    assert "R-4s" in breaks([2_001, -2_001])


def test_r_4s_never_reaches_across_runs():
    assert "R-4s" not in breaks([2_500, 0], [-2_500, 0])
    assert "R-4s" not in breaks([2_500, 0], [0, -2_500])


def test_2_2s_across_runs_is_of_one_level_and_one_side():
    assert "2-2s" in breaks([2_500, 0], [2_500, 0])
    assert "2-2s" not in breaks([2_500, 0], [0, 2_500])
    assert "2-2s" not in breaks([2_500, 0], [-2_500, 0])
    assert "2-2s" not in breaks([2_500, 0], QUIET, [2_500, 0])


def test_2_2s_is_one_of_its_two_halves():
    within, across = [[2_500, 2_500]], [[0, -2_500], [0, -2_500]]
    assert (rule_2_2s_within(within), rule_2_2s_across(within)) == (True, False)
    assert (rule_2_2s_within(across), rule_2_2s_across(across)) == (False, True)


def test_4_1s_counts_both_levels_of_two_runs():
    assert breaks([1_001, 1_001], [1_001, 1_001]) == ["4-1s"]
    assert breaks([-1_001, -1_001], [-1_001, -1_001]) == ["4-1s"]
    assert breaks([1_001, 1_001], [1_001, 1_000]) == []
    assert breaks([1_001, 1_001], [1_001, -1_001]) == []
    assert breaks([1_001, 1_001]) == []


def test_10x_counts_both_levels_of_five_runs():
    assert breaks(*[[1, 1]] * 5) == ["10x"]
    assert breaks(*[[-1, -1]] * 5) == ["10x"]
    assert breaks(*[[1, 1]] * 4) == []
    assert breaks([1, 0], *[[1, 1]] * 4) == []
    assert breaks([1, -1], *[[1, 1]] * 4) == []


def test_what_an_older_run_broke_does_not_break_the_last():
    assert breaks([3_500, 3_500], QUIET) == []


def test_only_the_named_rules_are_looked_at_and_in_their_order():
    assert broken_rules([[3_500, 3_500]], ["2-2s", "1-3s"]) == ["2-2s", "1-3s"]


def test_a_rule_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError, match="7-5s"):
        broken_rules([QUIET], ["7-5s"])


@given(HISTORIES)
def test_the_side_does_not_matter(history):
    mirrored = [tuple(-z for z in run) for run in history]
    assert breaks(*mirrored) == breaks(*history)


@given(HISTORIES)
def test_the_names_of_the_levels_do_not_matter(history):
    swapped = [run[::-1] for run in history]
    alike = [rule for rule in breaks(*history) if rule not in ("4-1s", "10x")]
    assert [rule for rule in breaks(*swapped) if rule not in ("4-1s", "10x")] == alike


@given(HISTORIES, HISTORIES)
def test_nothing_before_the_last_five_runs_matters(older, history):
    recent = (history * RUNS_KEPT)[-RUNS_KEPT:]
    assert breaks(*older, *recent) == breaks(*recent)


@given(HISTORIES)
def test_whatever_rejects_a_run_alone_warns_too(history):
    broken = breaks(*history)
    if {"1-3s", "2-2s", "R-4s"} & set(broken):
        assert "1-2s" in broken


@given(HISTORIES, st.integers(0, 3_000))
def test_pushing_everything_up_does_not_undo_a_rule_broken_above(history, push):
    raised = [tuple(z + push for z in run) for run in history]
    above = [
        rule
        for rule in ("1-2s", "1-3s", "2-2s", "4-1s", "10x")
        if rule in breaks(*[tuple(max(z, 0) for z in run) for run in history])
    ]
    now = breaks(*[tuple(max(z, 0) for z in run) for run in raised])
    assert set(above) <= set(now)
