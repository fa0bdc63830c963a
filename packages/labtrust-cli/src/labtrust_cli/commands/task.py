"""`labtrust task`: whether tasks keep what a task must, ours and those of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from labtrust_cli.commands.env import as_json, as_text
from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_env.conformance import Finding


@click.group(name="task")
def command() -> None:
    """Look into tasks."""


@command.command(name="check", epilog="Example: labtrust task check throughput_sla")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--environment",
    is_flag=True,
    help="Also their environments: every check of `labtrust env check`.",
)
@format_option
@pass_session
def check(
    session: Session, names: tuple[str, ...], output_format: str, *, environment: bool
) -> ExitCode:
    """Check that tasks can be measured; without a name, every task there is.

    Name and sizes, crew and load, pickling; the same seed twice gives the same metrics and the same
    ledger; the scripted crew releases more than one that waits; the metric that ranks crews exists.
    Episodes are played at the small size.

    Exit code 1 means that a check failed; what failed stands below the table.
    """
    from labtrust_bench.tasks.registry import TASKS
    from labtrust_bench.testing import task_findings
    from labtrust_core.domains import open_policy

    chosen = {name: TASKS.get(name) for name in dict.fromkeys(names) or TASKS.names()}
    policy = open_policy()
    found: dict[str, list[Finding]] = {}
    with session.output.progress("tasks", len(chosen)) as advance:
        for name, task in chosen.items():
            found[name] = task_findings(task, environment=environment, policy=policy)
            advance()
    if output_format == "json":
        session.output.result_json(as_json(found))
    else:
        session.output.result(as_text(found))
    failed = any(item.verdict == "failed" for column in found.values() for item in column)
    return ExitCode.ANSWER_IS_NO if failed else ExitCode.DONE
