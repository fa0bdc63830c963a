"""Counter-based draws: pure, pinned, uniform, with the right means."""

import copy
import math
import pickle
import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.errors import UsageError
from labtrust_core.randomness import Stream, mix, name_u64, stream

MASK = 2**64 - 1
u64s = st.integers(0, MASK)
DRAWS = 20_000


def within_four_errors(values, mean, sd):
    return abs(sum(values) / len(values) - mean) < 4 * sd / math.sqrt(len(values))


def test_mix_gives_the_published_splitmix64_sequence():
    gamma = 0x9E3779B97F4A7C15
    seen = [mix((1234567 + i * gamma) & MASK) for i in range(1, 4)]
    assert seen == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_the_name_of_a_stream_counts_as_the_head_of_its_sha256():
    assert name_u64("abc") == 0xBA7816BF8F01CFEA


@given(u64s, u64s, st.integers(), st.integers(0, 2**70))
def test_a_draw_is_the_documented_formula(seed, name, entity, n):
    gamma, multiplier = 0x9E3779B97F4A7C15, 0xD1342543DE82EF95
    key = mix(mix((seed + gamma) & MASK) ^ name)
    expected = mix((mix((key + entity * multiplier) & MASK) + n * gamma) & MASK)
    assert Stream(seed, name).u64(entity, n) == expected


def test_draws_do_not_depend_on_their_order():
    arrivals = stream(7, "arrivals")
    places = [(entity, n) for entity in ("A", "B", 3) for n in range(50)]
    forward = {place: arrivals.u64(*place) for place in places}
    random.Random(1).shuffle(places)  # noqa: S311  # any order will do
    assert {place: arrivals.u64(*place) for place in places} == forward


def test_seeds_streams_entities_and_numbers_all_lead_to_different_draws():
    draws = {
        stream(seed, name).u64(entity, n)
        for seed in range(8)
        for name in ("a", "b", "c")
        for entity in (*range(40), "0", "1", "x")
        for n in range(20)
    }
    assert len(draws) == 8 * 3 * 43 * 20


PINNED = stream(42, "arrivals")


@pytest.mark.parametrize(
    ("drawn", "expected"),
    [
        (PINNED.u64(0), 12585301570786315573),
        (PINNED.u64(0, 1), 1169331021834055975),
        (PINNED.u64(1), 7551023078658117061),
        (PINNED.u64("D_CHEM_1", 5), 12562530144606991967),
        (PINNED.u64(-1, 2), 1720082104465062153),
        (PINNED.below(1_000, "x", 9), 55),
        (PINNED.exponential_s(600, "x", 1), 454),
        (PINNED.normal_milli(5_000, 250, "x", 2), 4790),
        (PINNED.lognormal_milli(60_000, 400, "x", 3), 117318),
        (PINNED.pick([5, 3, 2], "x", 4), 1),
        (PINNED.chance_ppm(300_000, "x", 5), False),
    ],
)
def test_pinned_vectors_stay(drawn, expected):
    assert drawn == expected


def test_draws_below_a_bound_are_uniform_by_chi_square():
    counts = [0] * 64
    draws = stream(1, "uniform")
    for n in range(DRAWS):
        counts[draws.below(64, "e", n)] += 1
    expected = DRAWS / 64
    chi_square = sum((count - expected) ** 2 / expected for count in counts)
    assert 30 < chi_square < 110  # 63 degrees of freedom: about 1e-4 either side


@pytest.mark.parametrize("bit", [0, 1, 31, 32, 62, 63])
def test_each_bit_is_fair_over_entities(bit):
    draws = stream(2, "bits")
    ones = [draws.u64(entity) >> bit & 1 for entity in range(DRAWS)]
    assert within_four_errors(ones, 0.5, 0.5)


def test_neighbouring_entities_and_numbers_are_uncorrelated():
    draws = stream(3, "pairs")
    agree = [
        (draws.u64(e, n) ^ draws.u64(e + 1, n) ^ draws.u64(e, n + 1)).bit_count()
        for e in range(100)
        for n in range(100)
    ]
    assert within_four_errors(agree, 32, 4)


@given(st.integers(1, 2**64), u64s)
def test_below_stays_below_its_bound(bound, entity):
    assert 0 <= stream(5, "below").below(bound, entity) < bound


@pytest.mark.parametrize("ppm", [0, 500, 250_000, 999_999, 1_000_000])
def test_a_chance_in_parts_per_million_comes_true_that_often(ppm):
    draws = stream(6, "chance")
    hits = [draws.chance_ppm(ppm, n) for n in range(DRAWS)]
    share = ppm / 1e6
    sd = math.sqrt(share * (1 - share)) or 1e-12
    assert abs(sum(hits) / DRAWS - share) <= 4 * sd / math.sqrt(DRAWS) + 1e-12


def test_a_chance_in_a_thousand_comes_true_that_often():
    draws = stream(6, "permille")
    assert within_four_errors([draws.permille(200, n) for n in range(DRAWS)], 0.2, 0.4)


def test_exponential_times_have_their_mean_and_are_at_least_one_second():
    draws = stream(8, "service")
    values = [draws.exponential_s(600, "device", n) for n in range(DRAWS)]
    assert within_four_errors(values, 600, 600)
    assert min(values) >= 1
    assert draws.exponential_s(0, "device") == 1


def test_normal_values_have_their_mean_and_deviation():
    draws = stream(9, "noise")
    values = [draws.normal_milli(-5_000, 1_000, "assay", n) for n in range(DRAWS)]
    assert within_four_errors(values, -5_000, 1_000)
    assert within_four_errors([(v + 5_000) ** 2 for v in values], 1e6, 1e6 * math.sqrt(2))


def test_lognormal_values_have_their_median_and_mean():
    draws = stream(10, "tat")
    values = [draws.lognormal_milli(100_000, 500, "t", n) for n in range(DRAWS)]
    assert within_four_errors([v < 100_000 for v in values], 0.5, 0.5)
    mean = 100_000 * math.exp(0.125)
    assert within_four_errors(values, mean, mean * math.sqrt(math.exp(0.25) - 1))


def test_picks_follow_their_weights():
    draws = stream(11, "pick")
    picks = [draws.pick([1, 0, 3], "e", n) for n in range(DRAWS)]
    assert set(picks) == {0, 2}
    assert within_four_errors([pick == 2 for pick in picks], 0.75, math.sqrt(0.1875))


def test_the_extreme_draws_give_finite_values():
    for bits in (0, MASK):
        draws = Stream(0, 0)
        inverse = find_entity(draws, bits)
        assert draws.u64(inverse) == bits
        assert draws.exponential_s(600, inverse) >= 1
        assert abs(draws.normal_milli(0, 1_000, inverse)) < 10_000


def find_entity(draws, bits):
    """Invert the draw: mix is a bijection and the multiplier is odd."""
    inner = unmix(unmix(bits))
    return (inner - draws._key) * pow(0xD1342543DE82EF95, -1, 2**64) & MASK


def unmix(value):
    for shift, factor in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9), (30, 1)):
        whole = value
        for _ in range(64 // shift):
            whole = value ^ (whole >> shift)
        value = whole * pow(factor, -1, 2**64) & MASK
    return value


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.below(0, "e"),
        lambda s: s.below(2**64 + 1, "e"),
        lambda s: s.chance_ppm(-1, "e"),
        lambda s: s.chance_ppm(1_000_001, "e"),
        lambda s: s.permille(1_001, "e"),
        lambda s: s.exponential_s(-1, "e"),
        lambda s: s.normal_milli(0, -1, "e"),
        lambda s: s.lognormal_milli(-1, 0, "e"),
        lambda s: s.lognormal_milli(1, 10_001, "e"),
        lambda s: s.pick([], "e"),
        lambda s: s.pick([0, 0], "e"),
        lambda s: s.pick([2, -1], "e"),
        lambda _: stream(-1, "x"),
        lambda _: stream(2**64, "x"),
        lambda _: Stream(0, -1),
    ],
    ids=count(),
)
def test_an_argument_out_of_range_is_a_usage_error(call):
    with pytest.raises(UsageError):
        call(stream(0, "x"))


def test_a_stream_survives_copying_and_pickling():
    original = stream(12, "copy")
    for twin in (copy.deepcopy(original), pickle.loads(pickle.dumps(original))):  # noqa: S301  # ours
        assert twin == original
        assert twin.u64("e", 3) == original.u64("e", 3)
