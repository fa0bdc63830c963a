"""Names of resources: legal ids, full URLs, references, and instants.

An id may hold 64 letters, digits, dashes and dots. Ids of the laboratory may hold anything, so they
are spelt: letters and digits as they are, "_" as "-", every other byte as "." and two hexadecimal
digits. Several parts are joined by "..". What would be empty or too long becomes ".." and a digest.
Two different names never get one id.
"""

from __future__ import annotations

import uuid
from base64 import b32encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import UsageError

from labtrust_export.fhir.codes import Element

DEFAULT_EPOCH: Final = "2000-01-01T00:00:00Z"
_NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:labtrust:fhir")
_LONGEST: Final = 64
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_JOINT: Final = ".."


def fhir_id(*parts: str) -> str:
    """Return the id of what ``parts`` name; other parts give another id."""
    spelt = [_spelt(part) for part in parts]
    joined = _JOINT.join(spelt)
    if all(spelt) and len(joined) <= _LONGEST:
        return joined
    digest = sha256(canonical_bytes(list(parts))).digest()
    return _JOINT + b32encode(digest).decode().rstrip("=").lower()


def _spelt(part: str) -> str:
    return "".join(
        chr(byte) if byte in _PLAIN else "-" if byte == ord("_") else f".{byte:02x}"
        for byte in part.encode()
    )


class Names:
    """Full URLs of one episode's resources: name-based UUIDs, so they are stable and its own."""

    def __init__(self, episode: str) -> None:
        """Take the leaf hash of the log's first record, which no other episode has."""
        self._episode = episode

    def full_url(self, kind: str, resource_id: str) -> str:
        """Return the full URL of a resource."""
        return uuid.uuid5(_NAMESPACE, f"{self._episode}/{kind}/{resource_id}").urn

    def reference(self, kind: str, *parts: str) -> Element:
        """Return a Reference to the resource of a kind that ``parts`` name."""
        return {"reference": self.full_url(kind, fhir_id(*parts)), "type": kind}


class Calendar:
    """Seconds of the simulation as instants: second 0 is the epoch, which is a convention."""

    def __init__(self, epoch: str = DEFAULT_EPOCH) -> None:
        """Take an instant with a time zone, in whole seconds.

        Raises:
            UsageError: It is none.
        """
        try:
            start = datetime.fromisoformat(epoch)
        except ValueError as error:
            raise UsageError(
                f"the epoch {epoch!r} is no instant such as {DEFAULT_EPOCH}"
            ) from error
        if start.tzinfo is None or start.microsecond:
            raise UsageError(f"the epoch {epoch!r} needs a time zone and whole seconds")
        try:
            self._start = start.astimezone(UTC)
        except OverflowError as error:
            raise UsageError(f"the epoch {epoch!r} is no date in UTC") from error

    def instant(self, second: int) -> str:
        """Return a second of the simulation as an instant in UTC.

        Raises:
            UsageError: It lies outside the years 1 to 9999.
        """
        try:
            moment = self._start + timedelta(seconds=second)
        except OverflowError as error:
            raise UsageError(f"second {second} after the epoch is no date any more") from error
        return moment.replace(tzinfo=None).isoformat() + "Z"
