"""The key registry: which public key belongs to which agent in which role, and when it may be used.

A key is refused at registration when it is not 32 bytes of a canonical Ed25519 point of full order:
under a low-order key any signature verifies, and a non-canonical encoding gives one key two names
(Chalkias et al. 2020; the encodings are the fourteen that CCTV lists).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from labtrust_core.canonical import encode_plain, sha256_hex
from labtrust_core.errors import SignatureError
from labtrust_core.policy.model import Key

_FIELD_PRIME: Final = 2**255 - 19
_KEY_BYTES: Final = 32
_LOW_ORDER_Y: Final = frozenset(
    {
        0,
        1,
        _FIELD_PRIME - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)


class TestKeyBinding(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A test key without its key material: whose it is, and when it may be used (seconds)."""

    __test__: ClassVar[bool] = False  # not a test class, whatever its name

    agent_id: str
    role_id: str
    status: str = "ACTIVE"
    not_before_s: int | None = None
    not_after_s: int | None = None


class KeyRegistry:
    """The keys of one episode; immutable.

    Attributes:
        keys: Key id to key.
        stated: The same as plain data, as the start record holds it.
        digest: SHA-256 (hex) of the canonical form of ``stated``.
    """

    __slots__ = ("digest", "keys", "stated")

    def __init__(self, keys: Mapping[str, Key]) -> None:
        """Register ``keys``.

        Raises:
            SignatureError: A public key is malformed, not canonical or of low order; names the key.
        """
        for key_id, key in keys.items():
            check_public_key(key_id, key.public_key)
        self.keys = dict(keys)
        self.stated = {name: msgspec.to_builtins(key) for name, key in keys.items()}
        self.digest = sha256_hex(encode_plain(self.stated))

    def extended(self, keys: Mapping[str, Key]) -> KeyRegistry:
        """Return a registry with ``keys`` added.

        Raises:
            SignatureError: A key id is already taken, or a key is not acceptable.
        """
        taken = sorted(self.keys.keys() & keys.keys())
        if taken:
            raise SignatureError(f"key ids are already registered: {', '.join(taken)}")
        return KeyRegistry({**self.keys, **keys})


def decode_base64(text: str) -> bytes | None:
    """Return the bytes of canonical base64 (unused bits are zero), ``None`` for all else."""
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return raw if base64.b64encode(raw).decode() == text else None


def check_public_key(key_id: str, public_key: str) -> None:
    """Refuse a public key (base64) that must not be trusted.

    Raises:
        SignatureError: It is not base64 of 32 bytes, not a canonical point, or of low order.
    """
    raw = decode_base64(public_key)
    if raw is None:
        raise SignatureError(f"key {key_id}: the public key is not base64")
    if len(raw) != _KEY_BYTES:
        raise SignatureError(
            f"key {key_id}: the public key has {len(raw)} bytes, expected {_KEY_BYTES}"
        )
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _FIELD_PRIME:
        raise SignatureError(f"key {key_id}: the public key is not in canonical encoding")
    if y in _LOW_ORDER_Y:
        raise SignatureError(
            f"key {key_id}: the public key has low order, under which any signature verifies"
        )
    if not _is_on_curve(y):
        raise SignatureError(f"key {key_id}: the public key is not a point of the curve")


def _is_on_curve(y: int) -> bool:
    """Whether ``y`` belongs to a point: x^2 = (y^2-1)/(d*y^2+1) is a square (RFC 8032, 5.1.3)."""
    d = -121665 * pow(121666, -1, _FIELD_PRIME) % _FIELD_PRIME
    x2 = (y * y - 1) * pow(d * y * y + 1, -1, _FIELD_PRIME) % _FIELD_PRIME
    return pow(x2, (_FIELD_PRIME - 1) // 2, _FIELD_PRIME) in {0, 1}


@lru_cache(maxsize=1024)
def public_key(encoded: str) -> Ed25519PublicKey:
    """Return the key object of a registered public key."""
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded))


def derive_test_key(seed: int, key_id: str) -> Ed25519PrivateKey:
    """Return the private key that tests, demonstrations and simulated crews use for ``key_id``.

    Anyone can derive it: it proves nothing outside a simulation, and no production registry holds
    such a key.
    """
    secret = hashlib.sha256(f"labtrust test key\n{seed}\n{key_id}".encode()).digest()
    return Ed25519PrivateKey.from_private_bytes(secret)


def encode_public_key(private: Ed25519PrivateKey) -> str:
    """Return the base64 form of the public half, as the registry holds it."""
    return base64.b64encode(private.public_key().public_bytes_raw()).decode()


class TestKeyring:
    """Derived private keys by id, and the registry entries that go with them."""

    __test__ = False  # not a test class, whatever its name

    def __init__(self, bindings: Mapping[str, TestKeyBinding], seed: int) -> None:
        self.private = {key_id: derive_test_key(seed, key_id) for key_id in bindings}
        self.keys = {
            key_id: msgspec.convert(
                {
                    **msgspec.to_builtins(binding),
                    "public_key": encode_public_key(self.private[key_id]),
                },
                Key,
            )
            for key_id, binding in bindings.items()
        }
