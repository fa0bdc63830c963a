"""`labtrust validate-fhir`: whether a FHIR R4 Bundle is sound."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
from labtrust_core.errors import UsageError

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="validate-fhir")
@click.option("--bundle", "path", type=FILE, required=True, help="The Bundle, as JSON.")
@click.option(
    "--terminology",
    type=FILE,
    help="Codes that may stand in it, by system.  [default: those that an export may hold]",
)
@click.option(
    "--official", is_flag=True, help="Also check against HL7's definitions of R4 4.0.1, offline."
)
@click.option("--definitions", type=FILE, help="Those definitions.  [default: the installed ones]")
@format_option
@pass_session
def command(
    session: Session,
    *,
    path: Path,
    terminology: Path | None,
    official: bool,
    definitions: Path | None,
    output_format: str,
) -> ExitCode:
    """Check a FHIR R4 Bundle: its shape, ids, references, units and codes.

    Exit code 1 means that an error was found, 2 that the file is no Bundle. Warnings are counted;
    --format json lists them.
    """
    from labtrust_export.fhir.official import OfficialValidator
    from labtrust_export.fhir.reader import read_bundle, read_value_set
    from labtrust_export.fhir.validate import counted_warnings, errors_of, validate_bundle

    if definitions is not None and not official:
        raise UsageError("--definitions is for --official")
    bundle = read_bundle(path)
    value_set = None if terminology is None else read_value_set(terminology)
    validator = OfficialValidator(definitions) if official else None
    findings = validate_bundle(bundle, value_set, validator)
    errors = errors_of(findings)
    if output_format == "json":
        rows = [msgspec.to_builtins(item) for item in findings]
        session.output.result_json({"errors": len(errors), "findings": rows, "official": official})
    else:
        for item in errors:
            session.output.result(str(item))
        for check, number in counted_warnings(findings):
            session.output.note(f"warning: {check}: {number} times")
        checked = "our checks and the official definitions" if official else "our checks"
        session.output.result(f"{path}: {len(errors)} errors by {checked}")
    return ExitCode.ANSWER_IS_NO if errors else ExitCode.DONE
