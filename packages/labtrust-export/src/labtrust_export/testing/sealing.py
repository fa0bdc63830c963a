"""From an episode to the files of its bundle, in steps that a forger can take one by one.

An honest exporter does all of it at once; a forger repeats as much as the keys that he has allow.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from labtrust_core.canonical import canonical_bytes, sha256_hex
from labtrust_core.ledger.merkle import leaf_hash, root_of
from labtrust_core.ledger.record import NO_PREV, read_record
from labtrust_core.trust.notes import Checkpoint, Note, cosign, sign_note
from labtrust_core.trust.signatures import sign_event

from labtrust_export.envelope import read_envelope, signed
from labtrust_export.receipts import receipt_file, receipts_of
from labtrust_export.testing.episodes import Episode
from labtrust_export.testing.signers import HONEST, WITNESSED_AT, Signers

Files: TypeAlias = dict[str, bytes]
Record: TypeAlias = dict[str, Any]  # one record or statement as JSON, to be changed at any place

MANIFEST: Final = "manifest.json"
LOG_FILE: Final = "episode_log.jsonl"
CHECKPOINT: Final = "checkpoint"
POLICY: Final = "policy.json"
RECEIPTS: Final = "receipts.jsonl"
RUN_LOG: Final = "run_log.jsonl"
RUN_CHECKPOINT: Final = "run_checkpoint"

STATEMENT_TYPE: Final = "application/vnd.in-toto+json"
EXPORTER: Final = "labtrust-export testing"


def parsed(lines: Sequence[bytes]) -> list[Record]:
    """Return the records of a log or run log, to be changed."""
    return [json.loads(line) for line in lines]


def joined(lines: Sequence[bytes]) -> bytes:
    """Return lines as a file."""
    return b"".join(line + b"\n" for line in lines)


def relinked(
    records: Sequence[Record],
    agents: Mapping[str, Ed25519PrivateKey] | None = None,
    keep: Collection[int] = (),
) -> tuple[bytes, ...]:
    """Return the lines of changed records, with places, links, counts and root made to fit.

    Args:
        records: All records of an episode; changed.
        agents: Keys of agents who sign again what they signed, so that it names the new head.
        keep: Indexes of records whose signature stays as it is.
    """
    head = NO_PREV
    leaves: list[bytes] = []
    lines: list[bytes] = []
    name = records[0]["body"]["config"]["episode"] if agents else ""
    events = 0
    for index, record in enumerate(records):
        record["seq"], record["prev"] = index, head
        if agents and index not in keep:
            _sign_again(record, agents, name, head)
        events += record["kind"] == "event"
        if record["kind"] == "end":
            _close(record, events, leaves)
        line = canonical_bytes(record)
        leaves.append(leaf_hash(line))
        head = leaves[-1].hex()
        lines.append(line)
    return tuple(lines)


def _sign_again(
    record: Record, agents: Mapping[str, Ed25519PrivateKey], name: str, head: str
) -> None:
    """Sign an event over the new head, if it carried a good signature."""
    event = record.get("event", {})
    refused = str(record.get("outcome", {}).get("reason", "")).startswith("SIG_")
    key_id = event.get("key_id")
    if record.get("origin") == "agent" and key_id in agents and not refused:
        record["event"] = sign_event(
            event, key_id=key_id, private=agents[key_id], episode=name, head=head
        )
        _drop_defaults(record["event"])


def _drop_defaults(event: Record) -> None:
    """Leave out what a ledger leaves out."""
    for name in [name for name, value in event.items() if value is None or value in ([], {})]:
        del event[name]


def _close(record: Record, events: int, leaves: Sequence[bytes]) -> None:
    record["body"]["events"] = events
    record["body"]["root"] = root_of(leaves).hex()
    checked(record)


def checked(record: Record) -> Record:
    """Make the ``check`` of an end record fit; return it."""
    record.pop("check", None)
    record["check"] = sha256_hex(canonical_bytes(record))
    return record


def linked(records: Sequence[Record]) -> tuple[bytes, ...]:
    """Return the lines of changed run log records, with places and links made to fit."""
    head = NO_PREV
    lines: list[bytes] = []
    for index, record in enumerate(records):
        record["seq"], record["prev"] = index, head
        lines.append(canonical_bytes(record))
        head = leaf_hash(lines[-1]).hex()
    return tuple(lines)


def stated(kind: str, lines: Sequence[bytes]) -> Checkpoint:
    """Return the checkpoint of a log: ``kind`` is ``episode`` or ``run``."""
    leaves = [leaf_hash(line) for line in lines]
    return Checkpoint(f"labtrust/{kind}/{leaves[0].hex()}", len(leaves), root_of(leaves))


def noted(text: str, signers: Signers = HONEST) -> bytes:
    """Return a note over a text, signed by the log's key and the witnesses."""
    lines = (
        sign_note(text, *signers.log),
        *(cosign(text, *item, WITNESSED_AT) for item in signers.witnesses),
    )
    return str(Note(text, lines)).encode()


def checkpoints(files: Files, signers: Signers = HONEST) -> Files:
    """Return files with checkpoints that fit their logs, signed anew."""
    found = dict(files)
    for kind, log, place in (
        ("episode", LOG_FILE, CHECKPOINT),
        ("run", RUN_LOG, RUN_CHECKPOINT),
    ):
        if log in files:
            found[place] = noted(stated(kind, lines_of(files[log])).text, signers)
    return found


def lines_of(data: bytes) -> list[bytes]:
    """Return the lines of a file, without LF."""
    return data.removesuffix(b"\n").split(b"\n")


def sealed(episode: Episode, signers: Signers = HONEST) -> Files:
    """Return the files of an episode's bundle, all of them derived and signed anew."""
    files = {LOG_FILE: joined(episode.lines), POLICY: episode.policy + b"\n"}
    if parsed(episode.lines[:1])[0]["body"]["domain"] == "hospital_lab":
        files[RECEIPTS] = receipts(episode.lines)
    if episode.run:
        files[RUN_LOG] = joined(episode.run)
    return manifested(checkpoints(files, signers), signers)


def receipts(lines: Sequence[bytes]) -> bytes:
    """Return the receipts that a log yields, as a file."""
    leaves = [leaf_hash(line) for line in lines]
    return receipt_file(receipts_of([read_record(line) for line in lines], leaves))


def policy_of(policy: bytes, documents: Record) -> bytes:
    """Return a policy with other documents, and the order of those mappings that are still there.

    Args:
        policy: The bytes of a policy, without LF.
        documents: The documents in place of its own.
    """
    kept = [
        item
        for item in json.loads(policy)["order"]
        if set(_led(documents, item["path"])) == set(item["keys"])
    ]
    return canonical_bytes({"documents": documents, "order": kept})


def _led(value: Any, path: Sequence[str | int]) -> Collection[str]:  # noqa: ANN401 - any JSON
    """Return the keys of the mapping that a path leads to; none where it leads nowhere."""
    for key in path:
        here = value.keys() if isinstance(value, dict) else range(len(value))
        if key not in here:
            return ()
        value = value[key]
    return value if isinstance(value, dict) else ()


def manifested(files: Files, signers: Signers = HONEST) -> Files:
    """Return files with a manifest that states what they say, signed anew."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "urn:labtrust:evidence-bundle:v0.1",
        "subject": subjects(files),
        "predicate": predicate(files),
    }
    return with_statement(files, statement, signers)


def subjects(files: Mapping[str, bytes]) -> list[Record]:
    """Return the subjects of a statement about files."""
    return [
        {"name": name, "digest": {"sha256": sha256(files[name]).hexdigest()}}
        for name in sorted(files)
        if name != MANIFEST
    ]


def predicate(files: Files) -> Record:
    """Return what the files say, as a predicate."""
    lines = lines_of(files[LOG_FILE])
    records = parsed(lines)
    start, end = records[0]["body"], records[-1]["body"]
    documents = json.loads(files[POLICY])["documents"]
    found = [json.loads(line) for line in lines_of(files.get(RECEIPTS, b"\n")) if line]
    kinds = [item["entity_type"] for item in found]
    return {
        "version": "0.1",
        "exporter": EXPORTER,
        "episode": {
            "id": start["config"]["episode"],
            "seed": start["config"]["seed"],
            "domain": start["domain"],
            "partner": start["partner"],
            "engine": start["engine"],
            "reason": end["reason"],
            "records": len(lines),
            "events": end["events"],
            "head": leaf_hash(lines[-1]).hex(),
            "root": stated("episode", lines).root.hex(),
        },
        "policy_fingerprint": start["policy_fingerprint"],
        "fingerprints": {
            name: sha256_hex(canonical_bytes(item)) for name, item in documents.items()
        },
        "keys_digest": start["keys_digest"],
        "receipts": {
            "results": kinds.count("result"),
            "specimens": kinds.count("specimen"),
        }
        if RECEIPTS in files
        else None,
        "run": _run_facts(files, leaf_hash(lines[-1]).hex()) if RUN_LOG in files else None,
    }


def _run_facts(files: Files, head: str) -> Record:
    lines = lines_of(files[RUN_LOG])
    number = next(
        (
            item["body"]["number"]
            for item in parsed(lines)
            if item["kind"] == "end" and item["body"]["head"] == head
        ),
        0,
    )
    return {"origin": stated("run", lines).origin, "number": number, "size": len(lines)}


def statement_in(files: Files) -> Record:
    """Return the statement of a manifest, to be changed."""
    statement: Record = json.loads(read_envelope(files[MANIFEST]).payload)
    return statement


def with_payload(files: Files, payload: bytes, signers: Signers = HONEST) -> Files:
    """Return files with a manifest over any payload, signed."""
    envelope = signed(STATEMENT_TYPE, payload, signers.makers)
    return files | {MANIFEST: envelope.encoded()}


def with_statement(files: Files, statement: Record, signers: Signers = HONEST) -> Files:
    """Return files with a manifest over a statement, signed."""
    return with_payload(files, canonical_bytes(statement), signers)


def resealed(
    files: Files,
    edit: Callable[[Record], object] | None = None,
    signers: Signers = HONEST,
) -> Files:
    """Return files whose manifest lists them as they are; the predicate stays, but for ``edit``."""
    statement = statement_in(files)
    statement["subject"] = subjects(files)
    if edit is not None:
        edit(statement)
    return with_statement(files, statement, signers)


def rehashed(files: Files) -> Files:
    """Return files whose manifest lists them as they are, under the old signatures."""
    statement = statement_in(files)
    statement["subject"] = subjects(files)
    return under_old_signatures(files, statement)


def under_old_signatures(files: Files, statement: Record) -> Files:
    """Return files with a manifest over another statement, which nobody has signed."""
    envelope = json.loads(files[MANIFEST])
    envelope["payload"] = base64.b64encode(canonical_bytes(statement)).decode()
    return files | {MANIFEST: canonical_bytes(envelope) + b"\n"}
