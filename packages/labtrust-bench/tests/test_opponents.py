"""Opponents: when they act, what they do in an episode, and that the laboratory goes on."""

import json

import pytest
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.agents.opponents.casts import INSIDER, KEY_MISUSE, key_misuse
from labtrust_bench.agents.opponents.opponent import Opponent
from labtrust_bench.agents.opponents.steps import Attempt, Step, Strike
from labtrust_bench.runs.attacks import AttackObserver
from labtrust_bench.runs.crew import agents_for
from labtrust_bench.runs.episode import run_episode
from labtrust_bench.runs.observers import MetricsObserver
from labtrust_bench.tasks.registry import get_task
from labtrust_core.domains import open_policy
from labtrust_core.ledger.verify import verify_log
from labtrust_env.session import Session

TASKS = ("adversarial_disruption", "insider_key_misuse")
ATTACKERS = {"A_ADVERSARY_0", "A_INSIDER_0"}
HOUSE = {"crew": {"insider_0": {"agent_id": "A", "role": "R", "zone": "Z"}}}
VIEW = {
    "agent_id": "A",
    "zone": "Z",
    "legal": {"NOOP": 0},
    "hops": {},
    "house": HOUSE,
    "wire": {"episode": "e", "head": "h", "sent": ()},
}
STRIKE = Strike({"action_type": "TICK"}, ("agent:A",))


def attempt(name, *steps):
    return Attempt(name, "phase", "freshness", frozenset(), lambda _scene: iter(steps))


def played(opponent, seconds, step_s=10):
    """Return what the opponent did and when, waiting left out."""
    actions = {t_s: opponent.act({**VIEW, "t_s": t_s}) for t_s in range(0, seconds, step_s)}
    return {t_s: action for t_s, action in actions.items() if action != 0}


def test_attempts_come_in_their_order_each_in_its_part_of_the_episode():
    opponent = Opponent([attempt("one", STRIKE), attempt("two", STRIKE)], 900)
    opponent.reset("insider_0", 3)
    first, second = played(opponent, 900)

    assert 300 <= first < 460
    assert 600 <= second < 760


def test_when_attempts_are_due_follows_from_the_seed():
    opponent = Opponent(KEY_MISUSE, 14_400)
    due = []
    for seed in (1, 2, 1):
        opponent.reset("insider_0", seed)
        due.append(opponent.due_s)

    assert due[0] == due[2] != due[1]
    assert list(due[0]) == sorted(due[0])


def test_an_attempt_that_comes_to_nothing_is_given_up_when_the_next_is_due():
    endless = attempt("endless", *[Step()] * 1_000, Step(7))
    opponent = Opponent([endless, attempt("two", STRIKE)], 900)
    opponent.reset("insider_0", 3)

    assert list(played(opponent, 900).values()) == [STRIKE.action]


def test_whoever_listens_hears_of_a_strike_and_of_no_step_that_anybody_may_take():
    heard = []
    opponent = Opponent([attempt("one", Step(5), STRIKE)], 100)
    opponent.listener = heard.append
    opponent.reset("insider_0", 3)
    played(opponent, 100)

    assert [item.strike for item in heard] == [STRIKE]


@pytest.fixture(scope="module", params=TASKS)
def attacked(request, play):
    """An attacked episode: its run, and the records of its ledger."""
    run = play(request.param, signed=False)
    records = [json.loads(line) for line in run.log.read_text(encoding="utf-8").splitlines()]
    return run, [item for item in records if "event" in item]


def test_every_phase_is_attempted_refused_noticed_and_contained(attacked):
    run, _ = attacked
    phases = run.metrics.opposition.phases

    assert phases
    for phase in phases.values():
        assert phase.attempted > 0
        assert (phase.accepted, phase.succeeded, phase.blast_radius) == (0, 0, 0)
        assert sum(phase.refused_by_reason_code.values()) == phase.attempted
        assert phase.contained_s == phase.detected_s == phase.first_attempt_s
    assert run.metrics.opposition.containment_success is True
    assert run.metrics.opposition.fraction_of_attacks_contained_permille == 1_000


def test_the_ledger_holds_every_refused_attempt_with_its_reason(attacked):
    run, records = attacked
    wanted = sum(item.attempted for item in run.metrics.opposition.phases.values())
    refused = [item for item in records if item["outcome"]["status"] == "BLOCKED"]
    forged = [item for item in refused if item["outcome"]["reason"].startswith(("SIG_", "RC_TIME"))]
    own = [item for item in refused if item["event"]["agent_id"] in ATTACKERS]
    ids = {item["event"]["event_id"] for item in [*forged, *own]}

    assert all(item["outcome"]["reason"] for item in refused)
    assert len(ids) >= wanted - 2  # a repeated event has an id that stands in the ledger already


def test_what_opponents_do_to_prepare_breaks_no_invariant(attacked):
    _, records = attacked
    theirs = [item for item in records if item["event"]["agent_id"] in ATTACKERS]
    accepted = [item for item in theirs if item["outcome"]["status"] == "ACCEPTED"]

    assert accepted
    assert not any(item["outcome"].get("violations") for item in accepted)


def test_enforcement_stops_an_opponent_for_good(attacked):
    run, _ = attacked

    assert run.metrics.enforcements_by_action["kill_switch"] == 1
    assert run.metrics.opposition.phases["persistence"].refused_by_reason_code == {
        "AGENT_KILLED": 2
    }


def test_the_log_of_an_attacked_episode_verifies(attacked):
    run, _ = attacked

    assert verify_log(run.log).ok


def test_who_cannot_be_named_from_the_ledger_lowers_the_forensic_score(play):
    """Unsigned events prove no key, and a forged or unsigned claim names the wrong agent."""
    unsigned = play("adversarial_disruption").metrics.opposition
    signed = play("insider_key_misuse").metrics.opposition

    assert unsigned.forensic_quality_score_permille == 750
    assert 850 <= signed.forensic_quality_score_permille < 1_000


def figures(policy, name, seed, *, attack):
    task = get_task(name, "smoke")
    session = Session(policy, task.session_config())
    agents = agents_for(task, session.members, "scripted")
    opponents = task.opponents(session.members)
    if not attack:
        agents |= {member: DoNothing() for member in opponents}
    observer = MetricsObserver(task, [session.members[item] for item in opponents])
    run_episode(session, agents, seed, (observer,))
    return observer.metrics, session


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("seed", [7, 8])
def test_the_crew_releases_as_much_under_attack_as_without(policy, name, seed):
    calm, _ = figures(policy, name, seed, attack=False)
    attacked, _ = figures(policy, name, seed, attack=True)
    lost = calm.released_before_cutoff_permille - attacked.released_before_cutoff_permille

    assert calm.released_before_cutoff_permille > 500
    assert lost <= 50


@pytest.mark.parametrize("name", TASKS)
def test_nobody_but_the_opponents_is_ever_stopped(policy, name):
    _, session = figures(policy, name, 7, attack=True)
    contained = session.ctx.trust.containment

    assert contained.throttled.keys() | contained.killed.keys() <= ATTACKERS
    assert contained.killed


def test_every_phase_is_attempted_on_another_site_too():
    task = get_task("insider_key_misuse", "smoke")
    session = Session(open_policy(partner="hsl_like"), task.session_config())
    agents = agents_for(task, session.members, "scripted")
    watcher = AttackObserver({INSIDER: agents[INSIDER]})
    run_episode(session, agents, 7, (watcher,))

    assert all(item.attempted for item in watcher.phases().values())
    assert not any(item.succeeded for item in watcher.phases().values())


def test_an_opponent_is_made_anew_for_each_task():
    assert key_misuse(100)[INSIDER] is not key_misuse(100)[INSIDER]
