"""Targets in labtrust-export: envelope, statement, trust policy, receipts, state, whole bundles."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import independent_verifier
from labtrust_core.canonical import canonical_bytes
from labtrust_core.errors import LabTrustError
from labtrust_export.envelope import EnvelopeError, read_envelope
from labtrust_export.episode import parse_episode
from labtrust_export.portable import PortableReceiptError, check_portable, portable_receipts
from labtrust_export.receipts import read_receipt
from labtrust_export.statement import StatementError, read_statement
from labtrust_export.testing.forgery import BASES, good, honest_trust
from labtrust_export.testing.sealing import (
    CHECKPOINT,
    LOG_FILE,
    MANIFEST,
    POLICY,
    RECEIPTS,
    RUN_LOG,
    Files,
    checkpoints,
    joined,
    linked,
    manifested,
    policy_of,
    receipts,
    relinked,
    resealed,
    statement_in,
    with_statement,
)
from labtrust_export.testing.signers import trust_bytes
from labtrust_export.trust_policy import TrustPolicy, TrustPolicyError, parse_trust_policy
from labtrust_export.verify.codes import Level
from labtrust_export.verify.history import HistoryError, read_history
from labtrust_export.verify.verifier import verify_bundle
from second_verifier import formats
from second_verifier.keys import read_trust

from fuzz.edits import document_of, edited, edits, spliced
from fuzz.target import Target, accepted, file_of, require, scratch

Value: TypeAlias = Any  # a JSON value that is taken apart

_RUN: Final = "signed_run"
_CANNOT_FORGE: Final = (
    KeyError, TypeError, AttributeError, ValueError, IndexError, LabTrustError,
)  # fmt: skip
"""What the tools of forgers raise on what cannot be made into a bundle."""


# --------------------------------------------------------------------------------- the files of it


def check_envelope(data: bytes) -> None:
    """An envelope is written as it was read."""
    file = document_of(data, [json.loads(good(_RUN).files[MANIFEST])], b"\n")
    envelope = accepted(lambda: read_envelope(file), EnvelopeError)
    require(envelope is None or envelope.encoded() == file, "it is written in another way")


def check_statement(data: bytes) -> None:
    """A statement is written as it was read."""
    payload = document_of(data, [statement_in(good(_RUN).files)])
    statement = accepted(lambda: read_statement(payload), StatementError)
    require(statement is None or statement.payload() == payload, "it is written in another way")


def check_trust_policy(data: bytes) -> None:
    """A trust policy reads back as it was written, and both verifiers accept the same ones."""
    file = document_of(data, [honest_trust()])
    trust = accepted(lambda: parse_trust_policy(file), TrustPolicyError)
    if trust is not None:
        require(parse_trust_policy(trust.encoded()) == trust, "it reads back as another")
    path = file_of("trust-policy.json", file)
    second = accepted(
        lambda: read_trust(independent_verifier.read_json(path)), (ValueError, RecursionError)
    )
    require((trust is None) == (second is None), f"the readers differ: {trust} and {second}")


def check_receipt(data: bytes) -> None:
    """A receipt is written as it was read."""
    line = document_of(data, _receipts())
    receipt = accepted(lambda: read_receipt(line))
    require(receipt is None or receipt.line() == line, "it is written in another way")


@functools.cache
def _receipts() -> list[Value]:
    return [json.loads(line) for line in good("arriving").files[RECEIPTS].splitlines()]


def check_alone(data: bytes) -> None:
    """A receipt by itself holds only as it was written."""
    file = document_of(data, _portable(), b"\n")
    found = accepted(lambda: check_portable(file, _trust()), PortableReceiptError)
    require(found is None or found.encoded() == file, "it is written in another way")


@functools.cache
def _portable() -> list[Value]:
    files = good("amended").files
    log = parse_episode(files[LOG_FILE])
    return [
        json.loads(item.encoded())
        for entity in dict.fromkeys(
            json.loads(line)["entity_id"] for line in files[RECEIPTS].splitlines()
        )
        for item in portable_receipts(log, files[CHECKPOINT], entity)
    ]


def check_state(data: bytes) -> None:
    """What a caller has seen reads back as it was written."""
    state = accepted(lambda: read_history(file_of("state.json", data)), HistoryError)
    if state is not None:
        again = read_history(file_of("state.json", state.encoded()))
        require(again == state, "it reads back as another")


# -------------------------------------------------------------------------------------- the bundle


@functools.cache
def _trust() -> TrustPolicy:
    return parse_trust_policy(trust_bytes(honest_trust()))


def _cut(files: Files, data: bytes) -> Files:
    """Change a piece of one file, behind everybody's back."""
    name = sorted(files)[data[0] % len(files)]
    return files | {name: spliced(files[name], data[1:])}


def _cut_and_listed(files: Files, data: bytes) -> Files:
    """Change a piece of one file, and sign for it."""
    return resealed(_cut(files, data))


def _ledger(files: Files, data: bytes) -> Files:
    """Change a record of the ledger, and make everything else fit."""
    records = [json.loads(line) for line in files[LOG_FILE].splitlines()]
    place = data[0] % len(records)
    records[place] = edited(records[place], data[1:])
    lines = relinked(records)
    found = checkpoints(files | {LOG_FILE: joined(lines)})
    made = accepted(lambda: receipts(lines), _CANNOT_FORGE) if RECEIPTS in files else None
    found |= {} if made is None else {RECEIPTS: made}
    return manifested(found)


def _run(files: Files, data: bytes) -> Files:
    """Change a record of the run's log, and make everything else fit."""
    records = [json.loads(line) for line in files[RUN_LOG].splitlines()]
    place = data[0] % len(records)
    records[place] = edited(records[place], data[1:])
    return manifested(checkpoints(files | {RUN_LOG: joined(linked(records))}))


def _statement(files: Files, data: bytes) -> Files:
    """Change the statement, and sign it."""
    return with_statement(files, edited(statement_in(files), data))


def _policy(files: Files, data: bytes) -> Files:
    """Change the policy, and have the ledger and the statement name it."""
    policy = files[POLICY].removesuffix(b"\n")
    documents = edited(json.loads(policy)["documents"], data)
    return resealed(files | {POLICY: policy_of(policy, documents) + b"\n"})


def _receipt(files: Files, data: bytes) -> Files:
    """Change a receipt, and sign for it."""
    found = [json.loads(line) for line in files[RECEIPTS].splitlines()]
    place = data[0] % len(found)
    found[place] = edited(found[place], data[1:])
    return resealed(files | {RECEIPTS: joined([canonical_bytes(item) for item in found])})


_FORGES: Final[tuple[Callable[[Files, bytes], Files], ...]] = (
    _cut, _cut_and_listed, _ledger, _ledger, _run, _statement, _policy, _receipt,
)  # fmt: skip


def check_bundle(data: bytes) -> None:
    """Verification ends in a verdict, and up to L2 it is that of the second verifier."""
    files = _bundle_of(data)
    if files is None:
        return
    folder = _written(files)
    formats.read_canonical.cache_clear()
    report = verify_bundle(folder, _trust(), upto=Level.L3)
    second = independent_verifier.verify(folder, honest_trust())
    reached = None if report.reached is None else str(report.reached)
    code = None if report.failure is None else str(report.failure.code)
    first = ("L2", None) if reached in {"L2", "L3"} else (reached, code)
    require(first == second[:2], f"the verifiers differ: {first} and {second}")


def _bundle_of(data: bytes) -> Files | None:
    """Return a good bundle with something changed, or None where that cannot be made."""
    if len(data) < 3:  # noqa: PLR2004 - what, in which bundle, and where
        return None
    files = good(BASES[data[1] % len(BASES)]).files
    return accepted(lambda: _FORGES[data[0] % len(_FORGES)](files, data[2:]), _CANNOT_FORGE)


def _written(files: Files) -> Path:
    folder = scratch() / "bundle"
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def _bundle_seeds() -> list[bytes]:
    return [
        bytes([kind, (kind + step) % len(BASES), *item[1:]])
        for kind in range(len(_FORGES))
        for step, item in enumerate(edits(12))
    ]


def _trust_seeds() -> list[bytes]:
    good_one = trust_bytes(honest_trust())
    encodings = ("utf-16", "utf-8-sig", "utf-32-le")
    spelled = [good_one.decode().encode(encoding) for encoding in encodings]
    return [good_one, *spelled, b'{"\\ud800":1}', b"[" * 5000, b"1" * 5000, *edits(24)]


def _state_seeds() -> list[bytes]:
    seen = {"labtrust/run/" + "a" * 64: {"size": 9, "root": "b" * 64}}
    return [json.dumps({"version": "0.1", "runs": runs}).encode() for runs in ({}, seen)]


TARGETS: Final = (
    Target(
        "envelope",
        "a DSSE envelope",
        check_envelope,
        lambda: [good(_RUN).files[MANIFEST], *edits(16)],
    ),
    Target(
        "statement",
        "the statement of a bundle",
        check_statement,
        lambda: [canonical_bytes(statement_in(good(_RUN).files)), *edits(24)],
    ),
    Target(
        "trust-policy",
        "a trust policy, both readers",
        check_trust_policy,
        _trust_seeds,
    ),
    Target(
        "receipt",
        "a line of receipts",
        check_receipt,
        lambda: [canonical_bytes(_receipts()[0]), *edits(24)],
    ),
    Target(
        "receipt-alone",
        "a receipt by itself",
        check_alone,
        lambda: [canonical_bytes(_portable()[0]) + b"\n", *edits(24)],
    ),
    Target("state", "what a verifier's caller has seen", check_state, _state_seeds),
    Target("bundle", "a bundle, both verifiers", check_bundle, _bundle_seeds),
)
