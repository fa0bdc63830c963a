"""`labtrust build-release-manifest`: puts a folder under one signed manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_export.release.statement import Predicate


@click.command(name="build-release-manifest")
@click.option(
    "--release-dir",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder: bundles, results, summaries, plots and whatever else.",
)
@click.option(
    "--release-key",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A private key that signs; repeatable.",
)
@click.option("--provenance/--no-provenance", default=True, help="Make provenance.intoto.json.")
@click.option("--sbom/--no-sbom", default=True, help="Make sbom.cdx.json.")
@click.option(
    "--finished-on",
    metavar="TIME",
    help="When, such as 2026-11-22T10:00:00Z; else SOURCE_DATE_EPOCH, else nothing is stated.",
)
@click.option("--force", is_flag=True, help="Replace what an earlier call has written.")
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    release_dir: Path,
    release_key: tuple[Path, ...],
    provenance: bool,
    sbom: bool,
    finished_on: str | None,
    force: bool,
    output_format: str,
) -> ExitCode:
    """Sign a manifest over every file of a folder.

    Every evidence bundle below it must verify at L0, and every episode that ended in a run must
    be there. Files appear when all is done, the manifest last. Exit code 1 if the folder holds what
    may not be released.
    """
    from labtrust_core.trust.notes import ED25519
    from labtrust_export.check_failed import CheckFailedError
    from labtrust_export.release.build import BuildOptions, build_release
    from labtrust_export.trust_policy import TrustPolicy
    from labtrust_export.verify.codes import Level
    from labtrust_export.verify.verifier import verify_bundle

    from labtrust_cli import release_keys

    keys = [release_keys.signing_key(path, ED25519) for path in release_key]
    moment = release_keys.finished_on(finished_on)
    options = BuildOptions(provenance=provenance, sbom=sbom, finished_on=moment, force=force)
    nobody = TrustPolicy()
    try:
        made = build_release(
            release_dir, keys, lambda path: verify_bundle(path, nobody, upto=Level.L0), options
        )
    except CheckFailedError as error:
        session.output.result(f"nothing written: {error}")
        return ExitCode.ANSWER_IS_NO
    if output_format == "json":
        import msgspec

        session.output.result_json(msgspec.to_builtins(made))
    else:
        session.output.result(_words(release_dir, made))
    return ExitCode.DONE


def _words(folder: Path, made: Predicate) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in made.kinds.items())
    return "\n".join(
        [
            f"{folder}: {sum(made.kinds.values())} files, {len(made.bundles)} bundles",
            f"  {counts}",
            f"  absent: {', '.join(made.absent) or 'nothing'}",
        ]
    )
