"""A task's environment runs what the task says."""

import pickle
from dataclasses import replace

import pytest
from labtrust_bench.tasks.environment import TaskEnvironments
from labtrust_bench.tasks.registry import get_task, list_tasks
from labtrust_core.errors import UnknownNameError


@pytest.mark.parametrize("variant", ["full", "smoke"])
@pytest.mark.parametrize("name", list_tasks())
def test_the_environment_runs_the_session_and_rewards_of_the_task(name, variant):
    task = get_task(name, variant)

    env = TaskEnvironments(task)()

    assert env.session.config == replace(task.session_config(), intrusion=None)
    assert env.max_cycles == task.max_steps
    assert env.config.reward_config == task.reward_config


def test_the_factory_goes_to_other_processes():
    factory = TaskEnvironments(get_task("throughput_sla", "smoke"), partner="hsl_like")

    twin = pickle.loads(pickle.dumps(factory))  # noqa: S301 - made here

    env = twin()
    assert env.config == factory().config
    assert env.config.partner == "hsl_like"


def test_an_unknown_partner_is_an_error():
    with pytest.raises(UnknownNameError, match="nobody"):
        TaskEnvironments(get_task("throughput_sla"), partner="nobody")()
