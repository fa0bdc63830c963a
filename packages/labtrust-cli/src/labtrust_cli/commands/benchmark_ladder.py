"""`labtrust benchmark-ladder`: the same seeds with each crew, and whether the crews differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from labtrust_core.errors import UsageError

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.ladder import Ladder

NAME: Final = "benchmark-ladder"
FORMATS: Final = ("text", "json", "csv", "md")


@click.command(name=NAME)
@click.option(
    "--task", "tasks", multiple=True, metavar="NAME", help="This task only; repeatable.  [all]"
)
@click.option(
    "--agents",
    default="noop,random,fifo,scripted",
    show_default=True,
    metavar="LIST",
    help="Crews, the weakest first, with commas.",
)
@click.option(
    "--seeds", type=click.IntRange(min=2), default=20, show_default=True, help="How many seeds."
)
@click.option(
    "--base-seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The first seed; each further one has the next.",
)
@click.option(
    "--variant",
    metavar="NAME",
    default="full",
    show_default=True,
    help="Size of the tasks: full, smoke, or another that all of them have.",
)
@click.option("--smoke", "variant", flag_value="smoke", help="Short for --variant smoke.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many processes share the work.",
)
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE.svg",
    help="Draw the ladder into this file.",
)
@click.option(
    "--require-order", is_flag=True, help="Exit with 1 where a crew is not above the one before."
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to write the result to stdout.",
)
@pass_session
def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    session: Session,
    tasks: tuple[str, ...],
    agents: str,
    seeds: int,
    base_seed: int,
    variant: str,
    workers: int,
    partner: str | None,
    plot: Path | None,
    output_format: str,
    *,
    require_order: bool,
) -> ExitCode:
    """Play the same seeds with each crew, and compare them by each task's primary metric.

    Intervals are Student's, of 95 %, over seeds. A crew is separated from the one before where
    their intervals do not overlap and that of their difference, seed by seed, lies above 0. The
    figures do not depend on --workers.
    """
    from labtrust_bench.ladder import LadderConfig, climb
    from labtrust_bench.ladder.plot import ladder_svg

    if plot is not None and plot.suffix != ".svg":
        raise UsageError(f"a plot is drawn as .svg, found {plot}")
    config = LadderConfig(
        tasks=tasks,
        crews=tuple(name.strip() for name in agents.split(",") if name.strip()),
        seeds=seeds,
        base_seed=base_seed,
        variant=variant,
        partner=session.partner(partner),
    )
    pieces = len(config.runs())
    with session.output.progress("ladder", pieces) as advance:
        found = climb(config, workers, lambda _episodes: advance())
    if plot is not None:
        plot.write_text(ladder_svg(found), encoding="utf-8")
        session.output.note(f"{plot} written")
    _write(session, found, output_format)
    return ExitCode.DONE if found.holds or not require_order else ExitCode.ANSWER_IS_NO


def _write(session: Session, found: Ladder, output_format: str) -> None:
    from labtrust_bench.ladder import tables

    if output_format == "json":
        session.output.result_json(tables.as_json(found))
        return
    words: dict[str, Callable[[Ladder], str]] = {
        "text": tables.as_text,
        "csv": tables.as_csv,
        "md": tables.as_markdown,
    }
    session.output.result(words[output_format](found))
