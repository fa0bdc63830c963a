"""`labtrust summarize-results`: many results files as few rows with intervals."""

from __future__ import annotations

from pathlib import Path

import click

from labtrust_cli.output import format_option
from labtrust_cli.run_folder import force_option, fresh_folder
from labtrust_cli.session import Session, pass_session

NAME = "summarize-results"


@click.command(name=NAME)
@click.option(
    "--in",
    "paths",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="Results file, or folder of them; may be repeated.",
)
@click.option(
    "--out",
    "--out-dir",
    "out",
    type=click.Path(path_type=Path),
    help="Folder for the summary.  [default: labtrust_runs/summarize_results_<time>]",
)
@click.option(
    "--basename", default="summary", show_default=True, help="What file names begin with."
)
@click.option(
    "--mixed-policies", is_flag=True, help="Accept results of different policies, in rows apart."
)
@force_option
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    paths: tuple[Path, ...],
    out: Path | None,
    basename: str,
    mixed_policies: bool,
    force: bool,
    output_format: str,
) -> None:
    """Summarise results by task, crew, partner and variant.

    Writes means and standard deviations (summary_v0.2.csv), quantiles and intervals besides
    (summary_v0.3.csv), and a table (summary.md).
    """
    from labtrust_bench.runs.aggregate import aggregate
    from labtrust_bench.runs.aggregate_files import row_0_3, summary_files, write_files

    groups = aggregate(paths, mixed_policies=mixed_policies)
    files = summary_files(groups, basename)
    with fresh_folder(out, command=NAME, force=force) as staging:
        write_files(files, staging.path)
    if output_format == "json":
        session.output.result_json(
            {"out": str(staging.target), "rows": [row_0_3(group) for group in groups]}
        )
    else:
        session.output.result(files[f"{basename}.md"].rstrip("\n"))
        session.output.note(f"Summary: {staging.target}")
