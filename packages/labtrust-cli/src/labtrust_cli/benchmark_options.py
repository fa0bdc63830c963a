"""Options that the commands about benchmarks share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
from labtrust_core.errors import UsageError

SCHEMAS: Final = ("0.2", "0.3")
AGENT_HELP: Final = (
    "Who plays: scripted, fifo, random, noop, a dispatch rule (fcfs, edd, slack, spt, atc), "
    "a trained crew (ppo:FOLDER), or package.module:Class or file.py:Class."
)

workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that play episodes; the results are the same.",
)


def member_specs(given: Sequence[str]) -> dict[str, str]:
    """Return member to spec of what was given as MEMBER=SPEC.

    Raises:
        UsageError: One has another shape, or two are for one member.
    """
    found: dict[str, str] = {}
    for item in given:
        member, _, spec = item.partition("=")
        if not member or not spec:
            raise UsageError(f"--agent {item}: expected MEMBER=SPEC, such as runner_0=random")
        if member in found:
            raise UsageError(f"--agent names {member} twice")
        found[member] = spec
    return found
