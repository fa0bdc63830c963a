"""`labtrust run-summary`: the figures of results files, one line each."""

from __future__ import annotations

from pathlib import Path

import click

from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session


@click.command(name="run-summary")
@click.option(
    "--run",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Folder of a run, or one results file.",
)
@format_option
@pass_session
def command(session: Session, run: Path, output_format: str) -> None:
    """Show the figures of a finished run, one line a results file.

    Every .json file in the folder must be a results file, but manifests and metadata.
    """
    import msgspec
    from labtrust_bench.runs.aggregate import find_results
    from labtrust_bench.runs.results import read_results
    from labtrust_bench.runs.summary import one_line, summarise

    rows = [(file, summarise(read_results(file))) for file in find_results([run])]
    if output_format == "json":
        found = [{"file": str(file), **msgspec.to_builtins(row)} for file, row in rows]
        session.output.result_json(found)
        return
    for _file, row in rows:
        session.output.result(one_line(row))
