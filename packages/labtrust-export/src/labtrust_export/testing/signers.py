"""Keys of the test bundles, and the trust policy of a caller who trusts the honest ones.

Every private key is derived from its name: anyone can sign with them, so they prove nothing outside
tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core.canonical import canonical_bytes
from labtrust_core.trust.notes import COSIGNATURE, ED25519, VerifierKey, key_of

QUORUM: Final = 2
THRESHOLD: Final = 2
WITNESSED_AT: Final = 1_790_000_000  # seconds of Unix time


class Signer(NamedTuple):
    """A private key under its name."""

    name: str
    private: Ed25519PrivateKey

    def public(self, kind: int = ED25519) -> VerifierKey:
        """Return the public half."""
        return key_of(self.name, self.private, kind)


def signer(name: str, seed: str | None = None) -> Signer:
    """Return the key that tests use under a name; another ``seed`` gives another key of it."""
    secret = sha256(f"labtrust evidence test key\n{seed or name}".encode()).digest()
    return Signer(name, Ed25519PrivateKey.from_private_bytes(secret))


LOG: Final = signer("test.labtrust/log")
MAKERS: Final = (signer("test.labtrust/maker"), signer("test.labtrust/approver"))
WITNESSES: Final = tuple(signer(f"test.labtrust/witness-{number}") for number in (1, 2, 3))
RELEASER: Final = signer("test.labtrust/releaser")
ATTACKER: Final = signer("test.labtrust/attacker")


@dataclass(frozen=True)
class Signers:
    """Who signs a bundle: its checkpoints, the witnesses who saw them, its manifest."""

    log: Signer = LOG
    witnesses: tuple[Signer, ...] = WITNESSES[:QUORUM]
    makers: tuple[Signer, ...] = MAKERS


HONEST: Final = Signers()
FOREIGN: Final = Signers(
    log=ATTACKER, witnesses=(signer("test.labtrust/attacker-witness"),), makers=(ATTACKER,)
)
IMPOSTORS: Final = Signers(
    log=signer(LOG.name, "impostor"),
    witnesses=tuple(signer(item.name, f"impostor {item.name}") for item in HONEST.witnesses),
    makers=tuple(signer(item.name, f"impostor {item.name}") for item in MAKERS),
)
"""Keys of the attacker's own under the names of the trusted ones."""


def trust_policy(policies: Iterable[str], agent_keys: Iterable[str]) -> dict[str, Any]:
    """Return the trust policy of a caller who trusts the honest keys.

    Args:
        policies: Policy fingerprints that he accepts.
        agent_keys: Digests of the agents' keys that he accepts.
    """
    return {
        "version": "0.1",
        "log_keys": [str(LOG.public())],
        "witnesses": {
            "keys": [str(item.public(COSIGNATURE)) for item in WITNESSES],
            "quorum": QUORUM,
        },
        "bundle_keys": [str(item.public()) for item in MAKERS],
        "bundle_threshold": THRESHOLD,
        "release_keys": [str(RELEASER.public())],
        "release_threshold": 1,
        "policies": sorted(policies),
        "agent_keys": sorted(agent_keys),
    }


def trust_bytes(policy: dict[str, Any]) -> bytes:
    """Return a trust policy as the bytes of its file."""
    return canonical_bytes(policy) + b"\n"
