"""What a check of conformance raises."""

from __future__ import annotations

from labtrust_core.errors import LabTrustError


class ConformanceError(LabTrustError):
    """An environment breaks a convention; the message says which, where and how."""


class NotApplicableError(LabTrustError):
    """A check needs something that an environment does not claim to have; the message says what."""


def require(holds: object, message: str) -> None:
    """Raise unless something holds.

    Raises:
        ConformanceError: It does not.
    """
    if not holds:
        raise ConformanceError(message)
