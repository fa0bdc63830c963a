"""Which agents play: specs of agents, and the task's own opponents beside them.

A spec is what the user types and what results state as ``agent_baseline_id``:

- the name of a crew, one of ``CREWS``;
- ``SCHEME:REST``, for agents that are kept in a folder, one of ``SCHEMES``;
- ``package.module:Class`` or ``path/to/file.py:Class`` (see ``labtrust_bench.runs.external``).

One spec serves all members; further ones may be given for single members.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.errors import UnknownNameError, UsageError

from labtrust_bench.agents.api import Player
from labtrust_bench.agents.dispatch import dispatch_crew
from labtrust_bench.agents.dispatch_rules import RULES, Rule
from labtrust_bench.agents.fifo import fifo_crew
from labtrust_bench.agents.noop import DoNothing
from labtrust_bench.agents.random_agent import RandomAgent
from labtrust_bench.learning.policy import learned_crew, stated_policy
from labtrust_bench.runs.external import load_factory, stated_spec
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


@dataclass(frozen=True, slots=True)
class Scheme:
    """A kind of agents that a spec names as ``SCHEME:REST``.

    Attributes:
        crew: Makes the crew from what stands behind the colon; raises ``UsageError`` where that is
            nothing of the kind.
        stated: What results state in place of it: no path, but what tells one from another.
    """

    crew: Callable[[str], _Crew]
    stated: Callable[[str], str] = lambda rest: Path(rest).name


def _learned(rest: str) -> _Crew:
    return lambda _task, members: learned_crew(members, Path(rest))


SCHEMES: Final[dict[str, Scheme]] = {"ppo": Scheme(_learned, stated_policy)}
"""The schemes by name."""


def crew_of(spec: str) -> _Crew:
    """Return what makes a crew from a task and its members.

    Raises:
        UnknownNameError: The spec is neither a crew, nor a scheme or module with a class.
        UsageError: It cannot be loaded.
    """
    if spec in CREWS:
        return CREWS[spec]
    place, _, rest = spec.partition(":")
    if place in SCHEMES and rest:
        return SCHEMES[place].crew(rest)
    if not place or not rest:
        raise UnknownNameError("crew of agents", spec, [*CREWS, "module:Class", "file.py:Class"])
    factory = load_factory(spec)
    return lambda _task, members: {name: factory() for name in members}


def stated(spec: str) -> str:
    """Return a spec as results state it, without folders.

    Raises:
        UsageError: A file that it names cannot be read.
    """
    place, _, rest = spec.partition(":")
    if spec in CREWS or not rest:
        return spec
    return f"{place}:{SCHEMES[place].stated(rest)}" if place in SCHEMES else stated_spec(spec)


def baseline_id(crew: str, mixed: Mapping[str, str]) -> str:
    """Return how results call a crew: its spec, and each other spec with its member behind it."""
    others = (f"{name}={stated(spec)}" for name, spec in sorted(mixed.items()))
    return ",".join((stated(crew), *others))


def agents_for(
    task: BenchmarkTask, members: Members, crew: str, mixed: Mapping[str, str] | None = None
) -> dict[str, Player]:
    """Return an agent for every member: the task's opponents, and the named crew for all others.

    Args:
        task: The task.
        members: Member name to agent id, in acting order.
        crew: Spec of the crew.
        mixed: Member name to the spec of the agent that plays there instead.

    Raises:
        UnknownNameError: There is no such crew, or no such member.
        UsageError: A member is left without an agent, an agent cannot be loaded, or a member that
            is to be replaced is an opponent of the task.
    """
    opponents = task.opponents(members)
    agents = dict(crew_of(crew)(task, members))
    for name, spec in (mixed or {}).items():
        if name not in members:
            raise UnknownNameError("crew member", name, members)
        if name in opponents:
            raise UsageError(f"{name} is an opponent of {task.name}, which plays it itself")
        agents[name] = crew_of(spec)(task, members)[name]
    agents |= opponents
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
