"""The rules of level L2, one by one: a story that everybody signed, and that cannot be true."""

import copy
import types

import pytest
from labtrust_core.event import Blocked
from labtrust_export.verify import gates
from labtrust_export.verify.codes import Level
from labtrust_export.verify.report import FaultError

Space = types.SimpleNamespace


def accepted(record, role=None):
    record["outcome"] = {"status": "ACCEPTED"} | ({} if role is None else {"role": role})


def refused(record, reason):
    record["outcome"] = {"detail": "no", "reason": reason, "status": "BLOCKED"}


def act_when_frozen(records):
    accepted(records[8], "ROLE_RECEPTION")


def act_too_late(records):
    records[2]["event"]["t_s"] = 90_000  # the clock stands at 90,040 s


def act_twice(records):
    records[2]["event"]["event_id"] = records[1]["event"]["event_id"]
    refused(records[2], "RC_SPECIMEN_STATUS")


def act_when_throttled(records):
    accepted(records[3], "ROLE_RUNNER")


def act_when_killed(records):
    accepted(records[9], "ROLE_RUNNER")


def act_beyond_the_role(records):
    accepted(records[15], "ROLE_ANALYTICS")


def override_beyond_the_budget(records):
    accepted(records[11], "ROLE_ANALYTICS")


def sign_with_the_key_of_another_role(records):
    refused(records[7], "SIG_STALE_HEAD")


def present_a_token_that_is_not_there(records):
    accepted(records[1], "ROLE_RUNNER")


def consume_a_token_that_was_not_presented(records):
    records[1]["outcome"]["tokens_consumed"] = ["T2"]


def consume_a_token_twice(records):
    records[2]["event"]["token_refs"] = ["T1"]


def mint_for_oneself(records):
    approvals = records[1]["event"]["args"]["approvals"]
    records[1]["event"]["args"]["requested_by"] = approvals[0]["approver_agent_id"]


def mint_with_one_approval_twice(records):
    approvals = records[1]["event"]["args"]["approvals"]
    approvals.append(copy.deepcopy(approvals[0]))


def mint_without_approvals(records):
    records[1]["event"]["args"]["approvals"] = []


def mint_what_policy_does_not_know(records):
    records[1]["event"]["args"] |= {"token_type": "OF_MY_OWN"}


def refuse_for_a_rate_that_was_kept(records):
    refused(records[4], "AGENT_RATE_LIMIT")


def clockwork_of_an_agent(records):
    records[2]["event"]["agent_id"] = "A_ANALYTICS_0"


def enforcement_of_something_else(records):
    records[2]["event"]["action_type"] = "NOOP"


def a_role_that_is_not_held(records):
    records[1]["outcome"]["role"] = "ROLE_SUPERVISOR"


def a_reason_that_policy_does_not_know(records):
    records[4]["outcome"]["reason"] = "BECAUSE"


def a_reason_on_what_was_accepted(records):
    records[1]["outcome"]["reason"] = "RC_SPECIMEN_STATUS"


def a_refusal_without_reason(records):
    del records[4]["outcome"]["reason"]


def a_violation_that_policy_does_not_know(records):
    records[1]["outcome"]["violations"] = [{"invariant_id": "INV-X", "severity": "high"}]


def a_violation_that_is_played_down(records):
    records[1]["outcome"]["violations"][0]["severity"] = "info"


def a_violation_that_nothing_evaluated(records):
    records[13]["outcome"]["violations"] = [{"invariant_id": "INV-TOK-002", "severity": "critical"}]


def a_refusal_whose_violation_is_kept_quiet(records):
    del records[1]["outcome"]["violations"]


def enforcement_that_never_came(records):
    del records[6]


def enforcement_that_the_end_came_before(records):
    del records[6:-1]


def enforcement_that_nobody_asked_for(records):
    records.insert(5, copy.deepcopy(records[2]))
    records[5]["t"] = records[5]["event"]["t_s"] = records[4]["t"]
    records[5]["event"]["event_id"] = "sys-99"


def enforcement_on_another_agent(records):
    records[2]["event"]["args"]["target"] = "A_INSIDER_0"


def enforcement_in_another_order(records):
    records[6], records[7] = records[7], records[6]


def a_result_that_is_released_twice(records):
    twin = copy.deepcopy(records[6])
    twin["event"]["event_id"] = "again"
    records.insert(7, twin)


def a_result_that_was_never_there(records):
    records[6]["outcome"]["data"]["released_results"] = ["RES77"]


def a_result_that_is_generated_twice(records):
    records[11]["event"]["args"]["result_id"] = "RES1"


def a_specimen_that_comes_twice(records):
    records[1]["outcome"]["data"] = {"specimen_ids": ["NEW", "NEW"]}


STORIES = [
    ("frozen", act_when_frozen, "RULE_FROZEN"),
    ("limited", act_too_late, "RULE_TIME"),
    ("limited", act_twice, "RULE_IDENTITY"),
    ("enforced", act_when_throttled, "RULE_CONTAINMENT"),
    ("enforced", act_when_killed, "RULE_CONTAINMENT"),
    ("amended", act_beyond_the_role, "RULE_ROLE"),
    ("limited", override_beyond_the_budget, "RULE_CAPABILITY"),
    ("roster", sign_with_the_key_of_another_role, "RULE_SIGNATURE"),
    ("enforced", present_a_token_that_is_not_there, "RULE_TOKEN"),
    ("limited", consume_a_token_that_was_not_presented, "RULE_TOKEN"),
    ("limited", consume_a_token_twice, "RULE_TOKEN"),
    ("roster", mint_for_oneself, "RULE_TOKEN"),
    ("roster", mint_with_one_approval_twice, "RULE_TOKEN"),
    ("roster", mint_without_approvals, "RULE_TOKEN"),
    ("roster", mint_what_policy_does_not_know, "RULE_TOKEN"),
    ("amended", refuse_for_a_rate_that_was_kept, "RULE_FALSE_REFUSAL"),
    ("clocked", clockwork_of_an_agent, "RULE_ORIGIN"),
    ("limited", a_role_that_is_not_held, "RULE_OUTCOME_ROLE"),
    ("amended", a_reason_that_policy_does_not_know, "RULE_REASON"),
    ("limited", a_reason_on_what_was_accepted, "RULE_REASON"),
    ("amended", a_refusal_without_reason, "RULE_REASON"),
    ("limited", a_violation_that_policy_does_not_know, "RULE_INVARIANT"),
    ("enforced", a_violation_that_is_played_down, "RULE_INVARIANT"),
    ("enforced", a_violation_that_nothing_evaluated, "RULE_INVARIANT"),
    ("enforced", a_refusal_whose_violation_is_kept_quiet, "RULE_INVARIANT"),
    ("enforced", enforcement_of_something_else, "RULE_ENFORCEMENT"),
    ("enforced", enforcement_that_never_came, "RULE_ENFORCEMENT"),
    ("enforced", enforcement_that_the_end_came_before, "RULE_ENFORCEMENT"),
    ("enforced", enforcement_that_nobody_asked_for, "RULE_ENFORCEMENT"),
    ("enforced", enforcement_on_another_agent, "RULE_ENFORCEMENT"),
    ("frozen", enforcement_in_another_order, "RULE_ENFORCEMENT"),
    ("amended", a_result_that_is_released_twice, "RULE_LIFECYCLE"),
    ("amended", a_result_that_was_never_there, "RULE_LIFECYCLE"),
    ("amended", a_result_that_is_generated_twice, "RULE_LIFECYCLE"),
    ("amended", a_specimen_that_comes_twice, "RULE_LIFECYCLE"),
]


@pytest.mark.parametrize(
    ("base", "edit", "code"), STORIES, ids=[edit.__name__ for _, edit, _ in STORIES]
)
def test_a_story_that_cannot_be_true_is_refused(kit, verdict, base, edit, code):
    report = verdict(kit.told(base, edit))
    assert (report.failure.code, report.reached) == (code, Level.L1)
    assert report.failure.record is not None


def test_a_token_of_an_unknown_beginning_is_passed_over(kit, verdict):
    def forget(records):
        records[0]["body"]["scenario"] = None

    report = verdict(kit.told("limited", forget), "L2")
    assert report.failure is None or report.failure.code == "RECEIPT_NONE"


def test_an_outcome_of_another_shape_is_refused_at_the_bytes(kit, verdict):
    def bend(records):
        records[1]["outcome"]["emits"] = "START_RUN"

    report = verdict(kit.told("limited", bend))
    assert (report.failure.code, report.failure.record) == ("RECORD_SCHEMA", 1)


def test_a_field_that_is_null_counts_as_absent(kit, verdict):
    def spell_out(records):
        records[1]["outcome"]["reason"] = None
        records[1]["event"]["tool_id"] = None

    assert verdict(kit.told("limited", spell_out), "L2").failure is None


# ------------------------------------------------------------------------------ which refusals hold


def closed(_state, _step, _event):
    raise Blocked("TOY", "closed")


def asked(monkeypatch, reason, *, frozen=False, unread=False, gate=None):
    """Return the code that the gates find for an outcome, or None."""
    monkeypatch.setattr(gates, "_GATES", ((gate, "RULE_TOY"),) if gate else ())
    told = Space(reason=reason, status="ACCEPTED" if reason is None else "BLOCKED")
    policy = Space(workflow=Space(actions={}))
    state = Space(frozen=frozen, tables=Space(policy=policy))
    event = None if unread else Space(action_type="ADD")
    step = Space(record=Space(seq=3), outcome=told, event=event, accepted=reason is None)
    try:
        gates.check_gates(state, step)
    except FaultError as fault:
        return fault.code, fault.file, fault.record
    return None


@pytest.mark.parametrize(
    "reason",
    [
        "RC_TIME_NOT_MONOTONIC",
        "RC_EVENT_DUPLICATE",
        "AGENT_KILLED",
        "AGENT_THROTTLED",
        "AGENT_RATE_LIMIT",
        "AGENT_OVERRIDE_BUDGET_EXCEEDED",
        "SIG_MISSING",
        "SIG_STALE_HEAD",
    ],
)
def test_a_reason_that_only_gates_give_is_false_where_all_are_open(monkeypatch, reason):
    place = ("episode_log.jsonl", 3)
    assert asked(monkeypatch, reason) == ("RULE_FALSE_REFUSAL", *place)
    assert asked(monkeypatch, reason, gate=closed) == ("RULE_TOY", *place)


@pytest.mark.parametrize("reason", [None, "RC_SPECIMEN_STATUS", "INV-TOK-003"])
def test_what_the_domain_says_is_not_the_gates(monkeypatch, reason):
    assert asked(monkeypatch, reason) is None


def test_a_gate_that_is_closed_must_be_the_reason(monkeypatch):
    assert asked(monkeypatch, "TOY", gate=closed) is None
    assert asked(monkeypatch, None, gate=closed) == ("RULE_TOY", "episode_log.jsonl", 3)


@pytest.mark.parametrize(
    ("reason", "frozen", "fault"),
    [
        ("AUDIT_CHAIN_BROKEN", True, None),
        ("RC_EVENT_MALFORMED", True, ("RULE_FROZEN", "episode_log.jsonl", 3)),
        ("RC_EVENT_MALFORMED", False, None),
    ],
)
def test_a_frozen_ledger_reads_nothing_and_another_only_what_is_whole(
    monkeypatch, reason, frozen, fault
):
    assert asked(monkeypatch, reason, frozen=frozen, unread=True, gate=closed) == fault


@pytest.mark.parametrize("reason", [None, "TOY", "AGENT_KILLED"])
def test_nothing_else_is_done_on_a_frozen_ledger(monkeypatch, reason):
    assert asked(monkeypatch, reason, frozen=True)[0] == "RULE_FROZEN"
    assert asked(monkeypatch, "AUDIT_CHAIN_BROKEN", frozen=True, gate=closed) is None
