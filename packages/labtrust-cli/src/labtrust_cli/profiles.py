"""Lab profiles by name: `policy/lab_profiles/<name>.v<version>.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from labtrust_core.errors import UnknownNameError

FOLDER: Final = "lab_profiles"


def check_profile(name: str, policy_dir: Path) -> str:
    """The name, when that profile exists.

    Args:
        name: What the user gave to `--profile`.
        policy_dir: The policy in force.

    Raises:
        UnknownNameError: No file of that name; lists those that exist.
    """
    known = {path.name.split(".v", 1)[0] for path in (policy_dir / FOLDER).glob("*.v*.yaml")}
    if name not in known:
        raise UnknownNameError("lab profile", name, known)
    return name
