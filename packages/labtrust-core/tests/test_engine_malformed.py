"""No event raises, whatever it is; each becomes one record; a refused one changes nothing."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.errors import LabTrustError
from labtrust_core.event import MAX_BYTES, MalformedEventError, event_bytes, parse_event
from labtrust_core.ledger.record import read_record


class _Foreign:
    """An object that fails on every touch."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("touched")

    def __repr__(self):
        raise RuntimeError("touched")


class _Dict(dict):
    def items(self):
        raise RuntimeError("touched")

    def values(self):
        raise RuntimeError("touched")

    def __iter__(self):
        raise RuntimeError("touched")


class _Text(str):
    __slots__ = ()

    def __len__(self):
        raise RuntimeError("touched")


class _Float(float):
    def __eq__(self, other):
        raise RuntimeError("touched")

    __hash__ = None


text = st.text(st.characters(), max_size=12)  # surrogates too
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**53, -(2**63), 2**64, 2**200]),
    st.floats(),
    text,
    st.binary(max_size=4),
    st.complex_numbers(),
    st.builds(_Foreign),
    st.builds(_Text, text),
    st.builds(_Float, st.floats()),
    st.builds(object),
    st.just(print),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(text, st.integers(), st.none()), inner, max_size=4),
        st.builds(_Dict, st.dictionaries(text, inner, max_size=2)),
    ),
    max_leaves=12,
)
FIELDS = [
    "event_id",
    "t_s",
    "agent_id",
    "action_type",
    "args",
    "token_refs",
    "reason_code",
    "rationale",
    "key_id",
    "signature",
    "head",
]
ACTIONS = [
    "NOOP",
    "ADD",
    "FORCE_ADD",
    "CHECK",
    "MINT_TOKEN",
    "REVOKE_TOKEN",
    "UPDATE_ROSTER",
    "INVOKE_TOOL",
    "LIFT_ENFORCEMENT",
]
ARGS = [
    "box_id",
    "amount",
    "device_id",
    "to_zone",
    "roster",
    "approvals",
    "token_type",
    "subject_type",
    "subject_id",
    "reason_code",
    "requested_by",
    "target_type",
    "target_id",
    "mode",
    "token_id",
]


def _check(engine, raw):
    before = engine.digest(), engine.chain.length
    result = engine.step(raw)
    assert engine.chain.length == before[1] + 1 + len(result.system_results)
    if not result.accepted:
        assert engine.digest() == before[0]
    return result


@settings(deadline=None, max_examples=200)
@given(values)
def test_anything_at_all_is_one_blocked_record(toy, raw):
    lines = []
    result = _check(toy.engine(sink=lines.append), raw)
    assert result.blocked_reason_code == "RC_EVENT_MALFORMED"
    read_record(lines[-1])


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_field_may_hold_anything(toy, data):
    raw = toy.event(data.draw(st.sampled_from(ACTIONS)), data.draw(st.sampled_from([*toy.agents])))
    raw["args"] = data.draw(
        st.dictionaries(st.one_of(st.sampled_from(ARGS), text), values, max_size=5)
    )
    for name in data.draw(st.lists(st.sampled_from([*FIELDS, "extra"]), max_size=2)):
        raw[name] = data.draw(values)
    lines = []
    _check(toy.engine(sink=lines.append), raw)
    read_record(lines[-1])


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.one_of(st.sampled_from(ARGS), st.text(max_size=4)), json_values))
def test_a_parsed_event_reads_back_equal_from_its_record(toy, args):
    lines = []
    engine = toy.engine(sink=lines.append)
    raw = toy.event("ADD", args=args)
    result = _check(engine, raw)
    record = read_record(lines[-1])
    if result.event is not None:
        assert parse_event(record.event)[0] == result.event


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {},
        {"event_id": "E"},
        {"event_id": "", "t_s": 0, "agent_id": "A_WORKER", "action_type": "NOOP"},
        {"event_id": "E", "t_s": -1, "agent_id": "A_WORKER", "action_type": "NOOP"},
        {"event_id": "E", "t_s": 2**53, "agent_id": "A_WORKER", "action_type": "NOOP"},
        {"event_id": "E", "t_s": 10**5000, "agent_id": "A_WORKER", "action_type": "NOOP"},
        {"event_id": "E", "t_s": True, "agent_id": "A_WORKER", "action_type": "NOOP"},
        {"event_id": "E", "t_s": 0, "agent_id": "A_WORKER", "action_type": "NOOP", "origin": "x"},
        {"event_id": "E", "t_s": 0, "agent_id": "A_WORKER", "action_type": "NOOP", "args": None},
    ],
)
def test_what_has_not_the_shape_of_an_event_is_malformed(toy, raw):
    assert toy.engine().step(raw).blocked_reason_code == "RC_EVENT_MALFORMED"


def _args(toy, **args):
    return toy.event("NOOP", args=args)


@pytest.mark.parametrize(
    "args",
    [
        {"x": float("nan")},
        {"x": float("inf")},
        {"x": 2**53},
        {"x": "\ud800"},
        {"\ud800ü": 1},
        {"ü" * 20_000: 1},
        {"x": "\x01" * 16_000},
        {"x": ["\x01" * 10] * 1_999},
        {"x": [0] * 2_001},
        {"x": "x" * 16_385},
        {"x": (1,)},
        {"x": {1: 2}},
        {"x": b""},
        {"x": _Dict(a=1)},
        {"x": _Text("a")},
        {"x": _Float(1.5)},
        {"x": json.loads("[" * 16 + "]" * 16)},
    ],
)
def test_args_that_json_or_a_record_cannot_carry_are_malformed(toy, args):
    result = _check(toy.engine(), toy.event("NOOP", args=args))
    assert result.blocked_reason_code == "RC_EVENT_MALFORMED"


def test_token_references_count_towards_the_size(toy):
    event = toy.event("NOOP", token_refs=[""] * 5_000)
    assert toy.engine().step(event).blocked_reason_code == "RC_EVENT_MALFORMED"


def test_the_largest_event_still_fits_into_a_record(toy):
    lines = []
    engine = toy.engine(sink=lines.append)
    size = MAX_BYTES - len(event_bytes(parse_event(_args(toy, x=""))[0])) - 8
    event = _args(toy, x="\x01" * (size // 6))
    assert _check(engine, event).accepted
    assert len(lines[-1]) > MAX_BYTES - 100


def test_a_refusal_that_quotes_a_long_text_is_cut(toy):
    event = toy.event("FORCE_ADD", args={"box_id": "B1"}, token_refs=["\x01" * 4_000])
    result = toy.engine().step(event)
    assert result.blocked_reason_code == "INV-TOK-002"
    assert len(result.detail) == 500


def test_a_number_without_a_fraction_is_an_integer(toy):
    result = toy.engine().step(toy.add(2.0))
    assert result.accepted
    assert type(result.event.args["amount"]) is int


def test_a_fraction_and_a_wide_key_are_recorded_canonically(toy):
    lines = []
    toy.engine(sink=lines.append).step(_args(toy, x=[0.5, 1e300, -0.0], ü={"é": 1e-7}))
    assert read_record(lines[-1]).event["args"] == {"x": [0.5, 1e300, 0], "ü": {"é": 1e-7}}


def test_parsing_names_what_is_wrong():
    with pytest.raises(MalformedEventError, match="t_s") as caught:
        parse_event({"event_id": "E", "agent_id": "A", "action_type": "B", "t_s": None})
    assert isinstance(caught.value, LabTrustError)
