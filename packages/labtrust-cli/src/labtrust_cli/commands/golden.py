"""`labtrust golden`: run golden scenarios, show what they cover, and what they would miss."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.output import Output, format_option
from labtrust_cli.session import Session, pass_session

if TYPE_CHECKING:
    from labtrust_core.golden.mutation import MutationCheck
    from labtrust_core.golden.report import ScenarioReport, SuiteReport


@click.command(name="golden")
@click.option(
    "--suite",
    type=click.Path(exists=True, path_type=Path),
    help="Suite file or folder of them; by default the partner's own, if any, else the policy's.",
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
    "--coverage",
    type=click.Choice(("none", "summary", "full")),
    is_flag=False,
    flag_value="full",
    default="summary",
    show_default=True,
    help="Show what is covered: totals, or every row with its scenarios. Without a value: full.",
)
@click.option(
    "--mutate",
    is_flag=True,
    help="Take out each guard of each action and each gate in turn; show which scenario notices.",
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
    coverage: str,
    sign_with_test_keys: bool,
    mutate: bool,
) -> ExitCode:
    """Run golden scenarios and show what they cover, or what they would miss.

    Exit code 1 means that a scenario failed; with --mutate, that something was taken out and no
    scenario noticed. Without --partner, --mutate also checks every overlay that brings scenarios.
    """
    from labtrust_core.golden.mutation import mutation_checks
    from labtrust_core.golden.runner import RunOptions, run_golden

    options = RunOptions(sign_placeholders=sign_with_test_keys, only=only)
    chosen, named = session.partner(partner), session.domain(domain)
    if mutate:
        checks = mutation_checks(suite, partner=chosen, domain=named, options=options)
        return _mutate(session.output, checks, output_format)
    report = run_golden(suite, partner=chosen, domain=named, options=options)
    if output_format == "json":
        data = report.to_dict()
        session.output.result_json({**data, "coverage": {}} if coverage == "none" else data)
    else:
        _show(session.output, report, coverage)
    return ExitCode.DONE if report.passed else ExitCode.ANSWER_IS_NO


def _mutate(output: Output, checks: list[MutationCheck], output_format: str) -> ExitCode:
    import msgspec

    from labtrust_cli.golden_tables import mutant_table

    outcomes = []
    with output.progress("mutants", sum(len(check.mutants) for check in checks)) as advance:
        for check in checks:
            for outcome in check.outcomes():
                outcomes.append(outcome)
                advance()
    caught = sum(not item.survived for item in outcomes)
    if output_format == "json":
        output.result_json(msgspec.to_builtins(outcomes))
    else:
        output.result(mutant_table(outcomes))
        output.result(f"{caught} of {len(outcomes)} mutants caught")
    return ExitCode.DONE if caught == len(outcomes) else ExitCode.ANSWER_IS_NO


def _show(output: Output, report: SuiteReport, coverage: str) -> None:
    from labtrust_cli.golden_tables import coverage_matrix, coverage_summary

    for scenario in report.scenario_reports:
        for line in _lines(scenario):
            output.result(line)
    passed = sum(scenario.passed for scenario in report.scenario_reports)
    output.result(f"{passed} of {len(report.scenario_reports)} scenarios passed")
    if coverage == "full":
        output.result(coverage_matrix(report.coverage))
    if coverage != "none":
        output.result(coverage_summary(report.coverage))


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
