"""canonical_bytes, encode_plain, scan and embed against RFC 8785."""

import math
import struct

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.canonical import (
    LEAF_PREFIX,
    MAX_DEPTH,
    MAX_INT,
    MAX_LINE,
    MAX_NODES,
    NotCanonicalError,
    Reason,
    Shape,
    canonical_bytes,
    embed,
    encode_plain,
    scan,
    sha256_hex,
)
from labtrust_core.errors import CanonicalError

ascii_keys = st.text(st.characters(max_codepoint=127), max_size=8)
any_text = st.text(max_size=12)  # no surrogates, everything else
plain_leaves = st.none() | st.booleans() | st.integers(-MAX_INT, MAX_INT) | any_text
plain_values = st.recursive(
    plain_leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ascii_keys, inner, max_size=4),
    max_leaves=20,
)
event_values = st.recursive(
    plain_leaves | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=20,
)


def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value


@given(plain_values)
def test_the_quick_encoder_equals_rfc8785_on_plain_values(value):
    assert scan(value) is Shape.PLAIN
    assert encode_plain(value) == rfc8785.dumps(value)


@given(event_values)
def test_canonical_bytes_equal_rfc8785_on_everything_an_event_may_hold(value):
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(event_values)
def test_an_embedded_value_is_canonical_inside_a_plain_one(value):
    assert encode_plain({"k": embed(value), "a": [1]}) == rfc8785.dumps({"k": value, "a": [1]})


def test_every_ascii_character_is_escaped_as_rfc8785_does():
    value = {chr(code): chr(code) * 2 for code in range(128)}
    assert encode_plain(value) == rfc8785.dumps(value)


def test_the_example_of_rfc8785_section_3_2_2_has_the_published_bytes():
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    expected = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical_bytes(value) == expected.encode()


def test_keys_are_sorted_by_utf16_units_as_in_rfc8785_section_3_2_3():
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    parsed = msgspec.json.decode(canonical_bytes(dict.fromkeys(keys, 0)))
    assert list(parsed) == order


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_of_rfc8785_appendix_b_are_spelt_as_published(bits, expected):
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes(number) == expected.encode()


class Foreign:
    """An object that lies about its class and cannot be hashed or shown."""

    __hash__ = None
    __class__ = property(lambda _self: dict)

    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (math.nan, Reason.NON_FINITE),
        ([math.inf], Reason.NON_FINITE),
        (MAX_INT + 1, Reason.INT_TOO_LARGE),
        ({"a": -MAX_INT - 1}, Reason.INT_TOO_LARGE),
        ("\ud800", Reason.SURROGATE),
        ({"\udc00": 1}, Reason.SURROGATE),
        ({1: 1}, Reason.KEY_NOT_TEXT),
        ({1, 2}, Reason.NOT_JSON_TYPE),
        (b"x", Reason.NOT_JSON_TYPE),
        ([Foreign()], Reason.NOT_JSON_TYPE),
        (nested(MAX_DEPTH + 1), Reason.TOO_DEEP),
        ([0] * 1_000_001, Reason.TOO_LARGE),
    ],
)
def test_a_value_without_canonical_form_is_refused_with_its_reason(value, reason):
    with pytest.raises(NotCanonicalError) as caught:
        canonical_bytes(value)
    assert caught.value.reason is reason
    assert isinstance(caught.value, CanonicalError)


def test_a_cyclic_list_is_too_deep():
    cycle = []
    cycle.append(cycle)
    assert scan(cycle) & Shape.TOO_DEEP


def test_a_list_that_doubles_on_every_level_is_too_large():
    value = [0]
    for _ in range(MAX_DEPTH - 1):
        value = [value, value]
    assert scan(value) & Shape.TOO_LARGE


def test_the_deepest_allowed_value_is_plain():
    assert scan(nested(MAX_DEPTH)) is Shape.PLAIN


def test_the_largest_allowed_value_is_plain():
    assert scan([0] * MAX_NODES) is Shape.PLAIN


def test_the_limits_are_the_documented_ones():
    assert (MAX_DEPTH, MAX_LINE, MAX_NODES) == (32, 65_536, 1_000_000)
    assert MAX_INT == 9_007_199_254_740_991


def test_fractions_and_wide_keys_are_told_apart():
    assert scan({"\u00e9": 1.5}) == Shape.FLOAT | Shape.WIDE_KEY


def test_tuples_are_spelt_as_lists():
    assert canonical_bytes(("a", (1,))) == b'["a",[1]]'


def test_sha256_hex_has_the_published_value_for_abc():
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_leaf_prefix_is_that_of_rfc6962():
    assert LEAF_PREFIX == b"\x00"


@pytest.mark.parametrize(
    "value",
    [
        {"n": MAX_INT, "t": "x", "b": True, "z": None, "l": ["a", "b"]},
        {"l": ["a"] * 201},
        {"l": ["a", 1]},
        {"f": 0.5},
        {"o": {}},
        {"\u00e9": "x"},
    ],
    ids=ascii,
)
def test_embedding_takes_the_short_way_only_where_it_is_the_same(value):
    assert encode_plain({"k": embed(value)}) == canonical_bytes({"k": value})


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"n": MAX_INT + 1}, Reason.INT_TOO_LARGE),
        ({1: "x"}, Reason.KEY_NOT_TEXT),
        ({"t": "\ud800"}, Reason.SURROGATE),
        ({"l": ["\udfff"]}, Reason.SURROGATE),
    ],
    ids=ascii,
)
def test_what_has_no_canonical_form_is_not_embedded(value, reason):
    with pytest.raises(NotCanonicalError) as caught:
        embed(value)
    assert caught.value.reason is reason
