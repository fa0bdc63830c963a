"""`labtrust verify-receipt`: whether a receipt by itself holds, under the caller's trust policy."""

from __future__ import annotations

from pathlib import Path

import click
from labtrust_core.errors import UsageError

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session


@click.command(name="verify-receipt")
@click.option(
    "--receipt",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="File that export-receipts --entity has written.",
)
@click.option(
    "--trust-policy",
    "trust",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Your trust policy: whose signatures count.",
)
@format_option
@pass_session
def command(session: Session, receipt: Path, trust: Path, output_format: str) -> ExitCode:
    """Check a receipt by itself, without the ledger.

    It shows that these records stand in the signed ledger and say what the receipt says; that the
    ledger says nothing else of it, only the bundle can show. Exit code 1 means that it does not
    hold.
    """
    from labtrust_export.portable import PortableReceiptError, check_portable
    from labtrust_export.trust_policy import read_trust_policy

    trusted = read_trust_policy(trust)
    try:
        data = receipt.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {receipt}: {error.strerror}") from error
    try:
        found = check_portable(data, trusted).receipt
    except PortableReceiptError as error:
        if output_format == "json":
            session.output.result_json({"ok": False, "code": str(error.code), "why": str(error)})
        else:
            session.output.result(f"does not hold: {error}")
        return ExitCode.ANSWER_IS_NO
    if output_format == "json":
        answer = {"entity_id": found.entity_id, "entity_type": found.entity_type}
        session.output.result_json({"ok": True, "decision": found.decision, **answer})
    else:
        session.output.result(f"holds: {found.entity_type} {found.entity_id}, {found.decision}")
    return ExitCode.DONE
