"""`labtrust verify-bundle`: how far an evidence bundle holds, under the caller's trust policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from labtrust_core.errors import UsageError

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import Output, format_option
from labtrust_cli.session import Session, pass_session

LEVELS = ("L0", "L1", "L2", "L3", "L4")
LONG = 16 * 1024 * 1024  # bytes of a file whose reading is worth telling of


@click.command(name="verify-bundle")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    required=True,
    help="The bundle's folder, EvidenceBundle.v0.1.",
)
@click.option(
    "--trust-policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Your trust policy: whose signatures, which policies, which agents' keys count.",
)
@click.option(
    "--require-level",
    type=click.Choice(LEVELS),
    default="L3",
    show_default=True,
    help="bytes, keys, rules, replay, history; each includes those before.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="For L4: your file of what you have seen of runs; made if it is not there.",
)
@format_option
@pass_session
def command(
    session: Session,
    /,
    *,
    bundle: Path,
    trust_policy: Path,
    require_level: str,
    state: Path | None,
    output_format: str,
) -> ExitCode:
    """Verify an evidence bundle from its bytes up, and say what was checked.

    L0: the files are those that were signed and fit together. L1: keys that you trust have signed
    them, and agents their actions. L2: authorisation and rules, recomputed. L3: the episode, run
    again, comes out byte for byte. L4: the run is complete, and not less than you have seen before.

    The first failed check ends the verification. Exit code 1 means that the level that you require
    is not reached.
    """
    from labtrust_export.trust_policy import read_trust_policy
    from labtrust_export.verify.codes import Level
    from labtrust_export.verify.history import read_history, write_history
    from labtrust_export.verify.verifier import verify_bundle

    level = Level(require_level)
    if (level is Level.L4) != (state is not None):
        raise UsageError("--require-level L4 and --state FILE go together")
    trust = read_trust_policy(trust_policy)
    history = None if state is None else read_history(state)
    report = verify_bundle(
        bundle, trust, upto=level, history=history, progress=_teller(session.output)
    )
    if state is not None and history is not None and report.ok:
        write_history(state, history)
    if output_format == "json":
        session.output.result_json(report.to_dict())
    else:
        session.output.result(report.text())
    return ExitCode.DONE if report.ok else ExitCode.ANSWER_IS_NO


def _teller(output: Output) -> Callable[[str, int, int], None]:
    """Return a progress that says every tenth of a long file."""
    said: dict[str, int] = {}

    def tell(name: str, read: int, size: int) -> None:
        tenth = read * 10 // max(size, 1)
        if size >= LONG and tenth != said.get(name):
            said[name] = tenth
            output.note(f"{name}: {tenth * 10} %")

    return tell
