"""Writes the zip: the same bytes for the same run, with nothing that it refers to outside of it.

Names are sorted, times fixed. Logs go through line by line, so their size does not matter; memory
holds the receipts of one episode.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec
from labtrust_core.canonical import sha256_hex
from labtrust_core.ledger.record import EventRecord, read_record
from labtrust_core.ledger.verify import open_log, read_lines
from labtrust_core.policy.snapshot import read_snapshot

from labtrust_export.policy_in_force import PolicyInForce
from labtrust_export.receipt_rules import as_list, as_text, objects_of, texts_of
from labtrust_export.ui.discover import Found, discover
from labtrust_export.ui.episodes import RECEIPTS_NAME, Shown, episodes_of, receipts_of_log
from labtrust_export.ui.model import (
    EVENTS,
    INDEX,
    REASON_CODES,
    RECEIPTS_INDEX,
    VERSION,
    Baseline,
    Episode,
    Event,
    Index,
    ReasonCodes,
    ReceiptsEntry,
)

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
_MODE: Final = 0o644 << 16
_UNIX: Final = 3
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """How much was written."""

    episodes: int
    events: int


def export_zip(folder: Path, target: Path, policy_dir: Path | None = None) -> ExportSummary:
    """Write the zip of a run.

    Args:
        folder: The run, of any kind.
        target: The file; written over.
        policy_dir: Where to look for the policy of logs that no bundle brings it for.

    Raises:
        UsageError: The folder holds no log, or the policy of one is not to be had.
        DocumentError: A log or a policy is not what it must be.
    """
    found = discover(folder)
    shown = episodes_of(found)
    reasons = _reason_codes(found, shown, PolicyInForce(None, policy_dir))
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for item in shown:
            _write_episode(archive, found, item)
        number = _write_events(archive, found, shown)
        _write(archive, INDEX, _index(found, shown))
        _write(archive, REASON_CODES, reasons)
        _write(archive, RECEIPTS_INDEX, _receipts_index(shown))
        for path, _results in found.results:
            with (found.folder / path).open("rb") as source:
                _copy(archive, f"results/{path}", source)
    return ExportSummary(len(shown), number)


def _index(found: Found, shown: list[Shown]) -> Index:
    return Index(
        ui_bundle_version=VERSION,
        run_type=found.run_type,
        tasks=sorted({item.entry.task for item in shown}),
        episodes=[item.entry for item in shown],
        baselines=[
            Baseline(results.task, results.agent_baseline_id, f"results/{path}")
            for path, results in found.results
        ],
    )


def _receipts_index(shown: list[Shown]) -> list[ReceiptsEntry]:
    return [
        ReceiptsEntry(item.entry.task, f"episodes/{item.entry.episode_key}", [RECEIPTS_NAME])
        for item in shown
        if item.entry.receipts_ref is not None
    ]


def _write_episode(archive: zipfile.ZipFile, found: Found, item: Shown) -> None:
    if item.log is None:
        return
    path = found.folder / item.log.path
    if item.entry.log_ref is not None:
        with open_log(path) as source:
            _copy(archive, item.entry.log_ref, source)
    if item.entry.receipts_ref is not None:
        with _open(archive, item.entry.receipts_ref) as file:
            for receipt in receipts_of_log(path).receipts():
                file.write(receipt.line() + b"\n")


def _write_events(archive: zipfile.ZipFile, found: Found, shown: list[Shown]) -> int:
    """Write all events as one JSON list; return their number."""
    number = 0
    with _open(archive, EVENTS) as file:
        for item in shown:
            if item.log is None:
                continue
            for event in _events(found.folder / item.log.path, item.entry):
                file.write(b"[\n" if number == 0 else b",\n")
                file.write(_encode(event))
                number += 1
        file.write(b"\n]\n" if number else b"[]\n")
    return number


def _events(path: Path, entry: Episode) -> Iterator[Event]:
    with open_log(path) as file:
        for line in read_lines(file):
            record = read_record(line.removesuffix(b"\n"))
            if isinstance(record, EventRecord):
                yield _event(record, entry)


def _event(record: EventRecord, entry: Episode) -> Event:
    event, outcome = record.event, record.outcome
    return Event(
        t_s=record.t,
        agent_id=as_text(event.get("agent_id")),
        action_type=as_text(event.get("action_type")),
        status=as_text(outcome.get("status")) or "",
        blocked_reason_code=as_text(outcome.get("reason")),
        emits=list(texts_of(as_list(outcome.get("emits")))),
        violations=list(objects_of(outcome.get("violations"))),
        token_consumed=list(texts_of(as_list(outcome.get("tokens_consumed")))),
        event_id=as_text(event.get("event_id")),
        task=entry.task,
        episode_index=entry.episode_index,
        episode_key=entry.episode_key,
    )


def _reason_codes(found: Found, shown: list[Shown], force: PolicyInForce) -> ReasonCodes:
    """Return the reason codes of every policy that a log was made under, taken together."""
    snapshots = _bundled_policies(found)
    codes: dict[str, dict[str, Any]] = {}
    version = VERSION
    for fingerprint in dict.fromkeys(item.entry.policy_fingerprint for item in shown):
        log = next(
            (i.log for i in shown if i.log and i.entry.policy_fingerprint == fingerprint), None
        )
        if log is None:
            continue  # results without a log hold no event
        data = snapshots.get(log.start.policy_fingerprint) or force.snapshot_for(log.start)
        document: Mapping[str, Any] = read_snapshot(data).get("reason_codes", {})
        version = str(document.get("version", version))
        codes = {**document.get("codes", {}), **codes}
    return ReasonCodes(version, dict(sorted(codes.items())))


def _bundled_policies(found: Found) -> dict[str, bytes]:
    policies: dict[str, bytes] = {}
    for path in found.policies:
        data = (found.folder / path).read_bytes().removesuffix(b"\n")
        policies[sha256_hex(data)] = data
    return policies


def _write(archive: zipfile.ZipFile, name: str, value: object) -> None:
    with _open(archive, name) as file:
        file.write(_encode(value) + b"\n")


def _copy(archive: zipfile.ZipFile, name: str, source: IO[bytes]) -> None:
    with _open(archive, name) as file:
        shutil.copyfileobj(source, file)


def _open(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = _UNIX
    info.external_attr = _MODE
    return archive.open(info, "w", force_zip64=True)
