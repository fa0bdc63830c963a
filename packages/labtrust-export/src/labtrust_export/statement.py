"""The statement of a bundle: an in-toto statement over its files, and its strict reader.

Fields, types and the order of the checks are on the page "The format of evidence". A statement
states facts that the files hold; who reads it compares them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal

import msgspec
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, parse_canonical, sha256_hex
from labtrust_core.errors import LabTrustError
from labtrust_core.ledger import run_log
from labtrust_core.ledger.record import EndBody, EndReason

from labtrust_export import __version__
from labtrust_export.envelope import MAX_ENVELOPE
from labtrust_export.receipts import ReceiptCounts
from labtrust_export.start import Count, Digest, Start, Whole

BUNDLE_FOLDER: Final = "EvidenceBundle.v0.1"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:labtrust:evidence-bundle:v0.1"
EXPORTER: Final = f"labtrust-export {__version__}"

MANIFEST: Final = "manifest.json"
EPISODE_LOG: Final = "episode_log.jsonl"
CHECKPOINT: Final = "checkpoint"
POLICY: Final = "policy.json"
RECEIPTS: Final = "receipts.jsonl"
RUN_LOG: Final = run_log.RUN_LOG
RUN_CHECKPOINT: Final = run_log.RUN_CHECKPOINT

RECEIPTS_DOMAIN: Final = "hospital_lab"
"""Exactly the bundles of this domain have receipts."""

FILE_NAME: Final = re.compile(r"[A-Za-z0-9._-]+\Z")
_NEEDED: Final = frozenset({EPISODE_LOG, CHECKPOINT, POLICY})
_OF_RUN: Final = frozenset({RUN_LOG, RUN_CHECKPOINT})
KNOWN_FILES: Final = _NEEDED | _OF_RUN | {RECEIPTS}


class StatementCode(StrEnum):
    """What is wrong with a statement."""

    NOT_CANONICAL = "STATEMENT_NOT_CANONICAL"
    SCHEMA = "STATEMENT_SCHEMA"
    SUBJECTS = "STATEMENT_SUBJECTS"


class StatementError(LabTrustError):
    """A payload is no statement of a bundle.

    Attributes:
        code: The rule that it breaks.
    """

    def __init__(self, code: StatementCode, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base: every field is required, and there are no others."""


class SubjectDigest(_Closed, frozen=True):
    """The digests of a file: one."""

    sha256: Digest


class Subject(_Closed, frozen=True):
    """A file of the bundle and its digest."""

    name: str
    digest: SubjectDigest


class EpisodeFacts(_Closed, frozen=True):
    """What the ledger says of itself: as in its start record, end record and tree."""

    id: str
    seed: Whole
    domain: str
    partner: str | None
    engine: str
    reason: EndReason
    records: Count
    events: Count
    head: Digest
    root: Digest


class RunFacts(_Closed, frozen=True):
    """The run that the episode belongs to: origin, the episode's number, size of the run log."""

    origin: str
    number: Count
    size: Count


class Predicate(_Closed, frozen=True):
    """The facts that a bundle states.

    Attributes:
        version: Of the format.
        exporter: What wrote it; the only field that no file vouches for.
        episode: What was run.
        policy_fingerprint: Of the policy in force.
        fingerprints: Of each of its documents, by name.
        keys_digest: Of the agents' keys.
        receipts: How many; None without them.
        run: The run; None without one.
    """

    version: Literal["0.1"]
    exporter: str
    episode: EpisodeFacts
    policy_fingerprint: Digest
    fingerprints: dict[str, Digest]
    keys_digest: Digest
    receipts: ReceiptCounts | None
    run: RunFacts | None


class Statement(_Closed, frozen=True, rename={"type_": "_type", "predicate_type": "predicateType"}):
    """An in-toto statement; subjects sorted by name."""

    type_: Literal["https://in-toto.io/Statement/v1"]
    predicate_type: Literal["urn:labtrust:evidence-bundle:v0.1"]
    subject: tuple[Subject, ...]
    predicate: Predicate

    def digests(self) -> dict[str, str]:
        """Return the digest of each file by name."""
        return {item.name: item.digest.sha256 for item in self.subject}

    def payload(self) -> bytes:
        """Return the canonical form, without LF."""
        return canonical_bytes(msgspec.to_builtins(self))


def episode_facts(start: Start, end: EndBody, size: int, head: str, root: str) -> EpisodeFacts:
    """Return what a statement says of an episode.

    Args:
        start: What its start record states.
        end: What its end record states.
        size: Number of all its records.
        head: Leaf hash of the last of them.
        root: Merkle root over all of them.
    """
    return EpisodeFacts(
        id=start.config.episode,
        seed=start.config.seed,
        domain=start.domain,
        partner=start.partner,
        engine=start.engine,
        reason=end.reason,
        records=size,
        events=end.events,
        head=head,
        root=root,
    )


def statement_of(files: Mapping[str, bytes], predicate: Predicate) -> Statement:
    """Return the statement over the files of a bundle, all but the manifest."""
    subjects = (
        Subject(name=name, digest=SubjectDigest(sha256=sha256_hex(files[name])))
        for name in sorted(files)
    )
    return Statement(
        type_=STATEMENT_TYPE,
        predicate_type=PREDICATE_TYPE,
        subject=tuple(subjects),
        predicate=predicate,
    )


def read_statement(payload: bytes) -> Statement:
    """Return the statement that a payload spells.

    Raises:
        StatementError: It is not canonical, has not the documented shape, or its subjects are not
            the files of a bundle; ``code`` says which.
    """
    try:
        value = parse_canonical(payload, MAX_ENVELOPE)
    except NotCanonicalError as error:
        raise StatementError(StatementCode.NOT_CANONICAL, str(error)) from error
    try:
        statement = msgspec.convert(value, Statement)
    except msgspec.ValidationError as error:
        raise StatementError(StatementCode.SCHEMA, f"no statement of a bundle: {error}") from error
    complaint = _subjects_complaint(statement)
    if complaint:
        raise StatementError(StatementCode.SUBJECTS, complaint)
    return statement


def _subjects_complaint(statement: Statement) -> str:
    """Return what is wrong with the subjects, or nothing."""
    names = [item.name for item in statement.subject]
    found = set(names)
    if names != sorted(found):
        return "the subjects are not sorted by name, each once"
    illegal = next((name for name in names if not FILE_NAME.match(name)), None)
    if illegal is not None:
        return f"{illegal!r} is no name of a file"
    strange = sorted(found - KNOWN_FILES)
    if strange:
        return f"no bundle has {', '.join(strange)}"
    needed = set(_NEEDED)
    if found & _OF_RUN:
        needed |= _OF_RUN
    if statement.predicate.episode.domain == RECEIPTS_DOMAIN:
        needed.add(RECEIPTS)
    if needed - found:
        return f"no subject is {', '.join(sorted(needed - found))}"
    if found - needed:
        return f"a bundle of this domain has no {', '.join(sorted(found - needed))}"
    return ""
