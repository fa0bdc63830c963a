"""Pseudonyms: names for people that only who holds the key can make, and nobody can undo.

Identifiers of patients are few enough to be tried one by one, so a plain hash of one is as good as
the identifier itself. A pseudonym is keyed (HMAC-SHA-256); who has no key cannot try anything. The
domain says what kind of identifier it is and for what purpose, so that pseudonyms made for two
purposes cannot be joined. A project has a key of its own, which stays outside of everything that
is published; a new project is a new key. ``key_id`` may be published beside the pseudonyms.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from typing import Final

from labtrust_core.errors import UsageError

MIN_KEY_BYTES: Final = 32
_LENGTH: Final = 16  # characters of base 32, so 80 bits
_SEPARATOR: Final = b"\x00"
_KEY_ID: Final = b"key-id"  # holds no separator, so no pseudonym is made of the same bytes


def pseudonym(key: bytes, domain: str, identifier: str) -> str:
    """Return the pseudonym of ``identifier``: ``p-`` and 16 characters of ``a-z2-7``.

    Args:
        key: At least 32 secret bytes.
        domain: What kind of identifier it is, and for what purpose.
        identifier: Who is meant.

    Raises:
        UsageError: The key is too short, domain or identifier is empty, or the domain holds a zero
            character.
    """
    if not domain or not identifier or "\x00" in domain:
        raise UsageError("a pseudonym needs an identifier, and a domain without zero characters")
    return "p-" + _digest(key, domain.encode() + _SEPARATOR + identifier.encode())


def key_id(key: bytes) -> str:
    """Return a name for a key, which tells two keys apart and nothing about either.

    Raises:
        UsageError: The key is too short.
    """
    return "k-" + _digest(key, _KEY_ID)


def synthetic_key(seed: int) -> bytes:
    """Return the key for the simulated patients of a seed.

    They are synthetic: the identifiers come from the seed like the key, so it protects nobody and
    need not be secret. It makes a simulated patient's name look like a real project's pseudonym.
    """
    return hashlib.sha256(f"synthetic patients of seed {seed}".encode()).digest()


def _digest(key: bytes, message: bytes) -> str:
    if len(key) < MIN_KEY_BYTES:
        raise UsageError(f"a key has at least {MIN_KEY_BYTES} bytes, found {len(key)}")
    digest = hmac.digest(key, message, "sha256")
    return b32encode(digest).decode().lower()[:_LENGTH]
