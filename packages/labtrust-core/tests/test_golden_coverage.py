"""Coverage knows everything that can be reached, notes what is, and a removed guard is noticed."""

import pytest
from labtrust_core.domains import OpenedPolicy
from labtrust_core.engine.compiled import compile_policy
from labtrust_core.golden.coverage import COLUMNS, totals
from labtrust_core.golden.format import Step, Suite, TestKeys
from labtrust_core.golden.mutation import MutationCheck
from labtrust_core.golden.runner import run_suite
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS
from msgspec import convert, structs

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
    assert coverage["invariants"]["INV-TOY-001"]["pass"] == ["GS-A"]
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


def test_every_code_that_a_guard_holds_is_a_row_of_its_own(policy, suite):
    refusals = run_suite(suite, policy, KEYS).coverage["refusals"]

    assert refusals["ADD box_unlocked TOY_LOCKED"] == {"reached": ["GS-A"]}
    assert refusals["ADD box_known TOY_UNKNOWN"] == {"reached": []}
    assert refusals["MINT_TOKEN (handler) TOKEN_TYPE_UNKNOWN"] == {"reached": []}


def test_removed_check_names_the_step_that_shows_it_or_survives(policy, suite):
    outcomes = {item.mutant: item for item in MutationCheck(suite, policy, KEYS).outcomes()}

    caught = outcomes["ADD box_unlocked"]
    assert (caught.kind, caught.caught_by, caught.event_id) == ("guard", "GS-A", "e2")
    assert caught.how == "status is ACCEPTED, expected BLOCKED"
    assert outcomes["ADD box_known"].survived
    assert outcomes["role"].survived


def test_crash_of_a_handler_is_noticed(policy, suite):
    script = [add("B9", 1, {"status": "BLOCKED", "blocked_reason_code": "TOY_UNKNOWN"})]
    scenario = structs.replace(suite.scenarios[0], script=convert(script, list[Step]))
    check = MutationCheck(structs.replace(suite, scenarios=[scenario]), policy, KEYS)

    outcomes = {item.mutant: item for item in check.outcomes()}

    assert outcomes["ADD box_known"].event_id == "e1"
    assert outcomes["ADD box_known"].how.startswith("KeyError")


def test_gates_that_the_policy_gives_nothing_to_do_are_no_mutants(policy, suite):
    names = [item.name for item in MutationCheck(suite, policy, KEYS).mutants]

    assert "early_guards" not in names
    assert names[-2:] == ["signature", "token_references"]
