"""The runner takes the steps, signs for real, checks every step, and reports, in any domain."""

import json

import jsonschema
import pytest
from labtrust_core.canonical import canonical_bytes
from labtrust_core.domains import DOMAINS, OpenedPolicy, open_documents
from labtrust_core.engine.compiled import compile_policy
from labtrust_core.errors import LedgerError, UnknownNameError
from labtrust_core.event import Blocked
from labtrust_core.golden.format import PLACEHOLDER_SIGNATURE, Suite, TestKeys
from labtrust_core.golden.hooks import HOOKS
from labtrust_core.golden.runner import RunOptions, run_golden, run_suite
from labtrust_core.ledger.record import read_record
from labtrust_core.policy.load import load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS
from labtrust_core.schema_files import schema_files
from msgspec import convert

SCHEMA = json.loads(schema_files()["runner_output_contract.v0.1.schema.json"])


def step(action="ADD", agent="A_WORKER", *, expect=None, **changes):
    args = {"box_id": "B1", "amount": 1} if action == "ADD" else {}
    event = {
        "event_id": "e1",
        "t_s": 0,
        "agent_id": agent,
        "action_type": action,
        "args": args,
        "reason_code": None,
        "token_refs": [],
        "expect": {"status": "ACCEPTED"} if expect is None else expect,
    }
    return {**event, **changes}


def blocked(code, **more):
    return {"status": "BLOCKED", "blocked_reason_code": code, **more}


def mint(*approvals, **changes):
    args = {
        "token_type": "TOKEN_UNLOCK",
        "subject_type": "box",
        "subject_id": "B1",
        "reason_code": "TOY_REASON",
        "approvals": list(approvals),
    }
    return step("MINT_TOKEN", "A_BOSS", args=args, **changes)


@pytest.fixture
def opened(toy):
    """Open a policy made of the toy's documents."""

    def opening(documents=None):
        policy = load_policy(toy.directory(documents), TRUST_DOCUMENTS)
        return OpenedPolicy(policy, compile_policy(policy, type(toy.base.domain)()))

    return opening


@pytest.fixture
def run(toy, opened):
    """Run one scenario; gives the report."""

    def running(
        *script, state=None, options=None, version="1.0", policy=None, fixtures=None, **more
    ):
        scenario = {
            "scenario_id": "GS",
            "initial_state": state or {},
            "script": list(script),
            **more,
        }
        data = {
            "version": version,
            "deterministic": {"rng_seed": 7},
            "scenarios": [scenario],
            "fixtures": fixtures or {},
        }
        keys = {
            f"K_{agent}": {"agent_id": agent, "role_id": role} for agent, role in toy.agents.items()
        }
        return run_suite(
            convert(data, Suite),
            policy or opened(),
            convert({"version": "0.1", "keys": keys}, TestKeys),
            options,
        )

    return running


def failures(report):
    return [item.message for item in report.scenario_reports[0].failures]


def test_script_that_does_as_expected_passes(run):
    report = run(
        step(expect={"status": "ACCEPTED", "emits": ["ADD"], "state": {"box": {"B1": 1}}}),
        step(event_id="e2", t_s=5, expect={"status": "ACCEPTED", "data": {"value": 2}}),
    )

    assert report.passed
    assert [item.event_id for item in report.scenario_reports[0].step_reports] == ["e1", "e2"]


def test_failing_step_stops_its_scenario(run):
    report = run(step(expect={"status": "BLOCKED"}), step(event_id="e2"))

    (scenario,) = report.scenario_reports
    assert not scenario.passed
    assert [item.event_id for item in scenario.failures] == ["e1"]
    assert len(scenario.step_reports) == 1


def test_report_fits_its_schema(run):
    report = run(step(), step("CHECK", event_id="e2", expect=blocked("RBAC_DUTY_CONFLICT")))

    jsonschema.validate(report.to_dict(), SCHEMA)
    assert canonical_bytes(report.to_dict())


def test_scenario_that_does_not_fit_fails_alone(run):
    report = run(step(), state={"tokens": [{"token_id": "T"}]})

    (failure,) = report.scenario_reports[0].failures
    assert failure.event_id is None
    assert "tokens[0]" in failure.message


def test_unknown_query_fails_the_step(run):
    report = run(step(expect={"status": "ACCEPTED", "state": {"boxes": {"B1": 1}}}))

    assert "unknown query" in failures(report)[0]


def test_blocked_step_that_changes_the_state_fails(opened, run):
    policy = opened()

    def meddle(ctx, _event):
        ctx.world.boxes["B1"] += 1
        raise Blocked("TOY_LOCKED", "too late: the box has changed")

    action = policy.compiled.actions["ADD"]
    object.__setattr__(action, "guards", (meddle, *action.guards[1:]))

    report = run(step(expect=blocked("TOY_LOCKED")), policy=policy)

    assert "the BLOCKED step changed the state" in failures(report)


def test_unregistered_emit_fails_the_step(opened, run):
    policy = opened()
    action = policy.compiled.actions["NOOP"]
    object.__setattr__(action, "handler", lambda ctx, _event: ctx.emit("UNHEARD_OF"))

    report = run(step("NOOP"), policy=policy)

    assert failures(report) == ["emits UNHEARD_OF, which the vocabulary does not hold"]


def test_raw_step_is_sent_as_it_stands(run):
    report = run(
        {"event_id": "r1", "raw": ["no", "event"], "expect": blocked("RC_EVENT_MALFORMED")},
        {"event_id": "r2", "raw": {**step(), "actor": 1}, "expect": blocked("RC_EVENT_MALFORMED")},
    )

    assert not failures(report)
    assert [item.event_id for item in report.scenario_reports[0].step_reports] == ["r1", "r2"]


def test_signed_steps_are_signed_for_real(run):
    state = {"strict_signatures": True}
    report = run(
        step(expect=blocked("SIG_MISSING")),
        step(event_id="e2", sign_with="K_A_WORKER"),
        step(
            event_id="e3", sign_with="K_A_WORKER", head="0" * 64, expect=blocked("SIG_STALE_HEAD")
        ),
        step(event_id="e4", sign_with="K_A_BOSS", expect=blocked("SIG_ROLE_MISMATCH")),
        step(
            event_id="e5", sign_with="K_A_BOSS", key_id="K_A_WORKER", expect=blocked("SIG_INVALID")
        ),
        state=state,
    )

    assert not failures(report)


def test_unknown_test_key_fails_the_step(run):
    assert "no such test key" in failures(run(step(sign_with="K_NOBODY")))[0]


def test_placeholder_is_no_signature(run):
    event = step(key_id="K_A_WORKER", signature=PLACEHOLDER_SIGNATURE, head="0" * 64)

    assert not run(event).passed


def test_placeholder_is_replaced_when_asked_for(run):
    event = step(key_id="K_A_WORKER", signature=PLACEHOLDER_SIGNATURE)
    state = {"strict_signatures": True}

    assert run(event, state=state, options=RunOptions(sign_placeholders=True)).passed


def test_approvals_are_signed_for_real(run):
    state = {"strict_signatures": True}
    unsigned = {"approver_agent_id": "A_APP1", "approver_key_id": "K_A_APP1"}
    signed = {"approver_agent_id": "A_APP1", "sign_with": "K_A_APP1"}
    report = run(
        mint(unsigned, sign_with="K_A_BOSS", expect=blocked("INV-TOK-001")),
        mint(signed, event_id="e2", sign_with="K_A_BOSS"),
        state=state,
    )

    assert not failures(report)


def test_token_expectations_are_exact(run):
    token = {
        "token_id": "T1",
        "token_type": "TOKEN_UNLOCK",
        "subject_type": "box",
        "subject_id": "B1",
        "issued_at_ts_s": 0,
        "expires_at_ts_s": 9,
    }
    expect = {"status": "ACCEPTED", "token_consumed": ["T1"], "emits": ["ADD", "CONSUME_TOKEN"]}

    report = run(
        step(token_refs=["T1"], expect=expect), state={"locked": ["B1"], "tokens": [token]}
    )

    assert not failures(report)


def test_clock_of_simulated_time_runs_to_each_step(run):
    report = run(
        step(
            t_s=10,
            expect={"status": "ACCEPTED", "hashchain_len_delta": 1, "state": {"box": {"B1": 2}}},
        ),
        {"advance_to_s": 30, "expect": {"emits": ["DRIP", "DRIP"], "hashchain_len_delta": 2}},
        step(event_id="e3", t_s=5, expect=blocked("RC_TIME_NOT_MONOTONIC")),
        state={
            "timing_mode": "simulated",
            "agenda": [[at, "SYS_DRIP", {"box_id": "B1"}] for at in (5, 20, 25)],
        },
    )

    assert not failures(report)
    assert report.coverage["system_actions"]["SYS_DRIP"]["accepted"] == ["GS"]


def test_clock_may_run_before_the_first_step(run):
    agenda = [[5, "SYS_DRIP", {"box_id": "B1"}]]
    expect = {"status": "ACCEPTED", "state": {"box": {"B1": 2}}}

    report = run(
        step(t_s=6, expect=expect), state={"agenda": agenda}, timing_mode="simulated", advance_to=6
    )

    assert not failures(report)


def test_time_passes_in_simulated_scenarios_only(run):
    assert "only an episode in simulated time" in failures(run({"advance_to_s": 3}))[0]


def test_broken_chain_freezes_the_ledger(run):
    expect = {"status": "ACCEPTED", "emits": ["ADD", "FORENSIC_FREEZE_LOG"]}
    assertions = ["system_state('log_frozen') == true"]

    report = run(
        step(expect={**expect, "state_assertions": assertions}),
        step(event_id="e2", expect=blocked("AUDIT_CHAIN_BROKEN")),
        state={"audit_fault_injection": {"break_hash_prev_on_event_id": "e1"}},
    )

    assert not failures(report)


def test_enforcement_is_seen_and_counted(toy, opened, run):
    documents = toy.documents()
    documents["enforcement"]["rules"]["R"] = {
        "match": {"invariant_ids": ["INV-TOY-001"]},
        "tiers": [{"count": 1, "action": "throttle_agent", "duration_s": 60}],
    }
    args = {"box_id": "B1", "amount": 500}
    expect = {
        "status": "ACCEPTED",
        "violations": ["INV-TOY-001:VIOLATION"],
        "enforcements": ["throttle_agent"],
        "hashchain_len_delta": 2,
    }

    report = run(
        step(args=args, expect=expect),
        step(event_id="e2", expect=blocked("AGENT_THROTTLED")),
        policy=opened(documents),
    )

    assert not failures(report)
    assert report.coverage["enforcement"]["throttle_agent"]["reached"] == ["GS"]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"policy_root": "x"}, "cannot bring policy along"),
        ({"effective_policy": {}}, "cannot bring policy along"),
        ({"partner_id": "other"}, "for another policy"),
        ({"policy_fingerprint": "0"}, "for another policy"),
        ({"enforcement_enabled": True}, "for another policy"),
        ({"timing_mode": "sometimes"}, "timing_mode"),
        ({"strict_signatures": "yes"}, "strict_signatures"),
        ({"audit_fault_injection": {"break": 1}}, "audit_fault_injection"),
        ({"specimens": [{"template_ref": "S9"}]}, "no such specimen template"),
    ],
)
def test_initial_state_that_cannot_be_met_fails_the_scenario(run, state, message):
    assert message in failures(run(step(), state=state))[0]


def test_two_timing_modes_are_one_too_many(run):
    report = run(step(), state={"timing_mode": "explicit"}, timing_mode="simulated")

    assert "two timing modes" in failures(report)[0]


def test_templates_and_agents_are_filled_in(toy, run, monkeypatch):
    seen = {}
    real = type(toy.base.domain).new_world

    def new_world(self, tables, scenario, config):
        seen.update(scenario)
        return real(self, tables, scenario, config)

    monkeypatch.setattr(type(toy.base.domain), "new_world", new_world)
    fixtures = {
        "agents": [{"agent_id": "A_WORKER", "zone_id": "Z1"}],
        "specimen_templates": {"S": {"specimen_id": "S1", "flags": {"leak": False, "clot": False}}},
    }
    state = {"specimens": [{"template_ref": "S", "specimen_id": "S2", "flags": {"clot": True}}]}

    report = run(step(), state=state, fixtures=fixtures)

    assert report.passed
    assert seen["specimens"] == [{"specimen_id": "S2", "flags": {"leak": False, "clot": True}}]
    assert seen["agents"] == [{"agent_id": "A_WORKER", "zone_id": "Z1"}]


def test_hook_that_nobody_provides_is_named_and_does_not_fail(run):
    report = run(step(), post_run_hooks=["NO_SUCH"], post_run=[{"action": "NO_SUCH", "path": "x"}])

    assert report.passed
    assert report.scenario_reports[0].skipped_hooks == ["NO_SUCH"]


@pytest.fixture
def hook():
    """Provide a hook for one test."""
    names = []

    def provide(name, function):
        HOOKS.register(name, function)
        names.append(name)

    yield provide
    for name in names:
        HOOKS.unregister(name)


def test_hook_sees_the_finished_log(run, hook, tmp_path):
    def look(episode, parameters):
        kinds = [type(read_record(line)).__name__ for line in episode.lines]
        (episode.folder / parameters["path"]).write_text(" ".join(kinds))

    hook("LOOK", look)

    report = run(
        step(), post_run=[{"action": "LOOK", "path": "kinds"}], options=RunOptions(folder=tmp_path)
    )

    assert report.passed
    assert (tmp_path / "GS" / "kinds").read_text() == "StartRecord EventRecord EndRecord"


def test_hook_that_fails_fails_the_scenario(run, hook):
    def refuse(_episode, _parameters):
        raise LedgerError("the log is not to my liking")

    hook("REFUSE", refuse)

    assert failures(run(step(), post_run_hooks=["REFUSE"])) == ["the log is not to my liking"]


def test_only_named_scenarios_run(run):
    with pytest.raises(UnknownNameError, match="GS-9"):
        run(step(), options=RunOptions(only=("GS-9",)))


def test_same_suite_gives_the_same_report(run):
    script = [step(sign_with="K_A_WORKER"), step(event_id="e2", t_s=3)]

    assert run(*script) == run(*script)


def test_shipped_layout_is_found_by_itself(toy):
    folder = toy.directory()
    (folder / "golden").mkdir()
    suite = {
        "version": "1.0",
        "deterministic": {"rng_seed": 1},
        "scenarios": [{"scenario_id": "GS", "initial_state": {}, "script": [step()]}],
    }
    (folder / "golden" / "suite.yaml").write_text(json.dumps({"golden_suite": suite}))
    (folder / "golden" / "test_keys.v0.1.yaml").write_text('{"version": "0.1", "keys": {}}')

    report = run_golden(policy_dir=folder, domain=toy.base.domain)

    assert report.passed
    assert (
        report.policy_fingerprint
        == open_documents(folder, domain=toy.base.domain).compiled.fingerprint
    )


def test_domain_is_found_by_name(toy):
    DOMAINS.register("toy_of_runner_test", toy.base.domain)
    try:
        assert (
            open_documents(toy.directory(), domain="toy_of_runner_test").compiled.domain
            is toy.base.domain
        )
    finally:
        DOMAINS.unregister("toy_of_runner_test")
