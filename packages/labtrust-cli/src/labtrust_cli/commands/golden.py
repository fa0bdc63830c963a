"""`labtrust golden`: run golden scenarios and show what they cover."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import Output, format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_core.golden.report import Coverage, ScenarioReport, SuiteReport

WIDTH: Final = 120  # of the table where stdout is no terminal
SHOWN: Final = 6  # names of what is not reached, a row


@click.command(name="golden")
@click.option(
    "--suite",
    type=click.Path(exists=True, path_type=Path),
    help="Suite file, or folder of suite files; the policy's own by default.",
)
@click.option("--partner", metavar="ID", help="Run under this partner's overlay.")
@click.option("--domain", metavar="NAME", help="Domain to run.  [default: hospital_lab]")
@click.option(
    "--sign-with-test-keys",
    is_flag=True,
    help="Replace placeholder signatures by real ones of the test keys that the steps name.",
)
@click.option("--only", metavar="ID", multiple=True, help="Run this scenario only; repeatable.")
@click.option(
    "--coverage/--no-coverage", default=True, show_default=True, help="Show what is covered."
)
@format_option
@pass_session
def command(  # noqa: PLR0913 - one parameter an option
    session: Session,
    suite: Path | None,
    partner: str | None,
    domain: str | None,
    only: tuple[str, ...],
    output_format: str,
    *,
    sign_with_test_keys: bool,
    coverage: bool,
) -> ExitCode:
    """Run golden scenarios and show what they cover.

    Exit code 1 means that a scenario failed.
    """
    from labtrust_core.golden.runner import RunOptions, run_golden

    options = RunOptions(sign_placeholders=sign_with_test_keys, only=only)
    report = run_golden(
        suite, partner=session.partner(partner), domain=session.domain(domain), options=options
    )
    if output_format == "json":
        data = report.to_dict()
        session.output.result_json(data if coverage else {**data, "coverage": {}})
    else:
        _show(session.output, report)
        if coverage:
            session.output.result(coverage_table(report.coverage))
    return ExitCode.DONE if report.passed else ExitCode.ANSWER_IS_NO


def _show(output: Output, report: SuiteReport) -> None:
    for scenario in report.scenario_reports:
        for line in _lines(scenario):
            output.result(line)
    passed = sum(scenario.passed for scenario in report.scenario_reports)
    output.result(f"{passed} of {len(report.scenario_reports)} scenarios passed")


def _lines(scenario: ScenarioReport) -> list[str]:
    verdict = "pass" if scenario.passed else "FAIL"
    lines = [f"{verdict}  {scenario.scenario_id}  {scenario.title}"]
    lines += [
        f"      {failure.event_id or '-'}: {failure.message}"
        + (f" [{failure.details}]" if failure.details else "")
        for failure in scenario.failures
    ]
    if scenario.skipped_hooks:
        lines.append(f"      skipped, not installed: {', '.join(scenario.skipped_hooks)}")
    return lines


def coverage_table(coverage: Coverage) -> str:
    """What is reached, by kind and column, with the first few names that are not."""
    from labtrust_core.golden.coverage import totals
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Coverage")
    for name in ("kind", "column", "reached", "not reached"):
        table.add_column(name, overflow="fold")
    for total in totals(coverage):
        more = len(total.missing) - SHOWN
        missing = ", ".join(total.missing[:SHOWN]) + (f" and {more} more" if more > 0 else "")
        table.add_row(total.table, total.column, f"{total.reached} of {total.rows}", missing)
    console = Console(width=WIDTH, no_color=True)
    with console.capture() as capture:
        console.print(table)
    return capture.get().rstrip()
