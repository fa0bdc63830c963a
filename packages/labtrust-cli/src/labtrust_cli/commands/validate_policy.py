"""`labtrust validate-policy`: check every policy file, reference, field and schema."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import click
from labtrust_core.errors import DocumentError

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, as JSON shows it."""

    file: str | None
    line: int | None
    path: str
    message: str
    found: str
    expected: str


@click.command(name="validate-policy")
@click.option(
    "--policy-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Policy folder to check instead of the one in force.",
)
@click.option("--partner", metavar="ID", help="Check the base and this partner's overlay only.")
@click.option("--domain", metavar="NAME", help="Domain it is for.  [default: hospital_lab]")
@format_option
@pass_session
def command(
    session: Session,
    policy_dir: Path | None,
    partner: str | None,
    domain: str | None,
    output_format: str,
) -> ExitCode:
    """Check every policy file, reference, field and schema.

    Problems go to stderr, one a line. Exit code 1 means that there are some.
    """
    from labtrust_core.domains import open_policy
    from labtrust_core.policy.directory import find_policy_dir
    from labtrust_core.validation import check_policy

    directory = find_policy_dir(policy_dir)
    partner, domain = session.partner(partner), session.domain(domain)
    problems = check_policy(directory, partner, domain)
    fingerprint = None if problems else open_policy(directory, partner, domain).fingerprint
    files = sum(1 for file in directory.rglob("*.y*ml") if file.is_file())
    if output_format == "json":
        session.output.result_json(
            {
                "ok": not problems,
                "directory": str(directory),
                "partner": partner,
                "files": files,
                "fingerprint": fingerprint,
                "problems": [asdict(_finding(problem)) for problem in problems],
            }
        )
    elif fingerprint is not None:
        session.output.result(f"policy OK: {files} files, fingerprint {fingerprint}")
    for problem in problems:
        click.echo(str(problem), err=True)
    return ExitCode.ANSWER_IS_NO if problems else ExitCode.DONE


def _finding(problem: DocumentError) -> Finding:
    return Finding(
        problem.file, problem.line, problem.path, problem.message, problem.found, problem.expected
    )
