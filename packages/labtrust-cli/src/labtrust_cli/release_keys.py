"""Keys and time as commands about releases take them."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from labtrust_core.errors import UsageError

if TYPE_CHECKING:
    from labtrust_core.trust.key_files import SigningKey
    from labtrust_export.note_trust import NoteTrust
    from labtrust_export.trust_policy import TrustPolicy

SOURCE_DATE_EPOCH: Final = "SOURCE_DATE_EPOCH"
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_SECONDS: Final = re.compile(r"[0-9]{1,11}\Z")


def signing_key(path: Path, kind: int) -> SigningKey:
    """Read a private key whose public half was published as one of a type.

    Raises:
        UsageError: It cannot be read, or is a key of another type.
        SignatureError: It is no key.
    """
    from labtrust_core.trust.key_files import read_signing_key, read_verifier_key

    found = read_verifier_key(path.with_suffix(".pub")).kind
    if found != kind:
        raise UsageError(f"{path} is a key of type {found}; expected one of type {kind}")
    return read_signing_key(path)


def note_trust(policy: TrustPolicy) -> NoteTrust:
    """Return whose signatures on checkpoints a trust policy counts."""
    from labtrust_export.note_trust import NoteTrust

    return NoteTrust(policy.log_keys, policy.witnesses.keys, policy.witnesses.quorum)


def finished_on(option: str | None) -> str | None:
    """Return the time that somebody stated, as RFC 3339 in UTC; None where nobody did.

    Raises:
        UsageError: What was stated is no such time.
    """
    if option is not None:
        try:
            moment = datetime.strptime(option, _TIME).replace(tzinfo=UTC)
        except ValueError as error:
            raise UsageError(f"not a time: {option!r}; expected 2026-11-22T10:00:00Z") from error
        return moment.strftime(_TIME)
    stated = os.environ.get(SOURCE_DATE_EPOCH)
    if stated is None:
        return None
    if not _SECONDS.match(stated):
        raise UsageError(f"{SOURCE_DATE_EPOCH} is {stated!r}; expected Unix seconds")
    return datetime.fromtimestamp(int(stated), UTC).strftime(_TIME)
