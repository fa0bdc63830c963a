"""`labtrust render`: the laboratory's floor plan, and the timeline of a logged shift, as SVG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from labtrust_core.errors import UnknownNameError, UsageError

from labtrust_cli.run_folder import force_option, fresh_file
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_core.engine.compiled import CompiledPolicy
    from labtrust_core.hospital_lab.documents.people import Crew
    from labtrust_core.hospital_lab.tables import LabTables
    from labtrust_core.render.episode_log import EpisodeLog

_LOG = click.Path(exists=True, dir_okay=False, path_type=Path)

out_option = click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE.svg",
    help="Write here.  [default: stdout]",
)
partner_option = click.option(
    "--partner", metavar="ID", help="Under this partner's overlay.  [default: the log's]"
)


@click.group(name="render")
def command() -> None:
    """Draw the floor plan, or the timeline of a logged shift, as SVG.

    The pictures open in any browser; resting on a thing shows more about it.
    """


@command.command(
    name="floor",
    epilog="Example: labtrust render floor --log episode_0.jsonl --at 9000 --out floor.svg",
)
@click.option(
    "--crew",
    metavar="NAME",
    help="Whose members start at their places.  [default: the first crew; none with --log]",
)
@click.option("--log", type=_LOG, metavar="EPISODE.jsonl", help="Show a second of this episode.")
@click.option("--at", type=click.IntRange(min=0), metavar="SECONDS", help="Which second.")
@partner_option
@out_option
@force_option
@pass_session
def floor(  # noqa: PLR0913 - one parameter an option
    session: Session,
    crew: str | None,
    log: Path | None,
    at: int | None,
    partner: str | None,
    out: Path | None,
    *,
    force: bool,
) -> None:
    """Draw zones, ways, doors and devices, and who and what is where.

    Without a log, a crew stands where it starts. With one, everything stands where the log says at
    that second; who has not walked yet stands where the crew starts that the log names.
    """
    _require_svg(out)
    if log is None and at is None:
        picture = _start(session.partner(partner), crew)
    elif log is None or at is None:
        raise UsageError("--log and --at go together: the episode, and the second of it")
    else:
        picture = _moment(*_open_log(session.partner(partner), log), at, crew)
    _write(session, out, picture, force=force)


def _start(partner: str | None, crew: str | None) -> str:
    from labtrust_core.domains import open_policy
    from labtrust_core.render.floor_plan import floor_plan
    from labtrust_core.render.whereabouts import starting_places

    tables: LabTables = open_policy(partner=partner).tables
    name = crew or next(iter(tables.crews))
    members = _crew(tables, name)
    subtitle = f"crew {name} ({members.title}) where it starts"
    return floor_plan(tables, subtitle, starting_places(members))


def _moment(policy: CompiledPolicy, episode: EpisodeLog, at: int, crew: str | None) -> str:
    from labtrust_core.render.episode_log import clock
    from labtrust_core.render.floor_plan import floor_plan
    from labtrust_core.render.whereabouts import snapshot_at

    tables: LabTables = policy.tables
    snapshot = snapshot_at(episode, tables, at, None if crew is None else _crew(tables, crew))
    return floor_plan(tables, f"episode {episode.episode}, {clock(at)} after its start", snapshot)


@command.command(
    name="timeline",
    epilog="Example: labtrust render timeline --log episode_0.jsonl --from 3600 --to 7200"
    " --out timeline.svg",
)
@click.option(
    "--log", type=_LOG, required=True, metavar="EPISODE.jsonl", help="Log of the episode."
)
@click.option(
    "--from", "from_s", type=click.IntRange(min=0), default=0, metavar="SECONDS", help="From here."
)
@click.option(
    "--to",
    "to_s",
    type=click.IntRange(min=1),
    metavar="SECONDS",
    help="Up to here.  [default: end]",
)
@partner_option
@out_option
@force_option
@pass_session
def timeline_command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    log: Path,
    from_s: int,
    to_s: int | None,
    partner: str | None,
    out: Path | None,
    *,
    force: bool,
) -> None:
    """Draw a lane for each unit of a device and for each person, from an episode log.

    Runs are coloured by the most urgent specimen in them, people's bars by what they do. Also
    drawn: arrivals, releases, quality controls, faults, maintenance, critical calls and what was
    refused.
    """
    from labtrust_core.render.shift import read_shift
    from labtrust_core.render.timeline import timeline

    _require_svg(out)
    policy, episode = _open_log(session.partner(partner), log)
    picture = timeline(
        read_shift(episode, policy),
        f"episode {episode.episode}",
        from_s=from_s,
        to_s=to_s,
        starts_at_s=episode.starts_at_s(policy.tables),
    )
    _write(session, out, picture, force=force)


def _open_log(partner: str | None, log: Path) -> tuple[CompiledPolicy, EpisodeLog]:
    """Open a log and the policy under which it was made."""
    from labtrust_core.domains import open_policy
    from labtrust_core.render.episode_log import read_episode_log

    episode = read_episode_log(log)
    policy = open_policy(partner=partner or episode.partner)
    episode.require_policy(policy)
    return policy, episode


def _crew(tables: LabTables, name: str) -> Crew:
    if name not in tables.crews:
        raise UnknownNameError("crew", name, tables.crews)
    return tables.crews[name]


def _require_svg(out: Path | None) -> None:
    if out is not None and out.suffix != ".svg":
        raise UsageError(f"a picture is drawn as .svg, found {out}")


def _write(session: Session, out: Path | None, picture: str, *, force: bool) -> None:
    if out is None:
        session.output.result(picture.removesuffix("\n"))
        return
    with fresh_file(out, force=force) as staging:
        staging.path.write_text(picture, encoding="utf-8")
    session.output.note(f"{out} written")
