"""What ends a check of releases, logs and witnesses: one documented code, the place, the words."""

from __future__ import annotations

from labtrust_core.errors import LabTrustError


class CheckFailedError(LabTrustError):
    """Evidence is not what it must be; the answer to a check is no.

    Attributes:
        code: Stable, such as ``RELEASE_FILE_EXTRA``; the format's page lists them.
        place: File or entry at fault; empty for the whole.
        message: What was found and what was expected.
    """

    def __init__(self, code: str, place: str, message: str) -> None:
        self.code = code
        self.place = place
        self.message = message
        super().__init__(f"{code}: {place}: {message}" if place else f"{code}: {message}")
