"""Entries of a transparency log: what they are, how they are read, and where they come from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Final, NoReturn

import msgspec
from labtrust_core.canonical import NotCanonicalError, canonical_bytes, parse_canonical
from labtrust_core.errors import DocumentError, UsageError
from labtrust_core.ledger.merkle import leaf_hash

from labtrust_export.check_failed import CheckFailedError
from labtrust_export.durable import read_at_most
from labtrust_export.envelope import MAX_ENVELOPE, EnvelopeError, read_envelope
from labtrust_export.transparency import DERIVED_ORIGIN

VERSION: Final = 1
BUNDLE: Final = "bundle"
RELEASE: Final = "release"
MANIFESTS: Final = {"manifest.json": BUNDLE, "RELEASE_MANIFEST.v0.1.json": RELEASE}
PREDICATES: Final = {
    "urn:labtrust:evidence-bundle:v0.1": BUNDLE,
    "urn:labtrust:release-set:v0.1": RELEASE,
}
_BUNDLE_NAME: Final = "EvidenceBundle.v0.1"
_BUNDLE_FILE: Final = "episode_log.jsonl"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the log.

    Attributes:
        digest: SHA-256 of the manifest's bytes, as 64 hexadecimal digits.
        kind: ``"bundle"`` or ``"release"``.
        path: Where the manifest stood in what was logged; for people.
        seq: Place in the log, from 0.
        v: 1.
    """

    digest: str
    kind: str
    path: str
    seq: int
    v: int = VERSION

    def line(self) -> bytes:
        """The canonical line, without its LF."""
        return canonical_bytes(msgspec.to_builtins(self))


def read_entry(line: bytes, seq: int) -> Entry:
    """Read the line (without LF) at a place.

    Raises:
        CheckFailedError: ``TRANSPARENCY_NOT_CANONICAL``, ``…_ENTRY_SCHEMA``, ``…_ENTRY_ORDER``.
    """
    place = f"entry {seq}"
    try:
        value = parse_canonical(line)
    except NotCanonicalError as error:
        raise CheckFailedError("TRANSPARENCY_NOT_CANONICAL", place, str(error)) from error
    try:
        entry = msgspec.convert(value, Entry)
    except msgspec.ValidationError as error:
        raise CheckFailedError("TRANSPARENCY_ENTRY_SCHEMA", place, str(error)) from error
    if entry.v != VERSION or "v" not in value or entry.kind not in (BUNDLE, RELEASE):
        raise CheckFailedError(
            "TRANSPARENCY_ENTRY_SCHEMA", place, "v is 1, kind a bundle or a release"
        )
    if not _DIGEST.match(entry.digest):
        raise CheckFailedError("TRANSPARENCY_ENTRY_SCHEMA", place, "digest is no SHA-256")
    if entry.seq != seq:
        raise CheckFailedError("TRANSPARENCY_ENTRY_ORDER", place, f"it says {entry.seq}")
    return entry


def read_entries(data: bytes) -> list[Entry]:
    """Read a whole log of entries, each line with its LF, no digest twice.

    Raises:
        CheckFailedError: As ``read_entry``; ``TRANSPARENCY_NOT_CANONICAL`` for a torn line too;
            ``TRANSPARENCY_ENTRY_DUPLICATE``.
    """
    *lines, rest = data.split(b"\n")
    known: set[str] = set()
    entries: list[Entry] = []
    for seq, line in enumerate(lines):
        entry = read_entry(line, seq)
        if entry.digest in known:
            place = f"entry {seq}"
            raise CheckFailedError("TRANSPARENCY_ENTRY_DUPLICATE", place, f"{entry.digest} again")
        known.add(entry.digest)
        entries.append(entry)
    if rest:
        place = f"entry {len(lines)}"
        raise CheckFailedError("TRANSPARENCY_NOT_CANONICAL", place, "the last line has no LF")
    return entries


def leaves_of(entries: Sequence[Entry]) -> list[bytes]:
    """Return the 32-byte leaf hash of each entry."""
    return [leaf_hash(entry.line()) for entry in entries]


def derived_origin(first: bytes) -> str:
    """Return the origin that follows from the leaf hash of a log's first entry."""
    return DERIVED_ORIGIN + first.hex()


def require_origin(origin: str) -> str:
    """Return an origin that somebody chose, if a log may have it.

    Raises:
        UsageError: It begins as those of other logs do, or cannot stand in a checkpoint.
    """
    if origin.startswith("labtrust/") or not re.fullmatch(r"[!-*,-~]{1,200}", origin):
        raise UsageError(
            f"not an origin for a log: {origin[:80]!r}; expected up to 200 printable characters "
            "without blank and plus, such as lab.example/releases, not beginning with labtrust/"
        )
    return origin


def find_manifests(source: Path) -> list[Entry]:
    """Find every manifest of a release or a bundle below a folder, in order of paths.

    Returns:
        Entries numbered from 0, no digest twice.

    Raises:
        UsageError: The folder is missing, or holds no manifest.
        DocumentError: A manifest cannot be read or is no envelope of its kind.
    """
    if not source.is_dir():
        raise UsageError(f"{source} is no folder")
    found: dict[str, Entry] = {}
    for path in _manifest_paths(source):
        kind = MANIFESTS[path.name]
        digest = sha256(_manifest_bytes(source / path, kind)).hexdigest()
        found.setdefault(digest, Entry(digest, kind, str(path), len(found)))
    if not found:
        raise UsageError(f"{source} holds no release and no evidence bundle")
    return list(found.values())


def is_bundle_folder(name: str, files: Sequence[str]) -> bool:
    """Whether a folder is an evidence bundle: by its name, or by the two files that make one."""
    return name == _BUNDLE_NAME or ("manifest.json" in files and _BUNDLE_FILE in files)


def _manifest_paths(source: Path) -> list[PurePosixPath]:
    return sorted(_walk(source))


def _walk(source: Path) -> Iterator[PurePosixPath]:
    for folder, _folders, files in os.walk(source, onerror=_refuse):
        place = Path(folder)
        for name in sorted(set(files) & set(MANIFESTS)):
            if MANIFESTS[name] == RELEASE or is_bundle_folder(place.name, files):
                yield PurePosixPath((place / name).relative_to(source).as_posix())


def _refuse(error: OSError) -> NoReturn:
    """A folder that cannot be read may hold what should be logged."""
    raise UsageError(f"cannot read {error.filename}: {error.strerror}") from error


def _manifest_bytes(path: Path, kind: str) -> bytes:
    if path.is_symlink():
        raise DocumentError("a manifest that is a link", file=path, expected="a regular file")
    try:
        data = read_at_most(path, MAX_ENVELOPE + 1)
        envelope = read_envelope(data)
        predicate = parse_canonical(envelope.payload, MAX_ENVELOPE).get("predicateType")
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror}", file=path) from error
    except (EnvelopeError, NotCanonicalError) as error:
        raise DocumentError(f"not a manifest of a {kind}: {error}", file=path) from error
    if not isinstance(predicate, str) or PREDICATES.get(predicate) != kind:
        raise DocumentError(
            f"not a manifest of a {kind}", file=path, path="predicateType", found=str(predicate)
        )
    return data
