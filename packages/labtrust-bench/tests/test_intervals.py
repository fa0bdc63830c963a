"""Intervals agree with published values, and hold what they say."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_bench.runs.intervals import (
    Interval,
    Moments,
    beta_probability,
    beta_quantile,
    clopper_pearson,
    figure_words,
)
from labtrust_core.errors import UsageError

# Two-sided 95 % limits. 0 of n and n of n have closed forms, 1 - 0.025^(1/n); the others stand in
# tables of exact binomial limits (for n = 10 and 20 in Documenta Geigy, 7th edition).
PUBLISHED = [
    (0, 3, 0.0, 0.7076),
    (3, 3, 0.2924, 1.0),
    (0, 10, 0.0, 0.3085),
    (1, 10, 0.0025, 0.4450),
    (2, 10, 0.0252, 0.5561),
    (5, 10, 0.1871, 0.8129),
    (2, 20, 0.0123, 0.3170),
    (10, 100, 0.0490, 0.1762),
]


def moments(values):
    found = Moments()
    for value in values:
        found.add(value)
    return found


@pytest.mark.parametrize(("hits", "count", "lower", "upper"), PUBLISHED)
def test_shares_have_the_published_limits(hits, count, lower, upper):
    found = clopper_pearson(hits, count)

    assert (round(found.lower, 4), round(found.upper, 4)) == (lower, upper)


@pytest.mark.parametrize("count", [1, 2, 7, 50, 3_000])
def test_no_hits_have_the_closed_form(count):
    assert clopper_pearson(0, count).upper == pytest.approx(1 - 0.025 ** (1 / count), abs=1e-6)


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_limits_are_where_the_binomial_tails_say(case):
    hits, count = case
    found = clopper_pearson(hits, count)

    def at_least(wanted, p):
        return sum(comb(count, k) * p**k * (1 - p) ** (count - k) for k in range(wanted, count + 1))

    if hits:
        assert at_least(hits, found.lower) == pytest.approx(0.025, abs=2e-4)
    if hits < count:
        assert 1 - at_least(hits + 1, found.upper) == pytest.approx(0.025, abs=2e-4)


def test_nothing_has_no_interval_and_nonsense_is_refused():
    assert clopper_pearson(0, 0) is None
    for hits, count, confidence in ((3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)):
        with pytest.raises(UsageError):
            clopper_pearson(hits, count, confidence)


@given(st.floats(0.001, 0.999), st.floats(1, 500), st.floats(1, 500))
def test_quantile_and_probability_of_the_beta_law_undo_each_other(probability, a, b):
    x = beta_quantile(probability, a, b)

    assert beta_probability(x, a, b) == pytest.approx(probability, abs=1e-6)


def test_the_beta_law_has_known_values():
    assert beta_probability(0.3, 1, 1) == pytest.approx(0.3)
    assert beta_probability(0.5, 2, 3) == pytest.approx(11 / 16)
    assert beta_probability(0.25, 0.5, 0.5) == pytest.approx(1 / 3)
    assert (beta_probability(0.0, 2, 3), beta_probability(1.0, 2, 3)) == (0.0, 1.0)


def test_a_mean_has_students_interval():
    found = moments([1, 2, 3, 4])

    assert (found.mean, found.std) == (2.5, 1.290994)
    # t(0.975, 3) = 3.18245
    assert found.mean_interval() == Interval(0.44574, 4.55426)


def test_one_value_has_a_mean_and_no_interval_and_none_has_neither():
    assert (moments([5]).mean, moments([5]).std, moments([5]).mean_interval()) == (5.0, None, None)
    assert moments([]).mean is None


@given(st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=30))
def test_order_changes_no_digit(values):
    assert moments(values).mean_interval() == moments(values[::-1]).mean_interval()


def test_fractions_are_summed_exactly():
    found = moments([Fraction(1, 3), Fraction(2, 3), 1])

    assert found.mean == 0.666667
    assert found.std == 0.333333


def test_figures_in_words():
    assert figure_words(None) == "-"
    assert figure_words(0.123456) == "0.1235"
    assert figure_words(23_456.7, Interval(-1.5, 9_999.5)) == "23457 [-1.5, 10000]"
