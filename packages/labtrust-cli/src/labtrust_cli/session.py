"""What one invocation of `labtrust` knows before its command runs; see `pass_session`."""

from __future__ import annotations

from dataclasses import dataclass, field

import click

from labtrust_cli.output import Output


@dataclass(slots=True)
class Session:
    """The global options, filled in by the root command.

    `--policy-dir` is not among them: it is in force for the whole process while a command runs,
    through `labtrust_core.settings`.

    Attributes:
        output: Where results, notes and progress go.
        profile: Identifier of the lab profile, known to exist, or None.
        debug: Whether an error shows its traceback.
    """

    output: Output = field(default_factory=Output)
    profile: str | None = None
    debug: bool = False


pass_session = click.make_pass_decorator(Session, ensure=True)
