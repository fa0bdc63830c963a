"""`labtrust eval-agent`: an agent of the user's own, next to crews that are known."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtrust_cli.benchmark_options import SCHEMAS, workers_option
from labtrust_cli.output import format_option
from labtrust_cli.run_folder import force_option, fresh_file
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.runs.evaluation import Evaluation, Figure
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_bench.runs.results import Results


@click.command(name="eval-agent")
@click.argument("agent", metavar="SPEC")
@click.option("--task", required=True, metavar="NAME", help="Task to run.")
@click.option(
    "--episodes", type=click.IntRange(min=1), default=5, show_default=True, help="How many."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=123,
    show_default=True,
    help="Seed of the first episode; each further one has the next.",
)
@click.option("--variant", metavar="NAME", default="full", show_default=True, help="Size.")
@click.option("--smoke", "variant", flag_value="smoke", help="Short for --variant smoke.")
@click.option(
    "--member",
    metavar="NAME",
    multiple=True,
    help="Play for this member only, with scripted colleagues; may be repeated.",
)
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@click.option("--out", type=click.Path(path_type=Path), help="Results file of the agent.")
@click.option(
    "--schema", type=click.Choice(SCHEMAS), default=SCHEMAS[0], show_default=True, help="Of --out."
)
@workers_option
@force_option
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    agent: str,
    task: str,
    episodes: int,
    seed: int,
    variant: str,
    member: tuple[str, ...],
    partner: str | None,
    out: Path | None,
    schema: str,
    workers: int,
    force: bool,
    output_format: str,
) -> None:
    """Measure an agent: package.module:Class, file.py:Class, or a crew by name.

    It plays for every member of the crew, or for those named, and so do the scripted crew and a
    crew that does nothing, on the same seeds.
    """
    import msgspec
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_bench.runs.results import write_results

    config = RunConfig(
        task=task,
        num_episodes=episodes,
        base_seed=seed,
        variant=variant,
        agents="scripted" if member else agent,
        mixed=dict.fromkeys(member, agent),
        partner_id=session.partner(partner),
        schema="0.3" if schema == "0.3" else "0.2",
    )
    with nullcontext() if out is None else fresh_file(out, force=force) as staging:
        results, found = _evaluated(session, config, workers)
        if staging is not None:
            write_results(results, staging.path)
    if output_format == "json":
        session.output.result_json(msgspec.to_builtins(found))
    else:
        session.output.result(table(found))
        session.output.note(
            "No results file: --out keeps one" if out is None else f"Results: {out}"
        )


def _evaluated(session: Session, config: RunConfig, workers: int) -> tuple[Results, Evaluation]:
    from labtrust_bench.runs.evaluation import REFERENCES, evaluate
    from labtrust_bench.runs.executor import executor

    with session.output.progress("eval-agent", len(REFERENCES) + 1) as advance:
        return evaluate(config, executor=executor(workers), progress=advance)


def table(found: Evaluation) -> str:
    """Return the evaluation as a table of text, with what it means below."""
    from labtrust_bench.runs.intervals import figure_words

    def words(figure: Figure) -> str:
        return figure_words(figure.mean, figure.ci_95)

    names = list(found.crews[0].figures)
    rows = [["crew", *names]]
    rows += [[crew.agents, *(words(crew.figures[name]) for name in names)] for crew in found.crews]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    first, last = found.seeds[0], found.seeds[-1]
    size = f"{len(found.seeds)} episodes, seeds {first} to {last}"
    lines += ["", f"{found.task}, {found.variant}: {size}; mean [95 % interval]"]
    own = found.crews[0]
    lines += [
        f"{found.primary_metric} of {own.agents} less that of {other}, seed by seed: "
        f"{words(figure)}"
        for other, figure in own.minus.items()
    ]
    return "\n".join(lines)
