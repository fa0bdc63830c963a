"""The checks of a task by name, and the one call that runs them all.

A task that passes can be measured: it is played the same way twice, the scripted crew gets work
done in it that nobody gets done by waiting, and its environment keeps every convention of its kind.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Sequence
from typing import Final

from labtrust_core.domains import open_policy
from labtrust_core.engine.compiled import CompiledPolicy
from labtrust_core.errors import LabTrustError
from labtrust_env.conformance import ConformanceError, Finding, run_checks
from labtrust_env.conformance.errors import require

from labtrust_bench.runs.crew import agents_for
from labtrust_bench.tasks.base import FULL, SMOKE, BenchmarkTask, not_a_task
from labtrust_bench.tasks.environment import TaskEnvironments
from labtrust_bench.testing.playing import SEED, TaskOnTrial, figure_at

MAX_SMALL_STEPS: Final = 2_000
"""A small size is for tests; it is no more than this."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class TaskConformanceError(LabTrustError):
    """A task does not keep what a task must; the message lists everything.

    Attributes:
        task: Name of the task, or of its class.
        findings: What failed.
    """

    def __init__(self, task: str, findings: Sequence[Finding]) -> None:
        self.task = task
        self.findings = tuple(findings)
        listed = "; ".join(f"{item.check}: {item.detail}" for item in findings)
        super().__init__(f"task {task} fails {len(findings)} checks: {listed}")


def is_named(trial: TaskOnTrial) -> None:
    """The name is lower case with underscores, so that it can be typed and be part of a file."""
    name = trial.task_class.name
    require(_NAME.fullmatch(name), f"the name is {name!r}")


def sizes_fit(trial: TaskOnTrial) -> None:
    """The small size is shorter than the full one, and no variant takes the name of either."""
    steps = {name: trial.task_class.at(name).max_steps for name in trial.task_class.sizes()}
    taken = sorted({FULL, SMOKE} & trial.task_class.variants.keys())
    require(not taken, f"a further variant is named {', '.join(taken)}")
    require(
        steps[SMOKE] < steps[FULL] and steps[SMOKE] <= MAX_SMALL_STEPS,
        f"the small size has {steps[SMOKE]} steps, the full one {steps[FULL]}; expected fewer "
        f"than that and at most {MAX_SMALL_STEPS}",
    )


def policy_knows_it(trial: TaskOnTrial) -> None:
    """Crew, load and further scenario of every size are such that an episode can begin."""
    for name in trial.task_class.sizes():
        trial.session(name).reset(SEED)


def crew_is_complete(trial: TaskOnTrial) -> None:
    """Every member gets an agent, in the scripted crew and in any other."""
    members = trial.session().members
    for crew in ("scripted", "noop"):
        agents_for(trial.small(), members, crew)


def pickles(trial: TaskOnTrial) -> None:
    """A task goes to other processes and is there what it was here."""
    task = trial.small()
    twin = pickle.loads(pickle.dumps(task))  # noqa: S301 - made in the line itself
    require(type(twin) is type(task), f"it comes back as {type(twin).__name__}")
    require(
        twin.session_config() == task.session_config(), "it comes back with another configuration"
    )


def repeats_itself(trial: TaskOnTrial) -> None:
    """The same seed gives the same metrics and the same ledger, in a new session."""
    first, again = trial.played("scripted"), trial.play("scripted")
    require(first[1] == again[1], "two runs of one seed have different ledgers")
    require(first[0] == again[0], "two runs of one seed have different metrics")


def scripted_gets_work_done(trial: TaskOnTrial) -> None:
    """The scripted crew releases more than a crew that waits."""
    scripted, noop = trial.played("scripted")[0], trial.played("noop")[0]
    require(
        scripted.throughput > noop.throughput,
        f"the scripted crew releases {scripted.throughput}, doing nothing {noop.throughput}",
    )


def primary_metric_exists(trial: TaskOnTrial) -> None:
    """The metric that ranks crews is among the metrics and is a whole number."""
    path = trial.task_class.primary_metric
    try:
        found = figure_at(trial.played("scripted")[0], path)
    except LookupError:
        raise ConformanceError(f"there is no metric {path!r}") from None
    require(type(found) is int, f"{path} is {found!r} after an episode of the scripted crew")


TaskCheck = Callable[[TaskOnTrial], None]

TASK_CHECKS: Final[dict[str, TaskCheck]] = {
    check.__name__: check
    for check in (
        is_named,
        sizes_fit,
        policy_knows_it,
        crew_is_complete,
        pickles,
        repeats_itself,
        scripted_gets_work_done,
        primary_metric_exists,
    )
}
"""Name to check. Each takes a task, and raises when its docstring's first line is not true."""


def task_findings(
    task_class: type[BenchmarkTask],
    *,
    environment: bool = True,
    policy: CompiledPolicy | None = None,
) -> list[Finding]:
    """Return what each check found, at the task's small size; whatever a task raises is a finding.

    Args:
        task_class: The task.
        environment: Whether its environment is checked as well, by every check of
            ``labtrust_env.conformance``; that takes most of the time.
        policy: The policy under which it is played; by default the one in force. The environment
            is always that of the policy in force.
    """
    complaint = not_a_task(task_class)
    if complaint:
        return [Finding("is_a_task", "failed", complaint)]
    trial = TaskOnTrial(task_class, open_policy() if policy is None else policy)
    found = [_finding(name, check, trial) for name, check in TASK_CHECKS.items()]
    if environment:
        found += run_checks(TaskEnvironments(trial.small()))
    return found


def check_task(
    task_class: type[BenchmarkTask],
    *,
    environment: bool = True,
    policy: CompiledPolicy | None = None,
) -> None:
    """Raise unless a task keeps everything that a task must.

    Args:
        task_class: The task.
        environment: As in ``task_findings``.
        policy: As in ``task_findings``.

    Raises:
        TaskConformanceError: It does not; lists every check that failed, and why.
    """
    found = task_findings(task_class, environment=environment, policy=policy)
    failed = [item for item in found if item.verdict == "failed"]
    if failed:
        raise TaskConformanceError(str(getattr(task_class, "name", task_class)), failed)


def _finding(name: str, check: TaskCheck, trial: TaskOnTrial) -> Finding:
    try:
        check(trial)
    except ConformanceError as error:
        return Finding(name, "failed", str(error))
    except Exception as error:  # noqa: BLE001 - a foreign task may raise anything
        return Finding(name, "failed", " ".join(f"{type(error).__name__}: {error}".split()))
    return Finding(name, "ok")
