"""Tools: arguments are checked before, output after; nothing runs before the gates."""

import pytest
from labtrust_core.ledger.record import read_record


def ask(toy, mode="ok", agent_id="A_WORKER", tool_id="ask", **more):
    fields = {name: more.pop(name) for name in ("t_s", "event_id") if name in more}
    return toy.event("INVOKE_TOOL", agent_id, {"mode": mode, **more}, tool_id=tool_id, **fields)


def test_a_tool_answers_into_the_data_of_the_step(toy):
    assert toy.engine().step(ask(toy)).data == {"tool_output": {"text": "fine"}}


def test_the_ledger_holds_the_output_canonically(toy):
    lines = []
    toy.engine(sink=lines.append).step(ask(toy, "number"))
    outcome = read_record(lines[-1]).outcome
    assert outcome["data"]["tool_output"] == {"x": 0.5, "y": 2, "ü": 1e22}


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("raise", "TOOL_EXEC_EXCEPTION"),
        ("exit", "TOOL_EXEC_EXCEPTION"),
        ("bomb", "TOOL_EXEC_EXCEPTION"),
        ("timeout_error", "TOOL_EXEC_EXCEPTION"),
        ("unheard of", "TOOL_EXEC_EXCEPTION"),
        ("slow", "TOOL_TIMEOUT"),
        ("list", "TOOL_OUTPUT_MALFORMED"),
        ("object", "TOOL_OUTPUT_MALFORMED"),
        ("nan", "TOOL_OUTPUT_MALFORMED"),
        ("egress", "TOOL_EGRESS_DENIED"),
        ("egress_tuple", "TOOL_EGRESS_DENIED"),
        ("phi", "TOOL_DATA_CLASS_VIOLATION"),
        ("many", "TOOL_EGRESS_LIMIT_EXCEEDED"),
        ("many_nested", "TOOL_EGRESS_LIMIT_EXCEEDED"),
        ("big", "TOOL_EGRESS_LIMIT_EXCEEDED"),
    ],
)
def test_what_a_tool_does_wrong_has_a_code(toy, mode, code):
    result = toy.engine().step(ask(toy, mode))
    assert result.blocked_reason_code == code
    assert result.data == {}


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ({"tool_id": None}, "TOOL_NOT_IN_REGISTRY"),
        ({"tool_id": "other"}, "TOOL_NOT_IN_REGISTRY"),
        ({"agent_id": "A_CHECKER"}, "TOOL_NOT_ALLOWED_FOR_ROLE"),
        ({"agent_id": "A_BOSS"}, "RBAC_ACTION_DENY"),
        ({"agent_id": "A_NOBODY"}, "RBAC_ACTION_DENY"),
        ({"mode": 1}, "TOOL_ARG_SCHEMA_FAIL"),
        ({"extra": 1}, "TOOL_ARG_SCHEMA_FAIL"),
        ({"n": 10}, "TOOL_ARG_RANGE_FAIL"),
        ({"n": -1}, "TOOL_ARG_RANGE_FAIL"),
        ({"mode": "x" * 17}, "TOOL_ARG_RANGE_FAIL"),
    ],
)
def test_a_call_that_may_not_be_made_never_reaches_the_tool(toy, event, code):
    policy = toy.policy()
    assert toy.engine(policy=policy).step(ask(toy, **event)).blocked_reason_code == code
    assert policy.domain.calls == []


def _strict(toy, policy):
    return toy.engine(policy=policy, signatures_required=True)


def _late(toy, policy):
    engine = toy.engine(policy=policy)
    engine.step(toy.event("NOOP", "A_BOSS", t_s=9))
    return engine


def _frozen(toy, policy):
    engine = toy.engine(policy=policy, break_chain_on="X")
    engine.step(toy.event("NOOP", event_id="X"))
    return engine


def _limited(toy, policy):
    engine = toy.engine(policy=policy)
    for _ in range(20):
        engine.step(toy.event("NOOP"))
    return engine


@pytest.mark.parametrize("start", [_strict, _late, _frozen, _limited])
def test_a_tool_runs_only_when_every_gate_has_passed(toy, start):
    policy = toy.policy()
    engine = start(toy, policy)
    assert not engine.step(ask(toy)).accepted
    assert policy.domain.calls == []


def test_an_accepted_call_reaches_the_tool_once(toy):
    policy = toy.policy()
    toy.engine(policy=policy).step(ask(toy, n=3))
    assert policy.domain.calls == [{"mode": "ok", "n": 3}]


def test_a_tool_cannot_change_the_event_that_called_it(toy):
    lines = []
    toy.engine(sink=lines.append).step(ask(toy, list=["mine"]))
    assert read_record(lines[-1]).event["args"]["list"] == ["mine"]


def test_a_registered_tool_that_nothing_implements_is_an_error_of_execution(toy):
    policy = toy.policy()
    policy.domain.tools.clear()
    assert toy.engine(policy=policy).step(ask(toy)).blocked_reason_code == "TOOL_EXEC_EXCEPTION"
