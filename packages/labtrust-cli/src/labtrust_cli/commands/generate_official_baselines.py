"""`labtrust generate-official-baselines`: the frozen results that tasks are measured against."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from labtrust_cli.benchmark_options import workers_option
from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.run_folder import force_option, fresh_folder
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.runs.baselines import Baselines

NAME: Final = "generate-official-baselines"


@click.command(name=NAME)
@click.option(
    "--out",
    "--out-dir",
    "out",
    type=click.Path(path_type=Path),
    help="Folder for the baselines.  [default: benchmarks/baselines_official/v0.2]",
)
@click.option(
    "--registry",
    type=click.Path(path_type=Path),
    help="Which baselines.  [default: benchmarks/baseline_registry.v0.1.yaml]",
)
@click.option("--episodes", type=click.IntRange(min=1), help="Instead of the registry's number.")
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the registry's first seed.")
@click.option("--variant", metavar="NAME", default="full", show_default=True, help="Size.")
@click.option("--smoke", "variant", flag_value="smoke", help="Short for --variant smoke.")
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@click.option("--check", is_flag=True, help="Write nothing; compare with what is in the folder.")
@workers_option
@force_option
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    out: Path | None,
    registry: Path | None,
    episodes: int | None,
    seed: int | None,
    variant: str,
    partner: str | None,
    check: bool,
    workers: int,
    force: bool,
    output_format: str,
) -> ExitCode:
    """Run every baseline of the registry and write results, summary and metadata.

    With --check nothing is written, and exit code 1 says that something differs from the frozen
    files, and what. The default places are those of a checkout.
    """
    import msgspec
    from labtrust_bench.runs.baselines import FROZEN, REGISTRY, Baselines, read_registry

    stated = read_registry(REGISTRY if registry is None else registry)
    changes = {"episodes": episodes, "base_seed": seed}
    given = {name: value for name, value in changes.items() if value is not None}
    wanted = Baselines(msgspec.structs.replace(stated, **given), variant, session.partner(partner))
    folder = FROZEN if out is None else out
    if check:
        return _check(session, wanted, folder, workers, output_format)
    with fresh_folder(folder, command=NAME, force=force) as staging:
        _generate(session, wanted, staging.path, workers)
        table = (staging.path / "summary.md").read_text(encoding="utf-8")
    if output_format == "json":
        session.output.result_json({"out": str(folder), "baselines": len(wanted.configs())})
    else:
        session.output.result(table.rstrip("\n"))
        session.output.note(f"Baselines: {folder}")
    return ExitCode.DONE


def _generate(session: Session, wanted: Baselines, folder: Path, workers: int) -> None:
    from labtrust_bench.runs.baselines import generate
    from labtrust_bench.runs.executor import executor

    with session.output.progress(NAME, len(wanted.configs())) as advance:
        generate(wanted, folder, executor(workers), advance)


def _check(
    session: Session, wanted: Baselines, frozen: Path, workers: int, output_format: str
) -> ExitCode:
    from labtrust_bench.runs.baselines import compare, require_frozen

    require_frozen(frozen)
    with tempfile.TemporaryDirectory() as place:
        _generate(session, wanted, Path(place), workers)
        found = compare(frozen, Path(place))
    if output_format == "json":
        session.output.result_json({"frozen": str(frozen), "differences": found})
    else:
        session.output.result("\n".join(found) if found else f"{frozen}: as generated")
    return ExitCode.ANSWER_IS_NO if found else ExitCode.DONE
