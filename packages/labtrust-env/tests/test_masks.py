"""The mask is true: what it allows is ACCEPTED if nobody is quicker, what it rules out BLOCKED."""

import random

import pytest


def warm_up(session, rng, steps):
    """Bring the laboratory to life: everybody does something useful whenever possible."""
    moves = {item.index for item in session.actions if item.name.startswith("MOVE:")}
    while session.steps < steps and not session.done:
        actions = {}
        for name in session.members:
            useful = [item for item in session.legal(name) if item > 1 and item not in moves]
            actions[name] = rng.choice(useful or session.legal(name))
        session.step(actions)


def try_masks(session, seed, warm):
    """Let one agent act a step; return how many allowed and ruled-out actions were tried."""
    rng = random.Random(seed)  # noqa: S311 - a hand that plays, no secret
    warm_up(session, rng, warm)
    allowed = ruled_out = 0
    names = list(session.members)
    while not session.done:
        name = rng.choice(names)
        legal = session.legal(name)
        assert legal[0] == 0
        if rng.random() < 0.3:
            index = rng.choice(sorted(set(range(len(session.actions))) - set(legal)))
            session.step({name: index})
            outcome = session.outcomes[name]
            assert not outcome.accepted, session.actions[index].name
            assert outcome.blocked_reason_code
            ruled_out += 1
        else:
            index = rng.choice(legal[2:] or legal)
            session.step({name: index})
            if index:
                outcome = session.outcomes[name]
                said = (session.actions[index].name, outcome.blocked_reason_code, outcome.detail)
                assert outcome.accepted, said
                allowed += 1
    return allowed, ruled_out


@pytest.mark.parametrize("crew", ["standard", "multi_site", "adversarial"])
@pytest.mark.parametrize("warm", [0, 400])
def test_the_mask_tells_the_truth(make_session, crew, warm):
    allowed, ruled_out = try_masks(make_session(crew, seed=warm), warm, warm)
    assert allowed > 100
    assert ruled_out > 50


@pytest.mark.parametrize("warm", [0, 300])
def test_the_mask_tells_the_truth_where_events_are_signed(make_session, warm):
    session = make_session(horizon_s=4_800, seed=warm + 1, signed=True)
    allowed, _ = try_masks(session, warm, warm)
    assert allowed > 50


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("crew", ["standard", "multi_site", "adversarial"])
@pytest.mark.parametrize("seed", range(12))
def test_the_mask_tells_the_truth_on_many_seeds(make_session, crew, seed):
    session = make_session(crew, horizon_s=28_800, seed=seed)
    try_masks(session, seed, 700 * (seed % 3))


def test_a_rate_limit_leaves_only_waiting(make_session, policy):
    session = make_session(horizon_s=7_200)
    limit = policy.capabilities.limits["ROLE_CLINICAL_SCIENTIST"].max_actions
    for _ in range(limit):
        session.step({"clinsci_0": 1})
        assert session.outcomes["clinsci_0"].accepted
    assert session.legal("clinsci_0") == (0,)
    session.step({"clinsci_0": 1})
    assert session.outcomes["clinsci_0"].blocked_reason_code == "AGENT_RATE_LIMIT"


def test_a_new_rate_window_opens_the_mask_again(make_session, policy):
    session = make_session(horizon_s=7_200)
    limit = policy.capabilities.limits["ROLE_CLINICAL_SCIENTIST"].max_actions
    for _ in range(limit):
        session.step({"clinsci_0": 1})
    while session.now < policy.capabilities.window_s:
        session.step({})
    assert 1 in session.legal("clinsci_0")


def test_a_stopped_agent_can_only_wait(make_session):
    session = make_session()
    session.ctx.trust.containment.throttled["A_RUNNER_0"] = 60
    assert session.legal("runner_0") == (0,)
    session.step({"runner_0": 1})
    assert session.outcomes["runner_0"].blocked_reason_code == "AGENT_THROTTLED"


def test_a_frozen_zone_rules_out_work_in_it_but_not_leaving(make_session):
    session = make_session()
    session.step({})
    session.ctx.trust.containment.zones["Z_CENTRIFUGE_BAY"] = 10_000
    session.step({})
    legal = {session.actions[item].name for item in session.legal("prean_0")}
    assert "MOVE:Z_ALIQUOT_LABEL" in legal
    into = [item.index for item in session.actions if item.name == "MOVE:Z_CENTRIFUGE_BAY"]
    session.step({"runner_0": into[0]})
    assert session.outcomes["runner_0"].blocked_reason_code == "ZONE_FROZEN"


def test_a_busy_agent_can_wait_and_tick(make_session):
    session = make_session()
    walk = [item.index for item in session.actions if item.name == "MOVE:Z_PREANALYTICS"]
    session.step({"runner_0": walk[0]})
    assert session.is_busy("runner_0")
    assert session.legal("runner_0") == (0, 1)
    session.step({"runner_0": walk[0]})
    assert session.outcomes["runner_0"].blocked_reason_code == "RC_AGENT_BUSY"


def test_the_agent_is_named_in_the_refusal_of_another_role(make_session):
    session = make_session()
    release = [item.index for item in session.actions if item.name == "RELEASE_RESULT"]
    session.step({"runner_0": release[0]})
    assert session.outcomes["runner_0"].blocked_reason_code == "RBAC_ACTION_DENY"


def test_a_new_role_changes_the_mask(make_session):
    session = make_session()
    session.ctx.trust.roster["A_RUNNER_0"] = "ROLE_QC"
    session.step({})
    store = [item.index for item in session.actions if item.name == "RETRIEVE"]
    assert not set(store) & set(session.legal("runner_0"))


def test_ids_taken_by_others_do_not_spoil_an_action(make_session):
    session = make_session()
    taken = {"action_type": "TICK", "event_id": "runner_0-1"}
    session.step({"qc_0": taken})
    session.step({"runner_0": 1})
    assert session.outcomes["runner_0"].accepted
