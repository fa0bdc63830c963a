"""Which agents play: a crew by name, and the task's own opponents beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from labtrust_core.errors import UnknownNameError, UsageError

from labtrust_bench.agents.api import Player
from labtrust_bench.agents.dispatch import dispatch_crew
from labtrust_bench.agents.dispatch_rules import RULES, Rule
from labtrust_bench.agents.fifo import fifo_crew
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.agents.random_agent import RandomAgent
from labtrust_bench.tasks.base import BenchmarkTask

Members = Mapping[str, str]
_Crew = Callable[[BenchmarkTask, Members], Mapping[str, Player]]


def _under(rule: Rule) -> _Crew:
    return lambda task, members: dispatch_crew(members, rule, task.sla_s)


CREWS: Final[dict[str, _Crew]] = {
    "scripted": lambda task, members: task.scripted_agents(members),
    "fifo": lambda _task, members: fifo_crew(members),
    "random": lambda _task, members: {name: RandomAgent() for name in members},
    "noop": lambda _task, members: {name: DoNothing() for name in members},
    **{name: _under(rule) for name, rule in RULES.items()},
}
"""The crews that can be measured, by the name that results state as ``agent_baseline_id``."""


def agents_for(task: BenchmarkTask, members: Members, crew: str) -> dict[str, Player]:
    """Return an agent for every member: the task's opponents, and the named crew for all others.

    Args:
        task: The task.
        members: Member name to agent id, in acting order.
        crew: One of ``CREWS``.

    Raises:
        UnknownNameError: There is no such crew.
        UsageError: A member is left without an agent.
    """
    if crew not in CREWS:
        raise UnknownNameError("crew of agents", crew, CREWS)
    agents = {**CREWS[crew](task, members), **task.opponents(members)}
    require_everybody(members, agents)
    return {name: agents[name] for name in members}


def require_everybody(members: Members, agents: Mapping[str, Player]) -> None:
    """Refuse agents that do not fit the members one to one.

    Raises:
        UsageError: A member has no agent, or an agent is for nobody.
    """
    missing = sorted(members.keys() - agents.keys())
    if missing:
        raise UsageError(f"no agent for {', '.join(missing)}; every member of a crew needs one")
    strangers = sorted(agents.keys() - members.keys())
    if strangers:
        raise UsageError(f"agents for {', '.join(strangers)}, who are not in the crew")
