"""The strict reader: canonical lines come back, every other line is refused with its reason."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.canonical import (
    MAX_DEPTH,
    MAX_INT,
    MAX_LINE,
    NotCanonicalError,
    Reason,
    canonical_bytes,
    parse_canonical,
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=15,
)
objects = st.dictionaries(st.text(max_size=6), values, max_size=4)


def deep(depth):
    return b'{"a":' * depth + b"0" + b"}" * depth


@given(objects)
def test_what_was_encoded_is_read_back(value):
    line = canonical_bytes(value)
    assert parse_canonical(line) == value
    assert canonical_bytes(parse_canonical(line)) == line


@given(objects, st.data())
def test_a_changed_byte_is_refused_or_reads_as_another_canonical_object(value, data):
    line = bytearray(canonical_bytes(value))
    line[data.draw(st.integers(0, len(line) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        parsed = parse_canonical(bytes(line))
    except NotCanonicalError:
        return
    assert canonical_bytes(parsed) == bytes(line)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_with_the_typed_error_or_canonical(line):
    try:
        parsed = parse_canonical(line)
    except NotCanonicalError:
        return
    assert canonical_bytes(parsed) == line


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"{", Reason.NOT_JSON),
        (b'{"a":1}{"b":2}', Reason.NOT_JSON),
        (b'{"a":01}', Reason.NOT_JSON),
        (b'{"a":' + b"X" * 40 + b"}", Reason.NOT_JSON),
        (b'{"a":' + b"]" * 40 + b"[" * 40, Reason.NOT_JSON),
        (b"\xef\xbb\xbf{}", Reason.NOT_JSON),
        (b'{"a":"\xff"}', Reason.NOT_UTF8),
        (b'{"a":1,"a":2}', Reason.DUPLICATE_KEY),
        (b'{"a":{"b":1,"b":1}}', Reason.DUPLICATE_KEY),
        (b'{"a":"\\u0061","\\u0061":1}', Reason.DUPLICATE_KEY),
        (b'{"a":NaN}', Reason.NON_FINITE),
        (b'{"a":-Infinity}', Reason.NON_FINITE),
        (b'{"a":1e999}', Reason.NON_FINITE),
        (b'{"a":' + b"9" * 5000 + b"}", Reason.NON_FINITE),
        (b'{"a":"\\ud800"}', Reason.SURROGATE),
        (b'{"a":1}\r', Reason.CARRIAGE_RETURN),
        (b'{"a":\r1}', Reason.CARRIAGE_RETURN),
        (b'{"a":1} ', Reason.OUTER_SPACE),
        (b' {"a":1}', Reason.OUTER_SPACE),
        (b'{"a":1}\n', Reason.OUTER_SPACE),
        (b"[1]", Reason.NOT_OBJECT),
        (b"1", Reason.NOT_OBJECT),
        (b'{"a": 1}', Reason.NOT_CANONICAL),
        (b'{"b":1,"a":1}', Reason.NOT_CANONICAL),
        (b'{"a":1.0}', Reason.NOT_CANONICAL),
        (b'{"a":-0}', Reason.NOT_CANONICAL),
        (b'{"a":1e2}', Reason.NOT_CANONICAL),
        (b'{"a":"\\u0041"}', Reason.NOT_CANONICAL),
        (b'{"a":9007199254740993}', Reason.NOT_CANONICAL),
        ('{"\ufb33":1,"\U0001f600":1}'.encode(), Reason.NOT_CANONICAL),
        (deep(MAX_DEPTH + 1), Reason.TOO_DEEP),
        (deep(9_000), Reason.TOO_DEEP),
        (b"[" * MAX_LINE, Reason.TOO_DEEP),
        (b'{"a":"' + b"x" * MAX_LINE + b'"}', Reason.LINE_TOO_LONG),
    ],
)
def test_a_line_that_is_not_canonical_is_refused_with_its_reason(line, reason):
    with pytest.raises(NotCanonicalError) as caught:
        parse_canonical(line)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    "line",
    [
        deep(MAX_DEPTH),
        deep(MAX_DEPTH).replace(b"0", b"0.5"),
        b'{"a":"' + b"[" * 40 + b'"}',
        b'{"a":"' + b"x" * (MAX_LINE - 8) + b'"}',
        b'{"a":9007199254740992}',
        b'{"a":1.5}',
        '{"\U0001f600":1,"\ufb33":1}'.encode(),
    ],
)
def test_a_canonical_line_at_a_limit_is_read(line):
    assert canonical_bytes(parse_canonical(line)) == line


@pytest.mark.parametrize("inside", [b'\\"', b"\\", b'"', b"a"])
def test_a_string_that_never_ends_is_refused_in_linear_time(inside):
    line = (b'{"a":"' + inside * 2**20)[: 2**20]  # in quadratic time it would outlast the test

    with pytest.raises(NotCanonicalError) as caught:
        parse_canonical(line, 2**20)
    assert caught.value.reason is Reason.NOT_JSON


def test_brackets_in_strings_do_not_nest():
    value = {"a": "[" * 2 * MAX_DEPTH, 'b\\"': '\\"' + "{" * 2 * MAX_DEPTH}

    with pytest.raises(NotCanonicalError) as caught:
        parse_canonical(canonical_bytes(value).replace(b":", b": "))
    assert caught.value.reason is Reason.NOT_CANONICAL


@pytest.fixture
def few_nodes(monkeypatch):
    """Let a value have a few nodes only, so that a line of too many is short."""
    monkeypatch.setattr("labtrust_core.canonical.MAX_NODES", 500)
    return 500


@pytest.mark.parametrize(
    ("opening", "item"), [(b'{"a":[', b"[]"), (b'{"a":[', b"0"), (b"{", b'"a":0'), (b"{", b'""""')]
)
def test_far_too_many_nodes_are_refused_before_they_take_memory(few_nodes, opening, item):
    line = opening + b",".join([item] * (20 * few_nodes)) + b"]}"
    tracemalloc.start()
    try:
        with pytest.raises(NotCanonicalError) as caught:
            parse_canonical(line)
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.reason is Reason.TOO_LARGE
    assert used < len(line)


def test_as_many_nodes_as_are_allowed_are_read(few_nodes):
    for value in ({"a": [0] * (few_nodes - 1)}, {"a": [[]] * (few_nodes - 1)}):
        assert parse_canonical(canonical_bytes(value)) == value


def test_commas_and_brackets_in_strings_are_no_nodes(few_nodes):
    value = {"a": ",[{" * few_nodes}

    assert parse_canonical(canonical_bytes(value)) == value


@pytest.mark.parametrize("number", [MAX_INT, -MAX_INT])
def test_an_exact_number_is_read_as_one_beside_a_fraction_too(number):
    read = parse_canonical(b'{"a":%d,"b":1.5}' % number)["a"]
    assert type(read) is int
    assert read == number


@pytest.mark.parametrize("number", [2**53, -(2**53)])
def test_a_number_that_is_not_exact_is_read_as_a_double(number):
    assert type(parse_canonical(b'{"a":%d}' % number)["a"]) is float
