"""Tasks: by name, at two sizes, and checked when they come from elsewhere."""

import pytest
from labtrust_bench.runs.crew import CREWS, agents_for
from labtrust_bench.runs.plan import MAX_SEED, RunConfig
from labtrust_bench.tasks.base import MORNING_S, BenchmarkTask, TaskSize, not_a_task
from labtrust_bench.tasks.registry import QUICK_TASKS, TASKS, get_task
from labtrust_core.errors import UnknownNameError, UsageError
from labtrust_env.session import Session


def test_the_three_tasks_are_there():
    assert set(QUICK_TASKS) <= set(TASKS.names())


def test_unknown_task_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="throughput_sla"):
        get_task("throughput")


@pytest.mark.parametrize("name", QUICK_TASKS)
def test_a_task_is_a_morning_and_its_smoke_is_shorter(name):
    task, small = get_task(name), get_task(name, "smoke")

    assert task.size.horizon_s == MORNING_S
    assert small.max_steps < task.max_steps
    assert type(small) is type(task)


@pytest.mark.parametrize("name", QUICK_TASKS)
def test_a_task_has_no_variant_that_it_does_not_name(name):
    with pytest.raises(UnknownNameError, match="variant of"):
        get_task(name, "tiny")


@pytest.mark.parametrize("name", QUICK_TASKS)
def test_a_task_is_named_as_it_is_offered(name):
    assert get_task(name).name == name


@pytest.mark.parametrize("name", QUICK_TASKS)
@pytest.mark.parametrize("crew", CREWS)
@pytest.mark.parametrize("variant", ["full", "smoke"])
def test_every_member_gets_an_agent(policy, name, crew, variant):
    task = get_task(name, variant)
    members = Session(policy, task.session_config()).members

    assert list(agents_for(task, members, crew)) == list(members)


def test_opponents_stay_whichever_crew_is_measured(policy):
    task = get_task("adversarial_disruption")
    members = Session(policy, task.session_config()).members
    agents = agents_for(task, members, "noop")

    assert type(agents["runner_0"]).__name__ == "DoNothing"
    assert type(agents["adversary_0"]).__name__ == "Opponent"


def test_unknown_crew_names_the_known_ones(policy):
    task = get_task("throughput_sla")
    members = Session(policy, task.session_config()).members

    with pytest.raises(UnknownNameError, match="scripted"):
        agents_for(task, members, "heroic")


def test_a_member_without_an_agent_is_an_error():
    class Lonely(BenchmarkTask):
        def scripted_agents(self, members):
            return {name: None for name in members if name != "runner_0"}

        full = TaskSize("district_shift", 100, 100)

    with pytest.raises(UsageError, match="no agent for runner_0"):
        agents_for(Lonely(), {"runner_0": "A", "runner_1": "B"}, "scripted")


def test_the_cutoff_is_an_hour_before_the_end_and_never_negative():
    assert get_task("throughput_sla").cutoff_s == 3 * 3_600
    assert get_task("throughput_sla", "smoke").cutoff_s == 3_600

    class Short(BenchmarkTask):
        full = TaskSize("district_shift", 1_800, 1_800)

    assert Short().cutoff_s == 0


@pytest.mark.parametrize(
    "times",
    [{"dt_s": 0}, {"dt_s": 101}, {"arrivals_until_s": 101}, {"arrivals_until_s": -1}],
    ids=str,
)
def test_impossible_size_is_an_error(times):
    with pytest.raises(UsageError, match="no task size"):
        TaskSize("district_shift", **{"horizon_s": 100, "arrivals_until_s": 100, **times})


def test_what_is_no_task_says_why():
    class Bare(BenchmarkTask):
        name = "bare"

    assert "expected a subclass" in not_a_task(object())
    assert "sets no crew" in not_a_task(Bare)
    assert not_a_task(TASKS.get("throughput_sla")) == ""


@pytest.mark.parametrize("count", [0, -1])
def test_a_run_has_at_least_one_episode(count):
    with pytest.raises(UsageError, match="at least 1"):
        RunConfig("throughput_sla", num_episodes=count)


@pytest.mark.parametrize(("seed", "count"), [(-1, 1), (MAX_SEED + 1, 1), (MAX_SEED, 2)])
def test_every_seed_must_be_one_that_results_can_carry(seed, count):
    with pytest.raises(UsageError, match="seeds must lie"):
        RunConfig("throughput_sla", num_episodes=count, base_seed=seed)


def test_seeds_follow_one_another():
    assert RunConfig("throughput_sla", num_episodes=3, base_seed=5).seeds == (5, 6, 7)
