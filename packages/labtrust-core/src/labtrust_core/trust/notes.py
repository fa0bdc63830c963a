"""Signed notes and checkpoints: a text with signature lines, as C2SP's signed-note says.

    text, which ends with LF
    (empty line)
    — <name> <base64 of 4 bytes of key id and the signature>

A checkpoint (C2SP's tlog-checkpoint) is a note whose text is three lines: the origin of a log, its
size, and the base64 of its Merkle root. A key is written down as ``<name>+<key id>+<base64 of type
byte and public key>``. Only Ed25519 (type 1) signs logs here; a witness's cosignature (type 4)
also states when.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from labtrust_core.canonical import has_utf8
from labtrust_core.errors import SignatureError
from labtrust_core.trust.keys import check_public_key, decode_base64

ED25519: Final = 1
COSIGNATURE: Final = 4

MAX_NOTE: Final = 64 * 1024
MAX_SIGNATURES: Final = 16

_NAME: Final = re.compile(r"[!-*,-~]{1,200}\Z")  # printable ASCII without blank and plus
_SIGNATURE_LINE: Final = re.compile("\u2014 ([!-*,-~]{1,200}) ([A-Za-z0-9+/]+={0,2})\\Z")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_SIZE: Final = re.compile(r"(0|[1-9][0-9]{0,15})\Z")
_KEY_PARTS: Final = 3
_ID_BYTES: Final = 4
_STAMP_BYTES: Final = 8
_HASH_BYTES: Final = 32
_CHECKPOINT_LINES: Final = 3
_MAX_TIME: Final = 2**63 - 1


class NoteError(SignatureError):
    """A note, a checkpoint or a verifier key is malformed."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name, as its owner publishes it.

    Attributes:
        name: Whose key it is; for a log's key, the log's origin or a prefix of it by convention.
        kind: ``ED25519`` or ``COSIGNATURE``.
        public: 32 bytes.
    """

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature line."""
        body = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return sha256(body).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """The key as its owner writes it down."""
        body = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{body}"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the signer's name, the key id, and what follows it."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends with LF, and its signatures in their order."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        """The note as it stands in a file."""
        lines = "".join(
            f"\u2014 {item.name} {base64.b64encode(item.key_id + item.signature).decode()}\n"
            for item in self.signatures
        )
        return f"{self.text}\n{lines}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log's owner signs: origin, number of records, 32-byte Merkle root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def verifier_key(text: str) -> VerifierKey:
    """Read a key as its owner writes it down.

    Raises:
        NoteError: It is malformed, its id is not that of its parts, or its type is unknown.
        SignatureError: It is a key that must not be trusted.
    """
    parts = text.split("+", 2)
    if len(parts) != _KEY_PARTS or not _NAME.match(parts[0]):
        raise NoteError(f"not a verifier key: {text[:80]!r}; expected <name>+<key id>+<base64>")
    body = decode_base64(parts[2])
    if body is None or len(body) != 1 + _HASH_BYTES or body[0] not in (ED25519, COSIGNATURE):
        raise NoteError(f"key {parts[0]}: not the base64 of a type (1 or 4) and 32 bytes")
    key = VerifierKey(parts[0], body[0], body[1:])
    if key.key_id.hex() != parts[1]:
        raise NoteError(f"key {parts[0]}: its id is {parts[1]}, expected {key.key_id.hex()}")
    check_public_key(parts[0], base64.b64encode(key.public).decode())
    return key


def key_of(name: str, private: Ed25519PrivateKey, kind: int = ED25519) -> VerifierKey:
    """Return the public half of a key under a name.

    Raises:
        NoteError: The name is empty, or holds a blank or a plus.
    """
    if not _NAME.match(name):
        raise NoteError(f"not a name for a key: {name!r}; printable ASCII without blank and plus")
    return VerifierKey(name, kind, private.public_key().public_bytes_raw())


def sign_note(text: str, name: str, private: Ed25519PrivateKey) -> NoteSignature:
    """Sign a note's text, which ends with LF.

    Raises:
        NoteError: The text or the name cannot stand in a note.
    """
    _check_text(text)
    return NoteSignature(name, key_of(name, private).key_id, private.sign(text.encode()))


def cosign(text: str, name: str, private: Ed25519PrivateKey, time_s: int) -> NoteSignature:
    """Sign a checkpoint as a witness who saw it at a time (Unix seconds).

    Raises:
        NoteError: The text or the name cannot stand in a note, or there is no such time.
    """
    _check_text(text)
    if not 0 <= time_s <= _MAX_TIME:
        raise NoteError(f"not a time of a cosignature: {time_s}; from 0 to 2^63-1 seconds")
    stamp = time_s.to_bytes(_STAMP_BYTES, "big")
    signature = private.sign(_cosigned(text, time_s))
    return NoteSignature(name, key_of(name, private, COSIGNATURE).key_id, stamp + signature)


def is_signed_by(note: Note, signature: NoteSignature, key: VerifierKey) -> bool:
    """Whether a signature line is that key's over the note."""
    message, raw = note.text.encode(), signature.signature
    if key.kind == COSIGNATURE:
        time_s, raw = int.from_bytes(raw[:_STAMP_BYTES], "big"), raw[_STAMP_BYTES:]
        if time_s > _MAX_TIME:
            return False
        message = _cosigned(note.text, time_s)
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(raw, message)
    except InvalidSignature:
        return False
    return True


def signers(note: Note, keys: Iterable[VerifierKey]) -> tuple[set[str], set[str]]:
    """Return which of ``keys`` signed the note, and which did so badly, by their written form.

    Lines of unknown keys are passed over; a key that has one bad line counts as bad.
    """
    known = {(key.name, key.key_id): key for key in keys}
    good: set[str] = set()
    bad: set[str] = set()
    for line in note.signatures:
        key = known.get((line.name, line.key_id))
        if key is not None:
            (good if is_signed_by(note, line, key) else bad).add(str(key))
    return good - bad, bad


def parse_note(data: bytes) -> Note:
    """Read a note.

    Raises:
        NoteError: It is no note: not UTF-8, too long, without signatures, or a line is malformed.
    """
    if len(data) > MAX_NOTE:
        raise NoteError(f"a note of {len(data)} bytes; at most {MAX_NOTE} are allowed")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise NoteError(f"the note is not UTF-8 at byte {error.start}") from error
    body, gap, lines = text.rpartition("\n\n")
    if not gap or not lines.endswith("\n"):
        raise NoteError("a note is a text, an empty line and signature lines, each with an LF")
    found = tuple(_signature(line) for line in lines[:-1].split("\n"))
    if len(found) > MAX_SIGNATURES:
        raise NoteError(f"a note with {len(found)} signatures; at most {MAX_SIGNATURES}")
    _check_text(body + "\n")
    return Note(body + "\n", found)


def parse_checkpoint(text: str) -> Checkpoint:
    """Read a note's text as a checkpoint of exactly three lines.

    Raises:
        NoteError: It is none.
    """
    lines = text.split("\n")
    if len(lines) != _CHECKPOINT_LINES + 1 or lines[-1] or not lines[0]:
        raise NoteError("a checkpoint is three lines: origin, size, root")
    root = decode_base64(lines[2])
    if not _SIZE.match(lines[1]) or root is None or len(root) != _HASH_BYTES:
        raise NoteError("a checkpoint's second line is a size, its third the base64 of 32 bytes")
    return Checkpoint(lines[0], int(lines[1]), root)


def _signature(line: str) -> NoteSignature:
    found = _SIGNATURE_LINE.match(line)
    raw = None if found is None else decode_base64(found[2])
    if found is None or raw is None or len(raw) <= _ID_BYTES:
        raise NoteError(f"not a signature line: {line[:80]!r}")
    return NoteSignature(found[1], raw[:_ID_BYTES], raw[_ID_BYTES:])


def _check_text(text: str) -> None:
    """Refuse a text that a note cannot hold.

    Raises:
        NoteError: It is empty, ends without LF, or holds ASCII control characters (below U+0020)
            or lone surrogates.
    """
    if len(text) <= 1 or not text.endswith("\n"):
        raise NoteError("a note's text is not empty, and ends with an LF")
    if _CONTROL.search(text) or not has_utf8(text):
        raise NoteError("a note's text is UTF-8 without control characters but LF")


def _cosigned(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
