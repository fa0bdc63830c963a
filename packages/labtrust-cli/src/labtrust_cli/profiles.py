"""Lab profiles by name: `policy/lab_profiles/<name>.v<version>.yaml`."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

from labtrust_core.errors import MissingExtraError, PolicyError, UnknownNameError

if TYPE_CHECKING:
    from labtrust_core.policy.model import LabProfile

FOLDER: Final = "lab_profiles"


def load_profile(name: str, policy_dir: Path) -> LabProfile:
    """Read a profile and see that the packages it relies on are installed.

    Args:
        name: What the user gave to `--profile`.
        policy_dir: The policy in force.

    Raises:
        UnknownNameError: No file of that name; lists those that exist.
        PolicyError: The file is no profile, or names itself otherwise.
        MissingExtraError: An extension package is not installed.
    """
    from labtrust_core.policy.documents import read_document
    from labtrust_core.policy.load import typed
    from labtrust_core.policy.model import LabProfile

    files = {path.name.split(".v", 1)[0]: path for path in (policy_dir / FOLDER).glob("*.v*.yaml")}
    if name not in files:
        raise UnknownNameError("lab profile", name, files)
    document = read_document(files[name])
    profile = typed(document.data, LabProfile, [document])
    if profile.profile_id != name:
        raise PolicyError(
            "the profile has another id than its file",
            file=files[name],
            path="profile_id",
            found=profile.profile_id,
            expected=name,
        )
    for package in profile.extension_packages:
        _require(package, name)
    return profile


def _require(package: str, profile: str) -> None:
    try:
        distribution(package)
    except PackageNotFoundError as error:
        raise MissingExtraError(f"profile {profile}", package) from error
