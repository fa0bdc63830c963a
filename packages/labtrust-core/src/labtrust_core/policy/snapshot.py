"""A policy as one canonical text, and back: what evidence carries, and what replay runs under.

    {"documents": {name: document, ...}, "order": [{"keys": [...], "path": [...]}, ...]}

The text holds every value that is in force and the order of the mappings (see
``labtrust_core.policy.order``), and nothing else; its SHA-256 is the policy's fingerprint. It knows
no files, so errors name the document and the place in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from labtrust_core.canonical import (
    JsonObject,
    NotCanonicalError,
    canonical_bytes,
    parse_canonical,
    sha256_hex,
)
from labtrust_core.errors import PolicyError
from labtrust_core.policy.load import Policy, typed
from labtrust_core.policy.model import DocumentKind
from labtrust_core.policy.order import KeyOrder, put_in_order

MAX_SNAPSHOT: Final = 4 * 1024 * 1024  # bytes


class _Snapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    documents: dict[str, dict[str, Any]]
    order: list[KeyOrder]


def snapshot_documents(value: JsonObject) -> dict[str, dict[str, Any]]:
    """Return the documents of a snapshot that was parsed, by name, their mappings in order.

    Raises:
        PolicyError: It is not of the documented shape, or states an order of something else.
    """
    try:
        snapshot = msgspec.convert(value, _Snapshot)
    except msgspec.ValidationError as error:
        raise PolicyError(f"not a snapshot of a policy: {error}") from error
    put_in_order(snapshot.documents, snapshot.order)
    return snapshot.documents


def read_snapshot(data: bytes) -> dict[str, dict[str, Any]]:
    """Return the documents of a snapshot by name.

    Args:
        data: The canonical bytes, without LF.

    Raises:
        NotCanonicalError: It is not the canonical form of an object of at most ``MAX_SNAPSHOT``
            bytes.
        PolicyError: It is not of the documented shape.
    """
    return snapshot_documents(parse_canonical(data, MAX_SNAPSHOT))


def document_digests(data: bytes) -> dict[str, str]:
    """Return the SHA-256 (hex) of the canonical form of each document of a snapshot, by name.

    Raises:
        NotCanonicalError: It is not canonical.
        PolicyError: It is not of the documented shape.
    """
    return {
        name: sha256_hex(canonical_bytes(document))
        for name, document in sorted(read_snapshot(data).items())
    }


def policy_of_snapshot(
    data: bytes, kinds: Iterable[DocumentKind], partner: str | None = None
) -> Policy:
    """Return the policy that a snapshot holds.

    Args:
        data: The canonical bytes, without LF.
        kinds: Every document that it must consist of.
        partner: Whose overlay it holds, for the record: the snapshot itself does not say.

    Raises:
        PolicyError: It is not canonical, lacks a document or has another, or one is malformed;
            names the place, what was found and what was expected.
    """
    try:
        found = read_snapshot(data)
    except NotCanonicalError as error:
        raise PolicyError(f"the snapshot of a policy is not canonical: {error}") from error
    expected = {kind.name: kind.type for kind in kinds}
    if found.keys() != expected.keys():
        raise PolicyError(
            "the snapshot holds other documents than the domain needs",
            found=", ".join(sorted(found)),
            expected=", ".join(sorted(expected)),
        )
    documents = {name: typed(found[name], kind, (), name) for name, kind in expected.items()}
    return Policy(None, partner, documents, {}, sha256_hex(data), data)
