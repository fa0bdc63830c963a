"""`labtrust verify-release`: a folder against its signed manifest and your trust policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_export.verify.report import VerifyReport


@click.command(name="verify-release")
@click.option("--release-dir", required=True, type=click.Path(path_type=Path), help="The release.")
@click.option(
    "--trust-policy",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Whom you trust; never taken from the release.",
)
@click.option(
    "--require-level",
    type=click.Choice(["L0", "L1", "L2", "L3", "L4"]),
    default="L3",
    show_default=True,
    help="Level that every bundle must reach.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Your own memory of runs, for L4; made if need be.",
)
@click.option("--quiet", is_flag=True, help="Print the last line only.")
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    release_dir: Path,
    trust_policy: Path,
    require_level: str,
    state: Path | None,
    quiet: bool,
    output_format: str,
) -> ExitCode:
    """Verify that a release is what its signer released, and every bundle in it.

    Exactly the listed files must be there, the release keys of your trust policy must have signed,
    every bundle must reach the level that you ask for, and no episode of a run may be left out.
    Exit code 1 if not.
    """
    from labtrust_core.errors import UsageError
    from labtrust_export.release.verify import verify_release
    from labtrust_export.trust_policy import read_trust_policy
    from labtrust_export.verify.codes import Level
    from labtrust_export.verify.history import History, read_history, write_history
    from labtrust_export.verify.verifier import verify_bundle

    level = Level(require_level)
    if level is Level.L4 and state is None:
        raise UsageError("level L4 compares with what you have seen before; name it with --state")
    trust = read_trust_policy(trust_policy)
    history = History() if state is None else read_history(state)

    def verify(path: Path) -> VerifyReport:
        session.output.detail(f"verifying {path}")
        return verify_bundle(path, trust, upto=level, history=history)

    report = verify_release(release_dir, trust, verify)
    if report.ok and state is not None:
        write_history(state, history)
    if output_format == "json":
        session.output.result_json(report.to_dict())
    else:
        text = report.text()
        session.output.result(text.rpartition("\n")[2] if quiet else text)
    return ExitCode.DONE if report.ok else ExitCode.ANSWER_IS_NO
