"""The provenance of a release: an SLSA provenance statement that says only what is known.

Where it came from (plans of runs, policies) follows from the bundles and is compared when a release
is verified. What built it (distributions, Python, source commit) is the signer's word. A time is
stated only if somebody gave one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, parse_canonical

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.envelope import MAX_ENVELOPE
from labtrust_export.release import PROVENANCE, STATEMENT_TYPE
from labtrust_export.release.environment import OURS, Distribution
from labtrust_export.release.runs import RunOfRelease
from labtrust_export.release.statement import BundleFacts, Subject

PREDICATE_TYPE: Final = "https://slsa.dev/provenance/v1"
BUILD_TYPE: Final = "urn:labtrust:build:release-set:v0.1"
BUILDER: Final = "urn:labtrust:builder:self"
_TIME: Final = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z"


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """What built a release.

    Attributes:
        distributions: What is installed.
        python: Version of Python.
        commit: Commit of the source, where it is known and nothing was changed.
        finished_on: When, where somebody said so (RFC 3339, UTC, whole seconds).
    """

    distributions: tuple[Distribution, ...]
    python: str
    commit: str | None
    finished_on: str | None


class _Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base: no other fields than these."""


class _Run(_Closed, frozen=True):
    origin: str
    plan: dict[str, Any]


class _External(_Closed, frozen=True):
    runs: list[_Run]


class _Internal(_Closed, frozen=True):
    python: str


class _Material(_Closed, frozen=True):
    name: str
    digest: dict[str, str] | None = None
    uri: str | None = None


class _Definition(_Closed, frozen=True):
    buildType: str  # noqa: N815 - the field's name
    externalParameters: _External  # noqa: N815 - the field's name
    internalParameters: _Internal  # noqa: N815 - the field's name
    resolvedDependencies: list[_Material]  # noqa: N815 - the field's name


class _Builder(_Closed, frozen=True):
    id: str
    version: dict[str, str]


class _Metadata(_Closed, frozen=True):
    finishedOn: Annotated[str, msgspec.Meta(pattern=_TIME)]  # noqa: N815 - the field's name


class _Details(_Closed, frozen=True):
    builder: _Builder
    metadata: _Metadata | None = None


class _Predicate(_Closed, frozen=True):
    buildDefinition: _Definition  # noqa: N815 - the field's name
    runDetails: _Details  # noqa: N815 - the field's name


class _Statement(_Closed, frozen=True, rename={"type_": "_type"}):
    type_: str
    predicate: _Predicate
    predicateType: str  # noqa: N815 - the field's name
    subject: list[Subject]


def provenance_bytes(
    digests: Mapping[str, str],
    bundles: Sequence[BundleFacts],
    runs: Sequence[RunOfRelease],
    facts: BuildFacts,
) -> bytes:
    """Return the statement, as the payload of an envelope.

    Args:
        digests: Digest of every file by path, but for the manifest and the provenance itself.
        bundles: The bundles.
        runs: Their runs.
        facts: What builds the release.
    """
    source = {"gitCommit": facts.commit} if facts.commit else None
    materials = [
        *_policies(bundles),
        *([{"digest": source, "name": "source"}] if source else []),
        *({"name": item.name, "uri": item.purl} for item in facts.distributions),
    ]
    ours = {item.name: item.version for item in facts.distributions if item.name in OURS}
    details: dict[str, Any] = {"builder": {"id": BUILDER, "version": ours}}
    if facts.finished_on is not None:
        details["metadata"] = {"finishedOn": facts.finished_on}
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": _external(runs),
        "internalParameters": {"python": facts.python},
        "resolvedDependencies": materials,
    }
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "predicate": {"buildDefinition": definition, "runDetails": details},
            "predicateType": PREDICATE_TYPE,
            "subject": _subjects(digests),
        }
    )


def check_provenance(
    payload: bytes,
    digests: Mapping[str, str],
    bundles: Sequence[BundleFacts],
    runs: Sequence[RunOfRelease],
) -> dict[str, str]:
    """Compare a provenance with the release that it is about.

    Args:
        payload: The statement.
        digests: As for ``provenance_bytes``.
        bundles: The bundles.
        runs: Their runs.

    Returns:
        Version by name of our distributions that built the release, as its signer says.

    Raises:
        CheckFailedError: ``RELEASE_PROVENANCE_SCHEMA``, ``…_SUBJECTS`` or ``…_MISMATCH``.
    """
    try:
        stated = msgspec.convert(parse_canonical(payload, MAX_ENVELOPE), _Statement)
    except (NotCanonicalError, msgspec.ValidationError) as error:
        raise CheckFailedError("RELEASE_PROVENANCE_SCHEMA", PROVENANCE, str(error)) from error
    definition = stated.predicate.buildDefinition
    types = (stated.type_, stated.predicateType, definition.buildType)
    if types != (STATEMENT_TYPE, PREDICATE_TYPE, BUILD_TYPE):
        message = f"a statement of other types: {types}"
        raise CheckFailedError("RELEASE_PROVENANCE_SCHEMA", PROVENANCE, message)
    if msgspec.to_builtins(stated.subject) != _subjects(digests):
        message = "its subjects are not all other files of the release"
        raise CheckFailedError("RELEASE_PROVENANCE_SUBJECTS", PROVENANCE, message)
    if msgspec.to_builtins(definition.externalParameters) != _external(runs):
        message = "its runs are not those of the bundles"
        raise CheckFailedError("RELEASE_PROVENANCE_MISMATCH", PROVENANCE, message)
    found = [item for item in definition.resolvedDependencies if item.name == "policy"]
    if msgspec.to_builtins(found) != _policies(bundles):
        message = "its policies are not those of the bundles"
        raise CheckFailedError("RELEASE_PROVENANCE_MISMATCH", PROVENANCE, message)
    return stated.predicate.runDetails.builder.version


def _subjects(digests: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"digest": {"sha256": digests[path]}, "name": path} for path in sorted(digests)]


def _external(runs: Sequence[RunOfRelease]) -> dict[str, Any]:
    return {"runs": [{"origin": run.origin, "plan": run.plan} for run in runs]}


def _policies(bundles: Sequence[BundleFacts]) -> list[dict[str, Any]]:
    fingerprints = sorted({bundle.policy_fingerprint for bundle in bundles})
    return [{"digest": {"sha256": item}, "name": "policy"} for item in fingerprints]
