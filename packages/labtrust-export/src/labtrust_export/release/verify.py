"""Verifies a release: manifest, keys, every file, every bundle, and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from labtrust_core.trust.notes import VerifierKey

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.durable import read_at_most
from labtrust_export.envelope import (
    MAX_ENVELOPE,
    Envelope,
    EnvelopeError,
    dsse_id,
    read_envelope,
    signers,
)
from labtrust_export.release import MANIFEST, PAYLOAD_TYPE, PROVENANCE, SBOM
from labtrust_export.release.bundles import (
    BundleFaultError,
    BundleVerifier,
    facts_of,
)
from labtrust_export.release.files import digest_of, list_files
from labtrust_export.release.kinds import bundle_folders
from labtrust_export.release.predicate import predicate_of
from labtrust_export.release.provenance import check_provenance
from labtrust_export.release.results import check_results
from labtrust_export.release.runs import RunOfRelease, runs_of
from labtrust_export.release.sbom import read_sbom
from labtrust_export.release.statement import (
    BundleFacts,
    Predicate,
    StatementError,
    read_statement,
)
from labtrust_export.trust_policy import TrustPolicy
from labtrust_export.verify.report import VerifyReport

_ENVELOPE: Final = "RELEASE_ENVELOPE"


@dataclass(slots=True)
class ReleaseReport:
    """Result of a verification.

    Attributes:
        release: The folder, as the caller named it.
        failure: The one failure, or None.
        bundles: Report of each bundle that was looked at, by path.
        signed_by: Trusted keys that signed the manifest.
        predicate: What the manifest says; None until its signatures are good.
        notes: What is no failure and yet worth knowing.
    """

    release: str
    failure: CheckFailedError | None = None
    bundles: dict[str, VerifyReport] = field(default_factory=dict)
    signed_by: list[str] = field(default_factory=list)
    predicate: Predicate | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return self.failure is None and self.predicate is not None and bool(self.bundles)

    @property
    def reached(self) -> str | None:
        """The lowest level that a bundle reached; None where one reached none, or none is there."""
        levels = [str(report.reached or "") for report in self.bundles.values()]
        return min(levels, default="") or None

    def to_dict(self) -> dict[str, object]:
        """Return the JSON form."""
        found = self.failure
        failure: dict[str, str | None] | None = None
        if found is not None:
            failure = {"code": found.code, "place": found.place, "message": found.message}
            if isinstance(found, BundleFaultError):
                failure["bundle_code"] = found.bundle_code
        return {
            "release": self.release,
            "ok": self.ok,
            "reached": self.reached,
            "failure": failure,
            "bundles": {path: report.to_dict() for path, report in self.bundles.items()},
            "kinds": {} if self.predicate is None else dict(self.predicate.kinds),
            "absent": [] if self.predicate is None else list(self.predicate.absent),
            "signed_by": list(self.signed_by),
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """Return the report for people, several lines."""
        lines = [f"Release {self.release}"]
        if self.predicate is not None:
            lines.append(f"  signed by {', '.join(self.signed_by)}")
            files = ", ".join(f"{count} {kind}" for kind, count in self.predicate.kinds.items())
            lines.append(f"  {files}")
            lines.append(f"  absent: {', '.join(self.predicate.absent) or 'nothing'}")
        lines += [
            f"  bundle {path}: {report.reached or 'FAILED'}"
            for path, report in self.bundles.items()
        ]
        lines += [f"  note: {note}" for note in self.notes]
        if self.failure is None:
            lines.append(f"verified: {len(self.bundles)} bundles, at least at {self.reached}")
        else:
            lines.append(f"NOT verified: {self.failure}")
        return "\n".join(lines)


def verify_release(folder: Path, trust: TrustPolicy, verify: BundleVerifier) -> ReleaseReport:
    """Verify a release; the first check that fails ends it.

    Args:
        folder: The release.
        trust: The caller's trust policy, of which the release keys count here.
        verify: Verifies a bundle, at the level that the caller asks for.
    """
    report = ReleaseReport(str(folder))
    try:
        _verify(folder, trust, verify, report)
    except CheckFailedError as error:
        report.failure = error
    return report


def _verify(
    folder: Path, trust: TrustPolicy, verify: BundleVerifier, report: ReleaseReport
) -> None:
    paths = list_files(folder)
    envelope = _read_manifest(folder)
    stated, predicate = _read_statement(envelope)
    report.signed_by = _require_signed(envelope, trust, "RELEASE", MANIFEST)
    report.predicate = predicate
    _require_files(folder, paths, stated)
    bundles = _verify_bundles(folder, paths, verify, report)
    runs = runs_of(folder, bundles, stated)
    unknown = check_results(folder, paths, [bundle.path for bundle in bundles], runs)
    if predicate != predicate_of(stated, bundles, predicate.exporter):
        message = "what it says of bundles, kinds and absence is not what the files say"
        raise CheckFailedError("RELEASE_PREDICATE_MISMATCH", MANIFEST, message)
    components = (
        read_sbom(read_at_most(folder / SBOM, MAX_ENVELOPE + 1)) if SBOM in stated else None
    )
    if PROVENANCE in stated:
        _check_provenance(folder, trust, (stated, bundles, runs), components)
    report.notes += [f"no run log here vouches for {path}" for path in unknown]
    report.notes += [
        f"run {run.origin} is not closed: episodes may follow" for run in runs if not run.closed
    ]


def _read_manifest(folder: Path) -> Envelope:
    path = folder / MANIFEST
    if not path.is_file():
        raise CheckFailedError("RELEASE_FILE_MISSING", MANIFEST, "it is not there")
    return _read_envelope(path, _ENVELOPE, MANIFEST)


def _read_envelope(path: Path, prefix: str, place: str) -> Envelope:
    try:
        envelope = read_envelope(read_at_most(path, MAX_ENVELOPE + 1))
    except EnvelopeError as error:
        code = f"{prefix}_SCHEMA" if error.canonical else f"{prefix}_NOT_CANONICAL"
        raise CheckFailedError(code, place, str(error)) from error
    if envelope.payload_type != PAYLOAD_TYPE:
        message = f"found {envelope.payload_type!r}, expected {PAYLOAD_TYPE}"
        raise CheckFailedError(f"{prefix}_TYPE", place, message)
    return envelope


def _read_statement(envelope: Envelope) -> tuple[dict[str, str], Predicate]:
    try:
        return read_statement(envelope.payload)
    except StatementError as error:
        raise CheckFailedError(error.code, MANIFEST, str(error)) from error


def _require_signed(envelope: Envelope, trust: TrustPolicy, prefix: str, place: str) -> list[str]:
    """Return the trusted keys that signed, at least as many as the caller asks for."""
    keys = trust.release_keys
    good, bad = signers(envelope, keys)
    if not envelope.signatures:
        raise CheckFailedError(f"{prefix}_UNSIGNED", place, "no signature")
    if bad:
        raise CheckFailedError(f"{prefix}_SIGNATURE", place, f"bad signature of {min(bad)}")
    if not good:
        names = ", ".join(ascii(key_id) for key_id, _raw in envelope.signatures)
        raise CheckFailedError(
            f"{prefix}_KEY_UNKNOWN", place, f"no release key signed; found {names}"
        )
    distinct = _distinct(keys, good)
    if distinct < trust.release_threshold:
        message = f"{distinct} release keys signed, {trust.release_threshold} are asked for"
        raise CheckFailedError(f"{prefix}_THRESHOLD", place, message)
    return sorted(good)


def _distinct(keys: Sequence[VerifierKey], good: set[str]) -> int:
    """Count keys, not names: one key under two names is one signer."""
    return len({key.public for key in keys if dsse_id(key) in good})


def _require_files(folder: Path, paths: list[str], stated: dict[str, str]) -> None:
    there = set(paths)
    for path in stated:
        if path not in there:
            raise CheckFailedError("RELEASE_FILE_MISSING", path, "the manifest lists it")
    for path in paths:
        if path not in stated:
            raise CheckFailedError("RELEASE_FILE_EXTRA", path, "the manifest does not list it")
    for path, digest in stated.items():
        found = digest_of(folder, path)
        if found != digest:
            raise CheckFailedError("RELEASE_FILE_DIGEST", path, f"SHA-256 {found}, signed {digest}")


def _verify_bundles(
    folder: Path, paths: list[str], verify: BundleVerifier, report: ReleaseReport
) -> list[BundleFacts]:
    found = bundle_folders(paths)
    if not found:
        raise CheckFailedError("RELEASE_NO_BUNDLES", "", "it holds no evidence bundle")
    for path in found:
        report.bundles[path] = verify(folder / path)
        if not report.bundles[path].ok:
            raise BundleFaultError(path, report.bundles[path])
    return [facts_of(folder, path) for path in found]


def _check_provenance(
    folder: Path,
    trust: TrustPolicy,
    found: tuple[dict[str, str], list[BundleFacts], list[RunOfRelease]],
    components: dict[str, str] | None,
) -> None:
    stated, bundles, runs = found
    prefix = "RELEASE_PROVENANCE"
    try:
        envelope = _read_envelope(folder / PROVENANCE, prefix, PROVENANCE)
    except CheckFailedError as error:
        raise CheckFailedError(f"{prefix}_SCHEMA", PROVENANCE, error.message) from error
    _require_signed(envelope, trust, prefix, PROVENANCE)
    others = {path: digest for path, digest in stated.items() if path != PROVENANCE}
    versions = check_provenance(envelope.payload, others, bundles, runs)
    if components is None:
        return
    for name, version in versions.items():
        if components.get(name) != version:
            message = f"{name} {components.get(name)}, the provenance says {version}"
            raise CheckFailedError("RELEASE_SBOM", SBOM, message)
