"""Roles, separation of duties, rates, budgets and the static checks of a policy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labtrust_core.errors import PolicyError, ScenarioError
from labtrust_core.event import Blocked, Event
from labtrust_core.policy.model import Capabilities, CapabilityProfile
from labtrust_core.trust.capabilities import (
    Usage,
    check_capability,
    compile_capabilities,
    count_usage,
)
from labtrust_core.trust.signatures import sign_event


def roster_change(toy, engine, roster):
    raw = toy.event("UPDATE_ROSTER", "SYSTEM", {"roster": roster})
    private = toy.keyring.private["K_SYSTEM"]
    return sign_event(raw, key_id="K_SYSTEM", private=private, episode="EP1", head=engine.head)


@given(st.data())
def test_nobody_acts_without_a_role(toy, data):
    actions = [*toy.base.actions, "SYS_DRIP", "OTHER"]
    agent = data.draw(st.text(min_size=1, max_size=8).filter(lambda name: name not in toy.agents))
    event = toy.event(data.draw(st.sampled_from(actions)), agent, {"box_id": "B1", "amount": 1})
    result = toy.engine().step(event)
    assert result.blocked_reason_code in {"RBAC_ACTION_DENY", "RC_EVENT_MALFORMED"}


def test_an_agent_does_only_what_its_role_lists(toy):
    roles = toy.documents()["rbac"]["roles"]
    for agent, role in toy.agents.items():
        for action in toy.base.actions:
            result = toy.engine().step(toy.event(action, agent, {"box_id": "B1", "amount": 1}))
            denied = result.blocked_reason_code == "RBAC_ACTION_DENY"
            assert denied == (action not in roles[role]["actions"])


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"device_id": "D1"}, None),
        ({"device_id": "D2"}, "RBAC_DEVICE_DENY"),
        ({"device_id": None}, "RBAC_DEVICE_DENY"),
        ({"device_id": ["D1"]}, "RBAC_DEVICE_DENY"),
        ({"to_zone": "Z1"}, None),
        ({"to_zone": "Z2"}, "RBAC_ZONE_DENY"),
        ({"to_zone": {"Z1": 1}}, "RBAC_ZONE_DENY"),
    ],
)
def test_a_role_is_bound_to_its_devices_and_zones(toy, args, code):
    assert toy.engine().step(toy.event("NOOP", args=args)).blocked_reason_code == code


def test_a_role_without_a_list_may_use_any_device(toy):
    event = toy.event("NOOP", "A_BOSS", {"device_id": "D9", "to_zone": "Z9"})
    assert toy.engine().step(event).accepted


def test_who_added_may_not_check_the_same_box(toy):
    engine = toy.engine()
    engine.step(toy.add())
    check = toy.event("CHECK", args={"box_id": "B1"})
    assert engine.step(check).blocked_reason_code == "RBAC_DUTY_CONFLICT"


def test_who_added_may_check_another_box(toy):
    engine = toy.engine()
    engine.step(toy.add())
    assert engine.step(toy.event("CHECK", args={"box_id": "B2"})).accepted


def test_another_agent_may_check_the_box(toy):
    engine = toy.engine()
    engine.step(toy.add())
    assert engine.step(toy.event("CHECK", "A_CHECKER", {"box_id": "B1"})).accepted


def test_an_exclusive_role_is_refused_to_who_held_the_other(toy):
    engine = toy.engine()
    result = engine.step(roster_change(toy, engine, {"A_WORKER": "R_CHECKER"}))
    assert result.blocked_reason_code == "RC_ROSTER_INVALID"


def test_an_exclusive_role_is_refused_by_a_detour_too(toy):
    engine = toy.engine()
    assert engine.step(roster_change(toy, engine, {"A_WORKER": "R_APPROVER"})).accepted
    result = engine.step(roster_change(toy, engine, {"A_WORKER": "R_CHECKER"}))
    assert result.blocked_reason_code == "RC_ROSTER_INVALID"


def test_a_roster_changes_as_a_whole_or_not_at_all(toy):
    engine = toy.engine()
    change = {"A_NEW": "R_BOSS", "A_WORKER": "R_CHECKER"}
    engine.step(roster_change(toy, engine, change))
    assert engine.query("agent_role('A_NEW')") is None


@pytest.mark.parametrize("roster", [None, {}, [], {"A_NEW": None}, {"A_NEW": ["R_BOSS"]}])
def test_what_is_no_roster_is_refused(toy, roster):
    engine = toy.engine()
    result = engine.step(roster_change(toy, engine, roster))
    assert result.blocked_reason_code == "RC_ROSTER_INVALID"


def test_a_rate_window_ends(toy):
    engine = toy.engine()
    for _ in range(20):
        assert engine.step(toy.event("NOOP", t_s=59)).accepted
    assert engine.step(toy.event("NOOP", t_s=59)).blocked_reason_code == "AGENT_RATE_LIMIT"
    assert engine.step(toy.event("NOOP", t_s=60)).accepted


def test_a_rate_is_each_agents_own(toy):
    engine = toy.engine()
    for _ in range(20):
        engine.step(toy.event("NOOP"))
    assert engine.step(toy.event("NOOP", "A_WORKER2")).accepted


def test_refused_events_do_not_use_up_the_rate(toy):
    engine = toy.engine()
    for _ in range(30):
        engine.step(toy.add(box_id="B9"))
    assert engine.step(toy.event("NOOP")).accepted


def test_a_high_risk_action_with_reason_and_rationale_is_accepted(toy):
    event = toy.event("RISKY", reason_code="TOY_REASON", rationale="because")
    assert toy.engine().step(event).accepted


@pytest.mark.parametrize("missing", ["reason_code", "rationale"])
def test_a_high_risk_action_needs_both_reason_and_rationale(toy, missing):
    event = toy.event("RISKY", **{"reason_code": "R", "rationale": "because", missing: ""})
    assert toy.engine().step(event).blocked_reason_code == "AGENT_CAPABILITY_DENY"


def _table(actions, overrides):
    profile = CapabilityProfile(max_actions_per_window=actions, max_overrides=overrides)
    policy = Capabilities(
        version="0.1", window_s=10, override_actions=["FORCE"], profiles={"R": profile}
    )
    return compile_capabilities(policy)


def _event(t_s=0, action_type="NOOP"):
    return Event(event_id="E", t_s=t_s, agent_id="A", action_type=action_type)


@pytest.mark.parametrize("usage", [None, Usage(window=3, actions=9)])
def test_a_limit_of_nothing_allows_nothing(usage):
    with pytest.raises(Blocked, match="AGENT_RATE_LIMIT"):
        check_capability(_table(0, 0), "R", usage, _event())


def test_a_budget_of_no_overrides_allows_none():
    with pytest.raises(Blocked, match="AGENT_OVERRIDE_BUDGET_EXCEEDED"):
        check_capability(_table(5, 0), "R", None, _event(action_type="FORCE"))


def test_a_role_without_a_profile_may_do_nothing():
    with pytest.raises(Blocked, match="AGENT_CAPABILITY_DENY"):
        check_capability(_table(5, 5), "OTHER", None, _event())


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans())), st.integers(0, 4), st.integers(0, 4))
def test_no_agent_ever_does_more_than_its_limits(steps, actions, overrides):
    table = _table(actions, overrides)
    usage, done, forced, now = {}, {}, 0, 0
    for wait, force in steps:
        now += wait
        event = _event(now, "FORCE" if force else "NOOP")
        try:
            check_capability(table, "R", usage.get("A"), event)
        except Blocked:
            continue
        count_usage(table, usage, event)
        done[now // 10] = done.get(now // 10, 0) + 1
        forced += force
    assert all(count <= actions for count in done.values())
    assert forced <= overrides


def _broken(path, value):
    def change(documents):
        place = documents
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


BROKEN = {
    "an agent of an undefined role": _broken(("rbac", "agents", "A_X"), "R_NONE"),
    "a role with an undefined action": _broken(("rbac", "roles", "R_BOSS"), {"actions": ["FLY"]}),
    "a role with an undefined tool": _broken(
        ("rbac", "roles", "R_BOSS"), {"actions": [], "tools": ["fax"]}
    ),
    "exclusive roles that do not exist": _broken(("rbac", "exclusive_roles"), [["R_NONE"]]),
    "duties of an undefined action": _broken(("rbac", "incompatible_duties"), {"FLY": ["X"]}),
    "a profile of an undefined role": _broken(
        ("capabilities", "profiles", "R_NONE"),
        {"max_actions_per_window": 1, "max_overrides": 1},
    ),
    "an undefined override action": _broken(("capabilities", "override_actions"), ["FLY"]),
    "an action that nothing handles": _broken(("workflow", "actions", "FLY"), {}),
    "an action with an undefined guard": _broken(
        ("workflow", "actions", "CHECK"), {"guards": ["no_such_guard"]}
    ),
    "a reason code that is not registered": _broken(("reason_codes", "codes"), {}),
    "an emit that is not registered": _broken(("emits", "categories"), {}),
    "an emit that is registered twice": _broken(("emits", "categories", "more"), ["ADD"]),
    "a token for an undefined action": _broken(
        ("tokens", "types", "TOKEN_FORCE", "actions"), ["FLY"]
    ),
    "a token that lifts an undefined code": _broken(
        ("tokens", "types", "TOKEN_FORCE", "lifts"), ["FLY"]
    ),
    "a token that nobody can approve": _broken(
        ("tokens", "types", "TOKEN_FORCE", "approver_roles"), []
    ),
    "an invariant without an evaluator": _broken(
        ("invariants", "invariants", "INV-TOY-001", "logic", "check"), "nothing"
    ),
    "an invariant with an undefined trigger": _broken(
        ("invariants", "invariants", "INV-TOY-001", "triggers"), ["FLY"]
    ),
    "an invariant with an undefined code": _broken(
        ("invariants", "invariants", "INV-TOY-001", "reason_code"), "FLY"
    ),
    "enforcement of an undefined invariant": _broken(
        ("enforcement", "rules", "X"),
        {"match": {"invariant_ids": ["INV-NONE"]}, "tiers": []},
    ),
    "a tool whose schema is none": _broken(
        ("tool_registry", "tools", "ask", "args_schema"), {"type": "no such type"}
    ),
    "a tool whose output no record can hold": _broken(
        ("tool_registry", "tools", "ask", "max_bytes"), 2**20
    ),
    "a window without a length": _broken(("capabilities", "window_s"), 0),
    "a negative time to live": _broken(("tokens", "types", "TOKEN_FORCE", "ttl_s"), -1),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_policy_that_contradicts_itself_is_refused_with_its_place(toy, what):
    documents = toy.documents()
    BROKEN[what](documents)
    with pytest.raises(PolicyError) as caught:
        toy.policy(documents)
    assert caught.value.file is not None
    assert caught.value.path


def test_a_handled_action_without_a_rule_is_refused(toy):
    documents = toy.documents()
    del documents["workflow"]["actions"]["NOOP"]
    with pytest.raises(PolicyError, match="action"):
        toy.policy(documents)


def test_a_scenario_agent_of_an_undefined_role_is_refused(toy, monkeypatch):
    policy = toy.policy()
    monkeypatch.setattr(policy.domain, "agents", lambda _world: {"A_X": "R_NONE"})
    with pytest.raises(ScenarioError, match="A_X"):
        toy.engine(policy=policy)
