"""Where the policy is: a given directory, else the wheel's own, else the checkout's.

Nothing depends on the current directory: the same code reads the same policy wherever it is
started.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from labtrust_core.errors import PolicyError
from labtrust_core.settings import POLICY_DIR, read_settings

MARKER: Final = Path("reason_codes") / "reason_code_registry.v0.1.yaml"

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_SHIPPED: Final = _PACKAGE / "_data" / "policy"
_CHECKOUT: Final = Path(*_PACKAGE.parts[:-4]) / "policy"  # <root>/packages/<dist>/src/<package>


def find_policy_dir(explicit: Path | None = None) -> Path:
    """Return the directory: ``explicit``, else ``LABTRUST_POLICY_DIR``, else the shipped one.

    Raises:
        PolicyError: The directory that was asked for does not exist or holds no policy, or none was
            shipped.
    """
    if explicit is not None:
        return _checked(explicit, "the policy directory that was given")
    chosen = read_settings().policy_dir
    if chosen is not None:
        return _checked(chosen, f"the policy directory named by {POLICY_DIR}")
    for candidate in (_SHIPPED, _CHECKOUT):
        if (candidate / MARKER).is_file():
            return candidate
    raise PolicyError(
        "no policy is installed with labtrust-core",
        file=_SHIPPED,
        expected="an installed wheel or a checkout; reinstall labtrust-core",
    )


def get_repo_root() -> Path:
    """Return the folder that holds ``policy/``: what ``policy_path`` builds on.

    Raises:
        PolicyError: There is no policy, or its directory is not called ``policy``, so that paths
            below ``<root>/policy`` would miss it.
    """
    directory = find_policy_dir()
    if directory.name != "policy":
        raise PolicyError(
            "the policy directory has another name, so it has no root",
            file=directory,
            found=directory.name,
            expected="a directory called policy, or find_policy_dir()",
        )
    return directory.parent


def policy_path(root: Path, *parts: str) -> Path:
    """Return the path of a policy file below ``root``/policy; it need not exist."""
    return root.joinpath("policy", *parts)


def _checked(directory: Path, what: str) -> Path:
    if not directory.is_dir():
        raise PolicyError(f"{what} does not exist", file=directory, expected="a directory")
    if not (directory / MARKER).is_file():
        raise PolicyError(
            f"{what} holds no policy", file=directory, expected=f"a file {MARKER.as_posix()}"
        )
    return directory
