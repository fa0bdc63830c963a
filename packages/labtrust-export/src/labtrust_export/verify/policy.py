"""The policy of a bundle: its bytes, its shape, and the trust documents as types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
from labtrust_core.canonical import NotCanonicalError, sha256_hex
from labtrust_core.errors import PolicyError
from labtrust_core.policy.model import (
    TRUST_DOCUMENTS,
    Capabilities,
    Document,
    DualApproval,
    Enforcement,
    Invariants,
    Keys,
    Rbac,
    ReasonCodes,
    Tokens,
    Workflow,
)
from labtrust_core.policy.snapshot import MAX_SNAPSHOT, read_snapshot

from labtrust_export.statement import POLICY
from labtrust_export.verify.report import FaultError

MAX_POLICY: Final = MAX_SNAPSHOT + 1  # with its LF


@dataclass(frozen=True, slots=True)
class StatedPolicy:
    """A policy that was read.

    Attributes:
        data: Its canonical bytes, without LF.
        fingerprint: Their SHA-256 (hex).
        documents: Names of all documents, sorted.
        rbac, capabilities, keys, tokens, dual_approval, invariants, enforcement, reason_codes,
            workflow: The documents that the rules follow from.
    """

    data: bytes
    fingerprint: str
    documents: tuple[str, ...]
    rbac: Rbac
    capabilities: Capabilities
    keys: Keys
    tokens: Tokens
    dual_approval: DualApproval
    invariants: Invariants
    enforcement: Enforcement
    reason_codes: ReasonCodes
    workflow: Workflow


def read_policy(content: bytes | None) -> StatedPolicy:
    """Read ``policy.json``; None stands for a file that is too large.

    Raises:
        FaultError: ``POLICY_NOT_CANONICAL`` or ``POLICY_SCHEMA``.
    """
    if content is None or not content.endswith(b"\n"):
        message = f"expected canonical JSON with an LF, at most {MAX_SNAPSHOT} bytes"
        raise FaultError("POLICY_NOT_CANONICAL", message, file=POLICY)
    data = content[:-1]
    try:
        documents = read_snapshot(data)
    except NotCanonicalError as error:
        raise FaultError("POLICY_NOT_CANONICAL", str(error), file=POLICY) from error
    except PolicyError as error:
        raise FaultError("POLICY_SCHEMA", str(error), file=POLICY) from error
    typed: dict[str, Document] = {}
    for kind in TRUST_DOCUMENTS:
        try:
            typed[kind.name] = msgspec.convert(documents.get(kind.name), kind.type)
        except msgspec.ValidationError as error:
            message = f"document {kind.name}: {error}"
            raise FaultError("POLICY_SCHEMA", message, file=POLICY) from error
    _check_roles(typed["rbac"])
    used = {name: typed[name] for name in StatedPolicy.__dataclass_fields__ if name in typed}
    return StatedPolicy(data, sha256_hex(data), tuple(sorted(documents)), **used)  # type: ignore[arg-type]  # each was converted to its type above


def _check_roles(rbac: Document) -> None:
    """Refuse exclusive roles that are not defined, which the role tables cannot hold."""
    assert isinstance(rbac, Rbac)  # noqa: S101 - for the type
    for role in (role for group in rbac.exclusive_roles for role in group):
        if role not in rbac.roles:
            message = f"document rbac: role {role} of exclusive_roles is not defined"
            raise FaultError("POLICY_SCHEMA", message, file=POLICY)
