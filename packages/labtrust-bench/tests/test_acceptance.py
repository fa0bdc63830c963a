"""What the benchmark promises at full size: a shift's work gets done, but not by itself."""

import pytest
from labtrust_bench.tasks.registry import QUICK_TASKS
from labtrust_core.ledger.verify import verify_log


@pytest.mark.parametrize("task", QUICK_TASKS)
def test_a_scripted_shift_releases_nearly_all_that_is_due(play, task):
    metrics = play(task, smoke=False).metrics

    assert metrics.throughput >= 200
    assert metrics.released_before_cutoff_permille >= 920


@pytest.mark.parametrize("task", QUICK_TASKS)
@pytest.mark.parametrize("smoke", [False, True])
def test_every_log_verifies(play, task, smoke):
    assert verify_log(play(task, smoke=smoke).log).ok


@pytest.mark.parametrize("task", QUICK_TASKS)
def test_doing_nothing_and_doing_anything_fall_behind_the_scripted_crew(play, task):
    released = [play(task, agents).metrics.throughput for agents in ("noop", "random", "scripted")]

    assert released[0] == 0
    assert released[1] < released[2]
