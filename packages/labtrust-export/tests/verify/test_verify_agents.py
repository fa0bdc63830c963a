"""Agents' signatures from near: whose they are, which count, and over which heads."""

import base64
import types

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core.canonical import canonical_bytes
from labtrust_core.trust.signatures import ACTION_TYPE, pre_authentication
from labtrust_export.start import StatedKey
from labtrust_export.verify.agents import AgentSignatures
from labtrust_export.verify.report import FaultError

Space = types.SimpleNamespace
KEYS = {name: Ed25519PrivateKey.from_private_bytes(name.encode() * 32) for name in "AB"}
LAG = 2


def public(name):
    return base64.b64encode(KEYS[name].public_key().public_bytes_raw()).decode()


def stated(name, role="R"):
    return StatedKey(
        agent_id=name,
        role_id=role,
        public_key=public(name),
        status="ACTIVE",
        not_before_s=5,
        not_after_s=9,
    )


@pytest.fixture
def known():
    """Signatures of an episode in which A, as R, has seen the head h0."""

    def begin(*, required=True, lag=LAG):
        config = Space(episode="E", signatures_required=required)
        keys = {"key-A": stated("A"), "key-B": stated("B", "S")}
        start = Space(roster={"A": "R", "B": "R"}, config=config, keys=keys)
        policy = Space(runtime_control=frozenset({"KILL"}), max_head_lag=lag)
        found = AgentSignatures(start, policy)
        found.take(None, "h0")
        return found

    return begin


def signed(*, by="A", episode="E", forged=(), seq=1, **fields):
    """Return the record and the event that an agent signed; what is forged is put in later."""
    event = {
        "event_id": "E1",
        "t_s": 7,
        "agent_id": "A",
        "action_type": "ADD",
        "key_id": "key-A",
        "head": "h0",
        **fields,
    }
    event = {name: value for name, value in event.items() if value is not None}
    body = canonical_bytes({"episode": episode, "event": event})
    raw = KEYS[by].sign(pre_authentication(ACTION_TYPE, body))
    event |= {"signature": base64.b64encode(raw).decode(), **dict(forged)}
    event = {name: value for name, value in event.items() if value is not None}
    found = dict.fromkeys(("key_id", "signature", "head")) | {"args": {}} | event
    return Space(seq=seq, event=event, origin="agent"), Space(**found)


REFUSALS = [
    ({}, None, None),
    ({"forged": {"key_id": None}}, "AGENT_SIGNATURE_MISSING", "SIG_MISSING"),
    ({"forged": {"signature": None}}, "AGENT_SIGNATURE_MISSING", "SIG_MISSING"),
    ({"key_id": "key-C"}, "AGENT_KEY_UNKNOWN", "SIG_INVALID"),
    ({"key_id": "key-B", "by": "B"}, "AGENT_KEY_MISMATCH", "SIG_ROLE_MISMATCH"),
    (
        {"key_id": "key-B", "by": "B", "agent_id": "B"},
        "AGENT_KEY_MISMATCH",
        "SIG_ROLE_MISMATCH",
    ),
    ({"agent_id": "C"}, "AGENT_KEY_MISMATCH", "SIG_ROLE_MISMATCH"),
    ({"t_s": 4}, "AGENT_KEY_VALIDITY", "SIG_KEY_NOT_YET_VALID"),
    ({"t_s": 10}, "AGENT_KEY_VALIDITY", "SIG_KEY_EXPIRED"),
    ({"by": "B"}, "AGENT_SIGNATURE_BAD", "SIG_INVALID"),
    ({"episode": "F"}, "AGENT_SIGNATURE_BAD", "SIG_INVALID"),
    ({"forged": {"args": {"n": 1}}}, "AGENT_SIGNATURE_BAD", "SIG_INVALID"),
    ({"forged": {"signature": "no base64"}}, "AGENT_SIGNATURE_BAD", "SIG_INVALID"),
    ({"forged": {"signature": ""}}, "AGENT_SIGNATURE_BAD", "SIG_INVALID"),
    ({"head": "h9"}, "AGENT_HEAD_STALE", "SIG_STALE_HEAD"),
    ({"head": None}, "AGENT_HEAD_STALE", "SIG_STALE_HEAD"),
]


@pytest.mark.parametrize(("how", "code", "reason"), REFUSALS)
def test_a_signature_counts_for_what_its_agent_signed(known, how, code, reason):
    found = known().refusal(*signed(**how))
    assert (found and found.code, found and found.reason) == (code, reason)


@pytest.mark.parametrize(
    ("how", "agent"),
    [
        ({}, "A"),
        ({"by": "B"}, None),
        ({"forged": {"args": {"n": 1}}}, None),
        ({"forged": {"signature": None}}, None),
        ({"forged": {"signature": "no base64"}}, None),
        ({"forged": {"key_id": None}}, None),
        ({"key_id": "key-C"}, None),
        ({"key_id": "key-B", "by": "B"}, "B"),
        ({"key_id": "key-B"}, None),
        ({"t_s": 99}, "A"),
        ({"head": "h9"}, "A"),
    ],
)
def test_an_event_is_by_the_agent_whose_key_signed_it_whoever_it_names(known, how, agent):
    assert known().signer(*signed(**how)) == agent


def test_a_head_is_recent_for_as_many_records_as_policy_says(known):
    found = known()
    found.take(None, "h1")
    assert found.refusal(*signed(head="h0")) is None
    found.take(None, "h2")
    assert found.refusal(*signed(head="h0", seq=2)).code == "AGENT_HEAD_STALE"
    assert found.refusal(*signed(head="h1", seq=3)) is None
    assert known(lag=0).refusal(*signed(head="h0")).code == "AGENT_HEAD_STALE"


def test_a_signature_is_looked_at_once_a_record(known):
    found = known()
    good, bad = signed(), signed(by="B")
    assert found.refusal(*good) is None
    assert found.refusal(*bad) is None  # of the same record, so the same answer
    bad[0].seq = 2
    assert found.refusal(*bad).code == "AGENT_SIGNATURE_BAD"


@pytest.mark.parametrize(
    ("required", "fields", "asked"),
    [
        (True, {}, True),
        (False, {}, False),
        (False, {"key_id": "key-A"}, True),
        (False, {"signature": ""}, True),
        (False, {"action_type": "KILL"}, True),
    ],
)
def test_a_signature_is_asked_where_there_is_one_or_there_must_be(known, required, fields, asked):
    event = Space(**({"key_id": None, "signature": None, "action_type": "ADD"} | fields))
    assert known(required=required).is_asked(event) is asked


def step(how=None, *, accepted=True, by_agent=True):
    """Return the step of a signed event."""
    record, event = signed(**(how or {}))
    return Space(record=record, event=event, accepted=accepted, by_agent=by_agent)


def test_signatures_that_count_are_counted(known):
    found = known()
    found.check(step())
    found.check(step({"seq": 2}))
    assert (found.signed, found.key_ids) == (2, {"key-A"})


@pytest.mark.parametrize("how", [{"accepted": False}, {"by_agent": False}])
def test_only_accepted_events_of_agents_must_be_signed(known, how):
    found = known()
    found.check(step({"by": "B"}, **how))
    found.check(Space(event=None, accepted=False, by_agent=True))
    assert (found.signed, found.key_ids) == (0, set())


def test_an_accepted_event_whose_signature_does_not_count_is_a_fault(known):
    with pytest.raises(FaultError) as caught:
        known().check(step({"by": "B", "seq": 4}))
    fault = caught.value
    assert (fault.code, fault.file, fault.record) == ("AGENT_SIGNATURE_BAD", "episode_log.jsonl", 4)


@pytest.mark.parametrize(
    ("how", "accepted", "roster"),
    [
        ({"roster": {"A": "S", "C": "R"}}, True, {"A": "S", "B": "R", "C": "R"}),
        ({"roster": {"A": 5, "C": "R"}}, True, {"A": "R", "B": "R", "C": "R"}),
        ({"roster": ["A"]}, True, {"A": "R", "B": "R"}),
        ({}, True, {"A": "R", "B": "R"}),
        ({"roster": {"A": "S"}}, False, {"A": "R", "B": "R"}),
    ],
)
def test_an_accepted_change_of_the_roster_counts_from_then_on(known, how, accepted, roster):
    found = known()
    change = {"action_type": "UPDATE_ROSTER", "args": how}
    found.take(step(change, accepted=accepted), "h1")
    assert found.roster == roster
    found.take(step({"args": {"roster": {"A": "T"}}}), "h2")
    assert found.roster == roster
