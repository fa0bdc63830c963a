"""`labtrust run-benchmark`: episodes of one task, with results and logs on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from labtrust_core.errors import UsageError
from labtrust_core.trust.key_files import SigningKey, read_signing_key

from labtrust_cli.benchmark_options import (
    AGENT_HELP,
    SCHEMAS,
    member_specs,
    workers_option,
)
from labtrust_cli.output import format_option
from labtrust_cli.run_folder import default_folder, force_option, fresh_file, fresh_folder
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.runs.folder import RunFolder
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_bench.runs.results import Results

LOG_SUFFIX: Final = ".jsonl"
SEED: Final = 42
NAME: Final = "run-benchmark"
PARAMETERS: Final = {
    "task": "task",
    "episodes": "num_episodes",
    "seed": "base_seed",
    "variant": "variant",
    "agents": "agents",
    "agent": "mixed",
    "partner": "partner_id",
    "signed": "signed",
    "schema": "schema",
}
"""Options that fix a run, and the fields of ``RunConfig`` that they are."""

LogFiles = Callable[[int], Path]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the user wants what is written."""

    out: Path | None
    log: Path | None
    out_dir: Path | None
    resume: Path | None
    logs: bool
    force: bool
    log_key: Path | None

    def check(self) -> None:
        """Refuse places that exclude each other.

        Raises:
            UsageError: They do.
        """
        named = {
            "--out": self.out,
            "--log": self.log,
            "--out-dir": self.out_dir,
            "--resume": self.resume,
        }
        given = [name for name, place in named.items() if place is not None]
        if len(given) > 1 and given != ["--out", "--log"]:
            raise UsageError(f"{' and '.join(given)} exclude each other")
        if self.resume is not None and self.force:
            raise UsageError("--resume and --force exclude each other")
        in_folder = self.out_dir is not None or self.resume is not None
        if self.log_key is not None and not (in_folder and self.logs):
            raise UsageError("--log-key needs a run with logs in a folder: --out-dir or --resume")


@dataclass(frozen=True, slots=True)
class Playing:
    """How it is run: processes, form of what is said, key that signs checkpoints."""

    workers: int
    output_format: str
    key: SigningKey | None


@click.command(name=NAME)
@click.option("--task", metavar="NAME", help="Task to run; needed unless a run is resumed.")
@click.option(
    "--episodes", type=click.IntRange(min=1), default=1, show_default=True, help="How many."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=SEED,
    show_default=True,
    help="Seed of the first episode; each further one has the next.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Results file.  [default: labtrust_runs/run_benchmark_<time>/results.json]",
)
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    help="Folder for a log an episode, or the file (.jsonl) of a single one.",
)
@click.option(
    "--out-dir",
    type=click.Path(path_type=Path),
    help="Folder for results and logs, written episode by episode; --resume goes on with it.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Go on with the run in this folder; its arguments need not be repeated.",
)
@click.option(
    "--log-key",
    type=click.Path(path_type=Path),
    help="Private key (PEM, its .pub beside it) that signs checkpoints of the logs and of the run.",
)
@click.option(
    "--logs/--no-logs", default=True, show_default=True, help="Whether --out-dir gets logs."
)
@click.option(
    "--variant",
    metavar="NAME",
    default="full",
    show_default=True,
    help="Size of the task: full, smoke, or another that the task has.",
)
@click.option("--smoke", "variant", flag_value="smoke", help="Short for --variant smoke.")
@click.option("--agents", metavar="SPEC", default="scripted", show_default=True, help=AGENT_HELP)
@click.option(
    "--agent",
    metavar="MEMBER=SPEC",
    multiple=True,
    help="Let another agent play for one member; may be repeated.",
)
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@click.option(
    "--signed/--unsigned", default=False, show_default=True, help="Whether every event is signed."
)
@click.option(
    "--schema",
    type=click.Choice(SCHEMAS),
    default=SCHEMAS[0],
    show_default=True,
    help="Version of the results: integers, or with fractions, quantiles and intervals.",
)
@workers_option
@force_option
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    /,
    *,
    out: Path | None,
    log: Path | None,
    out_dir: Path | None,
    resume: Path | None,
    log_key: Path | None,
    output_format: str,
    workers: int,
    logs: bool,
    force: bool,
    **stated: object,
) -> None:
    """Run episodes of one task and write its results.

    The same task, policy and seed give the same bytes, with any number of workers, and also when a
    run with --out-dir was interrupted and resumed; only its run log tells.
    """
    places = Places(out, log, out_dir, resume, logs, force, log_key)
    places.check()
    playing = Playing(
        workers, output_format, None if log_key is None else read_signing_key(log_key)
    )
    if places.resume is not None:
        given = [name for name in PARAMETERS if _is_given(name)]
        changes = _fields(session, {name: stated[name] for name in given})
        _in_folder(session, _resumed(places.resume, changes), playing)
        return
    config = _config(session, stated)
    if places.out_dir is not None:
        from labtrust_bench.runs.folder import start_run

        run = start_run(config, places.out_dir, logs=logs, force=force)
        _in_folder(session, run, playing)
    else:
        _in_files(session, config, places, playing)


def _is_given(name: str) -> bool:
    return (
        click.get_current_context().get_parameter_source(name)
        is click.core.ParameterSource.COMMANDLINE
    )


def _fields(session: Session, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``RunConfig`` that options state."""
    fields = {PARAMETERS[name]: value for name, value in stated.items()}
    if "mixed" in fields:
        fields["mixed"] = member_specs(fields["mixed"])
    if "partner_id" in fields:
        fields["partner_id"] = session.partner(fields["partner_id"])
    return fields


def _config(session: Session, stated: Mapping[str, Any]) -> RunConfig:
    from labtrust_bench.runs.plan import RunConfig

    if stated["task"] is None:
        raise click.UsageError("Missing option '--task'.", click.get_current_context())
    return RunConfig(**_fields(session, stated), metrics_aggregator=session.metrics_aggregator)


def _resumed(folder: Path, changes: Mapping[str, object]) -> RunFolder:
    from labtrust_bench.runs.folder import resume_run

    return resume_run(folder, **changes)  # type: ignore[arg-type] # fields of RunConfig, not policy


def _in_folder(session: Session, run: RunFolder, playing: Playing) -> None:
    """Play a run that lives in a folder, and show it."""
    from labtrust_bench.runs.executor import executor
    from labtrust_bench.runs.results import read_results

    config = run.benchmark.config
    try:
        with session.output.progress(config.task, config.num_episodes) as advance:
            run.run(lambda _result, _timing: advance(), executor(playing.workers), playing.key)
    except KeyboardInterrupt:
        session.output.note(
            f"{run.done} of {config.num_episodes} episodes are there; "
            f"continue: labtrust {NAME} --resume {run.path}"
        )
        raise
    _show(session, read_results(run.results), run.results, playing.output_format)


def _in_files(session: Session, config: RunConfig, places: Places, playing: Playing) -> None:
    """Play a run whose files appear when all is done, and show it."""
    from labtrust_bench.runs.benchmark import Benchmark
    from labtrust_bench.runs.executor import executor
    from labtrust_bench.runs.results import write_results

    benchmark, pool = Benchmark(config), executor(playing.workers)
    target = default_folder(NAME) / "results.json" if places.out is None else places.out
    with (
        fresh_file(target, force=places.force) as staging,
        _logs(places.log, config.num_episodes, force=places.force) as files,
        session.output.progress(config.task, config.num_episodes) as advance,
    ):
        results = benchmark.run(files, lambda _episode, _timing: advance(), pool)
        write_results(results, staging.path)
    _show(session, results, target, playing.output_format)


def _show(session: Session, results: Results, target: Path, output_format: str) -> None:
    import msgspec
    from labtrust_bench.runs.summary import one_line, summarise

    row = summarise(results)
    if output_format == "json":
        session.output.result_json({"out": str(target), **msgspec.to_builtins(row)})
    else:
        session.output.result(one_line(row))
        session.output.note(f"Results: {target}")


@contextmanager
def _logs(log: Path | None, episodes: int, *, force: bool) -> Iterator[LogFiles | None]:
    """Where the logs go: nowhere, into one file, or into a folder; it appears when all is done."""
    from labtrust_bench.runs.benchmark import log_file

    if log is None:
        yield None
    elif log.suffix == LOG_SUFFIX:
        if episodes > 1:
            raise UsageError(f"{log} can hold the log of one episode; name a folder for {episodes}")
        with fresh_file(log, force=force) as staging:
            yield lambda _number: staging.path
    else:
        with fresh_folder(log, command=NAME, force=force) as staging:
            yield lambda number: log_file(staging.path, number)
