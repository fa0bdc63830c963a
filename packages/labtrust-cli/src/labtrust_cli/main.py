"""The `labtrust` command: global options, and the one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import click
from labtrust_core.errors import LabTrustError
from labtrust_core.settings import policy_dir_override

from labtrust_cli import __version__
from labtrust_cli.exit_codes import ExitCode, exit_code_of
from labtrust_cli.lazy_group import LazyGroup
from labtrust_cli.output import Output, Verbosity
from labtrust_cli.session import Session

PROGRAM: Final = "labtrust"
EPILOG: Final = """\
labtrust COMMAND --help shows the options of a command and an example.

\b
Completion of commands and options with the tab key:
  bash   eval "$(_LABTRUST_COMPLETE=bash_source labtrust)"   in ~/.bashrc
  zsh    eval "$(_LABTRUST_COMPLETE=zsh_source labtrust)"    in ~/.zshrc
  fish   _LABTRUST_COMPLETE=fish_source labtrust | source    in config.fish

\b
Exit codes: 0 done and good; 1 done, and the answer is no;
2 the request is wrong; 3 the work failed.
"""


def _remember_debug(ctx: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click calls it so
    ctx.ensure_object(Session).debug = value


@click.group(
    name=PROGRAM,
    cls=LazyGroup,
    epilog=EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--profile", metavar="NAME", help="Lab profile to apply.")
@click.option(
    "--policy-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Policy to use instead of the shipped one.",
)
@click.option("-q", "--quiet", is_flag=True, help="Results and errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.option(
    "--debug",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember_debug,
    help="Show the traceback of an error.",
)
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def cli(
    ctx: click.Context,
    profile: str | None,
    policy_dir: Path | None,
    *,
    quiet: bool,
    verbose: bool,
) -> None:
    """A hospital laboratory as a multi-agent environment, under a trust skeleton."""
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    session = ctx.ensure_object(Session)
    session.output = Output(_verbosity(quiet=quiet, verbose=verbose))
    if policy_dir is not None:
        ctx.with_resource(policy_dir_override(policy_dir))
    if profile is not None:
        from labtrust_core.policy.directory import find_policy_dir

        from labtrust_cli.profiles import load_profile

        session.profile = load_profile(profile, find_policy_dir())
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: Everything behind `labtrust`.

    Returns:
        The exit code, one of 0, 1, 2 and 3.
    """
    session = Session()
    try:
        code = cli.main(list(arguments), prog_name=PROGRAM, standalone_mode=False, obj=session)
        sys.stdout.flush()
    except Exception as error:  # noqa: BLE001 - process boundary: no error may end in a traceback
        if session.debug:
            traceback.print_exc()
        return _report(error)
    return int(code) if isinstance(code, int) else ExitCode.DONE


def main() -> NoReturn:
    """Entry point of the `labtrust` script."""
    sys.exit(run(sys.argv[1:]))


def _verbosity(*, quiet: bool, verbose: bool) -> Verbosity:
    if quiet:
        return Verbosity.QUIET
    return Verbosity.VERBOSE if verbose else Verbosity.NORMAL


def _report(error: Exception) -> ExitCode:
    """Say in one line on stderr what went wrong."""
    if isinstance(error, BrokenPipeError):
        _stop_writing()
        return ExitCode.WORK_FAILED
    if isinstance(error, click.Abort):
        _complain("interrupted")
        return ExitCode.WORK_FAILED
    if isinstance(error, click.ClickException):
        _complain(_usage_message(error))
        return ExitCode.BAD_REQUEST
    if isinstance(error, LabTrustError):
        _complain(str(error))
    elif isinstance(error, OSError):
        _complain(f"{error.filename or 'disk'}: {error.strerror or error}")
    else:
        _complain(f"unexpected {type(error).__name__}: {error} (--debug shows where)")
    return exit_code_of(error)


def _usage_message(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return error.format_message()
    return f"{error.format_message()} See {context.command_path} --help"


def _complain(text: str) -> None:
    """Write one line to stderr, whatever the message holds."""
    click.echo(f"{PROGRAM}: {' '.join(text.split())}", err=True)


def _stop_writing() -> None:
    """The reader of stdout is gone: keep the interpreter from complaining about it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
