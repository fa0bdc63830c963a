"""`labtrust quick-eval`: one full episode of each of three tasks, and a summary."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from labtrust_cli.output import format_option
from labtrust_cli.run_folder import force_option, fresh_folder
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.runs.results import Results
    from labtrust_bench.runs.summary import SummaryRow

WIDTH: Final = 110  # of the table, in characters
SEED: Final = 42


@click.command(name="quick-eval")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=SEED,
    show_default=True,
    help="Seed of each episode.",
)
@click.option(
    "--out-dir",
    type=click.Path(path_type=Path),
    help="Folder for results, logs and summary.  [default: labtrust_runs/quick_eval_<time>]",
)
@click.option("--smoke", is_flag=True, help="Run each task at its small size.")
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@click.option(
    "--signed/--unsigned", default=True, show_default=True, help="Whether every event is signed."
)
@force_option
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    seed: int,
    out_dir: Path | None,
    partner: str | None,
    output_format: str,
    *,
    smoke: bool,
    signed: bool,
    force: bool,
) -> None:
    """Run a shift of three tasks with the scripted crew, and show how it went.

    The folder gets a results file a task, a log an episode, and summary.md.
    """
    from labtrust_bench.runs.benchmark import Benchmark
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_bench.runs.summary import markdown, summarise
    from labtrust_bench.tasks.registry import QUICK_TASKS
    from labtrust_core.domains import open_policy

    partner = session.partner(partner)
    configs = [
        RunConfig(
            task=name,
            base_seed=seed,
            variant="smoke" if smoke else "full",
            partner_id=partner,
            signed=signed,
            metrics_aggregator=session.metrics_aggregator,
        )
        for name in QUICK_TASKS
    ]
    policy = open_policy(partner=partner)
    benchmarks = [Benchmark(config, policy) for config in configs]
    with (
        fresh_folder(out_dir, command="quick-eval", force=force) as staging,
        session.output.progress("quick-eval", len(benchmarks)) as advance,
    ):
        rows = []
        for benchmark in benchmarks:
            results = benchmark.run(_LogFiles(staging.path / "logs" / benchmark.config.task))
            _write(results, staging.path)
            rows.append(summarise(results))
            advance()
        title = f"Quick evaluation, seed {seed}"
        (staging.path / "summary.md").write_text(markdown(rows, title), encoding="utf-8")
    if output_format == "json":
        _show_json(session, rows, staging.target)
    else:
        session.output.result(summary_table(rows, title))
        session.output.result(f"\nResults, logs and summary.md: {staging.target}")


class _LogFiles:
    """Gives the log file of an episode; makes the folder when it is first asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, number: int) -> Path:
        from labtrust_bench.runs.benchmark import log_file

        self.folder.mkdir(parents=True, exist_ok=True)
        return log_file(self.folder, number)


def _write(results: Results, folder: Path) -> None:
    from labtrust_bench.runs.results import write_results

    write_results(results, folder / f"{results.task}.json")


def _show_json(session: Session, rows: Sequence[SummaryRow], folder: Path) -> None:
    import msgspec

    session.output.result_json({"out_dir": str(folder), "tasks": msgspec.to_builtins(rows)})


def summary_table(rows: Sequence[SummaryRow], title: str) -> str:
    """Return the summary as a table for a terminal, with what was refused and why below it."""
    from labtrust_bench.runs.summary import COLUMNS, LEGEND, blocked_words, cells
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table

    table = Table(
        title=title,
        box=box.SIMPLE_HEAVY,
        padding=(0, 0, 0, 1),
        title_justify="left",
        title_style="bold",
    )
    for number, name in enumerate(COLUMNS):
        justify: Literal["left", "right"] = "right" if number else "left"
        table.add_column(name.replace(" ", "\n", 1), justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*cells(row))
    console = Console(width=WIDTH, highlight=False)
    with console.capture() as capture:
        console.print(table)
        console.print(LEGEND, style="dim")
        console.print("\nBlocked by reason", style="bold")
        for row in rows:
            console.print(row.task)
            console.print(Padding(blocked_words(row), (0, 0, 0, 4)))
    lines = (line.rstrip() for line in capture.get().splitlines())
    return "\n".join(lines).strip()
