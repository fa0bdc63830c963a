"""`labtrust doctor`: what is installed, what is missing, and whether the policy is sound."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
from labtrust_core.errors import LabTrustError
from labtrust_core.registry import Source, installed_plugins

from labtrust_cli.exit_codes import ExitCode
from labtrust_cli.installation import MissingExtra, missing_extras
from labtrust_cli.output import format_option
from labtrust_cli.session import Session, pass_session

DISTRIBUTIONS = (
    "labtrust-core",
    "labtrust-env",
    "labtrust-export",
    "labtrust-bench",
    "labtrust-cli",
    "labtrust-gym",
)


@dataclass(frozen=True, slots=True)
class PolicyHealth:
    """Where policy comes from, and what is wrong with it.

    Attributes:
        directory: The policy in force; empty when none was found.
        problems: One line each; empty when the policy validates.
    """

    directory: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the doctor looked at.

    Attributes:
        python: Version of the interpreter.
        executable: Its path.
        system: Operating system and machine.
        distributions: Our distributions and their versions; None for one that is not installed.
        missing: Extras with something missing.
        plugins: Extensions that other distributions offer.
        policy: State of the policy.
    """

    python: str
    executable: str
    system: str
    distributions: dict[str, str | None]
    missing: tuple[MissingExtra, ...]
    plugins: tuple[Source, ...]
    policy: PolicyHealth


@click.command(name="doctor")
@format_option
@pass_session
def command(session: Session, output_format: str) -> ExitCode:
    """Say what is installed, what is missing, and whether the policy is sound.

    Exit code 1 means that the policy is not.
    """
    report = examine()
    if output_format == "json":
        session.output.result_json(asdict(report))
    else:
        session.output.result(as_text(report))
    return ExitCode.ANSWER_IS_NO if report.policy.problems else ExitCode.DONE


def examine() -> Report:
    """Look at this installation."""
    versions = {name: _version(name) for name in DISTRIBUTIONS}
    present = [name for name, found in versions.items() if found is not None]
    return Report(
        python=platform.python_version(),
        executable=sys.executable,
        system=f"{platform.system()} {platform.machine()}",
        distributions=versions,
        missing=missing_extras(present),
        plugins=installed_plugins(),
        policy=_policy_health(),
    )


def as_text(report: Report) -> str:
    """The report as aligned lines."""
    rows = [("python", f"{report.python} ({report.system})"), ("executable", report.executable)]
    rows += [(name, found or "not installed") for name, found in report.distributions.items()]
    rows += [
        (f"extra {extra.distribution}[{extra.extra}]", f"missing {', '.join(extra.packages)}")
        for extra in report.missing
    ]
    rows += [
        (f"plugin {plugin.name}", f"{plugin.group} from {plugin.distribution} {plugin.version}")
        for plugin in report.plugins
    ]
    rows.append(("policy", report.policy.directory or "not found"))
    rows += [("problem", problem) for problem in report.policy.problems] or [("", "validates")]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _policy_health() -> PolicyHealth:
    from labtrust_core.policy.directory import find_policy_dir
    from labtrust_core.validation import check_policy

    directory: Path | None = None
    try:
        directory = find_policy_dir()
        problems = tuple(str(problem) for problem in check_policy(directory))
    except LabTrustError as error:
        problems = (str(error),)
    return PolicyHealth(str(directory or ""), problems)
