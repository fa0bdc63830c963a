"""Enforcement: throttle, kill switch, zone freeze, forensic freeze; its records and its end."""

import pytest
from labtrust_core.ledger.record import read_record

THROTTLE = {"count": 1, "action": "throttle_agent", "duration_s": 30}
KILL = {"count": 1, "action": "kill_switch"}
FREEZE_ZONE = {"count": 1, "action": "freeze_zone", "zone_id": "Z1", "duration_s": 30}
FREEZE_LOG = {"count": 1, "action": "forensic_freeze"}


def overflow(toy, **fields):
    return toy.add(101, **fields)


def lift(toy, target_type, target_id, **fields):
    args = {"target_type": target_type, "target_id": target_id}
    return toy.event("LIFT_ENFORCEMENT", "A_SEC", args, **fields)


def test_a_violation_throttles_its_agent_until_the_throttle_ends(toy):
    engine = toy.engine(policy=toy.enforced(THROTTLE))
    assert engine.step(overflow(toy, t_s=10)).accepted
    assert engine.query("agent_contained(A_WORKER)") is True
    assert engine.step(toy.event("NOOP", t_s=39)).blocked_reason_code == "AGENT_THROTTLED"
    assert engine.step(toy.event("NOOP", t_s=40)).accepted


def test_a_throttle_is_for_one_agent(toy):
    engine = toy.engine(policy=toy.enforced(THROTTLE))
    engine.step(overflow(toy))
    assert engine.step(toy.event("NOOP", "A_WORKER2")).accepted


def test_a_kill_switch_without_an_end_holds_until_lifted(toy):
    engine = toy.engine(policy=toy.enforced(KILL))
    engine.step(overflow(toy))
    late = toy.event("NOOP", t_s=10**9)
    assert engine.step(late).blocked_reason_code == "AGENT_KILLED"
    assert engine.step(lift(toy, "agent", "A_WORKER", t_s=10**9)).emits == (
        "SECURITY_INCIDENT_LOG",
    )
    assert engine.step(toy.event("NOOP", t_s=10**9)).accepted


def test_a_frozen_zone_refuses_work_until_it_ends(toy):
    engine = toy.engine(policy=toy.enforced(FREEZE_ZONE))
    engine.step(overflow(toy))
    assert engine.query("zone_state(Z1)") == "frozen"
    other = toy.add(agent_id="A_WORKER2", t_s=29)
    assert engine.step(other).blocked_reason_code == "ZONE_FROZEN"
    assert engine.step(toy.add(agent_id="A_WORKER2", t_s=30)).accepted


def test_a_frozen_zone_can_be_lifted(toy):
    engine = toy.engine(policy=toy.enforced(FREEZE_ZONE))
    engine.step(overflow(toy))
    assert engine.step(lift(toy, "zone", "Z1")).accepted
    assert engine.query("zone_state(Z1)") == "normal"


def test_a_forensic_freeze_stops_everybody(toy):
    engine = toy.engine(policy=toy.enforced(FREEZE_LOG))
    engine.step(overflow(toy))
    assert engine.query("system_state(log_frozen)") is True
    assert engine.query("last_reason_code_system") == "TOY_OVERFLOW"
    for agent in toy.agents:
        result = engine.step(toy.event("NOOP", agent))
        assert result.blocked_reason_code == "AUDIT_CHAIN_BROKEN"


def test_a_broken_chain_freezes_the_ledger_with_its_own_record(toy):
    engine = toy.engine(break_chain_on="X")
    result = engine.step(toy.event("NOOP", event_id="X"))
    assert result.emits == ("FORENSIC_FREEZE_LOG",)
    assert engine.query("last_reason_code_system") == "AUDIT_CHAIN_BROKEN"
    after = engine.step(toy.event("NOOP"))
    assert after.blocked_reason_code == "AUDIT_CHAIN_BROKEN"


@pytest.mark.parametrize(
    ("target_type", "target_id"),
    [("agent", "A_BOSS"), ("zone", "Z2"), ("ledger", "ledger"), ("", ""), ("other", "A_WORKER")],
)
def test_what_is_not_enforced_cannot_be_lifted(toy, target_type, target_id):
    engine = toy.engine(policy=toy.enforced(THROTTLE))
    engine.step(overflow(toy))
    result = engine.step(lift(toy, target_type, target_id))
    assert result.blocked_reason_code == "RC_ENFORCEMENT_UNKNOWN"


def test_what_ended_by_itself_cannot_be_lifted(toy):
    engine = toy.engine(policy=toy.enforced(THROTTLE))
    engine.step(overflow(toy))
    result = engine.step(lift(toy, "agent", "A_WORKER", t_s=30))
    assert result.blocked_reason_code == "RC_ENFORCEMENT_UNKNOWN"


def test_nobody_but_the_security_role_lifts(toy):
    engine = toy.engine(policy=toy.enforced(THROTTLE))
    engine.step(overflow(toy))
    event = {**lift(toy, "agent", "A_WORKER"), "agent_id": "A_BOSS"}
    assert engine.step(event).blocked_reason_code == "RBAC_ACTION_DENY"


@pytest.mark.parametrize(
    ("tier", "action_type"),
    [
        (THROTTLE, "THROTTLE_AGENT"),
        (KILL, "KILL_SWITCH_AGENT"),
        (FREEZE_ZONE, "KILL_SWITCH_ZONE"),
        (FREEZE_LOG, "FORENSIC_FREEZE_LOG"),
    ],
)
def test_each_enforcement_action_has_a_record_of_its_own(toy, tier, action_type):
    lines = []
    engine = toy.engine(policy=toy.enforced(tier), sink=lines.append)
    result = engine.step(overflow(toy))
    cause, follower = (read_record(line) for line in lines[-2:])
    assert (cause.origin, follower.origin) == ("agent", "enforcement")
    assert follower.event["action_type"] == action_type
    assert follower.event["agent_id"] == "SYSTEM"
    assert follower.outcome["emits"] == [action_type]
    assert [item.event.action_type for item in result.system_results] == [action_type]
    assert result.enforcements[0]["type"] == tier["action"]
    assert result.data == {"value": 101}


def test_tiers_rise_with_the_count_of_one_agent(toy):
    tiers = [{**KILL, "count": 3}, {**THROTTLE, "duration_s": 1}]
    engine = toy.engine(policy=toy.enforced(*tiers))
    engine.step(overflow(toy))
    for t_s in (1, 2):
        other = engine.step(toy.add(0, agent_id="A_WORKER2", t_s=t_s))
        assert other.enforcements[0]["type"] == "throttle_agent"
    assert engine.step(toy.add(0, t_s=3)).enforcements[0]["type"] == "throttle_agent"
    assert engine.step(toy.add(0, t_s=4)).enforcements[0]["type"] == "kill_switch"


def test_enforcement_answers_refused_attempts_too(toy):
    policy = toy.enforced(THROTTLE, match={"invariant_ids": ["INV-TOY-002"]})
    engine = toy.engine({"locked": ["B1"]}, policy=policy)
    before = engine.digest()
    result = engine.step(toy.add())
    assert result.blocked_reason_code == "TOY_LOCKED"
    assert result.enforcements[0]["target"] == "A_WORKER"
    assert engine.digest() == before
    assert engine.step(toy.event("NOOP")).blocked_reason_code == "AGENT_THROTTLED"


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({}, True),
        ({"severities": ["high"]}, True),
        ({"severities": ["low"]}, False),
        ({"scopes": ["system"]}, True),
        ({"scopes": ["zone"]}, False),
        ({"severities": ["high"], "scopes": ["zone"]}, False),
    ],
)
def test_a_rule_answers_what_all_its_lists_match(toy, match, hit):
    engine = toy.engine(policy=toy.enforced(THROTTLE, match=match))
    assert bool(engine.step(overflow(toy)).enforcements) == hit


def test_enforcement_that_is_switched_off_does_nothing(toy):
    documents = toy.documents()
    documents["enforcement"] = {
        "enabled": False,
        "rules": {"R": {"match": {}, "tiers": [THROTTLE]}},
    }
    engine = toy.engine(policy=toy.policy(documents))
    result = engine.step(overflow(toy))
    assert result.violations
    assert result.enforcements == ()


def test_what_the_clockwork_causes_contains_nobody_but_can_freeze_a_zone(toy):
    scenario = {"boxes": {"B1": 100}, "agenda": [(5, "SYS_DRIP", {"box_id": "B1"})]}
    policy = toy.enforced(THROTTLE)
    (drip,) = toy.engine(scenario, policy=policy, simulated=True).advance(10)
    assert (len(drip.violations), drip.enforcements) == (1, ())
    engine = toy.engine(scenario, policy=toy.enforced(FREEZE_ZONE), simulated=True)
    (drip,) = engine.advance(10)
    assert drip.enforcements[0]["target"] == "Z1"
    assert engine.query("zone_state(Z1)") == "frozen"
