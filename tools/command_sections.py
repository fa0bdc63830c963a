"""Sections of `docs/` that show commands: their options, and what they print."""

from __future__ import annotations

import inspect
import io
import re
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import click
from docs_markdown import DOCS, POLICY, code, one_line, table
from labtrust_cli.command_table import COMMANDS, CommandEntry
from labtrust_cli.main import cli, run
from labtrust_core.golden.coverage import totals
from labtrust_core.golden.runner import run_golden


def cli_section() -> str:
    """Return the options of the `labtrust` command and all of its commands."""
    context = click.Context(cli, info_name="labtrust", **cli.context_settings)
    return "\n\n".join([_options(cli, context), *(_command(entry, context) for entry in COMMANDS)])


def _command(entry: CommandEntry, parent: click.Context) -> str:
    command = entry.load()
    context = click.Context(command, info_name=entry.name, parent=parent)
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return "\n\n".join(
        [
            f"## {entry.name}",
            _described(command, context),
            f"Example: `{entry.example}`. Needs `{entry.distribution}`.",
            *(_subcommand(item, context) for item in below),
        ]
    )


def _subcommand(command: click.Command, parent: click.Context) -> str:
    context = click.Context(command, info_name=command.name, parent=parent)
    example = (command.epilog or "").removeprefix("Example: ")
    return "\n\n".join(
        [
            f"### {parent.info_name} {command.name}",
            _described(command, context),
            f"Example: `{example}`.",
        ]
    )


def _described(command: click.Command, context: click.Context) -> str:
    return "\n\n".join(
        [
            inspect.cleandoc(command.help or ""),
            f"```\n{context.get_usage().removeprefix('Usage: ')}\n```",
            _options(command, context),
        ]
    )


def _options(command: click.Command, context: click.Context) -> str:
    records = (
        record
        for parameter in command.get_params(context)
        if (record := parameter.get_help_record(context)) is not None
    )
    return table(("option", "meaning"), ((f"`{name}`", one_line(text)) for name, text in records))


def shown(*arguments: str, last: int | None = None) -> str:
    """Return a command line with what it prints, or only the ``last`` lines of it, as a block."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(io.StringIO()):
        run(arguments)
    lines = [line.rstrip() for line in printed.getvalue().strip().splitlines()]
    kept = lines if last is None else lines[-last:]
    return "\n".join(["```console", f"$ labtrust {' '.join(arguments)}", *kept, "```"])


def golden_section() -> str:
    """Return the verdict on the shipped suite."""
    return shown("golden", "--coverage", "none", last=1)


def mutate_section() -> str:
    """Return the verdict on the shipped suite's watch over guards and gates."""
    return shown("golden", "--mutate", last=1)


def coverage_section() -> str:
    """Return what the shipped suite reaches."""
    coverage = run_golden(policy_dir=POLICY).coverage
    rows = (
        (item.table, item.column, f"{item.reached} of {item.rows}", code(item.missing))
        for item in totals(coverage)
    )
    return table(("kind", "column", "reached", "not reached"), rows)


def _with_suite(*arguments: str, change: tuple[str, str] = ("", "")) -> str:
    """Return what `labtrust golden` prints for the suite that the page shows."""
    page = (DOCS / "reference" / "golden.md").read_text(encoding="utf-8")
    suite = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[0]
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        Path("suite.yaml").write_text(suite.replace(*change), encoding="utf-8")
        return shown("golden", "--suite", "suite.yaml", "--coverage", "none", *arguments)


def report_section() -> str:
    """Return the report on the suite that the page shows."""
    return _with_suite("--format", "json")


def failure_section() -> str:
    """Return the verdict on that suite when it expects another reason code."""
    return _with_suite(change=("RBAC_ACTION_DENY", "RC_RESULT_UNKNOWN"))


def validate_section() -> str:
    """Return the verdict on the shipped policy."""
    return shown("validate-policy")
