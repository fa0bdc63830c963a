"""sanitise: any object at all becomes bounded canonical data, and stays what it became."""

import math
from collections import OrderedDict
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.canonical import MAX_DEPTH, MAX_LINE, canonical_bytes, parse_canonical, scan
from labtrust_core.sanitise import PAIRS, UNREPRESENTABLE, sanitise


class Hostile:
    """Raises whatever is asked of it."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __hash__(self):
        return hash(UNREPRESENTABLE)

    def __eq__(self, other):
        raise RuntimeError

    def __repr__(self):
        raise RuntimeError


class HostileMeta(type):
    def __hash__(cls):
        raise RuntimeError

    def __eq__(cls, other):
        raise RuntimeError


class Liar(dict, metaclass=HostileMeta):
    def items(self):
        raise RuntimeError


keys = st.text(st.characters(), max_size=8) | st.integers() | st.floats() | st.none() | st.binary()
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=8)
    | st.binary()
    | st.builds(object)
    | st.builds(OrderedDict, st.dictionaries(st.text(), st.none()))
    | st.complex_numbers()
    | st.frozensets(st.integers())
    | st.just({UNREPRESENTABLE: "set"})
    | st.just("x" * 3_000)
    | st.just([0] * 300)
)
anything = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(st.sampled_from(["event_id", PAIRS, UNREPRESENTABLE]), inner)
    ),
    max_leaves=20,
)


@given(anything)
def test_any_object_becomes_canonical_and_fits_a_line(value):
    line = canonical_bytes({"k": sanitise(value)})
    assert len(line) < MAX_LINE
    assert parse_canonical(line)


@given(anything)
def test_a_second_pass_over_what_the_log_returns_changes_nothing(value):
    line = canonical_bytes({"k": sanitise(value)})
    again = sanitise(parse_canonical(line)["k"])
    assert canonical_bytes({"k": again}) == line


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
            max_leaves=9,
        ),
        max_size=6,
    )
)
def test_small_canonical_data_is_left_as_it_is(value):
    assert sanitise(value) == value


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({1, 2}, "set"),
        (b"x", "bytes"),
        (bytearray(b"x"), "bytes"),
        (1j, "complex"),
        (object(), "object"),
        (math.nan, "non-finite"),
        (-math.inf, "non-finite"),
        (2**53, "big-integer"),
        (10**5_000, "big-integer"),
        ("\ud800", "lone-surrogate"),
        ("x" * 2_049, "long-text"),
        ([0] * 257, "too-large"),
        ({f"k{i}": 0 for i in range(65)}, "too-large"),
        ([["\x01" * 2_000] * 50], "too-large"),
    ],
    ids=count(),
)
def test_what_json_cannot_carry_is_named_from_a_closed_list(value, kind):
    assert sanitise(value) == {UNREPRESENTABLE: kind}


def test_only_the_bad_field_of_an_event_is_replaced():
    event = {"event_id": "E1", "t_s": math.inf, "args": {"ok": [1, {2}]}}
    assert sanitise(event) == {
        "event_id": "E1",
        "t_s": {UNREPRESENTABLE: "non-finite"},
        "args": {"ok": [1, {UNREPRESENTABLE: "set"}]},
    }


@pytest.mark.parametrize("key", [1, None, b"k", math.nan, "\ud800", "k" * 65], ids=count())
def test_an_object_with_an_unusable_key_becomes_pairs(key):
    assert sanitise({"a": {key: 1, "b": 2}})["a"] == {PAIRS: [[sanitise(key), 1], ["b", 2]]}
    assert sanitise({key: 1}) == {PAIRS: [[sanitise(key), 1]]}


@pytest.mark.parametrize("kind", [0, 1])
def test_hostile_objects_are_never_called(kind):
    value = (Hostile, lambda: Liar(a=1))[kind]()
    assert sanitise({"k": value}) == {"k": {UNREPRESENTABLE: "object"}}


def test_a_hostile_key_is_never_compared():
    assert sanitise({Hostile(): 1}) == {PAIRS: [[{UNREPRESENTABLE: "object"}, 1]]}


def test_cyclic_structures_end():
    cycle = {}
    cycle["self"] = [cycle, cycle]
    ring = []
    ring.append(ring)
    for value in (cycle, ring):
        assert len(canonical_bytes(sanitise(value))) < MAX_LINE
    assert scan(sanitise(ring)) == 0


def test_deep_structures_end_in_a_tag_well_above_the_depth_limit():
    value = 0
    for _ in range(5_000):
        value = [value]
    text = canonical_bytes(sanitise(value))
    assert text.count(b"[") < MAX_DEPTH - 4
    assert b"too-deep" in text


def test_many_large_fields_stay_within_the_total_and_keep_what_fits():
    event = {f"k{i:02}": "\x01" * 1_000 for i in range(64)}
    clean = sanitise(event)
    assert clean["k00"] == event["k00"]
    assert clean["k63"] == {UNREPRESENTABLE: "too-large"}
    assert len(canonical_bytes(clean)) < 48 * 1024


def test_the_worst_case_of_keys_and_fields_stays_below_48_kib():
    event = {"\x01" * 62 + f"{i:02}": "\x01" * 1_300 for i in range(64)}
    assert len(canonical_bytes(sanitise(event))) < 48 * 1024


def test_tags_do_not_crowd_out_fields_on_a_second_pass():
    event = {f"t{i:02}": set() for i in range(60)} | {
        "z1": ["x" * 2_000] * 4,
        "z2": ["y" * 2_000] * 4,
    }
    once = sanitise(event)
    assert once["z2"] == event["z2"]
    assert sanitise(dict(reversed(once.items()))) == once
