"""Static instances: what ships is fresh and replays, and no crew is better than its bound."""

import functools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from labtrust_bench.bounds.dispatcher import Dispatcher
from labtrust_bench.bounds.facts import DT_S, facts_of
from labtrust_bench.bounds.instances import RECIPES, Recipe, generate, get_instance
from labtrust_bench.bounds.model import OBJECTIVES
from labtrust_bench.bounds.play import PLAN, crew_agents, play, play_agents
from labtrust_bench.bounds.report import as_csv, as_text, gap_percent, gap_rows
from labtrust_bench.bounds.search import (
    CHANGES,
    Dice,
    decision_of,
    first_outlines,
    improve,
    names_of,
)
from labtrust_bench.bounds.store import (
    plan_rows,
    read_solved,
    read_solved_bytes,
    require_fresh,
    solved_bytes,
    timetable,
)
from labtrust_core.domains import open_policy
from labtrust_core.errors import DocumentError, UnknownNameError, UsageError
from labtrust_core.randomness import stream

SMALL = ("one_blood_count", "one_chemistry", "two_of_a_kind", "four")
CREWS = ("scripted", "fifo", "fcfs", "edd", "slack", "spt", "atc", "random")

names = pytest.mark.parametrize("name", RECIPES)


@pytest.fixture
def instance(policy):
    return lambda name: get_instance(name, policy)


# --- instances -----------------------------------------------------------------------------------


@names
def test_an_instance_is_the_same_every_time(policy, name):
    assert get_instance(name, policy) == get_instance(name, policy)


def test_unknown_instance_names_the_known_ones(policy):
    with pytest.raises(UnknownNameError, match="one_blood_count"):
        get_instance("hundred", policy)


@names
def test_everything_is_at_reception_at_the_start_and_nothing_comes_later(policy, name):
    item = get_instance(name, policy)
    session = item.session(policy)
    session.reset(item.seed)
    world = session.ctx.world

    assert len(world.specimens) == len(item.tubes) == RECIPES[name].count
    assert {tube.place for tube in world.specimens.values()} == {"zone:Z_SRA_RECEPTION"}
    assert {tube.arrived_s for tube in world.specimens.values()} == {0}
    session.engine.advance(session.config.horizon_s)
    assert len(world.specimens) == len(item.tubes)


@names
def test_no_result_of_an_instance_waits_for_a_person(policy, instance, name):
    item = instance(name)
    plan = timetable(read_solved(item, policy).objectives["weighted"].plan)
    session = item.session(policy)
    play_agents(item, session, crew_agents(session.members, PLAN, plan), PLAN)

    assert all(result.autoverified for result in session.ctx.world.results.values())


# --- what ships ----------------------------------------------------------------------------------


@names
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_shipped_plan_comes_to_what_is_stated_and_not_below_the_bound(
    policy, instance, name, objective
):
    known = read_solved(instance(name), policy).objectives[objective]
    outcome = play(instance(name), policy, PLAN, timetable(known.plan))

    assert outcome.value(objective) == known.achieved
    assert known.bound <= known.achieved
    assert outcome.refused == 0


def test_the_optimum_of_one_blood_count_is_what_one_can_work_out_by_hand(policy, instance):
    walk = facts_of(instance("one_blood_count"), policy).walk
    fetched = walk["Z_SORTING_LANES"]["Z_SRA_RECEPTION"]  # the nearest carrier; booking in is over
    carried = 1 + walk["Z_SRA_RECEPTION"]["Z_ANALYZER_HALL_A"]
    run_s, latency_s = 36, 60
    known = read_solved(instance("one_blood_count"), policy).objectives["makespan"]

    assert (fetched, carried) == (4, 11)
    assert known.bound == known.achieved == DT_S * (fetched + carried) + run_s + latency_s


def test_the_optimum_of_one_chemistry_is_what_one_can_work_out_by_hand(policy, instance):
    walk = facts_of(instance("one_chemistry"), policy).walk
    to_bay = 4 + 1 + walk["Z_SRA_RECEPTION"]["Z_CENTRIFUGE_BAY"]
    to_bench = 72 + 1 + walk["Z_CENTRIFUGE_BAY"]["Z_ALIQUOT_LABEL"]
    to_hall = 1 + walk["Z_ALIQUOT_LABEL"]["Z_ANALYZER_HALL_A"]
    run_s, latency_s = 24, 600
    known = read_solved(instance("one_chemistry"), policy).objectives["makespan"]

    assert (to_bay, to_bench, to_hall) == (11, 75, 3)
    assert known.bound == known.achieved == DT_S * (to_bay + to_bench + to_hall) + run_s + latency_s


@pytest.mark.parametrize("name", SMALL[:3])
def test_the_optimum_of_the_smallest_is_proven(policy, instance, name):
    assert all(item.proven for item in read_solved(instance(name), policy).objectives.values())


# --- no crew is better ---------------------------------------------------------------------------


def is_beaten(policy, item, crew):
    outcome = play(item, policy, crew)
    known = read_solved(item, policy).objectives
    if outcome.weighted is None:
        return False
    return any(outcome.value(name) < bound.bound for name, bound in known.items())


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("crew", CREWS)
def test_no_crew_beats_the_bound(policy, instance, name, crew):
    assert not is_beaten(policy, instance(name), crew)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in RECIPES if name not in SMALL])
@pytest.mark.parametrize("crew", CREWS)
def test_no_crew_beats_the_bound_of_a_larger_instance(policy, instance, name, crew):
    assert not is_beaten(policy, instance(name), crew)


the_policy = functools.cache(open_policy)  # a fixture would be printed with each failure


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(tuple(RECIPES)), seed=st.integers(0, 10_000), start=st.integers(0, 2))
def test_no_plan_beats_the_bound(name, seed, start):
    policy = the_policy()
    item = get_instance(name, policy)
    facts, known = facts_of(item, policy), read_solved(item, policy).objectives
    dice = Dice(stream(seed, "test/plan"), "plan")
    outline = first_outlines(facts)[start]
    for _ in range(12):
        outline = CHANGES[dice.below(len(CHANGES))](facts, outline, dice)
    shadow = Dispatcher(facts, names_of(policy), decision_of(facts, outline)).run()

    if shadow is not None:
        assert all(shadow.cost(objective) >= known[objective].bound for objective in OBJECTIVES)


@pytest.mark.parametrize("seed", range(6))
def test_the_shadow_and_the_simulator_agree(policy, seed):
    crew = ("standard", "night")[seed % 2]
    item = generate("drawn", Recipe(crew, 100 + seed, 3), policy.tables)
    facts = facts_of(item, policy)
    shadow = improve(facts, names_of(policy), first_outlines(facts), "weighted", rounds=5)
    outcome = play(item, policy, PLAN, timetable(plan_rows(shadow.done)))

    assert outcome.refused == 0
    assert outcome.weighted == shadow.cost("weighted")
    assert outcome.makespan == max(shadow.releases_s())


# --- crews that the bound does not speak of ------------------------------------------------------


class Sends:
    """A member that sends these events, one a step, and then waits."""

    def __init__(self, *events):
        self.events = list(events)
        self.left = []

    def reset(self, name, seed):
        del name, seed
        self.left = list(self.events)

    def act(self, view):
        del view
        return self.left.pop(0) if self.left else 0


def test_a_specimen_that_is_moved_without_being_taken_up_is_not_compared(policy, instance):
    item = instance("one_blood_count")
    session = item.session(policy)
    way = {"from_zone": "Z_SRA_RECEPTION", "to_zone": "Z_ACCESSIONING"}
    shove = {"entity_type": "Specimen", "entity_id": "S01", **way}
    agents = crew_agents(session.members, "noop")
    agents["reception_0"] = Sends({"action_type": "MOVE", "args": shove})

    with pytest.raises(UsageError, match="without taking it up"):
        play_agents(item, session, agents, "shovers")


def test_a_specimen_that_was_never_booked_in_is_not_compared(policy, instance):
    item = instance("one_blood_count")
    session = item.session(policy)
    named = {"specimen_ids": ["S01"]}
    agents = crew_agents(session.members, "scripted")
    agents["reception_0"] = Sends(
        {"action_type": "HOLD_SPECIMEN", "reason_code": "INT_CLOTTED", "args": named},
        {"action_type": "CHECK_ACCEPTANCE_RULES", "args": named},
        {"action_type": "ACCEPT_SPECIMEN", "args": named},
    )

    with pytest.raises(UsageError, match="never booked in"):
        play_agents(item, session, agents, "holders")


def test_a_crew_that_does_not_finish_has_no_value(policy, instance):
    outcome = play(instance("four"), policy, "noop")

    assert (outcome.specimens, outcome.released) == (4, 0)
    assert (outcome.weighted, outcome.makespan) == (None, None)


def test_unknown_crew_and_missing_plan_are_errors(policy, instance):
    with pytest.raises(UnknownNameError, match="scripted"):
        play(instance("four"), policy, "heroic")
    with pytest.raises(UsageError, match="--solve"):
        play(instance("four"), policy, PLAN)


# --- storing -------------------------------------------------------------------------------------


def test_what_is_written_is_read_back(policy, instance):
    solved = read_solved(instance("four"), policy)

    assert read_solved_bytes(solved_bytes(solved), "four.json") == solved


def test_a_stale_bound_is_refused(policy, instance):
    solved = msgspec.structs.replace(read_solved(instance("four"), policy), fingerprint="0" * 64)

    with pytest.raises(UsageError, match="is stale: it was computed for 000000000000"):
        require_fresh(solved, instance("four"), policy)


def test_the_fingerprint_is_of_the_problem_and_not_of_the_patients(policy):
    one, other = (
        generate("x", Recipe("standard", seed, 3, KINDS), policy.tables) for seed in (1, 2)
    )
    fewer = generate("x", Recipe("standard", 1, 2, KINDS[:2]), policy.tables)
    night = generate("x", Recipe("night", 1, 3, KINDS), policy.tables)
    prints = [facts_of(item, policy).fingerprint for item in (one, other, fewer, night)]

    assert one.tubes != other.tubes
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


KINDS = (
    ("HAEM_PANEL_CORE", "STAT"),
    ("COAG_PANEL_CORE", "ROUTINE"),
    ("BIOCHEM_PANEL_CORE", "URGENT"),
)


def test_an_instance_without_a_stored_bound_says_how_to_get_one(policy):
    item = generate("unsolved", Recipe("standard", 1, 1), policy.tables)

    with pytest.raises(UsageError, match="--solve computes it"):
        read_solved(item, policy)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"instance":"four"}', b"\xff"])
def test_a_file_that_is_no_bound_is_an_error(data):
    with pytest.raises(DocumentError, match="no stored bound"):
        read_solved_bytes(data, "four.json")


def test_a_crew_with_several_clerks_is_not_modelled(policy):
    with pytest.raises(UsageError, match="one clerk"):
        facts_of(generate("x", Recipe("district", 1, 1), policy.tables), policy)


# --- the report ----------------------------------------------------------------------------------


def test_a_gap_is_in_percent_of_the_bound():
    assert gap_percent(1_105, 1_000) == 10.5


def test_rows_state_bound_best_and_gap(policy, instance):
    item = instance("one_blood_count")
    rows = gap_rows(item, policy, read_solved(item, policy), (PLAN, "scripted", "noop"), "makespan")

    assert [row.agents for row in rows] == [PLAN, "scripted", "noop"]
    assert rows[0].proven
    assert rows[0].gap_percent == 0
    assert (rows[1].value, rows[1].gap_percent) == (306, gap_percent(306, 246))
    assert (rows[2].released, rows[2].value, rows[2].gap_percent) == (0, None, None)


def test_the_table_and_the_csv_show_every_crew(policy, instance):
    item = instance("one_blood_count")
    rows = gap_rows(item, policy, read_solved(item, policy), (PLAN, "noop"), "weighted")

    head, line = as_text(rows).splitlines()
    assert head.split() == ["instance", "n", "bound", "best", "known", "plan", "noop"]
    assert " ".join(line.split()) == "one_blood_count 1 984 984 optimal +0.00 % 0 of 1"
    assert as_csv(rows).splitlines()[1:] == [
        "one_blood_count,1,weighted,984,984,True,plan,1,984,0.0",
        "one_blood_count,1,weighted,984,984,True,noop,0,,",
    ]
