"""The start record of a ledger: what was run, with which agents' keys, from which state."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

import msgspec
from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.errors import SignatureError
from labtrust_core.ledger.record import StartRecord
from labtrust_core.trust.keys import check_public_key

from labtrust_export.verify.files import EPISODE_LOG
from labtrust_export.verify.report import FaultError

_Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class StatedConfig(msgspec.Struct, frozen=True):
    """What an episode ran under, as far as a verifier needs it."""

    episode: str
    seed: int
    signatures_required: bool
    simulated: bool


class StatedKey(msgspec.Struct, frozen=True):
    """One agent's key; times in seconds."""

    public_key: str
    agent_id: str
    role_id: str
    status: str
    not_before_s: int | None
    not_after_s: int | None


class StartBody(msgspec.Struct, frozen=True):
    """The body of a start record; what else stands in it is not looked at here."""

    config: StatedConfig
    domain: str
    engine: str
    keys: dict[str, StatedKey]
    keys_digest: _Digest
    partner: str | None
    policy_fingerprint: _Digest
    roster: dict[str, str]
    scenario: dict[str, Any] | None
    scenario_digest: _Digest
    world: _Digest


_FILE: Final = EPISODE_LOG


def read_start(record: StartRecord) -> StartBody:
    """Return the body of a start record.

    Raises:
        FaultError: ``START_SCHEMA``.
    """
    try:
        return msgspec.convert(record.body, StartBody)
    except msgspec.ValidationError as error:
        message = f"the start record's body: {error}"
        raise FaultError("START_SCHEMA", message, file=_FILE, record=0) from error


def check_start(record: StartRecord, body: StartBody) -> None:
    """Check what a start record states by digest, and the agents' keys.

    Raises:
        FaultError: ``KEYS_DIGEST``, ``KEYS_WEAK`` or ``SCENARIO_DIGEST``.
    """
    _check_digest("KEYS_DIGEST", record.body["keys"], body.keys_digest, "keys")
    for key_id in sorted(body.keys):
        try:
            check_public_key(key_id, body.keys[key_id].public_key)
        except SignatureError as error:
            raise FaultError("KEYS_WEAK", str(error), file=_FILE, record=0) from error
    if body.scenario is not None:
        scenario = record.body["scenario"]
        _check_digest("SCENARIO_DIGEST", scenario, body.scenario_digest, "scenario")


def _check_digest(code: str, value: object, stated: str, name: str) -> None:
    found = sha256_hex(canonical_bytes(value))
    if found != stated:
        message = f"{name} has the digest {found}, {name}_digest says {stated}"
        raise FaultError(code, message, file=_FILE, record=0)
