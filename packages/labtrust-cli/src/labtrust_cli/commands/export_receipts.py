"""`labtrust export-receipts`: evidence bundles of a log or a run, and receipts by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from labtrust_core.errors import UsageError

from labtrust_cli.output import Output, format_option
from labtrust_cli.run_folder import force_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_export.bundle import BundleSummary

KEY = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="export-receipts")
@click.option(
    "--run",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Log of an episode, or the folder of a run with all its logs.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for EvidenceBundle.v0.1; of a run, for episode_<n>/EvidenceBundle.v0.1.",
)
@click.option(
    "--log-key", type=KEY, help="Signs checkpoints; not needed where the run has signed them."
)
@click.option(
    "--bundle-key", "bundle_keys", type=KEY, multiple=True, help="Signs bundles; may be repeated."
)
@click.option(
    "--entity",
    "entities",
    metavar="ID",
    multiple=True,
    help="Also write the receipt of this specimen or result by itself; may be repeated.",
)
@click.option(
    "--bundle/--no-bundle",
    default=True,
    show_default=True,
    help="Whether bundles are written, or receipts by themselves only.",
)
@click.option(
    "--partner", metavar="ID", help="Whose overlay applied.  [default: the one the log names]"
)
@click.option(
    "--policy-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Policy that the log was made under.  [default: the policy in force]",
)
@force_option
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    /,
    *,
    run: Path,
    out: Path,
    log_key: Path | None,
    bundle_keys: tuple[Path, ...],
    entities: tuple[str, ...],
    partner: str | None,
    policy_dir: Path | None,
    output_format: str,
    bundle: bool,
    force: bool,
) -> None:
    """Write an evidence bundle of each episode: its ledger, the policy, receipts, signatures.

    Bundles appear all or none, and only of logs that verify and are finished. The policy must be
    the one whose fingerprint the log states.
    """
    from labtrust_core.trust.key_files import read_signing_key
    from labtrust_export.bundle import ExportKeys, Wanted, build_run
    from labtrust_export.policy_in_force import PolicyInForce
    from labtrust_export.run_evidence import find_run

    if bundle and not bundle_keys:
        raise UsageError("name the key that signs the bundle: --bundle-key")
    if not bundle and not entities:
        raise UsageError("nothing to write: --no-bundle, and no --entity")
    keys = ExportKeys(
        tuple(read_signing_key(path) for path in bundle_keys),
        None if log_key is None else read_signing_key(log_key),
    )
    found = find_run(run)
    with session.output.progress("episodes", len(found.episodes)) as advance:
        summaries = build_run(
            found,
            out,
            keys,
            PolicyInForce(partner, policy_dir),
            Wanted(bundle, entities, force, lambda _summary: advance()),
        )
    if output_format == "json":
        session.output.result_json({"episodes": [_row(item) for item in summaries]})
    else:
        _show(session.output, summaries)


def _row(item: BundleSummary) -> dict[str, Any]:
    return {
        "bundle": None if item.path is None else str(item.path),
        "episode": item.episode,
        "number": item.number,
        "policy_fingerprint": item.fingerprint,
        "receipts": [str(path) for path in item.portable],
        "records": item.records,
        "results": item.results,
        "specimens": item.specimens,
    }


def _show(output: Output, summaries: list[BundleSummary]) -> None:
    for item in summaries:
        output.result(
            f"{item.episode}: {item.records} records; "
            f"{_counted('specimens', item.specimens)}; {_counted('results', item.results)}"
        )
        for path in (*((item.path,) if item.path else ()), *item.portable):
            output.result(f"  {path}")


def _counted(what: str, decisions: dict[str, int]) -> str:
    listed = ", ".join(f"{number} {name.lower()}" for name, number in decisions.items())
    return f"{sum(decisions.values())} {what}" + (f" ({listed})" if listed else "")
