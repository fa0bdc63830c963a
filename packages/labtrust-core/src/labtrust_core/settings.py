"""The only reader of environment variables.

    LABTRUST_POLICY_DIR    directory that replaces the shipped policy; empty means unset
    LABTRUST_NO_PLUGINS    1 to run without extensions of other distributions; 0 or empty means with

Everything else that steers a run is an argument.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.errors import UsageError

POLICY_DIR: Final = "LABTRUST_POLICY_DIR"
NO_PLUGINS: Final = "LABTRUST_NO_PLUGINS"

_SWITCH: Final = {
    "": False, "0": False, "false": False, "no": False, "off": False,
    "1": True, "true": True, "yes": True, "on": True,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment asks for.

    Attributes:
        policy_dir: Directory that replaces the shipped policy; its existence is not checked here.
        no_plugins: Whether extensions of other distributions are ignored.
    """

    policy_dir: Path | None = None
    no_plugins: bool = False


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings anew; nothing is cached, so that a change is seen at once.

    Args:
        environ: Variables to read instead of the process's own.

    Raises:
        UsageError: A switch holds neither a yes nor a no.
    """
    variables = os.environ if environ is None else environ
    policy_dir = variables.get(POLICY_DIR, "")
    return Settings(
        policy_dir=Path(policy_dir) if policy_dir else None,
        no_plugins=_switch(NO_PLUGINS, variables.get(NO_PLUGINS, "")),
    )


@contextmanager
def policy_dir_override(directory: Path) -> Iterator[None]:
    """Make `directory` the policy of this process and of the workers it starts, for a while.

    Args:
        directory: Made absolute now, so that a later change of the current directory does no harm.
    """
    before = os.environ.get(POLICY_DIR)
    os.environ[POLICY_DIR] = str(directory.absolute())
    try:
        yield
    finally:
        if before is None:
            del os.environ[POLICY_DIR]
        else:
            os.environ[POLICY_DIR] = before


def _switch(name: str, text: str) -> bool:
    value = _SWITCH.get(text.strip().lower())
    if value is None:
        raise UsageError(f"{name} is {text!r}; expected 1 or 0")
    return value
