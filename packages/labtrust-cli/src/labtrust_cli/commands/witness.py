"""`labtrust witness`: cosigns a log's checkpoint if the log continues what was seen of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_core.trust.notes import VerifierKey

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command(name="witness")
@click.option("--checkpoint", type=_FILE, help="The checkpoint; the cosignature is added to it.")
@click.option("--log", type=_FILE, help="The log's lines, such as run_log.jsonl.")
@click.option("--proof", type=_FILE, help="A consistency proof, where the log itself is not here.")
@click.option("--key", required=True, type=_FILE, help="The witness's private key.")
@click.option("--state", required=True, type=_FILE, help="What the witness has seen; its own file.")
@click.option("--log-key-pub", type=_FILE, multiple=True, help="A log's public key; repeatable.")
@click.option("--trust-policy", type=_FILE, help="Take the logs' keys from here.")
@click.option("--time", "time_s", type=click.IntRange(min=1), help="Unix time; by default now.")
@click.option("--init", "is_new", is_flag=True, help="Make the state of a new witness first.")
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    checkpoint: Path | None,
    log: Path | None,
    proof: Path | None,
    key: Path,
    state: Path,
    log_key_pub: tuple[Path, ...],
    trust_policy: Path | None,
    time_s: int | None,
    is_new: bool,
    output_format: str,
) -> ExitCode:
    """Check that a log continues what this witness saw of it, remember it, and cosign.

    The state is written before the signature. A witness that loses its state can be shown another
    history, so a state that is missing is an error; --init makes the first one.
    """
    from labtrust_core.trust.notes import COSIGNATURE
    from labtrust_export.check_failed import CheckFailedError
    from labtrust_export.witness import History, Witness

    from labtrust_cli.release_keys import signing_key

    witness = Witness(signing_key(key, COSIGNATURE), state)
    if checkpoint is None and not is_new:
        raise click.UsageError("--checkpoint is missing.")
    log_keys = _log_keys(log_key_pub, trust_policy) if checkpoint is not None else ()
    if is_new:
        witness.begin()
        session.output.note(f"{state}: the state of {witness.public}")
    if checkpoint is None:
        return ExitCode.DONE
    now = int(time.time()) if time_s is None else time_s
    try:
        done = witness.cosign(checkpoint, log_keys, History(log, proof), now)
    except CheckFailedError as error:
        if output_format == "json":
            failure = {"code": error.code, "place": error.place, "message": error.message}
            session.output.result_json({"ok": False, "failure": failure})
        else:
            session.output.result(f"REFUSED: {error}")
        return ExitCode.ANSWER_IS_NO
    stated = done.checkpoint
    if output_format == "json":
        session.output.result_json(
            {
                "ok": True,
                "origin": stated.origin,
                "size": stated.size,
                "root": stated.root.hex(),
                "seen_before": done.before,
                "is_new": done.is_new,
            }
        )
    else:
        said = "cosigned" if done.is_new else "was cosigned already"
        session.output.result(
            f"{stated.origin}: {said} at size {stated.size}, {done.before} before"
        )
    return ExitCode.DONE


def _log_keys(paths: tuple[Path, ...], trust_policy: Path | None) -> tuple[VerifierKey, ...]:
    """Return the keys of logs that the witness serves."""
    from labtrust_core.trust.key_files import read_verifier_key
    from labtrust_core.trust.notes import ED25519
    from labtrust_export.trust_policy import read_trust_policy

    named = tuple(read_verifier_key(path) for path in paths)
    if any(key.kind != ED25519 for key in named):
        raise click.UsageError("--log-key-pub is a log's key, of type 1.")
    trusted = () if trust_policy is None else read_trust_policy(trust_policy).log_keys
    if not (*named, *trusted):
        raise click.UsageError("No key of any log: give --log-key-pub or --trust-policy.")
    return (*named, *trusted)
