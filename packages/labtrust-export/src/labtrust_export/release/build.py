"""Builds the manifest of a release, with its provenance and its bill of materials.

Everything is looked at and made first, in a hidden folder; then three files appear, the manifest
last. Until it is there the folder is no release, and what fails leaves the folder as it was.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.canonical import sha256_hex
from labtrust_core.errors import UsageError
from labtrust_core.ledger.files import OS_FILES
from labtrust_core.trust.key_files import SigningKey

from labtrust_export import __version__
from labtrust_export.check_failed import CheckFailedError
from labtrust_export.durable import read_at_most
from labtrust_export.envelope import signed
from labtrust_export.folders import write_files
from labtrust_export.release import MANIFEST, PAYLOAD_TYPE, PROVENANCE, SBOM
from labtrust_export.release.bundles import BundleVerifier, verified_bundle
from labtrust_export.release.environment import (
    installed_distributions,
    python_version,
    source_commit,
)
from labtrust_export.release.files import digest_of, list_files
from labtrust_export.release.kinds import bundle_folders
from labtrust_export.release.predicate import predicate_of
from labtrust_export.release.provenance import BuildFacts, provenance_bytes
from labtrust_export.release.results import check_results
from labtrust_export.release.runs import runs_of
from labtrust_export.release.sbom import sbom_bytes
from labtrust_export.release.statement import BundleFacts, Predicate, statement_bytes

_PRIVATE_KEY: Final = b"PRIVATE KEY-----"
_HEAD: Final = 200  # bytes of a file in which PEM says what it is
_PARTIAL: Final = ".release.partial"
EXPORTER: Final = f"labtrust-export {__version__}"


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What to make beside the manifest.

    Attributes:
        provenance: Whether to make the provenance.
        sbom: Whether to make the bill of materials.
        finished_on: When the release was finished, as RFC 3339 in UTC; nothing is made up.
        force: Replace a manifest, provenance and bill of materials that are there.
    """

    provenance: bool = True
    sbom: bool = True
    finished_on: str | None = None
    force: bool = False


def build_release(
    folder: Path,
    keys: Sequence[SigningKey],
    verify: BundleVerifier,
    options: BuildOptions = BuildOptions(),
) -> Predicate:
    """Write the manifest of a release.

    Args:
        folder: The release.
        keys: Keys that sign, at least one.
        verify: Verifies each bundle; L0 is the least that makes sense.
        options: What else to make.

    Returns:
        What the manifest says.

    Raises:
        UsageError: There are no files or bundles, a file to be written exists, or no key is given.
        CheckFailedError: A file or a bundle may not stand in a release (``RELEASE_…``).
        OSError: The disk fails; the folder is as it was.
    """
    if not keys:
        raise UsageError("a release is signed by at least one key")
    shutil.rmtree(folder / _PARTIAL, ignore_errors=True)  # of a call that was killed
    made = {MANIFEST, *_made(options)}
    there = sorted(name for name in made if os.path.lexists(folder / name))
    if there and not options.force:
        raise UsageError(f"{folder / there[0]} exists; --force replaces it")
    digests = _digests(folder, made)
    bundles = _bundles(folder, list(digests), verify)
    runs = runs_of(folder, bundles, digests)
    check_results(folder, digests, [bundle.path for bundle in bundles], runs)
    files: dict[str, bytes] = {}
    facts = _facts(options)
    if options.sbom:
        files[SBOM] = sbom_bytes(facts.distributions, options.finished_on)
        digests[SBOM] = sha256_hex(files[SBOM])
    if options.provenance:
        files[PROVENANCE] = _sealed(provenance_bytes(digests, bundles, runs, facts), keys)
        digests[PROVENANCE] = sha256_hex(files[PROVENANCE])
    predicate = predicate_of(digests, bundles, EXPORTER)
    files[MANIFEST] = _sealed(statement_bytes(digests, predicate), keys)
    _put(folder, files)
    return predicate


def _made(options: BuildOptions) -> list[str]:
    wanted = ((SBOM, options.sbom), (PROVENANCE, options.provenance))
    return [name for name, is_wanted in wanted if is_wanted]


def _digests(folder: Path, made: set[str]) -> dict[str, str]:
    """Return the digest of every file that is there, but those that are about to be made."""
    try:
        paths = list_files(folder)
    except CheckFailedError as error:
        if error.code in ("RELEASE_NOT_A_FOLDER", "RELEASE_EMPTY"):
            raise UsageError(f"{folder}: {error.message}; nothing to release") from error
        raise
    found = [path for path in paths if path not in made]
    for path in found:
        if _PRIVATE_KEY in read_at_most(folder / path, _HEAD):
            raise UsageError(f"{folder / path} is a private key; it must not be released")
    return {path: digest_of(folder, path) for path in found}


def _bundles(folder: Path, paths: list[str], verify: BundleVerifier) -> list[BundleFacts]:
    found = bundle_folders(paths)
    if not found:
        raise UsageError(f"{folder} holds no evidence bundle; a release without any proves nothing")
    if "" in found:
        raise UsageError(f"{folder} is itself an evidence bundle; release the folder around it")
    return [verified_bundle(folder, path, verify) for path in found]


def _facts(options: BuildOptions) -> BuildFacts:
    return BuildFacts(
        tuple(installed_distributions()), python_version(), source_commit(), options.finished_on
    )


def _sealed(payload: bytes, keys: Sequence[SigningKey]) -> bytes:
    return signed(PAYLOAD_TYPE, payload, [(key.name, key.private) for key in keys]).encoded()


def _put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a hidden folder, then give them their places, the last one last.

    What stood there before is kept until all are in place, and put back if they are not.
    """
    staged, kept = folder / _PARTIAL / "new", folder / _PARTIAL / "old"
    try:
        write_files(staged, files)
        kept.mkdir()
        try:
            _exchange(folder, list(files), staged, kept)
        except OSError:
            _put_back(folder, list(files), staged, kept)
            raise
        OS_FILES.sync_folder(folder)
    finally:
        shutil.rmtree(folder / _PARTIAL, ignore_errors=True)


def _exchange(folder: Path, names: Sequence[str], staged: Path, kept: Path) -> None:
    for name in reversed(names):  # the manifest goes first, so that no half is a release
        if (folder / name).exists():
            (folder / name).replace(kept / name)
    for name in names:
        (staged / name).replace(folder / name)


def _put_back(folder: Path, names: Sequence[str], staged: Path, kept: Path) -> None:
    for name in names:
        if not (staged / name).exists():
            (folder / name).unlink(missing_ok=True)
        if (kept / name).exists():
            shutil.move(kept / name, folder / name)
