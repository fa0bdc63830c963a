"""Every error that LabTrust raises on purpose.

    LabTrustError
    ├── UsageError                the request cannot be carried out as asked
    │   └── UnknownNameError      a name that nothing registered; lists the known ones
    ├── MissingExtraError         an optional part is not installed; says the pip command
    ├── DocumentError             a file is not what it must be; file, line, path, found, expected
    │   ├── PolicyError           ... a policy file
    │   └── ScenarioError         ... a golden scenario file
    ├── CanonicalError            a value has no canonical form
    ├── DomainError               a domain breaks its contract with the engine
    ├── PluginError               foreign code failed; names the distribution
    │   └── PluginConflictError   two distributions offer one name
    ├── SignatureError            a key or a signature cannot be used
    └── LedgerError               the ledger cannot be written or read

A library function raises; only the command line prints. Messages say what was found and what was
expected.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self


class LabTrustError(Exception):
    """Base of all errors raised on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by state: subclasses have keyword-only arguments and cross process borders."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(
    cls: type[LabTrustError], args: tuple[object, ...], state: dict[str, object]
) -> LabTrustError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class UsageError(LabTrustError):
    """The request cannot be carried out as asked."""


class UnknownNameError(UsageError):
    """A name that nothing registered.

    Attributes:
        kind: What was looked for, for example "task".
        name: The name that was asked for.
        known: The names that exist, sorted.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind = kind
        self.name = name
        self.known = tuple(sorted(known))
        listed = ", ".join(self.known) or "none"
        super().__init__(f"unknown {kind} {name!r}: misspelt or not installed; known: {listed}")


class MissingExtraError(LabTrustError):
    """An optional part of LabTrust is not installed.

    Attributes:
        feature: What was asked for.
        requirement: What to hand to `pip install`.
    """

    def __init__(self, feature: str, requirement: str) -> None:
        self.feature = feature
        self.requirement = requirement
        super().__init__(
            f"{feature} needs {requirement}, which is not installed: pip install '{requirement}'"
        )


class DocumentError(LabTrustError):
    """A file is not what it must be.

    Attributes:
        message: What is wrong, in words.
        file: The file, or None when the document did not come from one.
        line: Line in the file, from 1, or None when unknown.
        path: Place inside the document, such as `zones[3].id`; empty for the whole document.
        found: What stands there.
        expected: What must stand there.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        path: str = "",
        found: str = "",
        expected: str = "",
    ) -> None:
        self.message = message
        self.file = None if file is None else str(file)
        self.line = line
        self.path = path
        self.found = found
        self.expected = expected
        super().__init__(message)

    def at(self, file: str | Path, line: int | None = None) -> Self:
        """Say where the document came from, for a caller that knows more than who raised."""
        self.file = str(file)
        self.line = self.line if line is None else line
        return self

    def __str__(self) -> str:
        """One line: `file:line: path: message (found ..., expected ...)`."""
        place = self.file or ""
        if place and self.line is not None:
            place = f"{place}:{self.line}"
        details = [
            f"{word} {value}"
            for word, value in (("found", self.found), ("expected", self.expected))
            if value
        ]
        tail = f" ({', '.join(details)})" if details else ""
        return ": ".join(part for part in (place, self.path, self.message) if part) + tail


class PolicyError(DocumentError):
    """A policy file is missing, malformed or contradicts another."""


class ScenarioError(DocumentError):
    """A golden scenario file is not in the documented format."""


class CanonicalError(LabTrustError):
    """A value has no canonical form, and so no digest."""


class DomainError(LabTrustError):
    """A domain breaks its contract with the engine."""


class PluginError(LabTrustError):
    """Code from another distribution failed to load or is not what its group requires.

    Attributes:
        group: Entry-point group.
        name: Name of the entry point.
        distribution: The distribution that offers it.
    """

    def __init__(self, group: str, name: str, distribution: str, reason: str) -> None:
        self.group = group
        self.name = name
        self.distribution = distribution
        super().__init__(f"plugin {name!r} of {distribution} ({group}): {reason}")


class PluginConflictError(PluginError):
    """Two distributions offer one name in one group."""

    def __init__(self, group: str, name: str, distributions: Iterable[str]) -> None:
        owners = " and ".join(sorted(distributions))
        super().__init__(group, name, owners, "the name is offered more than once; remove one")


class SignatureError(LabTrustError):
    """A key or a signature cannot be used."""


class LedgerError(LabTrustError):
    """The ledger cannot be written or read."""
