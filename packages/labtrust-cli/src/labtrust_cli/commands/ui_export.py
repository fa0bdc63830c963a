"""`labtrust ui-export`: a run as one zip for a viewer."""

from __future__ import annotations

from pathlib import Path

import click

from labtrust_cli.run_folder import force_option, fresh_file
from labtrust_cli.session import Session, pass_session


@click.command(name="ui-export")
@click.option(
    "--run",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder of a run, a quick evaluation, evidence bundles or a release.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The zip."
)
@click.option(
    "--policy-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Policy that the logs were made under.  [default: the bundles' own, or the one in force]",
)
@force_option
@pass_session
def command(
    session: Session, *, run: Path, out: Path, policy_dir: Path | None, force: bool
) -> None:
    """Write what a viewer needs: index, events, receipts, reason codes, results and logs.

    Everything that the index refers to is in the zip. The same run gives the same bytes.
    """
    from labtrust_export.ui.export import export_zip

    with fresh_file(out, force=force) as staging:
        found = export_zip(run, staging.path, policy_dir)
    session.output.result(f"{staging.target}: {found.episodes} episodes, {found.events} events")
