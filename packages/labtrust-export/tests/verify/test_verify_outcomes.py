"""Rules of outcomes from near: reasons, invariants, origins, mintings, enforcement, and fates."""

import types

import pytest
from labtrust_core.event import SYSTEM_AGENT
from labtrust_export.verify import outcomes
from labtrust_export.verify.report import FaultError

Space = types.SimpleNamespace


def ruled(check, *arguments):
    """Return the code and the record of the rule that a check finds broken, or None."""
    try:
        check(*arguments)
    except FaultError as fault:
        return fault.code, fault.record
    return None


def outcome(*, reason=None, violations=(), evaluated=()):
    """Return the record of an event that was accepted, or refused for a reason."""
    found = [Space(invariant_id=name, severity=severity) for name, severity in violations]
    status = "ACCEPTED" if reason is None else "BLOCKED"
    told = Space(reason=reason, status=status, violations=found, evaluated=evaluated)
    return Space(record=Space(seq=3, origin="agent"), outcome=told, accepted=reason is None)


@pytest.mark.parametrize(
    ("reason", "fault"), [("RC_EVENT_MALFORMED", None), ("BECAUSE", ("RULE_REASON", 3))]
)
def test_what_was_refused_unread_needs_a_reason_of_the_policy_too(reason, fault):
    codes = {"RC_EVENT_MALFORMED": None}
    policy = Space(reason_codes=Space(codes=codes))
    state = Space(tables=Space(policy=policy), start=Space(domain="another"))
    step = outcome(reason=reason)
    step.event = None
    rules = outcomes.OutcomeRules(state)
    assert ruled(rules.check, step) == fault
    assert ruled(rules.check_followed, None, 4) is None  # no enforcement follows from it


REFUSED = {"reason": "R", "violations": [("INV-1", "high")]}


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        ({}, None),
        ({"evaluated": ["INV-1"], "violations": [("INV-1", "high")]}, None),
        ({"evaluated": [], "violations": [("INV-1", "high")]}, ("RULE_INVARIANT", 3)),
        ({"evaluated": ["INV-1"], "violations": [("INV-1", "low")]}, ("RULE_INVARIANT", 3)),
        ({"evaluated": ["INV-9"], "violations": [("INV-9", "high")]}, ("RULE_INVARIANT", 3)),
        (REFUSED, None),
        (REFUSED | {"violations": [("INV-1", "low")]}, ("RULE_INVARIANT", 3)),
        (REFUSED | {"violations": []}, ("RULE_INVARIANT", 3)),
        (REFUSED | {"violations": [("INV-2", "low")]}, ("RULE_INVARIANT", 3)),
        (REFUSED | {"violations": [("INV-2", "low"), ("INV-1", "high")]}, None),
        ({"reason": "OTHER"}, None),
    ],
)
def test_a_refusal_names_its_invariants_and_an_acceptance_need_not(told, fault):
    known = {"INV-1": Space(severity="high"), "INV-2": Space(severity="low")}
    refusals = {("ADD", "R"): ["INV-1"], ("ADD", ""): ["INV-2"], ("MOVE", "OTHER"): ["INV-2"]}
    policy = Space(invariants=Space(invariants=known))
    state = Space(tables=Space(policy=policy, refusals=refusals))
    event = Space(action_type="ADD")
    assert ruled(outcomes._check_invariants, state, outcome(**told), event) == fault


@pytest.mark.parametrize(
    ("origin", "agent", "action", "fault"),
    [
        ("agent", "A", "ADD", None),
        ("clock", SYSTEM_AGENT, "ADD", None),
        ("clock", "A", "ADD", ("RULE_ORIGIN", 3)),
        ("enforcement", SYSTEM_AGENT, "THROTTLE_AGENT", None),
        ("enforcement", SYSTEM_AGENT, "ADD", ("RULE_ORIGIN", 3)),
        ("enforcement", "A", "THROTTLE_AGENT", ("RULE_ORIGIN", 3)),
    ],
)
def test_what_happens_by_itself_is_the_systems(origin, agent, action, fault):
    step = outcome()
    step.record.origin = origin
    event = Space(agent_id=agent, action_type=action)
    assert ruled(outcomes._check_origin, None, step, event) == fault


@pytest.fixture
def lives():
    """The fates of a laboratory's specimens and results at its beginning."""
    scenario = {
        "results": [
            {"result_id": "R1", "status": "held"},
            {"result_id": "R2", "status": "released"},
            {"result_id": "R3", "status": "superseded"},
            {"result_id": "R4", "status": "amended"},
        ],
        "specimens": [{"specimen_id": "S1"}],
    }

    def begin(*, whole=True):
        state = Space(start=Space(scenario=scenario if whole else None), whole=whole)
        return outcomes.Lives(state)

    return begin


def taken(found, action="ADD", args=None, **data):
    """Return the fault of an accepted record with such data, or None."""
    step = outcome()
    step.outcome.data = data
    return ruled(found.take, step, Space(action_type=action, args=args or {}))


@pytest.mark.parametrize(
    ("first", "then", "good"),
    [
        ({}, {"released_results": ["R1"]}, True),
        ({"released_results": ["R1"]}, {"released_results": ["R1"]}, False),
        ({}, {"released_results": ["R2"]}, False),
        ({}, {"released_results": ["R3"]}, False),
        ({}, {"released_results": ["R4"]}, False),
        ({}, {"released_results": ["R5"]}, False),
        ({"superseded_results": ["R1"]}, {"released_results": ["R1"]}, False),
        ({"amended_results": ["R1"]}, {"released_results": ["R1"]}, False),
        ({}, {"released_results": [5], "superseded_results": "R1"}, True),
        ({}, {"specimen_ids": ["S1"]}, False),
        ({}, {"specimen_ids": ["S2", "S3"]}, True),
        ({"specimen_ids": ["S2"]}, {"specimen_ids": ["S3", "S2"]}, False),
        ({}, {"action": "GENERATE_RESULT", "args": {"result_id": "R1"}}, False),
        ({}, {"action": "GENERATE_RESULT", "args": {"result_id": "R5"}}, True),
        ({}, {"action": "GENERATE_RESULT", "args": {"result_id": 5}}, True),
        ({}, {"action": "ADD", "args": {"result_id": "R1"}}, True),
        (
            {"action": "GENERATE_RESULT", "args": {"result_id": "R5"}},
            {"released_results": ["R5"]},
            True,
        ),
    ],
)
def test_nothing_becomes_of_a_specimen_or_result_twice(lives, first, then, good):
    found = lives()
    assert taken(found, **first) is None
    assert taken(found, **then) == (None if good else ("RULE_LIFECYCLE", 3))


def test_a_result_of_an_unknown_beginning_is_released_once(lives):
    found = lives(whole=False)
    assert taken(found, released_results=["R5"]) is None
    assert taken(found, released_results=["R5"]) == ("RULE_LIFECYCLE", 3)


KIND = Space(approvals=2, approver_roles=["BOSS", "CHIEF"])
ROSTER = {"B1": "BOSS", "B2": "BOSS", "C1": "CHIEF", "W1": "WORKER"}


def minted(*, by="W1", asked_by="W1", approvals=("B1", "C1"), requester="minter", kind="T", **more):
    """Return the fault of a minting, or None."""
    named = [{"approver_agent_id": item} for item in approvals] if approvals != "no list" else "x"
    named = more.get("raw", named)
    texts = {"token_type": kind, "requested_by": asked_by}
    event = Space(
        action_type=more.get("action", "MINT_TOKEN"),
        agent_id=by,
        args={"approvals": named},
        text=lambda name: texts[name],
    )
    policy = Space(tokens=Space(types={"T": KIND}), dual_approval=Space(requester=requester))
    state = Space(tables=Space(policy=policy), signatures=Space(roster=ROSTER))
    return ruled(outcomes._check_minting, state, outcome(reason=more.get("reason")), event)


@pytest.mark.parametrize(
    ("how", "good"),
    [
        ({}, True),
        ({"approvals": ("B1", "B2", "C1")}, True),
        ({"approvals": ("B1",)}, False),
        ({"approvals": ("B1", "B1")}, False),
        ({"approvals": ("B1", "W1")}, False),
        ({"approvals": ("B1", "X1")}, False),
        ({"approvals": ("B1", 5)}, False),
        ({"approvals": ("B1", "C1", 5)}, False),
        ({"approvals": "no list"}, False),
        ({"raw": ["B1", "C1"]}, False),
        ({"raw": None}, False),
        ({"asked_by": "B1"}, False),
        ({"asked_by": "B1", "requester": "named"}, False),
        ({"by": "C1"}, False),
        ({"by": "C1", "requester": "named"}, True),
        ({"kind": "OTHER"}, False),
        ({"kind": "OTHER", "reason": "R"}, True),
        ({"approvals": (), "reason": "R"}, True),
        ({"approvals": (), "action": "ADD"}, True),
    ],
)
def test_a_token_is_minted_with_the_approvals_of_enough_others(how, good):
    assert minted(**how) == (None if good else ("RULE_TOKEN", 3))


DUE = {"type": "throttle_agent", "target": "A"}


def followed(due, step):
    """Return what is told of a record where enforcement is due, or None; and what is left."""
    rules = outcomes.OutcomeRules(Space(start=Space(domain="another")))
    rules._due.extend(due)
    try:
        rules.check_followed(step, 4)
    except FaultError as fault:
        assert_place(fault)
        return fault.message, len(rules._due)
    return None, len(rules._due)


def assert_place(fault):
    assert (fault.code, fault.file, fault.record) == ("RULE_ENFORCEMENT", "episode_log.jsonl", 4)


def follower(origin="enforcement", action="THROTTLE_AGENT", args=None):
    """Return the step of an event that follows."""
    event = Space(action_type=action, args=DUE if args is None else args)
    return Space(record=Space(origin=origin), event=event)


OTHER = DUE | {"target": "B"}


@pytest.mark.parametrize(
    ("due", "step", "told"),
    [
        ([], None, None),
        ([], follower("agent"), None),
        ([DUE], follower(), None),
        ([DUE, OTHER], follower(), None),
        ([], follower(), "THROTTLE_AGENT enforcement follows here; expected none"),
        ([DUE], None, "no enforcement follows here; expected throttle_agent on A"),
        ([DUE], follower("agent"), "no enforcement follows here; expected throttle_agent on A"),
        (
            [OTHER, DUE],
            follower(),
            "THROTTLE_AGENT enforcement follows here; expected throttle_agent on B",
        ),
        (
            [DUE],
            follower(action="KILL_SWITCH_AGENT"),
            "KILL_SWITCH_AGENT enforcement follows here; expected throttle_agent on A",
        ),
    ],
)
def test_the_enforcement_that_is_due_follows_and_no_other(due, step, told):
    assert followed(due, step) == (told, max(0, len(due) - 1))
