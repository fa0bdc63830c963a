"""What a session keeps is what it would find anew: masks, proposals, views and observations."""

import random

import numpy as np
import pytest
from labtrust_core import open_policy
from labtrust_env.observations import Observer
from labtrust_env.session import Session, SessionConfig

CREWS = {
    "standard": "district_smoke",
    "multi_site": "multi_site_smoke",
    "adversarial": "adversarial_smoke",
}
UNRULY = ("STORE", "RETRIEVE", "SCAN_LABEL", "RACK_BUILD", "ALIQUOT_CREATE", "HOLD_SPECIMEN")


class Pair:
    """A session that plays on, and one that is restored from it and has kept nothing."""

    def __init__(self, policy, crew, horizon_s=28_800, **options):
        config = SessionConfig(crew, CREWS[crew], horizon_s, **options)
        self.session, self.fresh = Session(policy, config), Session(policy, config)
        self.observer, self.anew = Observer(self.session), Observer(self.fresh)

    def reset(self, seed):
        self.session.reset(seed)
        self.fresh.reset(seed)
        self.observer.refresh()

    def step(self, actions):
        self.session.step(actions)
        self.observer.refresh()

    def compare(self):
        session, fresh = self.session, self.fresh
        fresh.restore(session.snapshot())
        self.anew.refresh()
        assert np.array_equal(session.masks(), fresh.masks())
        kept, found = self.observer.observe_all(), self.anew.observe_all()
        assert [
            self.observer.layout.label_of(item) for item in np.argwhere(kept != found)[:, 1]
        ] == []
        assert np.array_equal(self.observer.state(), self.anew.state())
        for name in session.members:
            assert dict(session.proposals(name)) == dict(fresh.proposals(name)), name
            assert list(session.legal(name)) == list(fresh.legal(name))
            assert session.view(name) == fresh.view(name)


def hand(session, rng):
    """Do mostly useful work, at times walk or wait, at times what no mask allows."""
    actions = {}
    for name in session.members:
        legal = session.legal(name)
        useful = [item for item in legal if item > 3 and item not in session_moves(session)]
        luck = rng.random()
        if luck < 0.6:
            actions[name] = rng.choice(useful or legal)
        elif luck < 0.9:
            actions[name] = rng.choice(legal)
        elif luck < 0.95:
            actions[name] = rng.randrange(len(session.actions))
        else:
            actions[name] = unruly(session, rng)
    return actions


def session_moves(session):
    return {item.index for item in session.actions if item.name.startswith("MOVE:")}


def unruly(session, rng):
    """Return a mapping about any specimen anywhere; most are refused."""
    known = sorted(session.ctx.world.specimens)
    chosen = rng.choice(known) if known else "NONE"
    args = {"specimen_id": chosen, "aliquot_id": f"{rng.choice(known or ['X'])}_A", "rack_id": "R"}
    return {"action_type": rng.choice(UNRULY), "args": args, "reason_code": "CNT_HEMOLYZED"}


def play(pair, seed, steps, every):
    rng = random.Random(seed)  # noqa: S311 - a hand that plays, no secret
    pair.reset(seed)
    while pair.session.steps < steps and not pair.session.done:
        pair.step(hand(pair.session, rng))
        if pair.session.steps % every == 0:
            pair.compare()


@pytest.mark.parametrize("crew", CREWS)
def test_kept_answers_are_those_found_anew(policy, crew):
    play(Pair(policy, crew), seed=1, steps=400, every=8)


def test_kept_answers_hold_where_workflow_has_no_guards():
    play(Pair(open_policy(None, "upstream_compat"), "standard"), seed=2, steps=300, every=8)


def test_kept_answers_hold_where_events_are_signed(policy):
    play(Pair(policy, "standard", signed=True), seed=3, steps=120, every=10)


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("crew", CREWS)
@pytest.mark.parametrize("seed", range(6))
def test_kept_answers_are_those_found_anew_at_every_step(policy, crew, seed):
    play(Pair(policy, crew), seed=seed, steps=2_880, every=1)


def test_what_waits_lets_nothing_go_stale(policy):
    pair = Pair(policy, "standard", horizon_s=7_200)
    pair.reset(4)
    while not pair.session.done:
        pair.step({})
        if pair.session.steps % 20 == 0:
            pair.compare()


def test_an_episode_that_begins_like_the_last_one_shows_what_is_there(policy):
    tube = {
        "specimen_id": "S1",
        "panel_id": "BIOCHEM_PANEL_CORE",
        "container_type": "SERUM_SST",
        "zone_id": "Z_SRA_RECEPTION",
    }
    scenario = {"specimens": [tube]}
    pair = Pair(policy, "standard", scenario=scenario)
    for seed in range(4):
        pair.reset(seed)
        pair.compare()
        for _ in range(20):
            pair.step({"reception_0": pair.session.legal("reception_0")[-1]})
        pair.compare()
    tube["status"] = "accepted"  # the same mapping, which says something else now
    pair.reset(5)
    pair.compare()


def test_forget_shows_what_was_changed_by_hand(make_session):
    session = make_session()
    session.step({})
    specimen = next(iter(session.ctx.world.specimens.values()), None)
    while specimen is None:
        session.step({})
        specimen = next(iter(session.ctx.world.specimens.values()), None)
    before = session.mask("reception_0")
    specimen.scanned_s = 0
    for other in session.ctx.world.specimens.values():
        other.scanned_s = 0
    assert np.array_equal(session.mask("reception_0"), before)
    session.forget()
    assert not np.array_equal(session.mask("reception_0"), before)


def test_what_is_kept_is_not_handed_out(make_session):
    session = make_session()
    observer = Observer(session)
    mask, vector = session.mask("runner_0"), observer.observe("runner_0")
    session.masks()[:] = 9
    session.mask("runner_0")[:] = 9
    observer.observe_all()[:] = 9
    observer.observe("runner_0")[:] = 9
    assert np.array_equal(session.mask("runner_0"), mask)
    assert np.array_equal(observer.observe("runner_0"), vector)


def test_an_event_does_not_share_its_arguments_with_what_is_kept(make_session):
    session, rng = make_session(horizon_s=28_800), random.Random(5)  # noqa: S311 - likewise
    looked_at = 0
    while session.steps < 600:
        actions = {name: item for name, item in hand(session, rng).items() if type(item) is int}
        kept = {name: session.proposals(name).get(index) for name, index in actions.items()}
        session.step(actions)
        for name, outcome in session.outcomes.items():
            for argument, value in outcome.event.args.items():
                if kept[name] and type(value) is list:
                    assert value is not kept[name][1].get(argument)
                    looked_at += 1
    assert looked_at > 10
