"""An evidence bundle as an HL7 FHIR R4 Bundle of type collection: the same bytes every time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from labtrust_core.canonical import NotCanonicalError, sha256_hex
from labtrust_core.errors import DocumentError, PolicyError, UsageError
from labtrust_core.ledger.record import read_record
from labtrust_core.ledger.verify import LogFaultError
from labtrust_core.policy.snapshot import read_snapshot

from labtrust_export.episode import EpisodeLog, read_episode
from labtrust_export.fhir import deeds, findings, orders
from labtrust_export.fhir.catalogue import Catalogue
from labtrust_export.fhir.codes import Element, shipped_codes
from labtrust_export.fhir.desk import Desk
from labtrust_export.fhir.ids import DEFAULT_EPOCH, Calendar, Names
from labtrust_export.fhir.journal import read_journal
from labtrust_export.receipts import receipt_file
from labtrust_export.start import Start, StartSchemaError
from labtrust_export.statement import EPISODE_LOG, POLICY, RECEIPTS

_encode: Final = msgspec.json.Encoder(decimal_format="number", order="deterministic").encode

_WRITERS: Final = (
    orders.laboratory,
    orders.machines,
    orders.people,
    orders.patients,
    orders.requests,
    orders.specimens,
    findings.observations,
    findings.reports,
    deeds.provenances,
    deeds.audit_events,
)


def export_bundle(folder: Path, epoch: str = DEFAULT_EPOCH) -> bytes:
    """Return the FHIR Bundle of an evidence bundle, as JSON with an LF.

    Signatures are not looked at: ``verify-bundle`` does that. What the Bundle says follows from the
    ledger, so ledger, policy and receipts must agree.

    Args:
        folder: An evidence bundle of the laboratory.
        epoch: The instant that second 0 of the simulation stands for.

    Raises:
        UsageError: The folder is no evidence bundle, or not of the laboratory.
        DocumentError: Log, policy and receipts are not what they must be, or do not agree.
        LedgerError: A file cannot be read.
    """
    for name in (EPISODE_LOG, POLICY, RECEIPTS):
        if not (folder / name).is_file():
            raise UsageError(f"{folder} is no evidence bundle of the laboratory: no {name} in it")
    try:
        log = read_episode(folder / EPISODE_LOG)
    except (LogFaultError, StartSchemaError) as error:
        message = f"the log does not verify: {error}"
        raise DocumentError(message, file=folder / EPISODE_LOG) from error
    receipts = list(log.receipts.receipts())
    if (folder / RECEIPTS).read_bytes() != receipt_file(receipts):
        raise DocumentError("the receipts are not what the log yields", file=folder / RECEIPTS)
    documents = _documents(folder / POLICY, log.start)
    return encoded(fhir_bundle(log, documents, epoch))


def encoded(bundle: Element) -> bytes:
    """Return a Bundle's bytes: keys sorted, numbers with the digits that they have, an LF."""
    return _encode(bundle) + b"\n"


def fhir_bundle(
    log: EpisodeLog, documents: Mapping[str, object], epoch: str = DEFAULT_EPOCH
) -> Element:
    """Return the FHIR Bundle of one ledger, which was made under these documents of policy.

    Raises:
        UsageError: The log is not of the laboratory, or the epoch is no instant.
        DocumentError: A document is not what it must be.
    """
    if not log.has_receipts:
        raise UsageError(f"FHIR is for episodes of the laboratory, not of {log.start.domain}")
    first = log.receipts.leaves[0].hex()
    records = (read_record(line) for line in log.lines())
    desk = Desk(
        codes=shipped_codes(),
        catalogue=Catalogue(documents),
        journal=read_journal(records, log.receipts.receipts()),
        names=Names(first),
        calendar=Calendar(epoch),
        log=first,
        policy=log.start.policy_fingerprint,
    )
    entries = [_entry(desk, resource) for writer in _WRITERS for resource in writer(desk)]
    return {
        "resourceType": "Bundle",
        "meta": {"security": [desk.codes.coding("act_reason", "HTEST")]},
        "identifier": desk.codes.identifier("episode", first),
        "type": "collection",
        "timestamp": desk.calendar.instant(desk.journal.last_s),
        "entry": entries,
    }


def _entry(desk: Desk, resource: Element) -> Element:
    full_url = desk.names.full_url(str(resource["resourceType"]), str(resource["id"]))
    return {"fullUrl": full_url, "resource": resource}


def _documents(path: Path, start: Start) -> Mapping[str, object]:
    """Return the policy's documents, having seen that the log was made under them."""
    data = path.read_bytes().removesuffix(b"\n")
    try:
        documents = read_snapshot(data)
    except NotCanonicalError as error:
        raise DocumentError(f"the policy is not canonical: {error}", file=path) from error
    except PolicyError as error:
        raise error.at(path) from error
    found = sha256_hex(data)
    if found != start.policy_fingerprint:
        raise DocumentError(
            "the log was not made under this policy",
            file=path,
            found=found,
            expected=start.policy_fingerprint,
        )
    return documents
