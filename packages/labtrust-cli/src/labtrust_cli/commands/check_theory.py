"""`labtrust check-theory`: compare the simulator with queueing theory."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtrust_core.theory.check import Row

HEAD = ("case", "quantity", "exact", "simulated", "standard error", "within")


@click.command(name="check-theory")
@click.option("--seed", type=int, default=7, show_default=True, help="Seed of all draws.")
@click.option(
    "--customers",
    type=int,
    default=100_000,
    show_default=True,
    help="How many customers count in each case, after a warm-up.",
)
@click.option("--case", "names", metavar="NAME", multiple=True, help="This case only; repeatable.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE.svg",
    help="Draw the deviations from theory into this file.",
)
@format_option
@pass_session
def command(
    session: Session,
    seed: int,
    customers: int,
    names: tuple[str, ...],
    plot: Path | None,
    output_format: str,
) -> ExitCode:
    """Compare the laboratory's queues, devices and quality control with theory.

    Each case is a queue, or a device under control, whose exact answer is known. It runs on the
    queues, devices, agenda, control rules and random streams that the laboratory uses; what is
    measured must lie within 4 standard errors of the formula. Times are in mean services.

    Exit code 1 means that a row does not.
    """
    from labtrust_core.errors import UsageError
    from labtrust_core.theory.check import check_cases, select_cases
    from labtrust_core.theory.plot import deviations_svg

    if plot is not None and plot.suffix != ".svg":
        raise UsageError(f"a plot is drawn as .svg, found {plot}")
    cases = select_cases(names)
    with session.output.progress("cases", len(cases)) as advance:
        rows = check_cases(cases, seed, customers, advance)
    if plot is not None:
        plot.write_text(deviations_svg(rows), encoding="utf-8")
        session.output.note(f"{plot} written")
    within = sum(row.within for row in rows)
    if output_format == "json":
        session.output.result_json(
            {"seed": seed, "customers": customers, "rows": [asdict(row) for row in rows]}
        )
    else:
        session.output.result(rows_table(rows))
        session.output.result(f"{within} of {len(rows)} within 4 standard errors")
    return ExitCode.DONE if within == len(rows) else ExitCode.ANSWER_IS_NO


def rows_table(rows: Sequence[Row]) -> str:
    """The rows as aligned columns; the name of a case stands on its first row only."""
    cells = [HEAD]
    case = ""
    for row in rows:
        cells.append(
            (
                row.case if row.case != case else "",
                row.quantity,
                f"{row.exact:.5f}",
                f"{row.simulated:.5f}",
                f"{row.standard_error:.5f}",
                "yes" if row.within else "NO",
            )
        )
        case = row.case
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            f"{cell:>{width}}" if 2 <= column <= 4 else f"{cell:<{width}}"  # noqa: PLR2004 - the numbers
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )
