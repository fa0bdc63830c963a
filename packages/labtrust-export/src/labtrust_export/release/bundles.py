"""The bundles of a release: each is verified, then says what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.envelope import EnvelopeError, read_envelope
from labtrust_export.release.statement import BundleFacts, RunPlace
from labtrust_export.statement import MANIFEST, StatementError, read_statement
from labtrust_export.verify.report import VerifyReport

BundleVerifier = Callable[[Path], VerifyReport]


class BundleFaultError(CheckFailedError):
    """A bundle of a release does not verify.

    Attributes:
        report: Why.
        bundle_code: Its code; None where it only does not reach the level.
    """

    def __init__(self, path: str, report: VerifyReport) -> None:
        found = report.failure
        self.report = report
        self.bundle_code = None if found is None else found.code
        said = (
            f"level {report.reached or 'none'}, required {report.required}"
            if found is None
            else f"{found.code}: {found.message}"
        )
        super().__init__("RELEASE_BUNDLE", path, said)


def verified_bundle(folder: Path, path: str, verify: BundleVerifier) -> BundleFacts:
    """Verify a bundle and return its facts.

    Args:
        folder: The release.
        path: The bundle's folder, relative.
        verify: Verifies a bundle at the level that is asked for.

    Raises:
        BundleFaultError: It does not verify.
    """
    report = verify(folder / path)
    if not report.ok:
        raise BundleFaultError(path, report)
    return facts_of(folder, path)


def facts_of(folder: Path, path: str) -> BundleFacts:
    """Return what a bundle's signed statement says; it has been verified before.

    Raises:
        CheckFailedError: ``RELEASE_BUNDLE``: it was changed meanwhile.
    """
    try:
        envelope = read_envelope((folder / path / MANIFEST).read_bytes())
        stated = read_statement(envelope.payload).predicate
    except (EnvelopeError, StatementError) as error:
        raise CheckFailedError("RELEASE_BUNDLE", path, str(error)) from error
    run = stated.run
    return BundleFacts(
        domain=stated.episode.domain,
        episode=stated.episode.id,
        head=stated.episode.head,
        path=path,
        policy_fingerprint=stated.policy_fingerprint,
        run=None if run is None else RunPlace(run.number, run.origin, run.size),
    )
