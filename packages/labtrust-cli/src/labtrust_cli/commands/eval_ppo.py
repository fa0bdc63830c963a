"""`labtrust eval-ppo`: a trained crew beside others, on episodes that it has never seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.learning.comparison import Comparison, Interval

_SEED: Final = 42
_COLUMNS: Final = ("reward", "released", "primary", "violations", "blocked")


@click.command(name="eval-ppo")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--episodes", type=click.IntRange(min=1), default=20, show_default=True, help="How many."
)
@click.option(
    "--base-seed",
    type=click.IntRange(min=0),
    default=_SEED,
    show_default=True,
    help="Seed of the first episode; training seeds are refused.",
)
@format_option
@pass_session
def command(
    session: Session, folder: Path, episodes: int, base_seed: int, output_format: str
) -> None:
    """Compare the trained crew of FOLDER with others on held-out episodes.

    Shows means with Student's 95 % intervals over the episodes. Playing needs NumPy alone.
    """
    import msgspec
    from labtrust_bench.learning.comparison import compare
    from labtrust_bench.learning.yardsticks import YARDSTICKS

    with session.output.progress("episodes", episodes * (len(YARDSTICKS) + 1)) as advance:
        found = compare(folder, episodes, base_seed, advance)
    if output_format == "json":
        session.output.result_json(msgspec.to_builtins(found))
    else:
        session.output.result(as_text(found))


def as_text(found: Comparison) -> str:
    """Return a comparison as a table with its conclusions."""
    head = ("crew", *(name if name != "primary" else found.primary_metric for name in _COLUMNS))
    lines = [
        head,
        *((crew.crew, *(_cell(getattr(crew, name)) for name in _COLUMNS)) for crew in found.crews),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    table = [
        "  ".join(
            f"{cell:<{width}}" if not column else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([*table, "", *_conclusions(found)])


def _cell(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.mean:.1f}"
    return f"{interval.mean:.1f} ({interval.low:.1f} to {interval.high:.1f})"


def _conclusions(found: Comparison) -> list[str]:
    words = {True: "above, intervals apart", False: "not clearly above"}
    seeds = f"seeds {found.seeds[0]} to {found.seeds[-1]}"
    lines = [
        f"{found.task} ({found.variant}), {len(found.seeds)} episodes, {seeds}",
        *(f"ppo against {name}: {words[is_above]}" for name, is_above in found.beats.items()),
    ]
    if found.share_of_scripted is not None:
        lines.append(
            f"of the way from doing nothing to the scripted crew: {found.share_of_scripted:.0%}"
        )
    lines.append(
        f"bound: {found.arrivals:.1f} specimens came, worth {found.ceiling:.1f} if all were "
        "released on time at once"
    )
    return lines
