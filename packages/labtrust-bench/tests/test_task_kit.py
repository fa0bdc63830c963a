"""The conformance kit for tasks: ours pass, and each way to break a task is found."""

import itertools

import pytest
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.runs.metrics import Metrics
from labtrust_bench.tasks.base import BenchmarkTask, TaskSize
from labtrust_bench.tasks.registry import TASKS, list_tasks
from labtrust_bench.tasks.throughput_sla import ThroughputSla
from labtrust_bench.testing import TASK_CHECKS, TaskConformanceError, check_task, task_findings
from labtrust_bench.testing.playing import figure_at

TINY = TaskSize("district_smoke", 1_800, 600)
COUNTER = itertools.count(600, 10)


class Tiny(ThroughputSla):
    """Half an hour, so that the kit is quick."""

    small = TINY


class Shouting(Tiny):
    name = "No Name"


class Backwards(Tiny):
    full = TaskSize("district_smoke", 900, 600)


class Shadowing(Tiny):
    variants = {"smoke": TINY}  # noqa: RUF012 - as a plug-in would write it


class Elsewhere(Tiny):
    variants = {"night": TaskSize("no_such_load", 900, 600)}  # noqa: RUF012 - likewise


class Understaffed(Tiny):
    def scripted_agents(self, members):
        return {name: DoNothing() for name in members if name != "runner_0"}


class Fickle(Tiny):
    def __reduce__(self):
        return Tiny, ()


class Wavering(Tiny):
    def session_config(self, *, signed=False):
        size = TaskSize("district_smoke", 1_800, next(COUNTER))
        return Tiny(size).session_config(signed=signed)


class Idle(Tiny):
    def scripted_agents(self, members):
        return {name: DoNothing() for name in members}


class Unranked(Tiny):
    primary_metric = "punctuality"


class Unmeasured(Tiny):
    primary_metric = "opposition"


BROKEN = [
    (Shouting, "is_named", "'No Name'"),
    (Backwards, "sizes_fit", "180 steps"),
    (Shadowing, "sizes_fit", "named smoke"),
    (Elsewhere, "policy_knows_it", "no_such_load"),
    (Understaffed, "crew_is_complete", "no agent for runner_0"),
    (Fickle, "pickles", "comes back as Tiny"),
    (Wavering, "repeats_itself", "different"),
    (Idle, "scripted_gets_work_done", "releases 0"),
    (Unranked, "primary_metric_exists", "'punctuality'"),
    (Unmeasured, "primary_metric_exists", "None"),
]


@pytest.mark.parametrize(("task", "check", "detail"), BROKEN, ids=str)
def test_a_broken_task_is_found_and_told_why(policy, task, check, detail):
    found = {item.check: item for item in task_findings(task, environment=False, policy=policy)}

    assert found[check].verdict == "failed"
    assert detail in found[check].detail


def test_every_check_can_fail():
    assert {check for _, check, _ in BROKEN} == set(TASK_CHECKS)


def test_one_error_lists_everything(policy):
    class Poor(Idle):
        name = "Poor Task"
        primary_metric = "punctuality"

    with pytest.raises(TaskConformanceError) as caught:
        check_task(Poor, environment=False, policy=policy)

    failed = [item.check for item in caught.value.findings]
    # a class inside a function cannot be pickled either
    assert failed == ["is_named", "pickles", "scripted_gets_work_done", "primary_metric_exists"]
    assert all(name in str(caught.value) for name in failed)


def test_what_is_no_task_at_all_is_said_first():
    class Bare(BenchmarkTask):
        name = "bare"

    (finding,) = task_findings(Bare)

    assert (finding.check, finding.verdict) == ("is_a_task", "failed")
    assert "sets no crew" in finding.detail


def test_a_figure_is_found_by_its_dotted_path(play):
    metrics = play().metrics

    assert isinstance(metrics, Metrics)
    assert figure_at(metrics, "turnaround_by_priority.STAT.on_time") == (
        metrics.turnaround_by_priority["STAT"].on_time
    )
    with pytest.raises(LookupError):
        figure_at(metrics, "throughput.STAT")


@pytest.mark.parametrize("name", list_tasks())
def test_every_task_of_ours_passes(policy, name):
    check_task(TASKS.get(name), environment=False, policy=policy)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", list_tasks())
def test_the_environment_of_every_task_of_ours_passes(policy, name):
    check_task(TASKS.get(name), policy=policy)
