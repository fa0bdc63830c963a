"""The caller's trust policy: whose signatures count, which policies, which agents' keys.

A verifier takes nothing that it trusts from what it verifies. The file is JSON, written by hand
or by ``labtrust keygen``; its reader is strict: unknown and missing fields, duplicates, weak keys,
keys of the wrong type and one key under two names are refused, since a threshold counts keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, NoReturn

import msgspec
from labtrust_core.errors import DocumentError, SignatureError, UsageError
from labtrust_core.trust.notes import COSIGNATURE, ED25519, VerifierKey, verifier_key

from labtrust_export.start import Digest

TRUST_POLICY: Final = "trust-policy.json"
MAX_TRUST_POLICY: Final = 1024 * 1024  # bytes

_MAX_KEYS: Final = 1000
_Threshold = Annotated[int, msgspec.Meta(ge=1, le=_MAX_KEYS)]
_Quorum = Annotated[int, msgspec.Meta(ge=0, le=_MAX_KEYS)]


class TrustPolicyError(DocumentError):
    """A file is no trust policy."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Who may cosign checkpoints (keys of type 4), and how many must."""

    keys: tuple[VerifierKey, ...] = ()
    quorum: int = 0


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """What a caller trusts; an empty field trusts nobody.

    Attributes:
        log_keys: Who may sign checkpoints.
        witnesses: Who may cosign them.
        bundle_keys: Who may sign bundles.
        bundle_threshold: How many of them must.
        release_keys: Who may sign releases.
        release_threshold: How many of them must.
        policies: Fingerprints of policies.
        agent_keys: Digests of agents' key registries.
    """

    log_keys: tuple[VerifierKey, ...] = ()
    witnesses: Witnesses = Witnesses()
    bundle_keys: tuple[VerifierKey, ...] = ()
    bundle_threshold: int = 1
    release_keys: tuple[VerifierKey, ...] = ()
    release_threshold: int = 1
    policies: tuple[str, ...] = ()
    agent_keys: tuple[str, ...] = ()

    def encoded(self) -> bytes:
        """Return the file's bytes: indented JSON, keys sorted, and an LF."""
        stated = _Stated(
            version="0.1",
            log_keys=[str(key) for key in self.log_keys],
            witnesses=_Witnesses(
                keys=[str(key) for key in self.witnesses.keys], quorum=self.witnesses.quorum
            ),
            bundle_keys=[str(key) for key in self.bundle_keys],
            bundle_threshold=self.bundle_threshold,
            release_keys=[str(key) for key in self.release_keys],
            release_threshold=self.release_threshold,
            policies=list(self.policies),
            agent_keys=list(self.agent_keys),
        )
        return json.dumps(msgspec.to_builtins(stated), indent=2).encode() + b"\n"


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base: every field is required, and there are no others."""


class _Witnesses(_Closed, frozen=True):
    keys: list[str]
    quorum: _Quorum


class _Stated(_Closed, frozen=True):
    """The file's shape."""

    version: Literal["0.1"]
    log_keys: list[str]
    witnesses: _Witnesses
    bundle_keys: list[str]
    bundle_threshold: _Threshold
    release_keys: list[str]
    release_threshold: _Threshold
    policies: list[Digest]
    agent_keys: list[Digest]


def parse_trust_policy(data: bytes) -> TrustPolicy:
    """Return the trust policy that a file's bytes spell.

    Raises:
        TrustPolicyError: It is too long, no JSON, has not the documented shape, or holds a key that
            cannot be trusted; names the place.
    """
    if len(data) > MAX_TRUST_POLICY:
        raise TrustPolicyError(
            "a trust policy is too long", expected=f"at most {MAX_TRUST_POLICY} bytes"
        )
    try:
        value = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise TrustPolicyError(f"a trust policy is JSON: {error}") from error
    try:
        stated = msgspec.convert(value, _Stated)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise TrustPolicyError(f"not a trust policy: {error}") from error
    return TrustPolicy(
        log_keys=_keys("log_keys", stated.log_keys, ED25519),
        witnesses=Witnesses(
            _keys("witnesses.keys", stated.witnesses.keys, COSIGNATURE), stated.witnesses.quorum
        ),
        bundle_keys=_keys("bundle_keys", stated.bundle_keys, ED25519),
        bundle_threshold=stated.bundle_threshold,
        release_keys=_keys("release_keys", stated.release_keys, ED25519),
        release_threshold=stated.release_threshold,
        policies=_unique("policies", stated.policies),
        agent_keys=_unique("agent_keys", stated.agent_keys),
    )


def read_trust_policy(path: Path) -> TrustPolicy:
    """Read a trust policy.

    Raises:
        TrustPolicyError: It is none; names the file and the place.
        UsageError: The file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the trust policy {path}: {error.strerror}") from error
    try:
        return parse_trust_policy(data)
    except TrustPolicyError as error:
        raise error.at(path) from error


def _keys(place: str, texts: Iterable[str], kind: int) -> tuple[VerifierKey, ...]:
    """Return the keys of a list, none of which stands there twice, under whatever name."""
    keys: dict[bytes, VerifierKey] = {}
    for number, text in enumerate(texts):
        path = f"{place}[{number}]"
        try:
            key = verifier_key(text)
        except SignatureError as error:
            raise TrustPolicyError(str(error), path=path) from error
        if key.kind != kind:
            raise TrustPolicyError(
                f"the key {key.name} is of another type",
                path=path,
                found=str(key.kind),
                expected=str(kind),
            )
        if key.public in keys:
            raise TrustPolicyError(
                f"the key {key.name} stands there twice", path=path, found=keys[key.public].name
            )
        keys[key.public] = key
    return tuple(keys.values())


def _unique(place: str, digests: list[str]) -> tuple[str, ...]:
    if len(set(digests)) < len(digests):
        raise TrustPolicyError("a digest stands there twice", path=place)
    return tuple(digests)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("an object names one key twice")
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
