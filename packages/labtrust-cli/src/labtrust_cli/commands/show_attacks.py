"""`labtrust show-attacks`: what a task's opponents try, what stops it, and what it stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.runs.twins import AttemptRow

WIDTH: Final = 180  # of the table, in characters
SEED: Final = 42
COLUMNS: Final = (
    "who",
    "phase",
    "attempt",
    "made",
    "refused with",
    "seen",
    "contained",
    "stopped by",
    "without that",
)


@click.command(name="show-attacks")
@click.option("--task", required=True, metavar="NAME", help="A task that has opponents.")
@click.option(
    "--variant",
    default="smoke",
    show_default=True,
    help="Size of the task: full, smoke, or another that the task has.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=SEED,
    show_default=True,
    help="Seed of every episode.",
)
@click.option(
    "--agents", default="scripted", show_default=True, help="The crew that works meanwhile."
)
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    task: str,
    variant: str,
    seed: int,
    agents: str,
    *,
    partner: str | None,
    output_format: str,
) -> ExitCode:
    """Play an attacked episode with all controls on, and again without each of them.

    Each attempt must be made, refused, and change nothing; and without the one control that stops
    it, with the same seed, it must change something. Exit code 1 means that one does not.
    """
    import msgspec
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_bench.runs.twins import Twins
    from labtrust_bench.tasks.registry import get_task
    from labtrust_core.domains import open_documents

    partner = session.partner(partner)
    config = RunConfig(task=task, base_seed=seed, variant=variant, agents=agents)
    twins = Twins(
        open_documents(partner=partner), get_task(task, variant), config.base_seed, config.agents
    )
    with session.output.progress("show-attacks", 1 + len(twins.controls)) as advance:
        rows = twins.rows(advance)
    if output_format == "json":
        session.output.result_json(
            {
                "task": task,
                "variant": variant,
                "seed": seed,
                "agents": agents,
                "attempts": msgspec.to_builtins(rows),
            }
        )
    else:
        session.output.result(attempts_table(rows, f"{task} ({variant}), seed {seed}"))
    return ExitCode.DONE if all(row.holds for row in rows) else ExitCode.ANSWER_IS_NO


def attempts_table(rows: Sequence[AttemptRow], title: str) -> str:
    """Return the attempts as a table for a terminal, and how many of them are as they must be."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(
        title=title, box=box.SIMPLE, padding=(0, 0, 0, 1), title_justify="left", show_edge=False
    )
    for name in COLUMNS:
        right = name in {"made", "seen", "contained"}
        table.add_column(name, justify="right" if right else "left", no_wrap=name != COLUMNS[-1])
    for row in rows:
        table.add_row(*_cells(row))
    console = Console(width=WIDTH, highlight=False)
    with console.capture() as capture:
        console.print(table)
    good = sum(row.holds for row in rows)
    lines = (line.rstrip() for line in capture.get().splitlines())
    return "\n".join(lines).strip() + f"\n\n{good} of {len(rows)} attempts are stopped and count"


def _cells(row: AttemptRow) -> tuple[str, ...]:
    codes = ", ".join(row.codes) or ("accepted" if row.made else "not made")
    return (
        row.member,
        row.phase,
        row.attempt,
        str(row.made),
        "; ".join((codes, *row.effects)),
        _after(row.detected_after_s),
        _after(row.contained_after_s),
        row.control,
        _without(row),
    )


def _without(row: AttemptRow) -> str:
    if not row.effects_without:
        return "NO EFFECT"
    stands = row.contained_without_s is None
    end = "stands" if stands else f"gone after {_after(row.contained_without_s)}"
    return f"{row.effects_without[0]} (seen {_after(row.detected_without_s)}, {end})"


def _after(seconds: int | None) -> str:
    return "never" if seconds is None else f"{seconds} s"
