"""Build hook: ship policy/ inside the sdist and, as package data, inside the wheel."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PolicyBuildHook(BuildHookInterface):  # type: ignore[type-arg]  # its config class is private to hatchling
    """Add policy/ to what is built; an editable install reads the checkout's own."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add policy/ to the files of this build.

        Args:
            version: Build kind; "editable" adds nothing, so that edits to policy/ are seen at once.
            build_data: Mutable build instructions, among them `force_include`.

        Raises:
            FileNotFoundError: No policy data beside the package or at the top of the checkout.
        """
        if version == "editable":
            return
        unpacked_sdist = Path(self.root, "policy")
        checkout = Path(self.root).parent.parent / "policy"
        source = unpacked_sdist if unpacked_sdist.is_dir() else checkout
        if not any(source.rglob("*.yaml")):
            raise FileNotFoundError(f"no policy data (*.yaml) at {source}")
        target = "policy" if self.target_name == "sdist" else "labtrust_core/_data/policy"
        build_data["force_include"][str(source)] = target
