"""Forgeries of the manifest: envelope and statement."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Final

from labtrust_core.canonical import canonical_bytes

from labtrust_export.envelope import read_envelope, signed
from labtrust_export.testing.fields import at, other, paths, retyped, with_value, without, written
from labtrust_export.testing.forgery import Forged, Good, forges
from labtrust_export.testing.sealing import (
    MANIFEST,
    Files,
    Record,
    resealed,
    statement_in,
    with_payload,
    with_statement,
)
from labtrust_export.testing.signers import MAKERS
from labtrust_export.testing.spelling import misspelled

_TYPES: Final = (
    "",
    "application/json",
    "application/vnd.in-toto+json ",
    "application/vnd.in-toto+JSON",
    "application/vnd.labtrust.action+json",
    "text/plain",
)
_DOMAIN: Final = ("episode", "domain")  # another one has no receipts to list
_OTHERWISE: Final = {("version",), ("exporter",), ("run",)}  # tried elsewhere, or no fact
_OUTSIDE: Final = {
    "parent": "../../../../etc/hostname",
    "absolute": "/etc/hostname",
    "folder": "a/b",
    "dot": ".",
    "dot-dot": "..",
    "backslash": "..\\checkpoint",
    "nul": "checkpoint\0",
    "blank": "check point",
    "empty": "",
    "unknown": "notes.txt",
    "upper-case": "Checkpoint",
    "manifest": MANIFEST,
}


def _outer(good: Good) -> Record:
    envelope: Record = json.loads(good.files[MANIFEST])
    return envelope


def _enveloped(good: Good, envelope: Record) -> Files:
    return good.files | {MANIFEST: canonical_bytes(envelope) + b"\n"}


@forges(
    "envelope-spelling",
    "spells the manifest otherwise, so that two readers may read two things",
    level="L0",
    bases=("signed", "run"),
    holes=("B31",),
)
def envelope_spelling(good: Good) -> Iterator[Forged]:
    """Yield manifests that are not canonical."""
    line = good.files[MANIFEST].removesuffix(b"\n")
    endings = {"no-line-feed": line, "two-line-feeds": line + b"\n\n", "crlf": line + b"\r\n"}
    for what, data in endings.items():
        yield Forged(what, good.files | {MANIFEST: data}, "ENVELOPE_NOT_CANONICAL")
    for what, bad in misspelled(line):
        yield Forged(what, good.files | {MANIFEST: bad + b"\n"}, "ENVELOPE_NOT_CANONICAL")


@forges(
    "envelope-shape",
    "leaves a field of the envelope out, adds one or gives it another type",
    level="L0",
    bases=("signed",),
)
def envelope_shape(good: Good) -> Iterator[Forged]:
    """Yield envelopes of another shape."""
    envelope = _outer(good)
    for path in paths(envelope):
        if isinstance(path[-1], str):
            shape = _enveloped(good, without(envelope, path))
            yield Forged(f"without-{written(path)}", shape, "ENVELOPE_SCHEMA")
        changed = with_value(envelope, path, retyped(at(envelope, path)))
        yield Forged(f"retyped-{written(path)}", _enveloped(good, changed), "ENVELOPE_SCHEMA")
    extra = {"key": "x", "alg": "none", "public_key": "x", "payload_type": "x"}
    for name, value in extra.items():
        yield Forged(f"extra-{name}", _enveloped(good, envelope | {name: value}), "ENVELOPE_SCHEMA")
        changed = with_value(envelope, ("signatures", 0, name), value)
        yield Forged(f"extra-signature-{name}", _enveloped(good, changed), "ENVELOPE_SCHEMA")


@forges(
    "envelope-base64",
    "writes payload or signature in another base64, or adds signatures without end",
    level="L0",
    bases=("signed",),
    holes=("B27",),
)
def envelope_base64(good: Good) -> Iterator[Forged]:
    """Yield envelopes whose base64 is not the standard one."""
    envelope = _outer(good)
    sig = envelope["signatures"][0]["sig"]
    bad = {
        "sentinel": "GOLDEN_TEST_ACCEPT",
        "no-padding": sig.rstrip("="),
        "url-safe": "-_" + sig[2:],
        "blank": sig[:4] + " " + sig[4:],
        "line-feed": sig + "\n",
        "unused-bits": sig[:-3] + _next(sig[-3]) + "==",
    }
    for what, text in bad.items():
        changed = with_value(envelope, ("signatures", 0, "sig"), text)
        yield Forged(f"sig-{what}", _enveloped(good, changed), "ENVELOPE_SCHEMA")
    payload = envelope["payload"]
    for what, text in {"blank": " " + payload, "cut": payload[:-1], "text": "{}"}.items():
        changed = envelope | {"payload": text}
        yield Forged(f"payload-{what}", _enveloped(good, changed), "ENVELOPE_SCHEMA")
    many = envelope | {"signatures": envelope["signatures"][:1] * 17}
    yield Forged("many-signatures", _enveloped(good, many), "ENVELOPE_SCHEMA")


def _next(char: str) -> str:
    """Return the base64 digit after one whose unused bits are zero."""
    return chr(ord(char) + 1)


@forges(
    "envelope-type",
    "passes the payload off as a document of another type",
    level="L0",
    bases=("signed",),
)
def envelope_type(good: Good) -> Iterator[Forged]:
    """Yield envelopes of another type, signed as such and not."""
    payload = read_envelope(good.files[MANIFEST]).payload
    for kind in _TYPES:
        again = signed(kind, payload, MAKERS).encoded()
        yield Forged(f"signed-{kind!r}", good.files | {MANIFEST: again}, "ENVELOPE_TYPE")
        changed = _outer(good) | {"payloadType": kind}
        yield Forged(f"relabelled-{kind!r}", _enveloped(good, changed), "ENVELOPE_TYPE")


@forges(
    "statement-spelling",
    "spells the statement otherwise and has it signed",
    level="L0",
    bases=("signed", "run"),
)
def statement_spelling(good: Good) -> Iterator[Forged]:
    """Yield statements that are not canonical."""
    payload = read_envelope(good.files[MANIFEST]).payload
    behind = with_payload(good.files, payload + b"\n")
    yield Forged("line-feed-behind", behind, "STATEMENT_NOT_CANONICAL")
    for what, bad in misspelled(payload):
        yield Forged(what, with_payload(good.files, bad), "STATEMENT_NOT_CANONICAL")


@forges(
    "statement-shape",
    "leaves a field of the statement out, adds one or gives it another type",
    level="L0",
    bases=("signed", "run"),
    holes=("B09", "B25"),
)
def statement_shape(good: Good) -> Iterator[Forged]:
    """Yield statements of another shape."""
    statement = statement_in(good.files)
    for path in paths(statement):
        free = path[:2] == ("predicate", "fingerprints") and path[2:]
        if isinstance(path[-1], str) and not free:
            files = with_statement(good.files, without(statement, path))
            yield Forged(f"without-{written(path)}", files, "STATEMENT_SCHEMA")
        changed = with_value(statement, path, retyped(at(statement, path)))
        yield Forged(
            f"retyped-{written(path)}", with_statement(good.files, changed), "STATEMENT_SCHEMA"
        )
    for place in ((), ("predicate",), ("predicate", "episode"), ("subject", 0)):
        changed = with_value(statement, (*place, "extra"), 1)
        yield Forged(
            f"extra-{written(place)}", with_statement(good.files, changed), "STATEMENT_SCHEMA"
        )


@forges(
    "statement-version",
    "states another version or kind of statement, older or invented",
    level="L0",
    bases=("signed",),
)
def statement_version(good: Good) -> Iterator[Forged]:
    """Yield statements of another kind or version."""
    for path, values in {
        ("_type",): ("https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v2", ""),
        ("predicateType",): (
            "urn:labtrust:evidence-bundle:v0",
            "urn:labtrust:evidence-bundle:v0.2",
            "https://slsa.dev/provenance/v1",
            "",
        ),
        ("predicate", "version"): ("0", "0.0", "0.2", "1", ""),
    }.items():
        for value in values:
            changed = with_value(statement_in(good.files), path, value)
            yield Forged(
                f"{written(path)}-{value}", with_statement(good.files, changed), "STATEMENT_SCHEMA"
            )


@forges(
    "digest-spelling",
    "writes a digest in capitals, cut or as base64",
    level="L0",
    bases=("signed",),
)
def digest_spelling(good: Good) -> Iterator[Forged]:
    """Yield statements whose digests are spelled otherwise."""
    statement = statement_in(good.files)
    right = statement["subject"][0]["digest"]["sha256"]
    bad = {
        "capitals": right.upper(),
        "cut": right[:-1],
        "longer": right + "0",
        "base64": base64.b64encode(bytes.fromhex(right)).decode(),
        "line-feed": right + "\n",
        "empty": "",
    }
    for place in (("subject", 0, "digest", "sha256"), ("predicate", "keys_digest")):
        for what, digest in bad.items():
            changed = with_value(statement, place, digest)
            yield Forged(
                f"{written(place)}-{what}", with_statement(good.files, changed), "STATEMENT_SCHEMA"
            )


@forges(
    "subject-outside",
    "lists a file outside the folder, or one that no bundle has",
    level="L0",
    bases=("signed",),
    holes=("B28",),
)
def subject_outside(good: Good) -> Iterator[Forged]:
    """Yield statements with a subject that no bundle has."""
    for what, name in _OUTSIDE.items():
        statement = statement_in(good.files)
        added = [*statement["subject"], {"name": name, "digest": {"sha256": "0" * 64}}]
        statement["subject"] = sorted(added, key=lambda item: item["name"])
        yield Forged(what, with_statement(good.files, statement), "STATEMENT_SUBJECTS")


@forges(
    "subject-order",
    "lists the files in another order, one of them twice, or none",
    level="L0",
    bases=("signed", "run"),
)
def subject_order(good: Good) -> Iterator[Forged]:
    """Yield statements whose subjects are not sorted, unique and complete."""
    listed = statement_in(good.files)["subject"]
    forms = {
        "reversed": listed[::-1],
        "doubled": [listed[0], *listed],
        "turned": [*listed[1:], listed[0]],
        "none": [],
    }
    for what, subjects in forms.items():
        statement = statement_in(good.files) | {"subject": subjects}
        yield Forged(what, with_statement(good.files, statement), "STATEMENT_SUBJECTS")
    if "run_log.jsonl" in good.files:
        for half in ("run_log.jsonl", "run_checkpoint"):
            files = {name: data for name, data in good.files.items() if name != half}
            yield Forged(f"half-a-run-{half}", resealed(files), "STATEMENT_SUBJECTS")


@forges(
    "predicate-lie",
    "states a fact in the manifest that the files do not bear out, and has it signed",
    level="L0",
    bases=("signed", "run", "clocked"),
    holes=("B08", "B09", "B10", "B24", "B25"),
)
def predicate_lie(good: Good) -> Iterator[Forged]:
    """Yield statements with one fact changed, each in a legal way."""
    statement = statement_in(good.files)
    for path in paths(statement["predicate"]):
        value = at(statement["predicate"], path)
        if path in _OTHERWISE or isinstance(value, dict):
            continue
        changed = with_value(statement, ("predicate", *path), _otherwise(path, value))
        code = "STATEMENT_SUBJECTS" if path == _DOMAIN else "PREDICATE_MISMATCH"
        yield Forged(written(path), with_statement(good.files, changed), code)
    for what, fingerprints in {
        "no-fingerprints": {},
        "one-fingerprint": {"rbac": statement["predicate"]["fingerprints"]["rbac"]},
        "extra-fingerprint": statement["predicate"]["fingerprints"] | {"zz": "0" * 64},
    }.items():
        changed = with_value(statement, ("predicate", "fingerprints"), fingerprints)
        yield Forged(what, with_statement(good.files, changed), "PREDICATE_MISMATCH")
    run = statement["predicate"]["run"]
    nothing = None if run else {"origin": "labtrust/run/" + "0" * 64, "number": 0, "size": 1}
    for what, place, value in (("run", "run", nothing), ("receipts", "receipts", None)):
        changed = with_value(statement, ("predicate", place), value)
        yield Forged(f"other-{what}", with_statement(good.files, changed), "PREDICATE_MISMATCH")


def _otherwise(path: tuple[str | int, ...], value: object) -> object:
    """Return another value that may stand there."""
    if path == ("episode", "reason"):
        return "aborted"
    return other(value)
