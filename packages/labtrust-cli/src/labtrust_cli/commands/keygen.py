"""`labtrust keygen`: keys for those who sign evidence, and the trust policy that trusts them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from labtrust_core.errors import UsageError

from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_export.keygen import Trusted

ROLES: Final = ("log", "bundle", "release", "witness")


@click.command(name="keygen")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the keys and trust-policy.json; not below a run or a bundle.",
)
@click.option(
    "--name",
    "owners",
    metavar="NAME",
    multiple=True,
    default=("labtrust",),
    show_default=True,
    help="First part of the keys' names, such as labtrust-log; may be repeated.",
)
@click.option(
    "--role",
    "roles",
    type=click.Choice(ROLES),
    multiple=True,
    default=ROLES,
    show_default=True,
    help="What keys are for; may be repeated.",
)
@click.option(
    "--partner",
    "partners",
    metavar="ID",
    multiple=True,
    help="Trust the policy with this partner's overlay too; may be repeated.",
)
@click.option("--domain", metavar="NAME", help="Domain of the policy.  [default: hospital_lab]")
@click.option(
    "--accept",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    help="Trust the policy and the agents' keys that this log or bundle states; may be repeated.",
)
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    /,
    *,
    out: Path,
    owners: tuple[str, ...],
    roles: tuple[str, ...],
    partners: tuple[str, ...],
    domain: str | None,
    accept: tuple[Path, ...],
    output_format: str,
) -> None:
    """Make keys for those who sign evidence, and a trust policy that trusts them.

    The trust policy names the policy in force and its agents' keys; it asks for one signature and
    no witness. Where it is there already, --accept adds to it, and no keys are made. Nothing else
    that exists is replaced.
    """
    from labtrust_export.keygen import extend_trust, make_keys, stated_by, trusted_policy
    from labtrust_export.trust_policy import TRUST_POLICY

    accepted = [(path, stated_by(path)) for path in accept]
    there = (out / TRUST_POLICY).exists()
    if there and not accept:
        raise UsageError(f"{out / TRUST_POLICY} exists; name another place, or what to --accept")
    if there:
        extend_trust(out, [trusted for _path, trusted in accepted])
        written: list[str] = []
    else:
        named = session.domain(domain)
        in_force = [trusted_policy(partner, named) for partner in (None, *partners)]
        trusted = [*in_force, *(item for _path, item in accepted)]
        made = make_keys(out, trusted, tuple(dict.fromkeys(owners)), tuple(dict.fromkeys(roles)))
        written = [str(key) for keys in made.values() for key in keys]
    for path, item in accepted:
        session.output.note(_first_use(path, item))
    if output_format == "json":
        session.output.result_json({"keys": written, "trust_policy": str(out / TRUST_POLICY)})
        return
    for key in written:
        session.output.result(key)
    session.output.result(str(out / TRUST_POLICY))


def _first_use(path: Path, trusted: Trusted) -> str:
    return (
        f"Trusted on first use, because {path} says so and for no other reason: "
        f"policy {trusted.fingerprint}, agents' keys {trusted.keys_digest}"
    )
