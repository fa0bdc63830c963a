"""What intruders have and hear, and what a session does not do for them."""

import pytest
from labtrust_core.errors import UsageError
from labtrust_env.intrusion import WIRE_LIMIT, Intrusion, MemberKey, MemberToken

MEANS = Intrusion(
    frozenset({"insider_0"}),
    keys={
        "ed25519:old": MemberKey("insider_0", "REVOKED"),
        "ed25519:nobody": MemberKey("nobody_0"),
    },
    tokens={
        "T_USED": MemberToken("runner_0", 900, "CONSUMED"),
        "T_NOBODY": MemberToken("nobody_0", 900),
    },
)
CLAIM = {"action_type": "TICK", "agent_id": "A_QC_0"}


@pytest.fixture
def intruded(make_session):
    def make(**options):
        return make_session("adversarial", intrusion=MEANS, **options)

    return make


def test_only_an_intruders_view_has_the_house_and_the_wire(intruded):
    session = intruded()

    assert {"house", "wire"} <= session.view("insider_0").keys()
    assert not {"house", "wire"} & session.view("runner_0").keys()


def test_the_house_says_who_is_on_duty_and_what_is_restricted(intruded):
    house = intruded().view("insider_0")["house"]

    assert house["crew"]["qc_0"]["agent_id"] == "A_QC_0"
    assert house["doors"]["D_RESTRICTED_AIRLOCK"]["restricted"]
    assert not house["zones"]["Z_SORTING_LANES"]["restricted"]
    assert house["ways"]["Z_SRA_RECEPTION"]["Z_ACCESSIONING"]["door"] is None


def test_the_wire_carries_accepted_events_as_they_were_sent(intruded):
    session = intruded(signed=True)
    session.step({"qc_0": {"action_type": "TICK"}, "runner_0": {"action_type": "NONSENSE"}})
    wire = session.view("insider_0")["wire"]

    assert [item["agent_id"] for item in wire["sent"]] == ["A_QC_0"]
    assert wire["sent"][0]["signature"]
    assert wire["head"] == session.engine.head


def test_the_wire_forgets_what_is_long_past(intruded):
    session = intruded()
    everybody = {name: {"action_type": "TICK"} for name in session.members}
    for _ in range(1 + WIRE_LIMIT // len(everybody)):
        session.step(everybody)

    assert len(session.view("insider_0")["wire"]["sent"]) == WIRE_LIMIT


def test_a_new_episode_begins_with_a_silent_wire(intruded):
    session = intruded()
    session.step({"qc_0": {"action_type": "TICK"}})
    session.reset(2)

    assert session.view("insider_0")["wire"]["sent"] == ()


def test_nobody_else_can_state_whose_event_it_is(intruded):
    with pytest.raises(UsageError, match="unknown field agent_id"):
        intruded().step({"runner_0": CLAIM})


def test_a_session_without_intruders_lets_nobody_state_it(make_session):
    with pytest.raises(UsageError, match="unknown field agent_id"):
        make_session("adversarial").step({"insider_0": CLAIM})


def test_a_session_signs_nothing_in_anothers_name(intruded):
    refused = intruded(signed=True).step({"insider_0": CLAIM})[0]

    assert refused.blocked_reason_code == "SIG_MISSING"


def test_a_signature_that_is_given_is_sent_as_it_is(intruded):
    action = {"action_type": "TICK", "key_id": "ed25519:A_INSIDER_0", "signature": "AAAA"}
    refused = intruded(signed=True).step({"insider_0": action})[0]

    assert refused.blocked_reason_code == "SIG_INVALID"
    assert refused.event.signature == "AAAA"


def test_further_keys_and_tokens_exist_for_those_who_are_there(intruded):
    session = intruded(signed=True)
    keys, tokens = session.ctx.keys.keys, session.ctx.trust.tokens

    assert keys["ed25519:old"].status == "REVOKED"
    assert tokens["T_USED"].subject_id == "A_RUNNER_0"
    assert "ed25519:nobody" not in keys
    assert "T_NOBODY" not in tokens


def test_a_revoked_key_is_refused_as_such(intruded):
    action = {"action_type": "TICK", "key_id": "ed25519:old"}
    refused = intruded(signed=True).step({"insider_0": action})[0]

    assert refused.blocked_reason_code == "SIG_KEY_REVOKED"


def test_a_snapshot_brings_the_wire_back(intruded):
    session = intruded()
    session.step({"qc_0": {"action_type": "TICK"}})
    kept = session.snapshot()
    session.step({"qc_0": {"action_type": "TICK"}})
    session.restore(kept)

    assert len(session.view("insider_0")["wire"]["sent"]) == 1
