"""The typed start record of an episode: what was run, by whom, with which keys."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from labtrust_core.canonical import MAX_INT
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.record import StartRecord

Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=-MAX_INT, le=MAX_INT)]


class StartSchemaError(LedgerError):
    """A start record's body lacks a field, or has one of another type."""


class StartConfig(msgspec.Struct, frozen=True):
    """What the episode runs under, as far as evidence asks for it; further fields may be there.

    ``break_chain_on`` is an injected fault: whoever replays must know of it, and none else asks.
    """

    episode: str
    seed: Whole
    signatures_required: bool
    simulated: bool
    break_chain_on: Any = None


class StatedKey(msgspec.Struct, frozen=True):
    """An agent's public key (base64) as the episode knew it; times in seconds or no limit."""

    public_key: str
    agent_id: str
    role_id: str
    status: str
    not_before_s: Whole | None
    not_after_s: Whole | None


class Start(msgspec.Struct, frozen=True):
    """The body of a start record; fields as on the ledger's page. Further ones may be there."""

    config: StartConfig
    domain: str
    engine: str
    keys: dict[str, StatedKey]
    keys_digest: Digest
    partner: str | None
    policy_fingerprint: Digest
    roster: dict[str, str]
    scenario: dict[str, Any] | None
    scenario_digest: Digest
    world: Digest


def read_start(record: StartRecord) -> Start:
    """Return what a start record states.

    Raises:
        StartSchemaError: A field is missing, or of another type.
    """
    try:
        return msgspec.convert(record.body, Start)
    except msgspec.ValidationError as error:
        raise StartSchemaError(f"the start record is not complete: {error}") from error
