"""`labtrust env`: whether the environments of tasks keep the conventions of their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from labtrust_core.errors import UsageError

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from labtrust_bench.tasks.environment import TaskEnvironments
    from labtrust_env.conformance import Finding

_CELLS: Final = {"ok": "ok", "failed": "FAILED", "not applicable": "n/a"}


@click.group(name="env")
def command() -> None:
    """Look into the environments of tasks."""


@command.command(name="check", epilog="Example: labtrust env check --task throughput_sla")
@click.option("--task", "tasks", metavar="NAME", multiple=True, help="This task; repeatable.")
@click.option("--all", "every", is_flag=True, help="Every task there is.  [default]")
@click.option("--check", "checks", metavar="NAME", multiple=True, help="This check; repeatable.")
@click.option("--full", is_flag=True, help="Tasks at full size.  [default: small size]")
@click.option("--partner", metavar="ID", help="Under this partner's overlay.")
@format_option
@pass_session
def check(  # noqa: PLR0913 - one parameter an option
    session: Session,
    tasks: tuple[str, ...],
    checks: tuple[str, ...],
    partner: str | None,
    output_format: str,
    *,
    every: bool,
    full: bool,
) -> ExitCode:
    """Check that the environments of tasks are conformant.

    Seeds and histories, copies, processes and hash seeds, global random state, spaces, masks,
    agents, and PettingZoo's own tests; each check runs on the environment of each task. Where an
    environment does not claim to have what a check is about, the cell says n/a.

    Exit code 1 means that a check failed; what failed stands below the table.
    """
    from labtrust_bench.tasks.registry import get_task, list_tasks

    if every and tasks:
        raise UsageError("--task and --all exclude each other")
    names = tuple(dict.fromkeys(tasks)) or list_tasks()
    factories = _factories(
        {name: get_task(name, "full" if full else "smoke") for name in names},
        session.partner(partner),
    )
    found = _run(session, factories, _chosen(checks))
    if output_format == "json":
        session.output.result_json(as_json(found))
    else:
        session.output.result(as_text(found))
    failed = any(item.verdict == "failed" for column in found.values() for item in column)
    return ExitCode.ANSWER_IS_NO if failed else ExitCode.DONE


def _factories(tasks: Mapping[str, Any], partner: str | None) -> dict[str, TaskEnvironments]:
    """Return what makes each task's environments; one of each is made to see that it can be."""
    from labtrust_bench.tasks.environment import TaskEnvironments
    from labtrust_core.settings import read_settings

    folder = read_settings().policy_dir
    # checks change the working directory, and other processes start in another one
    policy_dir = None if folder is None else folder.absolute()
    factories = {name: TaskEnvironments(task, partner, policy_dir) for name, task in tasks.items()}
    for factory in factories.values():
        factory()
    return factories


def _chosen(names: tuple[str, ...]) -> tuple[str, ...]:
    from labtrust_env.conformance import CHECKS, find_check

    for name in names:
        find_check(name)
    return tuple(dict.fromkeys(names)) or tuple(CHECKS)


def _run(
    session: Session,
    factories: Mapping[str, Callable[[], Any]],
    checks: Sequence[str],
) -> dict[str, list[Finding]]:
    """Return the findings of each task, in the order of the checks."""
    from labtrust_env.conformance import run_check

    found: dict[str, list[Finding]] = {}
    with session.output.progress("checks", len(factories) * len(checks)) as advance:
        for name, factory in factories.items():
            found[name] = []
            for item in checks:
                session.output.detail(f"{name}: {item}")
                found[name].append(run_check(item, factory))
                advance()
    return found


def as_json(found: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    """Return the findings as plain data: task to check to verdict and detail."""
    return {
        "failed": sum(item.verdict == "failed" for column in found.values() for item in column),
        "tasks": {
            task: {item.check: {"verdict": item.verdict, "detail": item.detail} for item in column}
            for task, column in found.items()
        },
    }


def as_text(found: Mapping[str, Sequence[Finding]]) -> str:
    """Return the findings as a table, a row a check, with what is not ok and why below it."""
    rows = [("check", *found)]
    rows += [
        (line[0].check, *(_CELLS[item.verdict] for item in line))
        for line in zip(*found.values(), strict=True)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    noted = [
        f"{task}: {item.check}: {_CELLS[item.verdict]}: {item.detail}"
        for task, column in found.items()
        for item in column
        if item.verdict != "ok"
    ]
    counts = [item.verdict for column in found.values() for item in column]
    missing = counts.count("not applicable")
    total = f"{counts.count('ok')} of {len(counts)} ok, {counts.count('failed')} failed"
    return "\n".join([*lines, "", *noted, total + (f", {missing} n/a" if missing else "")])
