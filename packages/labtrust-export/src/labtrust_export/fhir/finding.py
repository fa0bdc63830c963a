"""One thing that a check has to say about a Bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        path: Where, such as ``entry[3].resource(Observation).status``.
        check: Which rule: a name of ours, or the official definitions' key.
        message: What was found.
        severity: Only errors make a Bundle fail.
        source: "own", "terminology" or "official".
    """

    path: str
    check: str
    message: str
    severity: Severity = "error"
    source: Literal["own", "terminology", "official"] = "own"

    def __str__(self) -> str:
        """One line for a terminal."""
        return f"{self.severity}: {self.path}: {self.message} [{self.source}: {self.check}]"
