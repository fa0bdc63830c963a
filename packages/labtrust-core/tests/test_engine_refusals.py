"""Every refusal of the engine: its code, its place in the order, and that it changes nothing."""

import msgspec
import pytest
from labtrust_core.engine.actions import ENGINE_REASON_CODES
from labtrust_core.trust.keys import KeyRegistry
from labtrust_core.trust.signatures import sign_event

OVERFLOW = {"count": 1}
KILL = {"count": 1, "action": "kill_switch"}
THROTTLE = {"count": 1, "action": "throttle_agent", "duration_s": 30}


def signed(toy, engine, raw, key_id=None, **changes):
    key_id = key_id or f"K_{raw['agent_id']}"
    private = toy.keyring.private[key_id]
    names = {"episode": engine.ctx.config.episode, "head": engine.head, **changes}
    return sign_event(raw, key_id=key_id, private=private, **names)


def keys_with(toy, key_id, **changes):
    keys = dict(toy.keyring.keys)
    keys[key_id] = msgspec.structs.replace(keys[key_id], **changes)
    return KeyRegistry(keys)


def _signed_with(toy, **changes):
    engine = toy.engine(keys=keys_with(toy, "K_A_WORKER", **changes))
    return engine, signed(toy, engine, toy.event("NOOP"))


def _contained(toy, tier):
    engine = toy.engine(policy=toy.enforced(tier))
    assert engine.step(toy.add(101)).accepted
    return engine, toy.event("NOOP")


def _frozen(toy):
    engine = toy.engine(break_chain_on="X")
    engine.step(toy.event("NOOP", event_id="X"))
    return engine, toy.event("NOOP")


def _duplicate(toy):
    engine = toy.engine()
    engine.step(toy.event("NOOP", event_id="X"))
    return engine, toy.event("NOOP", event_id="X")


def _late(toy):
    engine = toy.engine()
    engine.step(toy.event("NOOP", t_s=5))
    return engine, toy.event("NOOP", t_s=4)


def _limited(toy):
    engine = toy.engine()
    for _ in range(20):
        assert engine.step(toy.event("NOOP")).accepted
    return engine, toy.event("NOOP")


def _duty(toy):
    engine = toy.engine()
    engine.step(toy.add())
    return engine, toy.event("CHECK", args={"box_id": "B1"})


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


def force(toy, *token_refs, amount=1, **fields):
    args = {"box_id": "B1", "amount": amount, **fields.pop("args", {})}
    return toy.event("FORCE_ADD", args=args, token_refs=list(token_refs), **fields)


def _over_budget(toy):
    engine = toy.engine({"tokens": [token(token_id=f"T{n}") for n in range(3)]})
    for n in range(2):
        assert engine.step(force(toy, f"T{n}")).accepted
    return engine, force(toy, "T2")


def _tool(toy, code_args, **fields):
    return toy.engine(), toy.event("INVOKE_TOOL", args=code_args, **{"tool_id": "ask", **fields})


def _roster(toy, roster):
    engine = toy.engine()
    return engine, signed(toy, engine, toy.event("UPDATE_ROSTER", "SYSTEM", {"roster": roster}))


def _stale(toy):
    engine = toy.engine()
    event = signed(toy, engine, toy.event("NOOP"))
    for _ in range(3):
        engine.step(toy.event("NOOP", "A_BOSS"))
    return engine, event


def _unlinked(toy):
    engine = toy.engine()
    event = signed(toy, engine, toy.event("NOOP"))
    return engine, {**event, "t_s": 1}


CASES = {
    "AUDIT_CHAIN_BROKEN": _frozen,
    "RC_EVENT_MALFORMED": lambda toy: (toy.engine(), {**toy.event("NOOP"), "t_s": "0"}),
    "RC_TIME_NOT_MONOTONIC": _late,
    "RC_EVENT_DUPLICATE": _duplicate,
    "AGENT_THROTTLED": lambda toy: _contained(toy, THROTTLE),
    "AGENT_KILLED": lambda toy: _contained(toy, KILL),
    "RBAC_ACTION_DENY": lambda toy: (toy.engine(), toy.event("MINT_TOKEN")),
    "RBAC_DEVICE_DENY": lambda toy: (toy.engine(), toy.event("NOOP", args={"device_id": "D2"})),
    "RBAC_ZONE_DENY": lambda toy: (toy.engine(), toy.event("NOOP", args={"to_zone": ["Z1"]})),
    "RBAC_DUTY_CONFLICT": _duty,
    "AGENT_CAPABILITY_DENY": lambda toy: (
        toy.engine(),
        toy.event("RISKY", reason_code="TOY_REASON"),
    ),
    "AGENT_RATE_LIMIT": _limited,
    "AGENT_OVERRIDE_BUDGET_EXCEEDED": _over_budget,
    "SIG_MISSING": lambda toy: (toy.engine(signatures_required=True), toy.event("NOOP")),
    "SIG_INVALID": _unlinked,
    "SIG_STALE_HEAD": _stale,
    "SIG_KEY_REVOKED": lambda toy: _signed_with(toy, status="REVOKED"),
    "SIG_KEY_EXPIRED": lambda toy: _signed_with(toy, status="EXPIRED"),
    "SIG_KEY_NOT_YET_VALID": lambda toy: _signed_with(toy, not_before_s=1),
    "SIG_ROLE_MISMATCH": lambda toy: _signed_with(toy, role_id="R_BOSS"),
    "INV-TOK-001": lambda toy: (toy.engine(), toy.mint("A_APP1")),
    "INV-TOK-002": lambda toy: (toy.engine(), force(toy, "T_NONE")),
    "INV-TOK-003": lambda toy: (
        toy.engine({"tokens": [token(subject_id="B2")]}),
        force(toy, "T1"),
    ),
    "INV-TOK-006": lambda toy: (
        toy.engine({"tokens": [token(state="REVOKED")]}),
        force(toy, "T1"),
    ),
    "TOKEN_REQUIRED": lambda toy: (toy.engine(), force(toy)),
    "TOKEN_TYPE_UNKNOWN": lambda toy: (toy.engine(), toy.mint(args={"token_type": "T"})),
    "TOKEN_SUBJECT_INVALID": lambda toy: (toy.engine(), toy.mint(args={"subject_type": "zone"})),
    "RC_ROSTER_INVALID": lambda toy: _roster(toy, {"A_WORKER": "R_NONE"}),
    "RC_ENFORCEMENT_UNKNOWN": lambda toy: (
        toy.engine(),
        toy.event("LIFT_ENFORCEMENT", "A_SEC", {"target_type": "agent", "target_id": "A_WORKER"}),
    ),
    "TOOL_NOT_IN_REGISTRY": lambda toy: _tool(toy, {}, tool_id="nothing"),
    "TOOL_NOT_ALLOWED_FOR_ROLE": lambda toy: _tool(toy, {"mode": "ok"}, agent_id="A_CHECKER"),
    "TOOL_ARG_SCHEMA_FAIL": lambda toy: _tool(toy, {"mode": 1}),
    "TOOL_ARG_RANGE_FAIL": lambda toy: _tool(toy, {"mode": "ok", "n": 10}),
    "TOOL_EXEC_EXCEPTION": lambda toy: _tool(toy, {"mode": "raise"}),
    "TOOL_TIMEOUT": lambda toy: _tool(toy, {"mode": "slow"}),
    "TOOL_OUTPUT_MALFORMED": lambda toy: _tool(toy, {"mode": "list"}),
    "TOOL_EGRESS_DENIED": lambda toy: _tool(toy, {"mode": "egress"}),
    "TOOL_EGRESS_LIMIT_EXCEEDED": lambda toy: _tool(toy, {"mode": "many"}),
    "TOOL_DATA_CLASS_VIOLATION": lambda toy: _tool(toy, {"mode": "phi"}),
}


def test_every_code_of_the_engine_has_a_case():
    assert CASES.keys() == ENGINE_REASON_CODES


@pytest.mark.parametrize("code", CASES)
def test_a_refusal_has_its_code_and_changes_nothing_but_the_ledger(toy, code):
    engine, event = CASES[code](toy)
    before = engine.digest(), engine.chain.length, engine.head

    result = engine.step(event)

    assert (result.status, result.blocked_reason_code) == ("BLOCKED", code), result.detail
    assert engine.digest() == before[0]
    assert engine.chain.length == before[1] + 1 == result.hashchain.length
    assert engine.head != before[2]
    assert result.emits == ()
    assert result.token_consumed == ()
    assert result.data == {}


def _early(toy, **config):
    documents = toy.documents()
    documents["workflow"]["actions"]["CHECK"]["early_guards"] = ["never"]
    documents["enforcement"]["rules"]["RULE"] = {
        "match": {"invariant_ids": ["INV-TOY-001"]},
        "tiers": [KILL],
    }
    return toy.engine(policy=toy.policy(documents), **config)


def _frozen_and_malformed(toy):
    engine, _ = _frozen(toy)
    return engine, None


def _late_and_duplicate(toy):
    engine = toy.engine()
    engine.step(toy.event("NOOP", event_id="X", t_s=5))
    return engine, toy.event("NOOP", event_id="X", t_s=4)


def _duplicate_and_killed(toy):
    engine = _early(toy)
    engine.step(toy.add(101, event_id="X"))
    return engine, toy.event("NOOP", event_id="X")


def _killed_and_early(toy):
    engine = _early(toy)
    engine.step(toy.add(101))
    return engine, toy.event("CHECK", args={"box_id": "B1"})


def _duty_and_limit(toy):
    engine = toy.engine()
    for _ in range(20):
        engine.step(toy.add(0))
    return engine, toy.event("CHECK", args={"box_id": "B1"})


ORDER = {
    "the frozen ledger before the shape": ("AUDIT_CHAIN_BROKEN", _frozen_and_malformed),
    "the time before the id": ("RC_TIME_NOT_MONOTONIC", _late_and_duplicate),
    "the id before containment": ("RC_EVENT_DUPLICATE", _duplicate_and_killed),
    "containment before early guards": ("AGENT_KILLED", _killed_and_early),
    "early guards before the role": (
        "TOY_EARLY",
        lambda toy: (_early(toy), toy.event("CHECK", "A_NOBODY")),
    ),
    "the role before capability": (
        "RBAC_ACTION_DENY",
        lambda toy: (toy.engine(), toy.event("RISKY", "A_CHECKER")),
    ),
    "the duty before capability": ("RBAC_DUTY_CONFLICT", _duty_and_limit),
    "capability before the signature": (
        "AGENT_CAPABILITY_DENY",
        lambda toy: (toy.engine(signatures_required=True), toy.event("RISKY")),
    ),
    "the signature before tokens": (
        "SIG_MISSING",
        lambda toy: (toy.engine(signatures_required=True), force(toy)),
    ),
    "tokens before guards": (
        "TOKEN_REQUIRED",
        lambda toy: (toy.engine(), force(toy, args={"box_id": "B9"})),
    ),
    "guards before the handler": (
        "TOY_UNKNOWN",
        lambda toy: (toy.engine(), toy.add("x", box_id="B9")),
    ),
    "guards in the order of policy": (
        "TOY_LOCKED",
        lambda toy: (toy.engine({"locked": ["B1"], "sealed": ["B1"]}), toy.add()),
    ),
}


@pytest.mark.parametrize("rule", ORDER)
def test_what_comes_first_refuses_first(toy, rule):
    code, case = ORDER[rule]
    engine, event = case(toy)
    assert engine.step(event).blocked_reason_code == code


def test_in_simulated_time_no_event_moves_the_clock(toy):
    engine = toy.engine(simulated=True)
    assert engine.step(toy.event("NOOP", t_s=1)).blocked_reason_code == "RC_TIME_NOT_MONOTONIC"
    assert engine.now == 0


@pytest.mark.parametrize(
    ("action_type", "agent_id"),
    [
        ("SYS_DRIP", "A_WORKER"),
        ("SYS_DRIP", "SYSTEM"),
        ("THROTTLE_AGENT", "A_SEC"),
        ("KILL_SWITCH_ZONE", "SYSTEM"),
        ("FORENSIC_FREEZE_LOG", "SYSTEM"),
        ("NO_SUCH_ACTION", "A_WORKER"),
    ],
)
def test_no_caller_can_send_what_happens_by_itself(toy, action_type, agent_id):
    event = toy.event(action_type, agent_id, {"box_id": "B1", "target": "A_BOSS"})
    assert toy.engine().step(event).blocked_reason_code == "RBAC_ACTION_DENY"


def test_an_agent_that_moves_to_a_role_keeps_no_right_of_the_old_one(toy):
    engine = toy.engine()
    change = toy.event("UPDATE_ROSTER", "SYSTEM", {"roster": {"A_WORKER": "R_APPROVER"}})
    assert engine.step(signed(toy, engine, change)).accepted
    assert engine.step(toy.add()).blocked_reason_code == "RBAC_ACTION_DENY"


def test_a_refused_attempt_reports_what_it_would_have_broken(toy):
    result = toy.engine({"locked": ["B1"]}).step(toy.add())
    assert [item.invariant_id for item in result.violations] == ["INV-TOY-002"]
    assert result.violations[0].subject == "B1"


def test_an_accepted_event_reports_violations_only_and_what_was_evaluated(toy):
    result = toy.engine().step(toy.add(5))
    assert result.violations == ()
    assert "INV-TOY-001" in result.evaluated


def test_settling_books_the_handling_time_of_accepted_actions_only(toy):
    engine = toy.engine({"locked": ["B2"]})
    engine.step(toy.add(box_id="B2"))
    assert engine.ctx.world.busy_s == {}
    engine.step(toy.add())
    assert engine.ctx.world.busy_s == {"A_WORKER": 7}
