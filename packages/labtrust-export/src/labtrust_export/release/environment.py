"""What is true of the installation that builds a release: distributions, Python, source commit."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata, util
from pathlib import Path
from typing import Final

OURS: Final = (
    "labtrust-bench",
    "labtrust-cli",
    "labtrust-core",
    "labtrust-env",
    "labtrust-export",
    "labtrust-gym",
)
_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA: Final = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
_MAX_LICENSE: Final = 100  # longer ones are the text itself
_GIT_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Distribution:
    """One installed distribution.

    Attributes:
        name: Normalised name.
        version: As installed.
        license: SPDX expression if it states one.
        license_name: Name of a licence in its own words, if it states no expression.
        record: SHA-256 of its list of installed files (RECORD), if it has one.
        requires: Names of the installed distributions that it needs, sorted.
    """

    name: str
    version: str
    license: str | None
    license_name: str | None
    record: str | None
    requires: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Its package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def python_version() -> str:
    """Return the version of Python that runs."""
    return ".".join(str(part) for part in sys.version_info[:3])


def installed_distributions() -> list[Distribution]:
    """Return our distributions that are installed and all that they need, sorted by name.

    Extras count where they are installed and one of ours offers them; of other distributions only
    where somebody requires them.
    """
    waiting: list[tuple[str, frozenset[str] | None]] = [(name, None) for name in OURS]
    seen: set[tuple[str, frozenset[str] | None]] = set()
    needs_of: dict[str, set[str]] = {}
    while waiting:
        item = waiting.pop()
        there = _installed(item[0])
        if item in seen or there is None:
            continue
        seen.add(item)
        needs = _requirements(there, item[1])
        needs_of.setdefault(item[0], set()).update(needs)
        waiting += [(need, None if need in OURS else extras) for need, extras in needs.items()]
    return [_described(name, needs_of[name] & set(needs_of)) for name in sorted(needs_of)]


def source_commit() -> str | None:
    """Return the commit of the checkout that labtrust-core runs from, if its tree is clean.

    None where it runs from no checkout, git is not there, or something is changed or untracked.
    """
    spec = util.find_spec("labtrust_core")
    git = shutil.which("git")
    if spec is None or spec.origin is None or git is None:
        return None
    folder = str(Path(spec.origin).parent)
    if _git(git, folder, "ls-files", "--error-unmatch", spec.origin) is None:
        return None
    top = _git(git, folder, "rev-parse", "--show-toplevel")
    if not top or _git(git, top, "status", "--porcelain") != "":
        return None
    commit = _git(git, top, "rev-parse", "HEAD")
    return commit if commit is not None and _COMMIT.match(commit) else None


def _git(git: str, folder: str, *arguments: str) -> str | None:
    """Return what git says, or None where it fails."""
    command = [git, "-C", folder, *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program with fixed arguments, no shell
            command, capture_output=True, check=True, timeout=_GIT_SECONDS
        )
        return done.stdout.decode().strip()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None


def normalised(name: str) -> str:
    """Return the one spelling of a distribution's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(
    there: metadata.Distribution, extras: frozenset[str] | None
) -> dict[str, frozenset[str]]:
    """Return what a distribution asks for, with extras; ``None`` means all of its own extras."""
    needs: dict[str, frozenset[str]] = {}
    for text in there.requires or ():
        name, _semicolon, marker = text.partition(";")
        only_for = _EXTRA.search(marker)
        match = _REQUIREMENT.match(name)
        asked = only_for is None or extras is None or normalised(only_for[1]) in extras
        if match is not None and asked:
            listed = (match[2] or "").split(",")
            wanted = frozenset(normalised(item.strip()) for item in listed if item.strip())
            need = normalised(match[1])
            needs[need] = needs.get(need, frozenset()) | wanted
    return needs


def _installed(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _header(there: metadata.Distribution, name: str) -> str | None:
    found = there.metadata.get_all(name)
    return str(found[0]) if found else None


def _described(name: str, requires: set[str]) -> Distribution:
    there = metadata.distribution(name)
    expression = _header(there, "License-Expression")
    stated = _header(there, "License")
    named = stated if stated and "\n" not in stated and len(stated) <= _MAX_LICENSE else None
    record = there.read_text("RECORD")
    return Distribution(
        name=name,
        version=there.version,
        license=expression,
        license_name=None if expression else named,
        record=None if record is None else sha256(record.encode()).hexdigest(),
        requires=tuple(sorted(requires)),
    )
