"""`labtrust run-benchmark`: episodes of one task, with results and logs on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
from labtrust_core.errors import UsageError

from labtrust_cli.output import format_option
from labtrust_cli.run_folder import default_folder, force_option, fresh_file, fresh_folder
from labtrust_cli.session import Session, pass_session

LOG_SUFFIX: Final = ".jsonl"
SEED: Final = 42
NAME: Final = "run-benchmark"

LogFiles = Callable[[int], Path]


@click.command(name=NAME)
@click.option("--task", required=True, metavar="NAME", help="Task to run.")
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
    "--variant",
    metavar="NAME",
    default="full",
    show_default=True,
    help="Size of the task: full, smoke, or another that the task has.",
)
@click.option("--smoke", "variant", flag_value="smoke", help="Short for --variant smoke.")
@click.option(
    "--agents",
    metavar="NAME",
    default="scripted",
    show_default=True,
    help="Crew: scripted, fifo, random, noop, or by a rule: fcfs, edd, slack, spt, atc.",
)
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@click.option(
    "--signed/--unsigned", default=False, show_default=True, help="Whether every event is signed."
)
@force_option
@format_option
@pass_session
def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    session: Session,
    task: str,
    episodes: int,
    seed: int,
    out: Path | None,
    log: Path | None,
    variant: str,
    agents: str,
    partner: str | None,
    output_format: str,
    *,
    signed: bool,
    force: bool,
) -> None:
    """Run episodes of one task and write its results.

    The same task, policy and seed give the same bytes.
    """
    import msgspec
    from labtrust_bench.runs.benchmark import Benchmark
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_bench.runs.results import write_results
    from labtrust_bench.runs.summary import one_line, summarise

    config = RunConfig(
        task=task,
        num_episodes=episodes,
        base_seed=seed,
        variant=variant,
        agents=agents,
        partner_id=session.partner(partner),
        signed=signed,
    )
    benchmark = Benchmark(config)
    target = default_folder(NAME) / "results.json" if out is None else out
    with (
        fresh_file(target, force=force) as staging,
        _logs(log, episodes, force=force) as files,
        session.output.progress(task, episodes) as advance,
    ):
        results = benchmark.run(files, lambda _episode, _timing: advance())
        write_results(results, staging.path)
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
