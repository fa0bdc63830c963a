"""Bounds and plans that ship with the package: one JSON file an instance, checked when read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

import msgspec
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import DocumentError, UsageError
from labtrust_env.action_forms import Action

from labtrust_bench.bounds.facts import facts_of
from labtrust_bench.bounds.instances import Instance
from labtrust_bench.bounds.shadow import Action as PlannedAction

Seconds = Annotated[int, msgspec.Meta(ge=0)]
PlanRow = tuple[int, str, str, dict[str, Any]]
"""Step, member, action type and arguments."""

FOLDER: Final = "data"


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base: every field is required, and there are no others."""


class Bound(_Closed, frozen=True):
    """What the solver said of one objective.

    Attributes:
        bound: No crew can do better.
        status: ``optimal`` where the bound is the model's optimum, ``bound`` where time ran out
            before; a bound it is all the same.
        seconds: What solving took on the machine where it was done; no part of the result.
        achieved: What the plan comes to in the simulator.
        plan: The plan.
    """

    bound: Seconds
    status: Literal["optimal", "bound"]
    seconds: float
    achieved: Seconds
    plan: list[PlanRow]

    @property
    def proven(self) -> bool:
        """Whether bound and plan meet: then that is the optimum."""
        return self.bound == self.achieved


class Solved(_Closed, frozen=True):
    """What is stored of an instance.

    Attributes:
        instance: Its name.
        fingerprint: Of the instance and of what the model takes from policy.
        solver: Name and version of the solver.
        objectives: Objective to bound.
    """

    instance: str
    fingerprint: str
    solver: str
    objectives: dict[str, Bound]


def read_solved(instance: Instance, policy: CompiledPolicy) -> Solved:
    """Return what is stored of an instance.

    Raises:
        UsageError: Nothing is, or what is stored is stale: instance, policy or model has changed.
        DocumentError: The file is not what it must be.
    """
    file = files("labtrust_bench.bounds") / FOLDER / f"{instance.name}.json"
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(f"no bound is stored for {instance.name}; --solve computes it") from error
    solved = read_solved_bytes(data, str(file))
    require_fresh(solved, instance, policy)
    return solved


def read_solved_bytes(data: bytes, name: str) -> Solved:
    """Read what ``solved_bytes`` wrote.

    Raises:
        DocumentError: It is something else.
    """
    try:
        return msgspec.json.decode(data, type=Solved)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DocumentError(f"no stored bound: {error}", file=name) from error


def require_fresh(solved: Solved, instance: Instance, policy: CompiledPolicy) -> None:
    """Refuse what was solved for something else.

    Raises:
        UsageError: The fingerprint is another.
    """
    found, wanted = solved.fingerprint, facts_of(instance, policy).fingerprint
    if found != wanted:
        raise UsageError(
            f"the stored bound of {instance.name} is stale: it was computed for {found[:12]}, "
            f"instance and policy are {wanted[:12]} now; --solve computes it anew"
        )


def solved_bytes(solved: Solved) -> bytes:
    """Return the bytes of a file: JSON, a plan's row a line."""
    document = msgspec.to_builtins(solved)
    lines = []
    for name, item in document["objectives"].items():
        rows = ",\n".join(msgspec.json.encode(row).decode() for row in item.pop("plan"))
        head = msgspec.json.encode(item).decode()[1:-1]
        lines.append(f'"{name}":{{{head},"plan":[\n{rows}]}}')
    document.pop("objectives")
    head = msgspec.json.encode(document).decode()[1:-1]
    return ("{" + head + ',"objectives":{\n' + ",\n".join(lines) + "}}\n").encode()


def plan_rows(done: Sequence[tuple[int, str, PlannedAction]]) -> list[PlanRow]:
    """Return the record of a shadow as a plan."""
    return [(step, who, item["action_type"], dict(item["args"])) for step, who, item in done]


def timetable(plan: Sequence[PlanRow]) -> dict[str, Mapping[int, Action]]:
    """Return a plan by member and step."""
    found: dict[str, dict[int, Action]] = {}
    for step, who, action_type, args in plan:
        found.setdefault(who, {})[step] = {"action_type": action_type, "args": args}
    return dict(found)
