"""`labtrust optimality-gap`: what crews reach on small static instances, against a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click
from labtrust_core.errors import UsageError

from labtrust_cli.output import FORMATS
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labtrust_bench.bounds.report import GapRow
    from labtrust_bench.bounds.store import Solved

ALL: Final = "all"
AGENTS: Final = "plan,scripted,fifo,fcfs,atc"


@click.command(name="optimality-gap")
@click.option(
    "--instance", metavar="NAME", default=ALL, show_default=True, help="One instance, or all."
)
@click.option(
    "--agents",
    metavar="NAMES",
    default=AGENTS,
    show_default=True,
    help="Crews, with commas: those of run-benchmark, and plan, which follows the stored plan.",
)
@click.option(
    "--objective",
    type=click.Choice(("weighted", "makespan")),
    default="weighted",
    show_default=True,
    help="Sum of weight times release time (weights 4, 2, 1), or the last release; seconds.",
)
@click.option("--solve", is_flag=True, help="Compute bounds and plans anew; needs OR-Tools.")
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="Seconds that the solver gets for each bound, with --solve.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice((*FORMATS, "csv")),
    default="text",
    show_default=True,
    help="How to write the result to stdout.",
)
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    instance: str,
    agents: str,
    objective: str,
    time_limit: float,
    output_format: str,
    *,
    solve: bool,
) -> None:
    """Show how far crews are from what any crew can reach.

    An instance is a few specimens that are all at reception when the episode begins. A bound is
    what no crew can be better than; the best known value is what a crew has reached. Where the two
    meet, that is the optimum. A crew that does not release everything has no value.

    Bounds and plans ship with labtrust-bench.
    """
    from labtrust_bench.bounds.instances import RECIPES, get_instance
    from labtrust_bench.bounds.report import gap_rows
    from labtrust_core.domains import open_policy

    crews = _crews(agents)
    policy = open_policy()
    names = tuple(RECIPES) if instance == ALL else (instance,)
    chosen = [get_instance(name, policy) for name in names]
    rows: list[GapRow] = []
    solved: dict[str, Solved] = {}
    with session.output.progress("instances", len(chosen)) as advance:
        for item in chosen:
            solved[item.name] = _solved(session, item, policy, time_limit if solve else None)
            rows += gap_rows(item, policy, solved[item.name], crews, objective)
            advance()
    _show(session, rows, solved, output_format)


def _crews(agents: str) -> tuple[str, ...]:
    from labtrust_bench.bounds.play import PLAN
    from labtrust_bench.runs.crew import CREWS
    from labtrust_core.errors import UnknownNameError

    names = tuple(dict.fromkeys(name.strip() for name in agents.split(",") if name.strip()))
    if not names:
        raise UsageError("--agents names no crew")
    for name in names:
        if name != PLAN and name not in CREWS:
            raise UnknownNameError("crew of agents", name, [*CREWS, PLAN])
    return names


def _solved(session: Session, item: Any, policy: Any, time_limit: float | None) -> Solved:  # noqa: ANN401 - an instance and a policy, imported when needed
    if time_limit is None:
        from labtrust_bench.bounds.store import read_solved

        return read_solved(item, policy)
    from labtrust_bench.bounds.solve import solve

    return solve(item, policy, time_limit, say=session.output.detail)


def _show(
    session: Session, rows: Sequence[GapRow], solved: dict[str, Solved], output_format: str
) -> None:
    from dataclasses import asdict

    from labtrust_bench.bounds.report import as_csv, as_text

    if output_format == "csv":
        session.output.result(as_csv(rows).rstrip("\n"))
        return
    if output_format == "text":
        session.output.result(as_text(rows))
        return
    instances = {
        name: {
            "fingerprint": item.fingerprint,
            "solver": item.solver,
            "objectives": {
                objective: {
                    "bound": bound.bound,
                    "achieved": bound.achieved,
                    "proven": bound.proven,
                    "status": bound.status,
                    "seconds": bound.seconds,
                }
                for objective, bound in item.objectives.items()
            },
        }
        for name, item in solved.items()
    }
    session.output.result_json({"instances": instances, "rows": [asdict(row) for row in rows]})
