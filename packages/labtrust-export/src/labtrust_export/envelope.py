"""DSSE envelopes: typed payloads with signatures, as files of canonical JSON.

    {"payload": base64, "payloadType": "...", "signatures": [{"keyid": "...", "sig": base64}]}

A signature covers the pre-authentication encoding of type and payload (DSSE v1). ``keyid`` is
``<name>+<key id>`` of a key as its owner publishes it; it only says which key to try.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, parse_canonical
from labtrust_core.errors import LabTrustError
from labtrust_core.trust.keys import decode_base64
from labtrust_core.trust.notes import VerifierKey, key_of
from labtrust_core.trust.signatures import pre_authentication

MAX_ENVELOPE: Final = 64 * 1024 * 1024
MAX_SIGNATURES: Final = 16


class EnvelopeError(LabTrustError):
    """A file is no envelope.

    Attributes:
        canonical: Whether it is at least canonical JSON.
    """

    def __init__(self, message: str, *, canonical: bool) -> None:
        super().__init__(message)
        self.canonical = canonical


class _Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    payload: str
    payloadType: str  # noqa: N815 - the field's name
    signatures: list[_Signature]


class Envelope(msgspec.Struct, frozen=True):
    """A payload of a type, and (key id, signature) pairs in their order."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    def encoded(self) -> bytes:
        """Return the file's bytes: canonical JSON and an LF."""
        body = {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": key_id, "sig": base64.b64encode(raw).decode()}
                for key_id, raw in self.signatures
            ],
        }
        return canonical_bytes(body) + b"\n"


def dsse_id(key: VerifierKey) -> str:
    """Return the ``keyid`` of a key: its name and its key id."""
    return f"{key.name}+{key.key_id.hex()}"


def signed(
    payload_type: str, payload: bytes, signers: Sequence[tuple[str, Ed25519PrivateKey]]
) -> Envelope:
    """Return a payload signed by named keys.

    Raises:
        NoteError: A name cannot be a key's.
    """
    message = pre_authentication(payload_type, payload)
    return Envelope(
        payload_type,
        payload,
        tuple((dsse_id(key_of(name, key)), key.sign(message)) for name, key in signers),
    )


def read_envelope(data: bytes) -> Envelope:
    """Read an envelope's file.

    Raises:
        EnvelopeError: It is not canonical JSON with an LF, or not of the documented shape.
    """
    if not data.endswith(b"\n"):
        raise EnvelopeError("the file does not end with an LF", canonical=False)
    try:
        value = parse_canonical(data[:-1], MAX_ENVELOPE)
    except NotCanonicalError as error:
        raise EnvelopeError(str(error), canonical=False) from error
    try:
        stated = msgspec.convert(value, _Envelope)
    except msgspec.ValidationError as error:
        raise EnvelopeError(f"not an envelope: {error}", canonical=True) from error
    payload = decode_base64(stated.payload)
    found = [(item.keyid, decode_base64(item.sig)) for item in stated.signatures]
    if payload is None or len(found) > MAX_SIGNATURES:
        raise EnvelopeError(
            f"the payload is base64, and at most {MAX_SIGNATURES} signatures follow", canonical=True
        )
    signatures = tuple((key_id, raw) for key_id, raw in found if raw is not None)
    if len(signatures) < len(found):
        raise EnvelopeError("a signature is not base64", canonical=True)
    return Envelope(stated.payloadType, payload, signatures)


def signers(envelope: Envelope, keys: Iterable[VerifierKey]) -> tuple[set[str], set[str]]:
    """Return which of ``keys`` signed, and which did so badly, by their ``keyid``.

    Signatures of unknown keys are passed over; a key with one bad signature counts as bad.
    """
    message = pre_authentication(envelope.payload_type, envelope.payload)
    known = {dsse_id(key): key for key in keys}
    good: set[str] = set()
    bad: set[str] = set()
    for key_id, raw in envelope.signatures:
        key = known.get(key_id)
        if key is not None:
            (good if _verifies(key, raw, message) else bad).add(key_id)
    return good - bad, bad


def _verifies(key: VerifierKey, raw: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, message)
    except InvalidSignature:
        return False
    return True
