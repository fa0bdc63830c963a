"""What one invocation of `labtrust` knows before its command runs; see `pass_session`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import click

from labtrust_cli.output import Output

if TYPE_CHECKING:
    from labtrust_core.policy.model import LabProfile

DEFAULT_DOMAIN: Final = "hospital_lab"
DEFAULT_AGGREGATOR: Final = "default"


@dataclass(slots=True)
class Session:
    """The global options, filled in by the root command.

    `--policy-dir` is not among them: it is in force for the whole process while a command runs,
    through `labtrust_core.settings`.

    Attributes:
        output: Where results, notes and progress go.
        profile: The lab profile, or None.
        debug: Whether an error shows its traceback.
    """

    output: Output = field(default_factory=Output)
    profile: LabProfile | None = None
    debug: bool = False

    def partner(self, chosen: str | None) -> str | None:
        """The partner to run under: the one chosen, else the profile's, if any."""
        return self.profile.partner_id if chosen is None and self.profile else chosen

    def domain(self, chosen: str | None) -> str:
        """The domain to run: the one chosen, else the profile's, else the hospital laboratory."""
        if chosen is None and self.profile is not None:
            return self.profile.domain_id
        return chosen or DEFAULT_DOMAIN

    @property
    def metrics_aggregator(self) -> str:
        """What gives figures beside the metrics: the profile's choice, else the default."""
        return self.profile.metrics_aggregator_id if self.profile else DEFAULT_AGGREGATOR


pass_session = click.make_pass_decorator(Session, ensure=True)
