"""`labtrust transparency-log`: an append-only log of releases and bundles, made and verified."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_core.trust.notes import Checkpoint

_FOLDER: Final = click.Path(path_type=Path, file_okay=False)
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class _Request:
    """The options; each of the three uses needs some and takes no others."""

    source: Path | None
    out: Path | None
    log_key: Path | None
    origin: str | None
    log: Path | None
    trust_policy: Path | None
    state: Path | None
    prove_since: int | None

    def allow(self, *fields: str) -> None:
        """Refuse options of another use."""
        for field in self.__slots__:
            if getattr(self, field) is not None and field not in fields:
                raise click.UsageError(f"{_option(field)} does not go with the other options.")

    def path(self, field: str) -> Path:
        """Return an option that this use needs."""
        found = getattr(self, field)
        if not isinstance(found, Path):
            raise click.UsageError(f"{_option(field)} is missing.")
        return found


def _option(field: str) -> str:
    names = {"source": "--in", "log": "--verify"}
    return names.get(field, f"--{field.replace('_', '-')}")


@click.command(name="transparency-log")
@click.option("--in", "source", type=_FOLDER, help="A release, or a folder with releases, bundles.")
@click.option("--out", type=_FOLDER, help="The log's folder; continued if it is there.")
@click.option("--log-key", type=_FILE, help="The log's private key; its .pub lies beside it.")
@click.option("--origin", metavar="NAME", help="Name of a new log; by default it is derived.")
@click.option("--verify", "log", type=_FOLDER, help="Verify this log instead.")
@click.option("--trust-policy", type=_FILE, help="Whom you trust; for --verify.")
@click.option("--state", type=_FILE, help="Your own memory of logs; made if need be.")
@click.option(
    "--prove-since",
    type=click.IntRange(min=0),
    metavar="SIZE",
    help="Print the proof that the log of --out continues its first SIZE entries.",
)
@format_option
@pass_session
def command(session: Session, /, *, output_format: str, **options: Any) -> ExitCode:  # noqa: ANN401 - the fields of _Request
    """Log every release and evidence bundle below a folder, or verify such a log.

    Nothing is ever removed from a log: what is new is appended, after the log that is there was
    found to be what its checkpoint says. Each entry has a proof that travels with what was logged.
    """
    from labtrust_export.check_failed import CheckFailedError

    request = _Request(**options)
    try:
        if request.log is not None:
            found = _verify(request)
        elif request.prove_since is not None:
            session.output.result(_proof(request).rstrip("\n"))
            return ExitCode.DONE
        else:
            found = _append(request)
    except CheckFailedError as error:
        return _refused(session, error, output_format)
    if output_format == "json":
        session.output.result_json({"ok": True, **found})
    else:
        session.output.result(_words(found))
    return ExitCode.DONE


def _append(request: _Request) -> dict[str, Any]:
    request.allow("source", "out", "log_key", "origin", "state")
    from labtrust_core.trust.notes import ED25519
    from labtrust_export.transparency.append import append_to_log

    from labtrust_cli.release_keys import signing_key

    key = signing_key(request.path("log_key"), ED25519)
    done = append_to_log(
        request.path("source"), request.path("out"), key, origin=request.origin, state=request.state
    )
    added = [
        {"digest": entry.digest, "kind": entry.kind, "path": entry.path} for entry in done.added
    ]
    return {**_of(done.checkpoint), "added": added, "known": done.known}


def _verify(request: _Request) -> dict[str, Any]:
    request.allow("log", "trust_policy", "state")
    from labtrust_export.seen import nothing_seen, read_seen, write_seen
    from labtrust_export.transparency.verify import verify_log_folder
    from labtrust_export.trust_policy import read_trust_policy

    from labtrust_cli.release_keys import note_trust

    trust = note_trust(read_trust_policy(request.path("trust_policy")))
    state = request.state
    seen = read_seen(state) if state is not None and state.exists() else nothing_seen()
    verdict = verify_log_folder(request.path("log"), trust, seen)
    if state is not None:
        write_seen(state, seen.with_seen(verdict.checkpoint))
    return _of(verdict.checkpoint)


def _proof(request: _Request) -> str:
    request.allow("out", "prove_since")
    from labtrust_export.transparency.verify import consistency_of

    return str(consistency_of(request.path("out"), request.prove_since or 0))


def _of(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
    }


def _words(found: dict[str, Any]) -> str:
    lines = [f"+ {entry['kind']} {entry['path']}" for entry in found.get("added", ())]
    if "added" in found:
        lines.append(f"{len(found['added'])} added, {found['known']} were there")
    lines.append(f"{found['origin']}: {found['size']} entries, root {found['root']}")
    return "\n".join(lines)


def _refused(session: Session, error: Any, output_format: str) -> ExitCode:  # noqa: ANN401 - a CheckFailedError, whose module is not imported yet
    if output_format == "json":
        failure = {"code": error.code, "place": error.place, "message": error.message}
        session.output.result_json({"ok": False, "failure": failure})
    else:
        session.output.result(f"NOT verified: {error}")
    return ExitCode.ANSWER_IS_NO
