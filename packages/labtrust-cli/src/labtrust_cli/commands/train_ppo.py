"""`labtrust train-ppo`: train a crew with PPO, or go on with a run that was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from labtrust_core.errors import UsageError

from labtrust_cli.output import format_option
from labtrust_cli.run_folder import default_folder
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.learning.config import TrainConfig
    from labtrust_bench.learning.run_files import CurveRow

    Progress = Callable[[CurveRow, int], None]

NAME: Final = "train-ppo"
_TASK: Final = "throughput_sla"


@click.command(name=NAME)
@click.option("--task", metavar="NAME", help=f"Task to train on.  [default: {_TASK}]")
@click.option("--variant", metavar="NAME", help="Size of the task.  [default: smoke]")
@click.option("--steps", type=click.IntRange(min=1), help="Agent-steps to train for, at least.")
@click.option("--seed", type=click.IntRange(0, 99_999), help="Of weights, draws and episodes.")
@click.option("--preset", metavar="NAME", help="Settings: default, tiny or sparse.")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The train_config.json of a run, to do it again; other options change it.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run.  [default: labtrust_runs/train_ppo_<time>]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="Processes that play; no result depends on how many.",
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out.")
@click.option(
    "--search",
    type=click.IntRange(min=1),
    metavar="TRIALS",
    help="First search settings with Optuna, in so many short trials.",
)
@click.option("--partner", metavar="ID", help="Train under this partner's overlay.")
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    /,
    *,
    out: Path | None,
    workers: int,
    resume: bool,
    search: int | None,
    partner: str | None,
    output_format: str,
    **told: str | int | Path | None,
) -> None:
    """Train one crew by maskable PPO with shared parameters.

    Writes the best policy, for NumPy and for stable-baselines3, with configuration, checkpoints,
    learning curve and TensorBoard logs. The same configuration on the same machine gives the same
    weights, also across a stop and --resume. Needs the extra labtrust-bench[marl].
    """
    from labtrust_bench.learning.extras import require_extra

    require_extra("marl", NAME)
    if search is not None:
        require_extra("marl_hpo", f"{NAME} --search")
    import msgspec
    from labtrust_bench.learning.trainer import resume as go_on
    from labtrust_bench.learning.trainer import train

    given = {name: value for name, value in told.items() if value is not None}
    with _shown(session) as progress:
        if resume:
            target = _to_resume(out, {**given, "partner": partner, "search": search})
            report = go_on(target, workers, progress)
        else:
            target = default_folder(NAME) if out is None else out
            config = _configuration({**given, "partner": session.partner(partner)})
            if search is not None:
                config = _searched(session, config, search, workers)
            report = train(config, target, workers, progress)
    if output_format == "json":
        session.output.result_json({"out": str(target), **msgspec.to_builtins(report)})
        return
    session.output.result(
        f"best after update {report.best_update}: reward {report.validation_reward:.1f}, "
        f"released {report.validation_released:.1f}; "
        + ", ".join(f"{name} {value:.1f}" for name, value in report.yardsticks.items())
    )
    session.output.note(f"Run: {target}")


def _to_resume(out: Path | None, given: dict[str, Any]) -> Path:
    """Return the folder to go on in; what a run was told cannot change on the way."""
    if out is None:
        raise UsageError("--resume goes on in the folder that --out names; name one")
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"--{name} cannot change on the way; --resume takes --workers alone")
    return out


def _configuration(given: dict[str, Any]) -> TrainConfig:
    """Return a preset, or the configuration of an earlier run, with what was given."""
    from labtrust_bench.learning.config import adapted, preset
    from labtrust_bench.learning.run_files import read_record

    file, name = given.pop("config", None), given.pop("preset", None)
    if given["partner"] is None:
        del given["partner"]
    if file is None:
        return preset(name or "default", **{"task": _TASK, **given})
    if name is not None:
        raise UsageError("--config and --preset exclude each other; name one")
    return adapted(read_record(file).config, **given)


def _searched(session: Session, config: TrainConfig, trials: int, workers: int) -> TrainConfig:
    from labtrust_bench.learning.search import search

    with session.output.progress("trials", trials) as advance:
        found = search(config, trials, workers, advance)
    session.output.note(
        f"best trial: reward {found.reward:.1f} with "
        + ", ".join(f"{name} {value:.4g}" for name, value in found.settings.items())
    )
    return found.config


@contextmanager
def _shown(session: Session) -> Iterator[Progress]:
    """Show a bar on a terminal; elsewhere a line where a validation was."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        advance: list[Callable[[], None]] = []

        def show(row: CurveRow, updates: int) -> None:
            if not advance:
                left = updates - row.update + 1
                advance.append(stack.enter_context(session.output.progress("updates", left)))
            advance[0]()
            if row.validation_reward is not None:
                session.output.note(
                    f"update {row.update} of {updates}, {row.agent_steps} agent-steps, "
                    f"{row.seconds:.0f} s: reward {row.validation_reward:.1f}, "
                    f"released {row.validation_released:.1f}"
                )

        yield show
