"""An evidence bundle as an HL7 FHIR R4 Bundle of type collection: the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from labtrust_core.canonical import NotCanonicalError, sha256_hex
from labtrust_core.errors import DocumentError, PolicyError, UsageError
from labtrust_core.ledger.record import Record, StartRecord
from labtrust_core.ledger.verify import (
    LogChecker,
    LogFaultError,
    feed_whole_line,
    open_log,
    read_lines,
)
from labtrust_core.policy.snapshot import read_snapshot

from labtrust_export.fhir import deeds, findings, orders
from labtrust_export.fhir.catalogue import Catalogue
from labtrust_export.fhir.codes import Element, shipped_codes
from labtrust_export.fhir.desk import Desk
from labtrust_export.fhir.ids import DEFAULT_EPOCH, Calendar, Names
from labtrust_export.fhir.journal import read_journal
from labtrust_export.receipts import Receipt, ReceiptCollector, receipt_file

DOMAIN: Final = "hospital_lab"
LOG: Final = "episode_log.jsonl"
POLICY: Final = "policy.json"
RECEIPTS: Final = "receipts.jsonl"
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

    Args:
        folder: An evidence bundle of the laboratory.
        epoch: The instant that second 0 of the simulation stands for.

    Raises:
        UsageError: The folder is no evidence bundle, or not of the laboratory.
        DocumentError: Log, policy and receipts are not what they must be, or do not agree.
        LedgerError: A file cannot be read.
    """
    for name in (LOG, POLICY, RECEIPTS):
        if not (folder / name).is_file():
            raise UsageError(f"{folder} is no evidence bundle of the laboratory: no {name} in it")
    records, collector = _read_log(folder / LOG)
    documents = _documents(folder / POLICY, records[0])
    receipts = list(collector.receipts())
    if (folder / RECEIPTS).read_bytes() != receipt_file(receipts):
        raise DocumentError("the receipts are not what the log yields", file=folder / RECEIPTS)
    return encoded(fhir_bundle(records, receipts, documents, epoch))


def encoded(bundle: Element) -> bytes:
    """Return a Bundle's bytes: keys sorted, numbers with the digits that they have, an LF."""
    return _encode(bundle) + b"\n"


def fhir_bundle(
    records: Sequence[Record],
    receipts: Iterable[Receipt],
    documents: Mapping[str, object],
    epoch: str = DEFAULT_EPOCH,
) -> Element:
    """Return the FHIR Bundle of one verified log and its receipts, under these documents.

    Raises:
        UsageError: The log is not of the laboratory, or the epoch is no instant.
        DocumentError: A document is not what it must be.
    """
    start = records[0]
    if not isinstance(start, StartRecord) or start.body.get("domain") != DOMAIN:
        raise UsageError(f"FHIR is for episodes of the domain {DOMAIN}")
    log = records[1].prev
    desk = Desk(
        codes=shipped_codes(),
        catalogue=Catalogue(documents),
        journal=read_journal(records, receipts),
        names=Names(log),
        calendar=Calendar(epoch),
        log=log,
        policy=str(start.body.get("policy_fingerprint")),
    )
    entries = [_entry(desk, resource) for writer in _WRITERS for resource in writer(desk)]
    return {
        "resourceType": "Bundle",
        "meta": {"security": [desk.codes.coding("act_reason", "HTEST")]},
        "identifier": desk.codes.identifier("episode", log),
        "type": "collection",
        "timestamp": desk.calendar.instant(desk.journal.last_s),
        "entry": entries,
    }


def _entry(desk: Desk, resource: Element) -> Element:
    full_url = desk.names.full_url(str(resource["resourceType"]), str(resource["id"]))
    return {"fullUrl": full_url, "resource": resource}


def _read_log(path: Path) -> tuple[list[Record], ReceiptCollector]:
    """Return the records of a log that verifies, and what its receipts are made of."""
    checker, collector = LogChecker(), ReceiptCollector()
    records: list[Record] = []
    try:
        with open_log(path) as file:
            for line in read_lines(file):
                record = feed_whole_line(checker, line)
                if record is not None:
                    records.append(record)
                    collector.add(record, bytes.fromhex(checker.head))
        checker.finish()
    except LogFaultError as fault:
        raise DocumentError(f"the log does not verify: {fault}", file=path) from fault
    return records, collector


def _documents(path: Path, start: Record) -> Mapping[str, object]:
    """Return the policy's documents, having seen that the log was run under them."""
    data = path.read_bytes().removesuffix(b"\n")
    try:
        documents = read_snapshot(data)
    except NotCanonicalError as error:
        raise DocumentError(f"the policy is not canonical: {error}", file=path) from error
    except PolicyError as error:
        raise error.at(path) from error
    found = sha256_hex(data)
    stated = start.body.get("policy_fingerprint") if isinstance(start, StartRecord) else None
    if found != stated:
        raise DocumentError(
            "the log was not run under this policy", file=path, found=found, expected=str(stated)
        )
    return documents
