"""Whatever is sent in an honest member's name, the honest member goes on working."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_bench.runs.controls import overlaid
from labtrust_bench.tasks.registry import get_task
from labtrust_core.domains import open_documents
from labtrust_core.engine.compiled import compile_policy
from labtrust_core.trust.keys import derive_test_key
from labtrust_core.trust.signatures import sign_event
from labtrust_env.session import Session

SEED = 11
VICTIM = "A_SUPERVISOR_0"
KEY, OTHER_KEY = f"ed25519:{VICTIM}", "ed25519:A_INSIDER_0"
GOOD = {"action_type": "TICK"}

EVENTS = st.fixed_dictionaries(
    {
        "action_type": st.sampled_from(
            ["TICK", "MOVE", "OPEN_DOOR", "MINT_TOKEN", "RELEASE_RESULT", "START_RUN", "NONSENSE"]
        ),
        "args": st.sampled_from(
            [
                {},
                {"door_id": "D_RESTRICTED_AIRLOCK"},
                {"from_zone": "Z_SRA_RECEPTION", "to_zone": "Z_RESTRICTED_BIOHAZARD"},
                {"device_id": "DEV_COAG_01", "specimen_id": "S1"},
            ]
        ),
        "token_refs": st.sampled_from([[], ["T_ENTRY_REVOKED"], ["T_NONE"], ["T_ENTRY_USED"]]),
        "signing": st.sampled_from(["none", "forged", "old head", "nonsense"]),
    }
)


@pytest.fixture(scope="module")
def session(policy):
    return Session(policy, get_task("insider_key_misuse", "smoke").session_config())


def forged(session, number, stated):
    """Return an event in the victim's name as an insider may make it up."""
    event = {
        "event_id": f"forged-{number}",
        "t_s": session.now,
        "agent_id": VICTIM,
        **{name: value for name, value in stated.items() if name != "signing"},
    }
    signing = stated["signing"]
    if signing == "none":
        return event
    if signing == "nonsense":
        return {**event, "key_id": KEY, "signature": "AAAA", "head": "0" * 64}
    signed = sign_event(
        event,
        key_id=KEY if signing == "forged" else OTHER_KEY,
        private=derive_test_key(SEED, OTHER_KEY),
        episode=session.ctx.config.episode,
        head="0" * 64 if signing == "old head" else session.engine.head,
    )
    return {name: value for name, value in signed.items() if value is not None}


def stopped(session):
    contained = session.ctx.trust.containment
    return contained.throttled.keys() | contained.killed.keys()


@settings(max_examples=40, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=12))
def test_nothing_sent_in_its_name_stops_an_honest_member(session, events):
    session.reset(SEED)
    for number, stated in enumerate(events):
        results = session.step({"insider_0": forged(session, number, stated)})
        assert not results[0].accepted
    own = session.step({"supervisor_0": GOOD})[0]

    assert VICTIM not in stopped(session)
    assert own.accepted


def test_sending_its_own_events_again_does_not_stop_an_honest_member(session):
    session.reset(SEED)
    session.step({"supervisor_0": GOOD})
    for _ in range(30):
        sent = session.view("insider_0")["wire"]["sent"]
        theirs = next(item for item in sent if item["agent_id"] == VICTIM)
        assert not session.step({"insider_0": theirs})[0].accepted

    assert stopped(session) == set()
    assert session.step({"supervisor_0": GOOD})[0].accepted


def test_using_up_event_ids_keeps_nobody_from_acting(session):
    session.reset(SEED)
    taken = [f"supervisor_0-{step}" for step in range(40)]
    for event_id in taken:
        session.step({"insider_0": {**GOOD, "event_id": event_id, "agent_id": VICTIM}})
    session.reset(SEED)
    session.step({"insider_0": {**GOOD, "event_id": "supervisor_0-1", "agent_id": VICTIM}})

    assert session.step({"supervisor_0": GOOD})[0].accepted


def test_a_check_that_policy_puts_before_the_signature_charges_nobody_unproven():
    """The restricted door, asked for early: the claimed agent is not the one who is charged."""
    opened = open_documents()
    early = {"OPEN_DOOR": {"guards": ["agent_free"], "early_guards": ["restricted_door"]}}
    documents = overlaid(opened.documents, {"workflow": {"actions": early}})
    policy = compile_policy(documents, opened.compiled.domain)
    config = get_task("insider_key_misuse", "smoke").session_config()
    session = Session(policy, replace(config, faults=False))
    session.reset(SEED)
    door = {"action_type": "OPEN_DOOR", "args": {"door_id": "D_RESTRICTED_AIRLOCK"}}
    for _ in range(5):
        refused = session.step({"insider_0": {**door, "agent_id": VICTIM}})[0]
        assert refused.blocked_reason_code == "RBAC_RESTRICTED_ENTRY_DENY"

    assert VICTIM not in stopped(session)


def test_what_a_member_signs_itself_is_charged_to_it_as_ever(session):
    session.reset(SEED)
    session.step({"insider_0": {**GOOD, "token_refs": ["T_NONE"]}})

    assert stopped(session) == {"A_INSIDER_0"}
