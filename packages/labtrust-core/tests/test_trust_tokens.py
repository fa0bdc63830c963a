"""Tokens: who may mint them, what they lift, and that each is used at most once."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_core.errors import PolicyError, ScenarioError
from labtrust_core.event import Event
from labtrust_core.trust.signatures import approval_message, sign_event
from labtrust_core.trust.tokens import token_request

UNLOCK = {"token_type": "TOKEN_UNLOCK"}
UNKNOWN = {"token_type": "TOKEN_NONE"}


def token(**changes):
    return {
        "token_id": "T1",
        "token_type": "TOKEN_FORCE",
        "subject_type": "box",
        "subject_id": "B1",
        "issued_at_ts_s": 0,
        "expires_at_ts_s": 100,
        **changes,
    }


def force(toy, *token_refs, **fields):
    args = {"box_id": "B1", "amount": 1, **fields.pop("args", {})}
    return toy.event("FORCE_ADD", args=args, token_refs=list(token_refs), **fields)


def mint(toy, engine, *approvers, **changes):
    result = engine.step(toy.mint(*approvers, **changes))
    assert result.accepted, result.detail
    return result.data["token_id"]


def test_a_minted_token_lifts_its_code_on_its_subject_and_is_consumed(toy):
    engine = toy.engine({"locked": ["B1"]})
    token_id = mint(toy, engine, "A_APP1", "A_APP2")
    result = engine.step(force(toy, token_id))
    assert result.emits == ("ADD", "CONSUME_TOKEN")
    assert result.token_consumed == (token_id,)
    assert engine.query(f"token_state({token_id})") == "CONSUMED"


def test_a_used_token_is_refused(toy):
    engine = toy.engine({"tokens": [token()]})
    assert engine.step(force(toy, "T1")).accepted
    assert engine.step(force(toy, "T1")).blocked_reason_code == "INV-TOK-002"


def test_naming_one_token_twice_uses_it_once(toy):
    engine = toy.engine({"tokens": [token()]})
    assert engine.step(force(toy, "T1", "T1")).token_consumed == ("T1",)


def test_a_refused_step_leaves_its_token_alive(toy):
    engine = toy.engine({"tokens": [token()], "sealed": ["B1"]})
    assert engine.step(force(toy, "T1")).blocked_reason_code == "TOY_SEALED"
    assert engine.query("token_state(T1)") == "ACTIVE"


def test_a_step_that_its_handler_refuses_leaves_its_token_alive(toy):
    engine = toy.engine({"tokens": [token()], "locked": ["B1"]})
    result = engine.step(force(toy, "T1", args={"amount": None}))
    assert result.blocked_reason_code == "TOY_BAD_AMOUNT"
    assert engine.query("token_state(T1)") == "ACTIVE"


def test_a_presented_token_that_nothing_needs_is_not_consumed(toy):
    engine = toy.engine({"tokens": [token(**UNLOCK)]})
    result = engine.step(toy.add(token_refs=["T1"]))
    assert result.accepted
    assert result.token_consumed == ()
    assert engine.query("token_active") == ["T1"]


def test_without_its_token_the_code_stands(toy):
    engine = toy.engine({"locked": ["B1"]})
    assert engine.step(toy.add()).blocked_reason_code == "TOY_LOCKED"


@pytest.mark.parametrize(
    ("changes", "event_changes", "code"),
    [
        ({"expires_at_ts_s": 9}, {"t_s": 10}, "INV-TOK-002"),
        ({"expires_at_ts_s": 10}, {"t_s": 10}, None),
        ({"issued_at_ts_s": 11}, {"t_s": 10}, "INV-TOK-002"),
        ({"state": "CONSUMED"}, {}, "INV-TOK-002"),
        ({"state": "REVOKED"}, {}, "INV-TOK-006"),
        ({"token_type": "TOKEN_UNLOCK"}, {}, "INV-TOK-003"),
        ({"subject_id": "B2"}, {}, "INV-TOK-003"),
        ({"subject_type": "agent"}, {}, "INV-TOK-003"),
        ({}, {"args": {"mode": "rough"}}, "INV-TOK-003"),
        ({}, {"args": {"mode": ["gentle"]}}, "INV-TOK-003"),
        ({}, {"args": {"mode": "gentle"}}, None),
        ({"approvals": ["A_WORKER", "A_BOSS"]}, {}, "INV-TOK-003"),
        ({"approvals": ["A_BOSS", "A_BOSS2"]}, {}, None),
    ],
)
def test_a_token_holds_only_in_its_time_state_type_subject_scope_and_hands(
    toy, changes, event_changes, code
):
    engine = toy.engine({"tokens": [token(**changes)]})
    assert engine.step(force(toy, "T1", **event_changes)).blocked_reason_code == code


def test_a_revoked_token_is_refused_and_cannot_be_revoked_again(toy):
    engine = toy.engine({"tokens": [token()]})
    revoke = {"token_id": "T1"}
    assert engine.step(toy.event("REVOKE_TOKEN", "A_BOSS", revoke)).emits == ("REVOKE_TOKEN",)
    assert engine.step(force(toy, "T1")).blocked_reason_code == "INV-TOK-006"
    again = engine.step(toy.event("REVOKE_TOKEN", "A_BOSS", revoke))
    assert again.blocked_reason_code == "INV-TOK-002"


def _approval(agent, key=None, **more):
    return {"approver_agent_id": agent, "approver_key_id": key or f"K_{agent}", **more}


@pytest.mark.parametrize(
    "approvals",
    [
        None,
        "A_APP1",
        [],
        [_approval("A_APP1")],
        [_approval("A_APP1"), _approval("A_APP1")],
        [_approval("A_APP1"), _approval("A_APP2", "K_A_APP1")],
        [_approval("A_APP1"), _approval("A_WORKER")],
        [_approval("A_APP1"), _approval("A_NOBODY")],
        [_approval("A_APP1"), _approval("A_BOSS")],
        [_approval("A_APP1"), _approval("A_APP2", "K_NONE")],
        [_approval("A_APP1"), _approval("A_APP2", role="R_BOSS")],
        [_approval("A_APP1"), "A_APP2"],
        [_approval("A_APP1"), {"approver_agent_id": "A_APP2"}],
        [_approval("A_APP1"), {**_approval("A_APP2"), "approver_key_id": 7}],
        [_approval("A_APP1"), _approval("A_APP2"), _approval("A_WORKER")],
    ],
)
def test_approvals_that_do_not_count_mint_nothing(toy, approvals):
    engine = toy.engine()
    result = engine.step(toy.mint(args={"approvals": approvals}))
    assert result.blocked_reason_code == "INV-TOK-001"
    assert engine.query("token_active") == []


def test_the_minter_may_not_approve_whomever_it_names_as_requester(toy):
    event = toy.mint("A_BOSS", "A_APP1", args={"requested_by": "A_WORKER"})
    assert toy.engine().step(event).blocked_reason_code == "INV-TOK-001"


def test_the_named_requester_may_not_approve(toy):
    event = toy.mint("A_APP1", "A_APP2", args={"requested_by": "A_APP1"})
    assert toy.engine().step(event).blocked_reason_code == "INV-TOK-001"


def test_where_policy_says_so_only_the_named_requester_may_not_approve(toy):
    documents = toy.documents()
    documents["dual_approval"]["requester"] = "named"
    engine = toy.engine(policy=toy.policy(documents))
    assert engine.step(toy.mint("A_BOSS", "A_APP1")).accepted


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"token_type": "TOKEN_NONE"}, "TOKEN_TYPE_UNKNOWN"),
        ({"token_type": None}, "TOKEN_TYPE_UNKNOWN"),
        ({"subject_type": "agent"}, "TOKEN_SUBJECT_INVALID"),
        ({"subject_id": ""}, "TOKEN_SUBJECT_INVALID"),
        ({"subject_id": 7}, "TOKEN_SUBJECT_INVALID"),
        ({"reason_code": "TOY_LOCKED"}, "TOKEN_SUBJECT_INVALID"),
    ],
)
def test_what_a_token_is_asked_for_must_fit_its_type(toy, args, code):
    event = toy.mint("A_APP1", "A_APP2", args=args)
    assert toy.engine().step(event).blocked_reason_code == code


def test_tokens_for_one_subject_get_ids_and_nonces_of_their_own(toy):
    engine = toy.engine()
    first, second = (mint(toy, engine, "A_APP1", "A_APP2") for _ in range(2))
    assert (first, second) == ("T_FORCE_B1", "T_FORCE_B1_2")
    tokens = engine.ctx.trust.tokens
    assert tokens[first].nonce != tokens[second].nonce


def signed_mint(toy, *approvers, episode="EP1", **changes):
    raw = toy.mint(*approvers, **changes)
    request = token_request(msgspec.convert(raw, Event))
    for approval in raw["args"]["approvals"]:
        private = toy.keyring.private[approval["approver_key_id"]]
        message = approval_message(approval, request, episode)
        approval["signature"] = _base64(private.sign(message))
    return raw


def _base64(raw):
    import base64

    return base64.b64encode(raw).decode()


def _sign(toy, engine, raw):
    key_id = f"K_{raw['agent_id']}"
    private = toy.keyring.private[key_id]
    return sign_event(raw, key_id=key_id, private=private, episode="EP1", head=engine.head)


def test_in_strict_mode_signed_approvals_mint_a_token(toy):
    engine = toy.engine(signatures_required=True)
    raw = signed_mint(toy, "A_APP1", "A_APP2")
    assert engine.step(_sign(toy, engine, raw)).accepted


def test_in_strict_mode_an_unsigned_approval_does_not_count(toy):
    engine = toy.engine(signatures_required=True)
    raw = signed_mint(toy, "A_APP1", "A_APP2")
    del raw["args"]["approvals"][1]["signature"]
    result = engine.step(_sign(toy, engine, raw))
    assert result.blocked_reason_code == "INV-TOK-001"


@pytest.mark.parametrize(
    "change",
    [
        {"event_id": "OTHER"},
        {"args": {"subject_id": "B2"}},
        {"args": {"token_type": "TOKEN_UNLOCK"}},
        {"args": {"requested_by": "A_WORKER"}},
    ],
)
def test_in_strict_mode_an_approval_counts_for_exactly_one_request(toy, change):
    engine = toy.engine(signatures_required=True)
    raw = signed_mint(toy, "A_APP1", "A_APP2")
    raw = {**raw, **change, "args": {**raw["args"], **change.get("args", {})}}
    result = engine.step(_sign(toy, engine, raw))
    assert result.blocked_reason_code == "INV-TOK-001"


def test_in_strict_mode_an_approval_of_another_episode_does_not_count(toy):
    engine = toy.engine(signatures_required=True)
    raw = signed_mint(toy, "A_APP1", "A_APP2", episode="EP0")
    result = engine.step(_sign(toy, engine, raw))
    assert result.blocked_reason_code == "INV-TOK-001"


def test_a_scenario_with_an_unknown_token_type_is_refused(toy):
    with pytest.raises(ScenarioError, match="token type"):
        toy.engine({"tokens": [token(**UNKNOWN)]})


def test_a_policy_whose_token_lifts_a_code_that_cannot_be_lifted_is_refused(toy):
    documents = toy.documents()
    documents["tokens"]["types"]["TOKEN_FORCE"]["lifts"].append("TOY_SEALED")
    with pytest.raises(PolicyError, match="non-overridable"):
        toy.policy(documents)


steps = st.one_of(
    st.tuples(st.just("mint"), st.sampled_from(["B1", "B2"])),
    st.tuples(st.just("use"), st.integers(0, 5)),
    st.tuples(st.just("misuse"), st.integers(0, 5)),
    st.tuples(st.just("revoke"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([0, 40, 101])),
)


@pytest.fixture(scope="module")
def generous(toy):
    """A policy with a budget of overrides that no script uses up."""
    documents = toy.documents()
    documents["capabilities"]["profiles"]["R_WORKER"]["max_overrides"] = 1000
    return toy.policy(documents)


@settings(deadline=None, max_examples=100)
@given(st.lists(steps, max_size=25))
def test_whatever_happens_a_token_is_used_at_most_once_alive_and_on_its_subject(
    toy, generous, script
):
    engine = toy.engine({"locked": ["B1", "B2"]}, policy=generous)
    now = 0
    used, revoked, minted = [], set(), {}
    for name, value in script:
        known = [*minted]
        pick = known[value % len(known)] if known and name in {"use", "misuse", "revoke"} else "T_?"
        if name == "wait":
            now += value
        elif name == "mint":
            token_id = mint(toy, engine, "A_APP1", "A_APP2", subject_id=value, t_s=now)
            minted[token_id] = (value, now)
        elif name == "revoke":
            event = toy.event("REVOKE_TOKEN", "A_BOSS", {"token_id": pick}, t_s=now)
            if engine.step(event).accepted:
                assert pick not in used
                revoked.add(pick)
        else:
            box, at = minted.get(pick, ("B1", 0))
            target = box if name == "use" else {"B1": "B2", "B2": "B1"}[box]
            event = force(toy, pick, args={"box_id": target}, t_s=now)
            result = engine.step(event)
            alive = pick in minted and pick not in used and pick not in revoked
            assert result.accepted == (alive and name == "use" and now <= at + 100)
            used += result.token_consumed
    assert len(used) == len(set(used))
