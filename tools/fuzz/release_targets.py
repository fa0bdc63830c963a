"""Targets around releases and FHIR: proofs, entries of a public log, statements, Bundles."""

from __future__ import annotations

import functools
import json
from typing import Any, Final, TypeAlias

from labtrust_core.canonical import canonical_bytes
from labtrust_core.ledger.merkle import leaf_hash
from labtrust_core.ledger.proofs import MerkleProver
from labtrust_core.policy.snapshot import read_snapshot
from labtrust_core.trust.notes import parse_note
from labtrust_export.episode import parse_episode
from labtrust_export.fhir.export import encoded, fhir_bundle
from labtrust_export.fhir.reader import read_bundle
from labtrust_export.fhir.validate import errors_of, validate_bundle
from labtrust_export.proof_text import (
    ProofTextError,
    consistency_text,
    inclusion_text,
    parse_consistency,
    parse_inclusion,
)
from labtrust_export.release.sbom import read_sbom
from labtrust_export.release.statement import (
    BundleFacts,
    Predicate,
    RunPlace,
    StatementError,
    read_statement,
    statement_bytes,
)
from labtrust_export.seen import SeenLogs, read_seen, write_seen
from labtrust_export.testing.forgery import good
from labtrust_export.testing.sealing import CHECKPOINT, LOG_FILE
from labtrust_export.transparency.entries import Entry, read_entries

from fuzz.core_targets import log_of, log_seeds
from fuzz.edits import document_of, edits
from fuzz.target import Target, accepted, file_of, require, scratch

Value: TypeAlias = Any  # a JSON value that is taken apart

_DIGEST: Final = "a" * 64


def check_proof(data: bytes) -> None:
    """A proof is written as it was read."""
    for read in (parse_inclusion, parse_consistency):
        proof = accepted(functools.partial(read, data), ProofTextError)
        require(proof is None or str(proof).encode() == data, "it is written in another way")


def _proofs() -> list[bytes]:
    whole = good("amended")
    prover = MerkleProver([leaf_hash(line) for line in whole.episode.lines])
    note = parse_note(whole.files[CHECKPOINT])
    texts = (inclusion_text(prover, 2, note), consistency_text(prover, 3, note))
    return [str(text).encode() for text in texts]


def check_entries(data: bytes) -> None:
    """The lines of a public log are written as they were read."""
    lines = document_of(data, _entries(), b"\n")
    found = accepted(lambda: read_entries(lines))
    if found is not None:
        again = b"".join(entry.line() + b"\n" for entry in found)
        require(again == lines, "they are written in another way")


def _entries() -> list[Value]:
    entry = Entry(_DIGEST, "bundle", "episode_0/EvidenceBundle.v0.1/manifest.json", 0)
    return [json.loads(entry.line())]


def check_seen(data: bytes) -> None:
    """What a witness has seen reads back as it was written."""
    logs = {"labtrust/run/" + _DIGEST: {"root": _DIGEST, "size": 3}}
    stated = [{"logs": logs, "version": "0.1", "witness": None}]
    state = accepted(lambda: read_seen(file_of("seen.json", document_of(data, stated, b"\n"))))
    if state is not None:
        write_seen(scratch() / "seen.json", state)
        again: SeenLogs = read_seen(scratch() / "seen.json")
        require(again == state, "it reads back as another")


def check_release(data: bytes) -> None:
    """The statement of a release is written as it was read."""
    payload = document_of(data, [json.loads(_release())])
    found = accepted(lambda: read_statement(payload), StatementError)
    if found is not None:
        require(statement_bytes(*found) == payload, "it is written in another way")


@functools.cache
def _release() -> bytes:
    facts = BundleFacts(
        domain="hospital_lab",
        episode="amended",
        head=_DIGEST,
        path="e/EvidenceBundle.v0.1",
        policy_fingerprint=_DIGEST,
        run=RunPlace(number=0, origin="labtrust/run/" + _DIGEST, size=4),
    )
    predicate = Predicate(
        absent=["baselines"],
        bundles=[facts],
        exporter="labtrust-export testing",
        kinds={"evidence": 1},
        provenance=None,
        sbom=_DIGEST,
        version="0.1",
    )
    return statement_bytes({"e/EvidenceBundle.v0.1/manifest.json": _DIGEST}, predicate)


def check_bill(data: bytes) -> None:
    """A bill of materials is one, or refused."""
    stated = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [{"name": "a", "type": "library", "version": "1"}],
    }
    found = accepted(lambda: read_sbom(document_of(data, [stated], b"\n")))
    require(found != {}, "a bill of nothing")


def check_fhir(data: bytes) -> None:
    """A FHIR Bundle is judged, whatever it holds; what is found can be shown."""
    path = file_of("bundle.json", document_of(data, [_fhir()], b"\n"))
    bundle = accepted(lambda: read_bundle(path))
    if bundle is not None:
        findings = validate_bundle(bundle)
        require(len(errors_of(findings)) <= len(findings), "more errors than findings")
        "\n".join(map(str, findings)).encode()


@functools.cache
def _fhir() -> Value:
    """Return the Bundle of an episode, cut down to some entries, without fractions of a number."""
    bundle = json.loads(_exported(good("amended").files[LOG_FILE]) or b"{}")
    return {**bundle, "entry": bundle["entry"][::3]}


def _exported(log: bytes) -> bytes:
    documents = read_snapshot(good("amended").episode.policy)
    return encoded(fhir_bundle(parse_episode(log), documents))


def check_fhir_export(data: bytes) -> None:
    """Whatever a sound ledger holds, it can be exported, or is refused."""
    log = log_of(data)
    bundle = accepted(lambda: _exported(log))
    if bundle is not None:
        path = file_of("bundle.json", bundle)
        read_bundle(path)


def _fhir_seeds() -> list[bytes]:
    start = b'{"resourceType":"Bundle","a":'
    doubled = b",".join(b'"%d":0' % number for number in range(7000))
    return [
        canonical_bytes(_fhir())[:60_000],
        start + b"1e999999999}",
        start + b'"\\ud800"}',
        start + b"[" * 3000,
        start + b"1" * 5000 + b"}",
        start + b"{" + doubled + b',"6999":0}}',
        *edits(24),
    ]


TARGETS: Final = (
    Target("proof", "proofs of a log", check_proof, _proofs),
    Target(
        "entries",
        "lines of a transparency log",
        check_entries,
        lambda: [canonical_bytes(_entries()[0]) + b"\n", *edits(16)],
    ),
    Target("seen", "what a witness has seen", check_seen, lambda: [b"{}\n", *edits(16)]),
    Target(
        "release", "the statement of a release", check_release, lambda: [_release(), *edits(24)]
    ),
    Target("bill", "a bill of materials", check_bill, lambda: [b"{}\n", *edits(16)]),
    Target("fhir", "a FHIR Bundle", check_fhir, _fhir_seeds),
    Target("fhir-export", "a ledger as a FHIR Bundle", check_fhir_export, log_seeds),
)
