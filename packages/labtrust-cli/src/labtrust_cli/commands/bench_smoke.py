"""`labtrust bench-smoke`: one short episode of every task, with its log verified."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_core.engine.compiled import CompiledPolicy

SEED: Final = 42


@click.command(name="bench-smoke")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=SEED,
    show_default=True,
    help="Seed of each episode.",
)
@format_option
@pass_session
def command(session: Session, seed: int, output_format: str) -> ExitCode:
    """Run one short episode of every task and verify its log.

    Nothing is kept. Exit code 1 means that a task released nothing, or that a log does not verify.
    """
    from labtrust_bench.tasks.registry import TASKS
    from labtrust_core.domains import open_policy

    policy = open_policy()
    names = TASKS.names()
    with session.output.progress("bench-smoke", len(names)) as advance:
        found = []
        for name in names:
            found.append(_smoke(name, seed, policy))
            advance()
    if output_format == "json":
        session.output.result_json({"ok": all(item["ok"] for item in found), "tasks": found})
    else:
        for item in found:
            verdict = "ok  " if item["ok"] else "FAIL"
            log = "verifies" if item["log_verifies"] else "does NOT verify"
            session.output.result(
                f"{verdict}  {item['task']}: released {item['released']} of {item['arrivals']}, "
                f"log of {item['records']} records {log}"
            )
    return ExitCode.DONE if all(item["ok"] for item in found) else ExitCode.ANSWER_IS_NO


def _smoke(task: str, seed: int, policy: CompiledPolicy) -> dict[str, object]:
    """Return what one short episode came to."""
    from labtrust_bench.runs.benchmark import log_file, run_benchmark
    from labtrust_bench.runs.plan import RunConfig
    from labtrust_core.ledger.verify import verify_log

    with TemporaryDirectory(prefix="labtrust-") as folder:
        config = RunConfig(task=task, base_seed=seed, variant="smoke")
        metrics = run_benchmark(config, Path(folder), policy).episodes[0].metrics
        report = verify_log(log_file(Path(folder), 0))
    return {
        "task": task,
        "ok": report.ok and metrics.throughput > 0,
        "arrivals": metrics.arrivals,
        "released": metrics.throughput,
        "records": report.records,
        "log_verifies": report.ok,
    }
