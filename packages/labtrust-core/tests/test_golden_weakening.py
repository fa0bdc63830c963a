"""A scenario may do without checks, and says so; it then counts as coverage of invariants only."""

import pytest
from labtrust_core.domains import OpenedPolicy
from labtrust_core.engine.compiled import compile_policy
from labtrust_core.engine.engine import Engine
from labtrust_core.golden.format import Suite, TestKeys, Without
from labtrust_core.golden.runner import RunOptions, run_suite
from labtrust_core.golden.weakening import engine_without, weakened
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS, Workflow
from msgspec import convert

KEYS = convert({"version": "0.1", "keys": {}}, TestKeys)


@pytest.fixture
def policy(toy):
    loaded = load_policy(toy.directory(), TRUST_DOCUMENTS)
    return OpenedPolicy(loaded, compile_policy(loaded, toy.base.domain))


@pytest.fixture
def run(policy):
    """Run one step, ADD to a locked box, in a scenario that does without something."""

    def running(without, status="ACCEPTED", options=None):
        step = {
            "event_id": "e1",
            "t_s": 0,
            "agent_id": "A_WORKER",
            "action_type": "ADD",
            "args": {"box_id": "B1", "amount": 1},
            "reason_code": None,
            "token_refs": [],
            "expect": {"status": status},
        }
        scenario = {
            "scenario_id": "GS-A",
            "initial_state": {"boxes": {"B1": 0}, "locked": ["B1"]},
            "without": without,
            "script": [step],
        }
        data = {"version": "1.0", "deterministic": {"rng_seed": 7}, "scenarios": [scenario]}
        return run_suite(convert(data, Suite), policy, KEYS, options)

    return running


def test_scenario_does_without_the_guard_that_it_names(run):
    assert run({"guards": {"ADD": ["box_unlocked"]}}).passed
    assert not run({"guards": {"ADD": ["box_unsealed"]}}).passed


def test_scenario_does_without_the_gate_that_it_names(run):
    assert run({"gates": ["role"]}, "BLOCKED").passed


def test_weakened_scenario_counts_as_coverage_of_invariants_only(run):
    report = run({"guards": {"ADD": ["box_unlocked"]}})

    assert report.coverage["actions"]["ADD"] == {"accepted": [], "blocked": []}
    assert report.coverage["emits"]["ADD"] == {"reached": []}
    assert report.coverage["invariants"]["INV-TOY-001"]["pass"] == ["GS-A"]


@pytest.mark.parametrize(
    "without",
    [
        {"guards": {"ADD": ["no_such_guard"]}},
        {"guards": {"FLY": ["box_known"]}},
        {"gates": ["no_such_gate"]},
    ],
)
def test_what_is_not_there_cannot_be_missing(run, without):
    (report,) = run(without).scenario_reports

    assert "that is not there" in report.failures[0].message
    assert report.failures[0].reason_code is None


def test_every_scenario_does_without_what_the_options_name(run):
    options = RunOptions(without=Without(guards={"ADD": ["box_unlocked"]}))

    assert run({}, options=options).passed
    assert not run({}).passed


def test_failed_expectation_carries_the_registered_code(run):
    (report,) = run({}).scenario_reports

    assert report.failures[0].reason_code == "RUNNER_ASSERTION_FAILED"


def test_policy_without_a_guard_is_otherwise_the_same(policy):
    rules = policy.documents.get("workflow", Workflow).actions
    twice = Without(guards={"ADD": ["box_unlocked"]})
    changed = weakened(policy.compiled, rules, twice, twice)

    kept = [name for name in rules["ADD"].guards if name != "box_unlocked"]
    guards = policy.compiled.domain.guards
    assert changed.actions["ADD"].guards == tuple(guards[name] for name in kept)
    assert changed.actions["CHECK"] == policy.compiled.actions["CHECK"]


def test_engine_that_lacks_nothing_is_the_engine():
    assert engine_without(Without()) is Engine
    assert engine_without(Without(gates=["role"])) is engine_without(Without(gates=["role"]))
