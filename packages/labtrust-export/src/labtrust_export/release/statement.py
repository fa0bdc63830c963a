"""The statement of a release: every file by its digest, and what they are taken together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec
from labtrust_core.canonical import MAX_INT, NotCanonicalError, canonical_bytes, parse_canonical
from labtrust_core.errors import LabTrustError

from labtrust_export.envelope import MAX_ENVELOPE
from labtrust_export.release import MANIFEST, PREDICATE_TYPE, STATEMENT_TYPE, VERSION
from labtrust_export.release.files import is_legal

_HEX: Final = r"\A[0-9a-f]{64}\Z"
Sha256 = Annotated[str, msgspec.Meta(pattern=_HEX)]
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT)]


class StatementError(LabTrustError):
    """A payload is no statement of a release.

    Attributes:
        code: ``RELEASE_STATEMENT_NOT_CANONICAL``, ``…_SCHEMA`` or ``RELEASE_SUBJECTS``.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base: every field is required, and there are no others."""


class Digest(_Closed, frozen=True):
    """A digest as in-toto writes it."""

    sha256: Sha256


class Subject(_Closed, frozen=True):
    """A file: its relative path and digest."""

    digest: Digest
    name: str


class RunPlace(_Closed, frozen=True):
    """Which episode of which run a bundle is."""

    number: Count
    origin: str
    size: Count


class BundleFacts(_Closed, frozen=True):
    """What a release says of one bundle.

    Attributes:
        domain: Domain of the episode.
        episode: Its id.
        head: Leaf hash of the ledger's last record.
        path: Folder of the bundle, relative.
        policy_fingerprint: Digest of the policy in force.
        run: Its place in a run, or None.
    """

    domain: str
    episode: str
    head: Sha256
    path: str
    policy_fingerprint: Sha256
    run: RunPlace | None


class Predicate(_Closed, frozen=True):
    """What a release says of itself.

    Attributes:
        absent: Kinds of which there is no file, sorted.
        bundles: Each bundle, by path.
        exporter: What wrote the manifest; any text.
        kinds: Number of files of each kind that is there.
        provenance: Digest of the provenance, or None.
        sbom: Digest of the bill of materials, or None.
        version: ``"0.1"``.
    """

    absent: list[str]
    bundles: list[BundleFacts]
    exporter: str
    kinds: dict[str, Count]
    provenance: Sha256 | None
    sbom: Sha256 | None
    version: str


class _Statement(_Closed, frozen=True, rename={"type_": "_type"}):
    type_: str
    predicate: Predicate
    predicateType: str  # noqa: N815 - the field's name
    subject: list[Subject]


def statement_bytes(digests: Mapping[str, str], predicate: Predicate) -> bytes:
    """Return the statement over files, as the payload of an envelope.

    Args:
        digests: Relative path to digest of every file but the manifest.
        predicate: What is said of them.
    """
    subjects = [Subject(Digest(digests[path]), path) for path in sorted(digests)]
    statement = _Statement(STATEMENT_TYPE, predicate, PREDICATE_TYPE, subjects)
    return canonical_bytes(msgspec.to_builtins(statement))


def read_statement(payload: bytes) -> tuple[dict[str, str], Predicate]:
    """Read a statement: digests by path, in order, and the predicate.

    Raises:
        StatementError: It is none.
    """
    try:
        value = parse_canonical(payload, MAX_ENVELOPE)
    except NotCanonicalError as error:
        raise StatementError("RELEASE_STATEMENT_NOT_CANONICAL", str(error)) from error
    try:
        stated = msgspec.convert(value, _Statement)
    except msgspec.ValidationError as error:
        raise StatementError("RELEASE_STATEMENT_SCHEMA", str(error)) from error
    found = (stated.type_, stated.predicateType, stated.predicate.version)
    if found != (STATEMENT_TYPE, PREDICATE_TYPE, VERSION):
        raise StatementError("RELEASE_STATEMENT_SCHEMA", f"a statement of other types: {found}")
    return _subjects(stated.subject), stated.predicate


def _subjects(subjects: list[Subject]) -> dict[str, str]:
    names = [subject.name for subject in subjects]
    if not names or names != sorted(set(names)):
        message = "subjects are at least one, sorted by name, each once"
        raise StatementError("RELEASE_SUBJECTS", message)
    wrong = next((name for name in names if not is_legal(name) or name == MANIFEST), None)
    if wrong is not None:
        raise StatementError("RELEASE_SUBJECTS", f"no release has a file {wrong!r}")
    return {subject.name: subject.digest.sha256 for subject in subjects}
