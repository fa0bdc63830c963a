"""Rules of the workspace that no linter sees; prints each breach and fails when there is one.

* The installed entry points are those that the packages declare (an editable install can go stale).
* The exact pins of labtrust-gym are the versions of this checkout.
* The newest entry of each changelog is the version of its package.
* Every package carries the LICENSE of the repository.
* Every package is checked: it stands in the type check, the layers and requirements-dev.txt.
* No source file has more than 600 lines.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
META: Final = "labtrust-gym"
MAX_LINES: Final = 600
SOURCE_FOLDERS: Final = ("packages", "tools", "examples", "benchmarks")

CHECKS: Final = {
    "hatch.toml": r"mypy.* -p {package}",
    ".importlinter": r"root_packages =[^\[]*{package}",
    "requirements-dev.txt": r"-e packages/{name}",
}

_VERSION: Final = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_RELEASE: Final = re.compile(r"^## (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Member:
    """One package of the workspace.

    Attributes:
        folder: Its folder.
        project: The `[project]` table of its pyproject.toml.
    """

    folder: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the distribution."""
        return self.folder.name

    @property
    def package(self) -> str:
        """Name of the import package."""
        return self.name.replace("-", "_")

    @property
    def version(self) -> str:
        """The version in source."""
        text = (self.folder / "src" / self.package / "__init__.py").read_text(encoding="utf-8")
        match = _VERSION.search(text)
        return match.group(1) if match else "none"

    @property
    def declared(self) -> set[tuple[str, str, str]]:
        """Group, name and target of every entry point that the package declares."""
        groups = dict(self.project.get("entry-points", {}))
        groups["console_scripts"] = self.project.get("scripts", {})
        return {
            (group, name, target)
            for group, offers in groups.items()
            for name, target in offers.items()
        }


def members(root: Path) -> list[Member]:
    """The packages of the workspace, sorted by name."""
    return [
        Member(file.parent, tomllib.loads(file.read_text(encoding="utf-8"))["project"])
        for file in sorted(root.glob("packages/*/pyproject.toml"))
    ]


def stale_entry_points(packages: list[Member]) -> Iterator[str]:
    """Compare what is installed here with what is declared."""
    for member in packages:
        try:
            points = distribution(member.name).entry_points
        except PackageNotFoundError:
            yield f"{member.name} is not installed; run: hatch env prune"
            continue
        installed = {(point.group, point.name, point.value) for point in points}
        for group, name, target in sorted(installed ^ member.declared):
            yield (
                f"{member.name}: entry point {name} = {target} of {group} is declared or installed "
                "but not both; run: hatch env prune"
            )


def wrong_pins(packages: list[Member]) -> Iterator[str]:
    """Compare the tested set with the versions of this checkout."""
    meta = next(member for member in packages if member.name == META)
    pins = sorted(meta.project["dependencies"])
    expected = sorted(f"{m.name}=={m.version}" for m in packages if m.name != META)
    if pins != expected:
        yield f"{META} pins {', '.join(pins)}; expected {', '.join(expected)}"


def wrong_changelogs(packages: list[Member]) -> Iterator[str]:
    """Compare each changelog with its package."""
    for member in packages:
        text = (member.folder / "CHANGELOG.md").read_text(encoding="utf-8")
        match = _RELEASE.search(text)
        newest = match.group(1) if match else "none"
        if newest != member.version:
            yield f"{member.name}: version {member.version}, newest in CHANGELOG.md {newest}"


def wrong_licenses(root: Path, packages: list[Member]) -> Iterator[str]:
    """Compare each copy of the licence with the repository's."""
    text = (root / "LICENSE").read_bytes()
    for member in packages:
        file = member.folder / "LICENSE"
        if file.is_symlink() or not file.is_file() or file.read_bytes() != text:
            yield f"{member.name}: LICENSE is not a copy of the repository's"


def unchecked_members(root: Path, packages: list[Member]) -> Iterator[str]:
    """Look for packages that one of the checks leaves out."""
    for file, pattern in CHECKS.items():
        text = (root / file).read_text(encoding="utf-8")
        for member in packages:
            wanted = pattern.format(name=member.name, package=member.package)
            if not re.search(rf"{wanted}\b", text):
                yield f"{file} leaves out {member.name}"


def long_files(root: Path) -> Iterator[str]:
    """Look for source files over the limit."""
    for folder in SOURCE_FOLDERS:
        for file in sorted((root / folder).rglob("*.py")):
            count = len(file.read_text(encoding="utf-8").splitlines())
            if count > MAX_LINES:
                yield f"{file.relative_to(root)} has {count} lines; at most {MAX_LINES}"


def breaches(root: Path) -> list[str]:
    """Everything that is wrong with the workspace at `root`, one line each."""
    packages = members(root)
    return [
        *stale_entry_points(packages),
        *wrong_pins(packages),
        *wrong_changelogs(packages),
        *wrong_licenses(root, packages),
        *unchecked_members(root, packages),
        *long_files(root),
    ]


def main() -> int:
    """Print the breaches; 0 when there are none."""
    found = breaches(ROOT)
    for breach in found:
        print(breach)
    if not found:
        print("The workspace keeps its rules.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
