"""Coverage knows everything that can be reached, notes what is, and a removed guard is noticed."""

import pytest
from labtrust_core.domains import OpenedPolicy
from labtrust_core.engine.compiled import compile_policy
from labtrust_core.golden.coverage import COLUMNS, totals
from labtrust_core.golden.format import Suite, TestKeys
from labtrust_core.golden.mutation import unwatched_guards, without_guard
from labtrust_core.golden.runner import run_suite
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS
from msgspec import convert

KEYS = convert({"version": "0.1", "keys": {}}, TestKeys)


def add(box, number, expect):
    return {
        "event_id": f"e{number}",
        "t_s": 0,
        "agent_id": "A_WORKER",
        "action_type": "ADD",
        "args": {"box_id": box, "amount": 1},
        "reason_code": None,
        "token_refs": [],
        "expect": expect,
    }


@pytest.fixture
def policy(toy):
    loaded = load_policy(toy.directory(), TRUST_DOCUMENTS)
    return OpenedPolicy(loaded, compile_policy(loaded, toy.base.domain))


@pytest.fixture
def suite():
    script = [
        add("B1", 1, {"status": "ACCEPTED"}),
        add("B2", 2, {"status": "BLOCKED", "blocked_reason_code": "TOY_LOCKED"}),
        add("B3", 3, {"status": "BLOCKED", "blocked_reason_code": "TOY_SEALED"}),
    ]
    state = {"boxes": {"B1": 0, "B2": 0, "B3": 0}, "locked": ["B2"], "sealed": ["B3"]}
    data = {
        "version": "1.0",
        "deterministic": {"rng_seed": 7},
        "scenarios": [{"scenario_id": "GS-A", "initial_state": state, "script": script}],
    }
    return convert(data, Suite)


def test_table_holds_everything_that_can_be_reached(policy, suite):
    coverage = run_suite(suite, policy, KEYS).coverage

    assert coverage.keys() == COLUMNS.keys()
    assert coverage["actions"].keys() == policy.compiled.actions.keys()
    assert coverage["invariants"].keys() == policy.compiled.invariants.all.keys()
    assert coverage["tokens"]["TOKEN_FORCE"] == {"minted": [], "consumed": []}
    assert coverage["reason_codes"]["SIG_INVALID"] == {"reached": []}


def test_what_is_reached_names_its_scenario(policy, suite):
    coverage = run_suite(suite, policy, KEYS).coverage

    assert coverage["actions"]["ADD"] == {"accepted": ["GS-A"], "blocked": ["GS-A"]}
    assert coverage["actions"]["CHECK"] == {"accepted": [], "blocked": []}
    assert coverage["reason_codes"]["TOY_LOCKED"] == {"reached": ["GS-A"]}
    assert coverage["invariants"]["INV-TOY-001"] == {"pass": ["GS-A"], "violation": []}
    assert coverage["invariants"]["INV-TOY-002"]["violation"] == ["GS-A"]
    assert coverage["guards"]["box_known"] == {"passed": ["GS-A"], "refused": []}
    assert coverage["guards"]["box_unsealed"]["refused"] == ["GS-A"]
    assert coverage["emits"]["ADD"] == {"reached": ["GS-A"]}


def test_totals_name_what_is_missing(policy, suite):
    found = {
        (item.table, item.column): item for item in totals(run_suite(suite, policy, KEYS).coverage)
    }

    refused = found["guards", "refused"]
    assert (refused.reached, refused.rows, refused.missing) == (2, 4, ("box_known", "zone_open"))


def test_removed_guard_is_noticed_or_named(policy, suite):
    assert unwatched_guards(suite, policy, KEYS) == ["box_known", "zone_open"]


def test_policy_without_a_guard_is_otherwise_the_same(policy):
    changed = without_guard(policy, "box_unlocked")

    assert (
        len(changed.compiled.actions["ADD"].guards)
        == len(policy.compiled.actions["ADD"].guards) - 1
    )
    assert changed.compiled.actions["CHECK"] == policy.compiled.actions["CHECK"]
