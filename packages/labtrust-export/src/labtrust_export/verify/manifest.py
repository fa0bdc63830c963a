"""The manifest of a bundle: its envelope, its statement, the files that it lists, who signed it."""

from __future__ import annotations

from dataclasses import dataclass

from labtrust_export.envelope import (
    MAX_ENVELOPE,
    Envelope,
    EnvelopeError,
    dsse_id,
    read_envelope,
    signers,
)
from labtrust_export.statement import (
    MANIFEST,
    PAYLOAD_TYPE,
    Statement,
    StatementError,
    read_statement,
)
from labtrust_export.trust_policy import TrustPolicy
from labtrust_export.verify.files import Folder, opened
from labtrust_export.verify.report import FaultError


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read: its envelope and what that states."""

    envelope: Envelope
    statement: Statement


def read_manifest(folder: Folder) -> Manifest:
    """Read a folder's manifest, and compare the files that are there with those that it lists.

    Raises:
        FaultError: A code from ``BUNDLE_FILE_MISSING`` to ``BUNDLE_FILE_EXTRA``.
    """
    if MANIFEST not in folder.known:
        raise FaultError("BUNDLE_FILE_MISSING", f"{MANIFEST} is not there", file=MANIFEST)
    with opened(folder.path, MANIFEST) as file:
        data = file.content(MAX_ENVELOPE)
    envelope = _envelope(data)
    try:
        statement = read_statement(envelope.payload)
    except StatementError as error:
        raise FaultError(str(error.code), str(error), file=MANIFEST) from error
    _check_files(folder, set(statement.digests()))
    return Manifest(envelope, statement)


def check_manifest_signatures(manifest: Manifest, trust: TrustPolicy) -> list[str]:
    """Return the ids of the trusted keys that signed a manifest.

    Raises:
        FaultError: One of the ``ENVELOPE_`` codes of level L1.
    """
    if not manifest.envelope.signatures:
        raise FaultError("ENVELOPE_UNSIGNED", "the envelope holds no signature", file=MANIFEST)
    good, bad = signers(manifest.envelope, trust.bundle_keys)
    if bad:
        message = f"the signature of {min(bad)} does not verify"
        raise FaultError("ENVELOPE_SIGNATURE", message, file=MANIFEST)
    if not good:
        named = ", ".join(key_id for key_id, _ in manifest.envelope.signatures)
        trusted = ", ".join(dsse_id(key) for key in trust.bundle_keys) or "nobody"
        message = f"signed by {named}; trusted are {trusted}"
        raise FaultError("ENVELOPE_KEY_UNKNOWN", message, file=MANIFEST)
    if len(good) < trust.bundle_threshold:
        message = f"signed by {len(good)} trusted keys, expected {trust.bundle_threshold}"
        raise FaultError("ENVELOPE_THRESHOLD", message, file=MANIFEST)
    return sorted(good)


def _envelope(data: bytes | None) -> Envelope:
    if data is None:
        message = f"more than {MAX_ENVELOPE} bytes"
        raise FaultError("ENVELOPE_NOT_CANONICAL", message, file=MANIFEST)
    try:
        envelope = read_envelope(data)
    except EnvelopeError as error:
        code = "ENVELOPE_SCHEMA" if error.canonical else "ENVELOPE_NOT_CANONICAL"
        raise FaultError(code, str(error), file=MANIFEST) from error
    if envelope.payload_type != PAYLOAD_TYPE:
        message = f"the payload is {envelope.payload_type!r}, expected {PAYLOAD_TYPE!r}"
        raise FaultError("ENVELOPE_TYPE", message, file=MANIFEST)
    return envelope


def _check_files(folder: Folder, listed: set[str]) -> None:
    missing = sorted(listed - folder.known)
    if missing:
        message = f"{missing[0]} is listed and not there"
        raise FaultError("BUNDLE_FILE_MISSING", message, file=missing[0])
    extra = sorted(folder.known - listed - {MANIFEST})
    if folder.strange is not None:
        extra = sorted([*extra, folder.strange])
    if extra:
        message = f"{extra[0]} is there and not listed"
        raise FaultError("BUNDLE_FILE_EXTRA", message, file=extra[0])
