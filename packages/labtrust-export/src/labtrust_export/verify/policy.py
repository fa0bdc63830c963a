"""The policy of a bundle: its bytes and shape, and the trust documents that rules follow from.

Bytes and shape belong to level L0. Whether the documents are those of a policy matters only to who
trusts it: level L1 takes two values out of them, level L2 needs them as types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

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
        documents: Name to document, as data.
    """

    data: bytes
    fingerprint: str
    documents: dict[str, dict[str, Any]]

    @property
    def runtime_control(self) -> frozenset[str]:
        """Actions that are for SYSTEM only, and always signed."""
        actions = self.documents.get("workflow", {}).get("actions")
        rules = actions.items() if isinstance(actions, dict) else ()
        return frozenset(
            name
            for name, rule in rules
            if isinstance(rule, dict) and rule.get("runtime_control") is True
        )

    @property
    def max_head_lag(self) -> int:
        """How many records old the head that a signer saw may be; 0 where it is not stated."""
        lag = self.documents.get("keys", {}).get("max_head_lag")
        return lag if type(lag) is int else 0


@dataclass(frozen=True, slots=True)
class TrustDocuments:
    """The documents of a policy that the rules of level L2 follow from."""

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
        return StatedPolicy(data, sha256_hex(data), read_snapshot(data))
    except NotCanonicalError as error:
        raise FaultError("POLICY_NOT_CANONICAL", str(error), file=POLICY) from error
    except PolicyError as error:
        raise FaultError("POLICY_SCHEMA", str(error), file=POLICY) from error


def trust_documents(policy: StatedPolicy) -> TrustDocuments:
    """Return the documents of a policy that rules follow from.

    Raises:
        FaultError: ``POLICY_SCHEMA``: one of them is missing or not of its type.
    """
    typed: dict[str, Document] = {}
    for kind in TRUST_DOCUMENTS:
        try:
            typed[kind.name] = msgspec.convert(policy.documents.get(kind.name), kind.type)
        except msgspec.ValidationError as error:
            message = f"document {kind.name}: {error}"
            raise FaultError("POLICY_SCHEMA", message, file=POLICY) from error
    needed = {name: typed[name] for name in TrustDocuments.__dataclass_fields__}
    documents = TrustDocuments(**needed)  # type: ignore[arg-type]  # each was converted to its type above
    for role in (role for group in documents.rbac.exclusive_roles for role in group):
        if role not in documents.rbac.roles:
            message = f"document rbac: role {role} of exclusive_roles is not defined"
            raise FaultError("POLICY_SCHEMA", message, file=POLICY)
    return documents
