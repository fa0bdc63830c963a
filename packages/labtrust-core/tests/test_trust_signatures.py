"""Signed actions: what is covered, and every way in which a signature does not count."""

import base64
import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.event import Blocked, Event
from labtrust_core.trust.keys import KeyRegistry
from labtrust_core.trust.signatures import (
    approval_message,
    check_event,
    event_message,
    pre_authentication,
    sign_event,
    signer_of,
)

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def sign(toy, engine, raw, key_id=None, *, episode="EP1", head=None):
    key_id = key_id or f"K_{raw['agent_id']}"
    private = toy.keyring.private[key_id]
    return sign_event(
        raw, key_id=key_id, private=private, episode=episode, head=head or engine.head
    )


def full(toy):
    return toy.event(
        "ADD",
        args={"box_id": "B1", "amount": 1, "note": ["ü", 0.5, {"x": None}]},
        reason_code="TOY_REASON",
        rationale="because",
        tool_id="ask",
        token_refs=["T1"],
    )


def test_a_signed_event_is_accepted_where_signatures_are_required(toy):
    engine = toy.engine(signatures_required=True)
    assert engine.step(sign(toy, engine, toy.add())).accepted


def test_an_unsigned_event_is_accepted_where_they_are_not(toy):
    assert toy.engine().step(toy.add()).accepted


CHANGES = {
    "event_id": "OTHER",
    "t_s": 1,
    "agent_id": "A_WORKER2",
    "action_type": "NOOP",
    "args": {"box_id": "B1", "amount": 2},
    "reason_code": "TOY_LOCKED",
    "rationale": None,
    "token_refs": [],
    "tool_id": None,
    "key_id": "K_A_WORKER2",
    "head": "0" * 64,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_field_is_refused(toy, name):
    engine = toy.engine()
    event = {**sign(toy, engine, full(toy)), name: CHANGES[name]}
    assert engine.step(event).blocked_reason_code.startswith("SIG_")


def test_every_field_of_an_event_can_be_changed_by_the_test_above():
    fields = {field.name for field in msgspec.structs.fields(Event)}
    assert CHANGES.keys() | {"signature"} == fields


def _paths(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items if isinstance(value, dict | list) else ():
        yield from _paths(item, (*path, key)) if isinstance(item, dict | list) else [(*path, key)]


@settings(deadline=None)
@given(st.data())
def test_a_change_anywhere_in_the_arguments_is_refused(toy, data):
    engine = toy.engine()
    event = sign(toy, engine, full(toy))
    path = data.draw(st.sampled_from([path for path in _paths(event["args"]) if path]))
    args = msgspec.json.decode(msgspec.json.encode(event["args"]))
    place = args
    for key in path[:-1]:
        place = place[key]
    before = place[path[-1]]
    place[path[-1]] = data.draw(
        st.one_of(st.text(max_size=3), st.integers(-5, 5), st.none(), st.just([])).filter(
            lambda value: value != before
        )
    )
    assert engine.step({**event, "args": args}).blocked_reason_code == "SIG_INVALID"


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 87), st.sampled_from(BASE64 + "="))
def test_a_changed_character_of_the_signature_is_refused(toy, place, character):
    engine = toy.engine()
    event = sign(toy, engine, toy.add())
    signature = event["signature"]
    if signature[place] == character:
        return
    event["signature"] = signature[:place] + character + signature[place + 1 :]
    assert engine.step(event).blocked_reason_code == "SIG_INVALID"


def test_a_signature_has_one_spelling(toy):
    engine = toy.engine()
    event = sign(toy, engine, toy.add())
    last = BASE64.index(event["signature"][85])
    event["signature"] = event["signature"][:85] + BASE64[last ^ 1] + "=="
    assert engine.step(event).blocked_reason_code == "SIG_INVALID"


@pytest.mark.parametrize("signature", ["", "ü", "AAAA", "not base64!", "A" * 88])
def test_what_is_no_signature_is_refused(toy, signature):
    engine = toy.engine()
    event = {**sign(toy, engine, toy.add()), "signature": signature}
    assert engine.step(event).blocked_reason_code == "SIG_INVALID"


@pytest.mark.parametrize("name", ["key_id", "signature"])
def test_half_a_signature_is_refused_even_where_none_is_required(toy, name):
    engine = toy.engine()
    event = sign(toy, engine, toy.add())
    del event[name]
    assert engine.step(event).blocked_reason_code == "SIG_MISSING"


def test_a_signed_event_that_lost_its_head_is_invalid(toy):
    engine = toy.engine()
    event = sign(toy, engine, toy.add())
    del event["head"]
    assert engine.step(event).blocked_reason_code == "SIG_INVALID"


def test_an_unknown_key_is_refused(toy):
    engine = toy.engine(keys=KeyRegistry({}))
    assert engine.step(sign(toy, engine, toy.add())).blocked_reason_code == "SIG_INVALID"


def test_another_agents_key_is_refused(toy):
    engine = toy.engine()
    event = sign(toy, engine, toy.add(), "K_A_WORKER2")
    assert engine.step(event).blocked_reason_code == "SIG_ROLE_MISMATCH"


def test_a_key_of_a_role_that_the_agent_lost_is_refused(toy):
    engine = toy.engine()
    change = toy.event("UPDATE_ROSTER", "SYSTEM", {"roster": {"A_APP1": "R_SECURITY"}})
    engine.step(sign(toy, engine, change))
    event = sign(toy, engine, toy.event("NOOP", "A_APP1"))
    assert engine.step(event).blocked_reason_code == "SIG_ROLE_MISMATCH"


def test_the_same_event_cannot_be_sent_twice(toy):
    engine = toy.engine()
    event = sign(toy, engine, toy.add())
    assert engine.step(event).accepted
    assert engine.step(event).blocked_reason_code == "RC_EVENT_DUPLICATE"


def test_an_event_of_another_episode_is_refused(toy):
    engine = toy.engine()
    event = sign(toy, engine, toy.add(), episode="EP2")
    assert engine.step(event).blocked_reason_code == "SIG_INVALID"


def test_an_event_signed_in_another_episode_is_stale(toy):
    event = sign(toy, toy.engine(episode="EP2"), toy.add())
    assert toy.engine().step(event).blocked_reason_code == "SIG_STALE_HEAD"


@pytest.mark.parametrize(("records", "code"), [(2, None), (3, "SIG_STALE_HEAD")])
def test_the_head_may_be_as_old_as_the_registry_says(toy, records, code):
    engine = toy.engine()
    event = sign(toy, engine, toy.add())
    for _ in range(records):
        engine.step(toy.event("NOOP", "A_BOSS"))
    assert engine.step(event).blocked_reason_code == code


def _keys(toy, **changes):
    keys = dict(toy.keyring.keys)
    keys["K_A_WORKER"] = msgspec.structs.replace(keys["K_A_WORKER"], **changes)
    return KeyRegistry(keys)


@pytest.mark.parametrize(
    ("changes", "t_s", "code"),
    [
        ({"not_before_s": 10}, 9, "SIG_KEY_NOT_YET_VALID"),
        ({"not_before_s": 10}, 10, None),
        ({"not_after_s": 10}, 10, None),
        ({"not_after_s": 10}, 11, "SIG_KEY_EXPIRED"),
        ({"status": "REVOKED"}, 0, "SIG_KEY_REVOKED"),
        ({"status": "EXPIRED"}, 0, "SIG_KEY_EXPIRED"),
    ],
)
def test_a_key_counts_only_within_its_life(toy, changes, t_s, code):
    engine = toy.engine(keys=_keys(toy, **changes))
    assert engine.step(sign(toy, engine, toy.add(t_s=t_s))).blocked_reason_code == code


def test_check_event_accepts_what_sign_event_made(toy):
    engine = toy.engine()
    event = msgspec.convert(sign(toy, engine, full(toy)), Event)
    check_event(event, keys=toy.keys, role_id="R_WORKER", episode="EP1", recent_heads=[engine.head])
    with pytest.raises(Blocked):
        check_event(
            event, keys=toy.keys, role_id="R_BOSS", episode="EP1", recent_heads=[engine.head]
        )


def test_the_pre_authentication_encoding_is_that_of_dsse():
    assert pre_authentication("a/ü", b"xyz") == b"DSSEv1 4 a/\xc3\xbc 3 xyz"


def test_a_signature_over_another_type_of_document_does_not_count(toy):
    engine = toy.engine()
    event = sign(toy, engine, toy.add())
    body = {key: value for key, value in event.items() if key != "signature"}
    message = pre_authentication("application/other", msgspec.json.encode(body))
    raw = toy.keyring.private["K_A_WORKER"].sign(message)
    event["signature"] = base64.b64encode(raw).decode()
    assert engine.step(event).blocked_reason_code == "SIG_INVALID"


@pytest.mark.parametrize(
    ("agent_id", "is_signed", "code"),
    [
        ("SYSTEM", True, None),
        ("SYSTEM", False, "SIG_MISSING"),
        ("A_BOSS", True, "RBAC_ACTION_DENY"),
    ],
)
def test_runtime_control_needs_system_its_role_and_a_signature(toy, agent_id, is_signed, code):
    engine = toy.engine()
    event = toy.event("UPDATE_ROSTER", agent_id, {"roster": {"A_NEW": "R_BOSS"}})
    event = sign(toy, engine, event) if is_signed else event
    assert engine.step(event).blocked_reason_code == code


def test_a_role_that_lists_runtime_control_does_not_make_its_holder_the_system(toy):
    documents = toy.documents()
    documents["rbac"]["roles"]["R_BOSS"]["actions"].append("UPDATE_ROSTER")
    engine = toy.engine(policy=toy.policy(documents))
    event = toy.event("UPDATE_ROSTER", "A_BOSS", {"roster": {"A_NEW": "R_BOSS"}})
    result = engine.step(sign(toy, engine, event))
    assert result.blocked_reason_code == "RBAC_ACTION_DENY"


def test_what_an_approver_signs_has_the_documented_bytes():
    approval = {"approver_agent_id": "A", "approver_key_id": "K", "signature": "not covered"}
    body = b'{"approver_agent_id":"A","approver_key_id":"K","episode":"E","request":{"t":"T"}}'
    kind = b"application/vnd.labtrust.approval+json"
    expected = b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)
    assert approval_message(approval, {"t": "T"}, "E") == expected


def test_what_an_agent_signs_has_the_documented_bytes():
    event = {"event_id": "E1", "t_s": 4, "agent_id": "A", "action_type": "NOOP", "head": "0" * 64}
    signed = msgspec.convert({**event, "key_id": "K", "signature": "not covered"}, Event)
    kind, payload = b"application/vnd.labtrust.action+json", event_message(signed, "EP")
    head = b"DSSEv1 %d %b " % (len(kind), kind)
    assert payload.startswith(head)
    length, body = payload.removeprefix(head).split(b" ", 1)
    covered = json.loads(body)
    assert (int(length), covered.keys()) == (len(body), {"episode", "event"})
    assert covered["episode"] == "EP"
    assert covered["event"].items() >= {**event, "key_id": "K"}.items()
    assert "signature" not in covered["event"]


def test_the_signer_of_an_event_is_the_agent_whose_key_made_the_signature(toy):
    engine = toy.engine(signatures_required=True)
    event = msgspec.convert(sign(toy, engine, toy.add()), Event)
    assert signer_of(event, toy.keys, "EP1") == "A_WORKER"
    assert signer_of(event, toy.keys, "EP2") is None
    for change in ({"key_id": None}, {"key_id": "K_A_BOSS"}, {"signature": None}, {"t_s": 9}):
        assert signer_of(msgspec.structs.replace(event, **change), toy.keys, "EP1") is None
