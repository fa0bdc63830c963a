"""Which optional parts of the installed distributions are missing, read from their metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import Final

_REQUIREMENT: Final = re.compile(
    r"""^(?P<package>[A-Za-z0-9._-]+).*;.*\bextra\s*==\s*['"](?P<extra>[^'"]+)['"]"""
)


@dataclass(frozen=True, slots=True, order=True)
class MissingExtra:
    """An extra that cannot be used yet; `pip install 'distribution[extra]'` brings it.

    Attributes:
        distribution: The distribution that declares it.
        extra: Its name.
        packages: What is not installed, sorted.
    """

    distribution: str
    extra: str
    packages: tuple[str, ...]


def missing_extras(distributions: Iterable[str]) -> tuple[MissingExtra, ...]:
    """The extras of these installed distributions for which something is missing, sorted.

    Args:
        distributions: Names of installed distributions.
    """
    found = []
    for name in distributions:
        for extra, packages in extra_packages(distribution(name).requires or ()).items():
            absent = tuple(sorted(package for package in packages if not _installed(package)))
            if absent:
                found.append(MissingExtra(name, extra, absent))
    return tuple(sorted(found))


def extra_packages(requirements: Iterable[str]) -> dict[str, set[str]]:
    """The packages of each extra.

    Args:
        requirements: `Requires-Dist` lines; those outside every extra are left out.
    """
    extras: dict[str, set[str]] = {}
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match:
            extras.setdefault(match["extra"], set()).add(match["package"])
    return extras


def _installed(package: str) -> bool:
    try:
        distribution(package)
    except PackageNotFoundError:
        return False
    return True
