"""`labtrust export-fhir`: an evidence bundle as an HL7 FHIR R4 Bundle."""

from __future__ import annotations

from pathlib import Path

import click
from labtrust_core.errors import UsageError

from labtrust_cli.run_folder import force_option, fresh_file
from labtrust_cli.session import Session, pass_session


@click.command(name="export-fhir")
@click.option(
    "--receipts",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Evidence bundle of an episode of the laboratory.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the FHIR Bundle; made if need be.",
)
@click.option(
    "--filename", default="fhir_bundle.json", show_default=True, help="Name of the file in it."
)
@click.option(
    "--epoch",
    metavar="INSTANT",
    default="2000-01-01T00:00:00Z",
    show_default=True,
    help="What second 0 of the simulation stands for.",
)
@force_option
@pass_session
def command(
    session: Session, *, folder: Path, out: Path, filename: str, epoch: str, force: bool
) -> None:
    """Write an episode as FHIR R4: requests, specimens, results, reports, who did what.

    The simulation has no calendar, so --epoch is a convention. The same evidence gives the same
    bytes. Signatures are not looked at; see verify-bundle.
    """
    from labtrust_export.fhir.export import export_bundle

    if filename in {"", ".."} or Path(filename).name != filename:
        raise UsageError(f"--filename is a name without folders, found {filename!r}")
    data = export_bundle(folder, epoch)
    with fresh_file(out / filename, force=force) as staging:
        staging.path.write_bytes(data)
    session.output.result(str(staging.target))
