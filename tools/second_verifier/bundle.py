"""Level L0 for the second verifier: the bytes of a bundle, and what it holds.

Written from `docs/reference/evidence.md` alone; nothing of LabTrust is imported. Every check that
fails raises `Failed` with its code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Final

from second_verifier import formats as form
from second_verifier import shapes
from second_verifier.formats import Json, Note, fits, items, number, table, texts
from second_verifier.logs import Failed, Log, read, read_log, read_run_log, require
from second_verifier.receipts import Record, receipts

NEEDED: Final = {"checkpoint", "episode_log.jsonl", "policy.json"}
RUN_FILES: Final = {"run_checkpoint", "run_log.jsonl"}
STATEMENT: Final = "application/vnd.in-toto+json"
MAX_POLICY, MAX_ENVELOPE = 4 * 2**20, 64 * 2**20


@dataclass
class Evidence:
    """What a bundle holds, as far as level L0 has read it."""

    message: bytes  # what the signatures of manifest.json cover
    signatures: list[Json]
    log: Log
    start: Record
    policy: Record
    notes: dict[str, Note]
    run: Log | None = None

    @property
    def documents(self) -> Record:
        """The policy's documents, by name."""
        return table(self.policy["documents"])

    @property
    def events(self) -> list[Record]:
        """The event records."""
        return self.log.records[1:-1]


def check_names(folder: Path) -> set[str]:
    """Check the folder and its entries; return their names."""
    is_folder = folder.is_dir() and not folder.is_symlink()
    require(is_folder, "BUNDLE_NOT_A_FOLDER", f"{folder} is no folder")
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise Failed("BUNDLE_NOT_A_FOLDER", str(error)) from None
    require(names, "BUNDLE_EMPTY", "nothing is in the folder")
    for name in names:
        regular = (folder / name).is_file() and not (folder / name).is_symlink()
        require(regular, "BUNDLE_FILE_KIND", f"{name!r} is no regular file")
    for name in names:
        legal = re.fullmatch("[A-Za-z0-9._-]+", name)
        require(legal, "BUNDLE_NAME_ILLEGAL", f"{name!r} has other characters")
    require("manifest.json" in names, "BUNDLE_FILE_MISSING", "manifest.json is not there")
    return set(names)


def read_file(folder: Path, name: str) -> bytes:
    """Return the bytes of a file of the bundle."""
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise Failed("BUNDLE_FILE_KIND", f"{name}: {error}") from None


def read_envelope(data: bytes) -> tuple[Record, bytes, list[Json]]:
    """Return the statement in manifest.json, what is signed, and the signatures."""
    whole = data[-1:] == b"\n" and len(data) <= MAX_ENVELOPE
    require(whole, "ENVELOPE_NOT_CANONICAL", "no LF at the end, or more than 64 MiB")
    envelope = read(data[:-1], "ENVELOPE_NOT_CANONICAL")
    signatures = items(envelope.get("signatures"))
    shaped = fits(envelope, shapes.ENVELOPE) and len(signatures) <= form.MAX_SIGNATURES
    require(shaped, "ENVELOPE_SCHEMA", "manifest.json is no envelope")
    kind = envelope["payloadType"]
    require(kind == STATEMENT, "ENVELOPE_TYPE", f"the payload's type is {kind!r}")
    payload = form.unbase64(str(envelope["payload"]))
    statement = read(payload, "STATEMENT_NOT_CANONICAL")
    require(fits(statement, shapes.STATEMENT), "STATEMENT_SCHEMA", "the payload is no statement")
    return statement, form.pae(STATEMENT, payload), signatures


def check_subjects(statement: Record) -> dict[str, str]:
    """Return the digests of the files that the statement lists."""
    names = [str(table(item)["name"]) for item in items(statement["subject"])]
    digests = [table(table(item)["digest"])["sha256"] for item in items(statement["subject"])]
    domain = table(table(statement["predicate"])["episode"])["domain"]
    needed = NEEDED | ({"receipts.jsonl"} if domain == "hospital_lab" else set())
    require(
        names == sorted(set(names)) and set(names) in (needed, needed | RUN_FILES),
        "STATEMENT_SUBJECTS",
        f"a bundle of this domain does not list {names}",
    )
    return dict(zip(names, map(str, digests), strict=True))


def check_start(body: Record) -> None:
    """Check the start record's body."""
    require(fits(body, shapes.START), "START_SCHEMA", "the start record does not say all it must")
    known = form.digest_of(body["keys"]) == body["keys_digest"]
    require(known, "KEYS_DIGEST", "the keys are not those of keys_digest")
    for name, key in sorted(table(body["keys"]).items()):
        require(public_key(key), "KEYS_WEAK", f"key {name} is not accepted")
    if body["scenario"] is not None:
        known = form.digest_of(body["scenario"]) == body["scenario_digest"]
        require(known, "SCENARIO_DIGEST", "the scenario is not that of scenario_digest")


def public_key(key: Json) -> bytes | None:
    """Return the public key of an agent, where it is accepted."""
    try:
        raw = form.unbase64(str(table(key).get("public_key")))
    except ValueError:
        return None
    return raw if form.is_accepted_key(raw) else None


def check_records(events: list[Record]) -> None:
    """Check the shape of events and outcomes."""
    for record in events:
        outcome, place = table(record["outcome"]), f"record {record['seq']}"
        require(fits(outcome, shapes.OUTCOME), "RECORD_SCHEMA", f"{place}: no outcome")
        unread = outcome.get("reason") in ("RC_EVENT_MALFORMED", "AUDIT_CHAIN_BROKEN")
        spared = unread and outcome["status"] == "BLOCKED"
        require(
            spared or fits(record["event"], shapes.EVENT), "RECORD_SCHEMA", f"{place}: no event"
        )


def read_policy(data: bytes, fingerprint: Json) -> Record:
    """Return the policy: documents and order."""
    whole = data[-1:] == b"\n" and len(data) <= MAX_POLICY
    require(whole, "POLICY_NOT_CANONICAL", "no LF at the end, or more than 4 MiB")
    policy = read(data[:-1], "POLICY_NOT_CANONICAL")
    require(fits(policy, shapes.POLICY), "POLICY_SCHEMA", "no documents and order")
    orders = [table(item) for item in items(policy["order"])]
    paths = [[_rank(step) for step in items(item["path"])] for item in orders]
    rising = all(one < other for one, other in pairwise(paths))
    require(rising, "POLICY_SCHEMA", "the paths of order do not rise")
    for item in orders:
        mapping = lead(policy["documents"], items(item["path"]))
        same = isinstance(mapping, dict) and sorted(mapping) == sorted(texts(item["keys"]))
        require(same, "POLICY_SCHEMA", f"order: {item['path']} has no such keys")
    known = sha256(data[:-1]).hexdigest() == fingerprint
    require(known, "POLICY_FINGERPRINT", "not the policy of the start record")
    return policy


def _rank(step: Json) -> tuple[int, bytes]:
    """Return what the steps of paths are sorted by: places, and keys by UTF-16 units."""
    return number(step), form.utf16(step) if isinstance(step, str) else b""


@lru_cache(maxsize=64)
def document_digests(policy: bytes) -> dict[str, str]:
    """Return the digest of each document in the bytes of policy.json, by name."""
    documents = table(form.read_canonical(policy[:-1])["documents"])
    return {name: form.digest_of(document) for name, document in documents.items()}


def lead(value: Json, path: list[Json]) -> Json:
    """Return what a path leads to, or None."""
    for step in path:
        if isinstance(step, str):
            value = table(value).get(step)
        else:
            value = dict(enumerate(items(value))).get(number(step))
    return value


def check_note(data: bytes, prefix: str, kind: str, log: Log) -> Note:
    """Check that a note is a checkpoint of a log."""
    try:
        note = form.parse_note(data)
    except ValueError as error:
        raise Failed(f"{prefix}_NOTE", str(error)) from None
    shape = re.fullmatch("([^\n]+)\n(0|[1-9][0-9]{0,15})\n([^\n]+)\n", note.text)
    require(shape and form.fits(shape[3], "base64"), f"{prefix}_SHAPE", "not three lines")
    origin, size, root = note.text.split("\n")[:3]
    require(len(form.unbase64(root)) == len(log.tree.root), f"{prefix}_SHAPE", "no root")
    expected = f"labtrust/{kind}/{log.origin}"
    require(origin == expected, f"{prefix}_ORIGIN", f"{origin} is not {expected}")
    require(size == str(len(log.records)), f"{prefix}_SIZE", f"not the size of the log: {size}")
    require(form.unbase64(root) == log.tree.root, f"{prefix}_ROOT", "not the root of the log")
    return note


def run_episode(run: Log, log: Log) -> int:
    """Return the number, in the run, of the episode with this log."""
    head, size = log.tree.levels[0][-1].hex(), len(log.records)
    config = table(table(log.records[0]["body"])["config"])
    begun: dict[Json, Record] = {}
    for record in run.records:
        body = table(record["body"])
        if record["kind"] == "begin":
            begun[body["number"]] = body
        elif record["kind"] == "end" and (body["head"], body["records"]) == (head, size):
            begin = begun[body["number"]]
            same = (begin["episode"], begin["seed"]) == (config["episode"], config["seed"])
            require(same, "RUNLOG_EPISODE", "the run began that episode under another id or seed")
            return number(body["number"])
    raise Failed("RUNLOG_EPISODE", "no episode of the run has ended with this log")


def predicate_of(
    evidence: Evidence, lines: list[bytes] | None, fingerprints: dict[str, str]
) -> Record:
    """Return what the predicate must say, but for the exporter."""
    log, start, end = evidence.log, evidence.start, table(evidence.log.records[-1]["body"])
    config, run = table(start["config"]), evidence.run
    specimens = sum(b'"entity_type":"specimen"' in line for line in lines or [])
    counts: Json = {"results": len(lines or []) - specimens, "specimens": specimens}
    place: Json = run and {
        "origin": f"labtrust/run/{run.origin}",
        "number": run_episode(run, log),
        "size": len(run.records),
    }
    return {
        "version": "0.1",
        "episode": {
            "id": config["episode"],
            "seed": config["seed"],
            **{name: start[name] for name in ("domain", "partner", "engine")},
            **{name: end[name] for name in ("reason", "events")},
            "records": len(log.records),
            "head": log.tree.levels[0][-1].hex(),
            "root": log.tree.root.hex(),
        },
        **{name: start[name] for name in ("policy_fingerprint", "keys_digest")},
        "fingerprints": {**fingerprints},
        "receipts": None if lines is None else counts,
        "run": place,
    }


def check_receipts(data: bytes, expected: list[bytes]) -> None:
    """Check that the receipts are those that the log yields."""
    require(data, "RECEIPT_NONE", "receipts.jsonl is empty")
    require(data == b"".join(expected), "RECEIPT_MISMATCH", "not what the log yields")


def check_bytes(folder: Path) -> Evidence:
    """Check level L0 and return what the bundle holds."""
    names = check_names(folder)
    statement, message, signatures = read_envelope(read_file(folder, "manifest.json"))
    digests = check_subjects(statement)
    missing, extra = digests.keys() - names, names - digests.keys() - {"manifest.json"}
    require(not missing, "BUNDLE_FILE_MISSING", f"not there: {sorted(missing)}")
    require(not extra, "BUNDLE_FILE_EXTRA", f"not in the statement: {sorted(extra)}")
    files: dict[str, bytes] = {}
    for name, digest in digests.items():
        files[name] = read_file(folder, name)
        known = sha256(files[name]).hexdigest() == digest
        require(known, "BUNDLE_FILE_DIGEST", f"{name} is not the file of its digest")
    log = read_log(files["episode_log.jsonl"])
    start = table(log.records[0]["body"])
    check_start(start)
    check_records(log.records[1:-1])
    policy = read_policy(files["policy.json"], start["policy_fingerprint"])
    evidence = Evidence(message, signatures, log, start, policy, {})
    note = check_note(files["checkpoint"], "CHECKPOINT", "episode", log)
    evidence.notes["CHECKPOINT"] = note
    lines = None
    if "receipts.jsonl" in files:
        lines = receipts(start["scenario"], evidence.events, log.tree)
        check_receipts(files["receipts.jsonl"], lines)
    if "run_log.jsonl" in files:
        evidence.run = run = read_run_log(files["run_log.jsonl"])
        run_episode(run, log)
        note = check_note(files["run_checkpoint"], "RUN_CHECKPOINT", "run", run)
        evidence.notes["RUN_CHECKPOINT"] = note
    stated = {**table(statement["predicate"])}
    del stated["exporter"]
    same = stated == predicate_of(evidence, lines, document_digests(files["policy.json"]))
    require(same, "PREDICATE_MISMATCH", "the predicate is not what the files say")
    return evidence
