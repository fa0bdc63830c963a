"""The start record of a ledger: what it states by digest, and the agents' keys."""

from __future__ import annotations

from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.errors import SignatureError
from labtrust_core.ledger.record import StartRecord
from labtrust_core.trust.keys import check_public_key

from labtrust_export.start import Start, StartSchemaError, read_start
from labtrust_export.statement import EPISODE_LOG
from labtrust_export.verify.report import FaultError


def checked_start(record: StartRecord) -> Start:
    """Return what a start record states.

    Raises:
        FaultError: ``START_SCHEMA``, ``KEYS_DIGEST``, ``KEYS_WEAK`` or ``SCENARIO_DIGEST``.
    """
    try:
        start = read_start(record)
    except StartSchemaError as error:
        raise FaultError("START_SCHEMA", str(error), file=EPISODE_LOG, record=0) from error
    _check_digest("KEYS_DIGEST", record.body["keys"], start.keys_digest, "keys")
    for key_id in sorted(start.keys):
        try:
            check_public_key(key_id, start.keys[key_id].public_key)
        except SignatureError as error:
            raise FaultError("KEYS_WEAK", str(error), file=EPISODE_LOG, record=0) from error
    if start.scenario is not None:
        scenario = record.body["scenario"]
        _check_digest("SCENARIO_DIGEST", scenario, start.scenario_digest, "scenario")
    return start


def _check_digest(code: str, value: object, stated: str, name: str) -> None:
    found = sha256_hex(canonical_bytes(value))
    if found != stated:
        message = f"{name} has the digest {found}, {name}_digest says {stated}"
        raise FaultError(code, message, file=EPISODE_LOG, record=0)
