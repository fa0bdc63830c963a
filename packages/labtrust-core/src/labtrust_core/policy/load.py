"""Load a policy: read every document, merge an overlay, convert to types, fingerprint.

A policy is complete or it is an error. The overlay of a partner is the folder ``partners/<id>/``,
which mirrors the policy folder: mappings merge key by key, everything else replaces. Its
``golden/`` holds scenarios of its own, which are no policy. The
fingerprint is the SHA-256 of the canonical form of all effective documents (the snapshot), so it
covers every value that is in force, and nothing else. A policy can be had from its snapshot too:
see ``labtrust_core.policy.snapshot``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from labtrust_core.canonical import sha256_hex
from labtrust_core.errors import PolicyError, UnknownNameError
from labtrust_core.policy.documents import DocumentPath, SourceDocument, path_text, read_document
from labtrust_core.policy.model import Document, DocumentKind
from labtrust_core.policy.order import snapshot_of
from labtrust_core.policy.schemas import Misfit, misfits

PARTNERS: Final = "partners"
SUITE_FOLDER: Final = "golden"

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Policy:
    """A complete policy, ready to be compiled.

    Attributes:
        directory: Where it was loaded from; None where it came from a snapshot.
        partner: The overlay in force, if any.
        documents: Document kind to its typed form.
        sources: Document kind to the base file and the overlay file (if any) that it came from;
            none where it came from a snapshot.
        fingerprint: SHA-256 (hex) over every effective value and the order of mappings.
        snapshot: The same as the canonical bytes that the fingerprint is of.
    """

    directory: Path | None
    partner: str | None
    documents: dict[str, Document]
    sources: dict[str, list[SourceDocument]] = field(repr=False)
    fingerprint: str
    snapshot: bytes = field(repr=False)

    def get(self, name: str, kind: type[D]) -> D:
        """Return the document ``name``, which is of type ``kind``."""
        document = self.documents[name]
        if not isinstance(document, kind):
            raise TypeError(
                f"document {name} is a {type(document).__name__}, not a {kind.__name__}"
            )
        return document

    def error(
        self, name: str, path: DocumentPath, message: str, *, found: str, expected: str
    ) -> PolicyError:
        """Return a PolicyError for a place in document ``name``, with its file and line if any."""
        misfit = Misfit(path, message, found, expected)
        return misfit_error(misfit, self.sources.get(name, []), name)


def partner_ids(directory: Path) -> tuple[str, ...]:
    """Return the ids of the partners that ``directory`` has overlays for, sorted."""
    folder = directory / PARTNERS
    return (
        tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))
        if folder.is_dir()
        else ()
    )


def load_policy(
    directory: Path, kinds: Iterable[DocumentKind], partner: str | None = None
) -> Policy:
    """Load the documents ``kinds`` from ``directory``, with the overlay of ``partner``.

    Raises:
        PolicyError: A document is missing or malformed; names file, line, place, what was found and
            what was expected.
        UnknownNameError: There is no such partner.
    """
    kinds = tuple(kinds)
    if partner is not None and partner not in partner_ids(directory):
        raise UnknownNameError("partner", partner, partner_ids(directory))
    overlays = _overlays(directory, kinds, partner)
    documents: dict[str, Document] = {}
    sources: dict[str, list[SourceDocument]] = {}
    effective: dict[str, Any] = {}
    for kind in kinds:
        base = read_document(directory / kind.path)
        stack = [base, *([overlays[kind.path]] if kind.path in overlays else [])]
        data = base.data if len(stack) == 1 else merged(base.data, stack[1].data)
        sources[kind.name] = stack
        documents[kind.name] = typed(data, kind.type, stack)
        effective[kind.name] = data
    snapshot = snapshot_of(effective, documents)
    return Policy(directory, partner, documents, sources, sha256_hex(snapshot), snapshot)


def _overlays(
    directory: Path, kinds: tuple[DocumentKind, ...], partner: str | None
) -> dict[str, SourceDocument]:
    if partner is None:
        return {}
    folder = directory / PARTNERS / partner
    known = {kind.path for kind in kinds}
    overlays: dict[str, SourceDocument] = {}
    for file in sorted(folder.rglob("*.y*ml")):
        relative = file.relative_to(folder).as_posix()
        if file.parent == folder / SUITE_FOLDER:
            continue  # the partner's own scenarios: no policy, and none is changed by them
        if relative not in known:
            raise PolicyError(
                "the overlay changes no policy file",
                file=file,
                found=relative,
                expected=", ".join(sorted(known)),
            )
        overlays[relative] = read_document(file)
    return overlays


def merged(base: Any, overlay: Any) -> Any:  # noqa: ANN401 - JSON data of any shape
    """Return ``base`` changed by ``overlay``: mappings merge by key, all else replaces."""
    if not (isinstance(base, dict) and isinstance(overlay, dict)):
        return overlay
    result = dict(base)
    for key, value in overlay.items():
        result[key] = merged(result[key], value) if key in result else value
    return result


def typed(
    data: dict[str, Any], kind: type[D], stack: Sequence[SourceDocument], name: str = ""
) -> D:
    """Convert one document's data to its type.

    Args:
        data: The document, merged.
        kind: Its type.
        stack: The files that it came from, base first; empty where there are none.
        name: The document's name, which stands for the file where there is none.

    Raises:
        PolicyError: It has not the type's shape; names file, line and place of the first misfit.
    """
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        for misfit in misfits(data, kind):
            raise misfit_error(misfit, stack, name) from error
        raise misfit_error(Misfit((), str(error), "", ""), stack, name) from error


def misfit_error(misfit: Misfit, stack: Sequence[SourceDocument], name: str = "") -> PolicyError:
    """Return the error for one misfit, with the file and line that the value came from.

    An overlay comes before its base. Where there is no file, the place begins with the document's
    name.
    """
    if not stack:
        return PolicyError(
            misfit.message,
            path=path_text((name, *misfit.path)),
            found=misfit.found,
            expected=misfit.expected,
        )
    source = next((source for source in reversed(stack) if misfit.path in source.lines), stack[0])
    return PolicyError(
        misfit.message,
        file=source.file,
        line=source.line_of(misfit.path),
        path=path_text(misfit.path),
        found=misfit.found,
        expected=misfit.expected,
    )
