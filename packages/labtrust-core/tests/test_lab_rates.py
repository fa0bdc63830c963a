"""A day's rate and its inverse, and the times of rounds, are exact."""

from bisect import bisect_right
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.hospital_lab.documents.workload import RoundWindow
from labtrust_core.hospital_lab.rates import HOURS, DailyRate, nth_time, times_of_day
from labtrust_core.hospital_lab.units import DAY_S

WEIGHTS = st.lists(st.integers(0, 50), min_size=HOURS, max_size=HOURS).filter(any)
RATES = st.builds(DailyRate.of, st.integers(1, 5_000), WEIGHTS)
AMOUNTS = st.integers(1, 10**13)
TIMES = st.integers(0, 20 * DAY_S)


@given(RATES, AMOUNTS)
def test_an_amount_is_reached_at_its_time_and_no_second_before(rate, amount):
    time = rate.reached(amount)
    assert rate.amount(time) >= amount
    assert rate.amount(time - 1) < amount


@given(RATES, AMOUNTS, AMOUNTS)
def test_more_is_never_reached_sooner(rate, one, other):
    less, more = sorted((one, other))
    assert rate.reached(less) <= rate.reached(more)


@given(RATES, TIMES)
def test_what_has_come_by_a_time_was_reached_by_then(rate, time):
    amount = rate.amount(time)
    if amount:
        assert rate.reached(amount) <= time
    assert rate.reached(amount + 1) > time


@given(RATES, st.integers(0, 30))
def test_a_day_brings_what_it_should_whichever_day_it_is(rate, day):
    per_day = sum(rate.per_second) * 3_600
    assert rate.amount((day + 1) * DAY_S) - rate.amount(day * DAY_S) == per_day


@given(st.integers(1, 5_000), WEIGHTS)
def test_the_unit_is_one_expected_arrival(per_day, weights):
    rate = DailyRate.of(per_day, weights)
    assert rate.amount(DAY_S) == per_day * rate.unit


def test_nothing_is_reached_in_an_hour_without_weight():
    rate = DailyRate.of(24, [1, 0] * 12)
    found = {rate.reached(amount) // 3_600 % HOURS for amount in range(1, 24 * rate.unit, 9_999)}
    # The last second of an hour that counts is the first of the next one's.
    assert found <= set(range(0, HOURS, 2)) | {1}
    assert rate.reached(rate.before[1] + 1) == 2 * 3_600 + 1


WINDOWS = st.lists(
    st.tuples(st.integers(0, DAY_S - 1), st.integers(0, DAY_S - 1), st.integers(1, 9)),
    min_size=1,
    max_size=4,
).map(
    lambda found: [
        RoundWindow(begins_s=min(a, b), ends_s=max(a, b), count=count) for a, b, count in found
    ]
)


@given(WINDOWS)
def test_rounds_lie_in_their_windows_in_order(windows):
    times = times_of_day(windows)
    assert len(times) == sum(window.count for window in windows)
    assert list(times) == sorted(times)
    for window in windows:
        inside = bisect_right(times, window.ends_s) - bisect_right(times, window.begins_s - 1)
        assert inside >= window.count


def test_rounds_stand_in_the_middle_of_their_shares():
    assert times_of_day([RoundWindow(begins_s=1_000, ends_s=4_000, count=3)]) == (
        1_500,
        2_500,
        3_500,
    )


@given(WINDOWS, st.integers(0, 100))
def test_rounds_come_again_every_day(windows, number):
    times = times_of_day(windows)
    assert nth_time(times, number + len(times)) == nth_time(times, number) + DAY_S
    assert all(
        nth_time(times, one) <= nth_time(times, two) for one, two in pairwise(range(number + 2))
    )
