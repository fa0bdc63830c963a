"""`labtrust determinism-report`: whether an episode is the same in other processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtrust_cli.benchmark_options import AGENT_HELP, SCHEMAS, member_specs
from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.run_folder import force_option, fresh_file
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_bench.runs.determinism import DeterminismReport


@click.command(name="determinism-report")
@click.option("--task", required=True, metavar="NAME", help="Task to run.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Seed of the episode."
)
@click.option("--variant", metavar="NAME", default="full", show_default=True, help="Size.")
@click.option("--smoke", "variant", flag_value="smoke", help="Short for --variant smoke.")
@click.option("--agents", metavar="SPEC", default="scripted", show_default=True, help=AGENT_HELP)
@click.option("--agent", metavar="MEMBER=SPEC", multiple=True, help="As for run-benchmark.")
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@click.option("--signed/--unsigned", default=False, show_default=True, help="As for run-benchmark.")
@click.option("--out", type=click.Path(path_type=Path), help="File for the report, as JSON.")
@force_option
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    task: str,
    seed: int,
    variant: str,
    agents: str,
    agent: tuple[str, ...],
    partner: str | None,
    signed: bool,
    out: Path | None,
    force: bool,
    output_format: str,
) -> ExitCode:
    """Play an episode in three fresh processes, and say whether they agree.

    They have two hash seeds and folders of their own, and one plays another episode before. Logs,
    results, metrics and final state are compared. Exit code 1 when anything differs.
    """
    import msgspec
    from labtrust_bench.runs.determinism import PROCESSES, determinism_report
    from labtrust_bench.runs.plan import RunConfig

    config = RunConfig(
        task=task,
        base_seed=seed,
        variant=variant,
        agents=agents,
        mixed=member_specs(agent),
        partner_id=session.partner(partner),
        signed=signed,
        schema=SCHEMAS[-1],
    )
    with session.output.progress("determinism-report", len(PROCESSES)) as advance:
        report = determinism_report(config, advance)
    if out is not None:
        with fresh_file(out, force=force) as staging:
            staging.path.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if output_format == "json":
        session.output.result_json(msgspec.to_builtins(report))
    else:
        session.output.result(_words(report))
    return ExitCode.DONE if report.deterministic else ExitCode.ANSWER_IS_NO


def _words(report: DeterminismReport) -> str:
    lines = [f"{report.task}: {report.agents}, seed {report.seed}"]
    for name, answer in report.processes.items():
        found = report.differences.get(name)
        said = "" if found is None else "the same" if not found else f"{len(found)} differences"
        lines.append(f"{name:<18} log {answer.log_sha256[:16]}  {said}".rstrip())
        lines += [f"    {item}" for item in found or ()]
    lines.append("deterministic" if report.deterministic else "NOT deterministic")
    return "\n".join(lines)
