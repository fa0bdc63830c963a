"""Key files: private keys as PEM that only their owner can read, public ones as verifier keys.

``NAME.key`` holds a private key (PKCS #8), ``NAME.pub`` the public half under its name, one line
``<name>+<key id>+<base64>``. A private key is never written below a folder that holds evidence.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labtrust_core.errors import SignatureError, UsageError
from labtrust_core.trust.notes import ED25519, VerifierKey, key_of, verifier_key

_EVIDENCE: Final = (
    "manifest.json",
    "episode_log.jsonl",
    "run_log.jsonl",
    "RELEASE_MANIFEST.v0.1.json",
)
_PRIVATE_MODE: Final = 0o600


class SigningKey:
    """A private key under its name.

    Attributes:
        name: The name that goes into signatures.
        private: The key.
    """

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        self.name = name
        self.private = private

    def public(self, kind: int = ED25519) -> VerifierKey:
        """Return the public half."""
        return key_of(self.name, self.private, kind)


def write_key(folder: Path, name: str, kind: int = ED25519) -> VerifierKey:
    """Make a new key: ``NAME.key``, which only the owner can read, and ``NAME.pub``.

    Args:
        folder: Where; made if need be.
        name: The key's name; a slash in it becomes a dash in the file's name.
        kind: ``COSIGNATURE`` for a witness.

    Raises:
        UsageError: A file of that name is there, cannot be written, or the folder holds evidence.
        NoteError: It is no name for a key.
    """
    private = Ed25519PrivateKey.generate()
    public = key_of(name, private, kind)
    require_no_evidence(folder)
    stem = name.replace("/", "-")
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(folder / f"{stem}.key", pem, _PRIVATE_MODE)
        _write_new(folder / f"{stem}.pub", f"{public}\n".encode(), 0o644)
    except OSError as error:
        raise UsageError(f"cannot write the key {folder / stem}: {error.strerror}") from error
    return public


def read_signing_key(path: Path) -> SigningKey:
    """Read a private key; its name stands in the ``.pub`` file beside it.

    Raises:
        UsageError: A file is missing or cannot be read.
        SignatureError: It holds no Ed25519 key, or the public half is another key's.
    """
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the key {path}: {error.strerror}") from error
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise SignatureError(f"{path} holds no private key in PEM without a password") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SignatureError(f"{path} holds no Ed25519 key")
    public = read_verifier_key(path.with_suffix(".pub"))
    if public.public != private.public_key().public_bytes_raw():
        raise SignatureError(f"{path.with_suffix('.pub')} is not the public half of {path}")
    return SigningKey(public.name, private)


def read_verifier_key(path: Path) -> VerifierKey:
    """Read a public key.

    Raises:
        UsageError: The file is missing or cannot be read.
        SignatureError: It holds no verifier key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the key {path}: {error}") from error
    return verifier_key(text.removesuffix("\n"))


def require_no_evidence(folder: Path) -> None:
    """Refuse a folder that holds evidence, or lies below one that does: no key goes there.

    Raises:
        UsageError: It does.
    """
    for place in (folder, *folder.absolute().parents):
        found = next((name for name in _EVIDENCE if (place / name).exists()), None)
        if found is not None:
            raise UsageError(f"no key is written below {place}, which holds {found}")


def _write_new(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
