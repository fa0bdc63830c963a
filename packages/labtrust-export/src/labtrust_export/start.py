"""The typed start record of an episode: what was run, by whom, with which keys."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import msgspec
from labtrust_core.canonical import MAX_INT
from labtrust_core.errors import LedgerError
from labtrust_core.ledger.record import StartRecord
from labtrust_core.policy.model import Key

Digest: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]
Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=-MAX_INT, le=MAX_INT)]


class StartSchemaError(LedgerError):
    """A start record's body lacks a field, or has one of another type."""


class StartConfig(msgspec.Struct, frozen=True):
    """What the episode runs under; as ``labtrust_core.engine.context.EpisodeConfig``."""

    break_chain_on: str | None
    episode: str
    seed: Whole
    signatures_required: bool
    simulated: bool


class Start(msgspec.Struct, frozen=True):
    """The body of a start record; fields as on the ledger's page."""

    config: StartConfig
    domain: str
    engine: str
    keys: dict[str, Key]
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
