"""Which domains there are, and opening a policy for one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from labtrust_core.engine.compiled import CompiledPolicy, compile_policy
from labtrust_core.engine.domain import Domain
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.load import Policy, load_policy
from labtrust_core.policy.model import TRUST_DOCUMENTS, DocumentKind
from labtrust_core.policy.snapshot import policy_of_snapshot
from labtrust_core.registry import Registry

DEFAULT_DOMAIN: Final = "hospital_lab"


def _not_a_domain(item: object) -> str:
    missing = sorted(name for name in _members() if not hasattr(item, name))
    return f"is no domain: it lacks {', '.join(missing)}" if missing else ""


def _members() -> set[str]:
    public = {name for name in vars(Domain) if not name.startswith("_")}
    return public | set(Domain.__annotations__)


DOMAINS: Final[Registry[Domain]] = Registry(
    "domain",
    "labtrust_gym.domains",
    {DEFAULT_DOMAIN: "labtrust_core.hospital_lab.lab:HOSPITAL_LAB"},
    check=_not_a_domain,
)


def register_domain(domain_id: str, domain: Domain) -> None:
    """Offer a domain to this process under ``domain_id``.

    Raises:
        PluginConflictError: The name is taken.
    """
    DOMAINS.register(domain_id, domain)


def list_domains() -> tuple[str, ...]:
    """Return the ids of the domains there are, sorted; imports none of them."""
    return tuple(DOMAINS.names())


def get_domain(domain_id: str) -> Domain:
    """Return a domain.

    Raises:
        UnknownNameError: Nothing offers the id.
        PluginError: The distribution that offers it cannot deliver.
    """
    return DOMAINS.get(domain_id)


@dataclass(frozen=True, slots=True)
class OpenedPolicy:
    """A policy as documents and as the tables compiled from them."""

    documents: Policy
    compiled: CompiledPolicy


def document_kinds(domain: Domain) -> tuple[DocumentKind, ...]:
    """Return every document that a policy for ``domain`` consists of."""
    return (*TRUST_DOCUMENTS, *domain.documents)


def domain_of(domain: Domain | str) -> Domain:
    """Return the domain of that name, or the domain itself.

    Raises:
        UnknownNameError: Nothing offers the name.
    """
    return DOMAINS.get(domain) if isinstance(domain, str) else domain


def open_documents(
    policy_dir: Path | None = None,
    partner: str | None = None,
    domain: Domain | str = DEFAULT_DOMAIN,
) -> OpenedPolicy:
    """Load and compile a policy, and return both forms; all else is as for ``open_policy``."""
    chosen = domain_of(domain)
    documents = load_policy(find_policy_dir(policy_dir), document_kinds(chosen), partner)
    return OpenedPolicy(documents, compile_policy(documents, chosen))


def open_policy(
    policy_dir: Path | None = None,
    partner: str | None = None,
    domain: Domain | str = DEFAULT_DOMAIN,
) -> CompiledPolicy:
    """Load a policy, with a partner's overlay where one is named, and compile it.

    Args:
        policy_dir: The policy folder; by default the one in force
            (``labtrust_core.policy.directory``).
        partner: Id of the partner whose overlay applies.
        domain: The domain or its name.

    Raises:
        PolicyError: The policy is missing, malformed or contradicts itself; names file, line and
            place.
        UnknownNameError: There is no such partner or domain.
        SignatureError: A registered public key must not be trusted.
    """
    return open_documents(policy_dir, partner, domain).compiled


def policy_from_snapshot(
    data: bytes, domain: Domain | str = DEFAULT_DOMAIN, partner: str | None = None
) -> CompiledPolicy:
    """Compile the policy that a snapshot (``labtrust_core.policy.snapshot``) holds.

    Args:
        data: Its canonical bytes, without LF.
        domain: The domain or its name.
        partner: Whose overlay it holds; a snapshot does not say.

    Raises:
        PolicyError: It is no policy for that domain, or contradicts itself; names the place.
        UnknownNameError: There is no such domain.
        SignatureError: A registered public key must not be trusted.
    """
    chosen = domain_of(domain)
    return compile_policy(policy_of_snapshot(data, document_kinds(chosen), partner), chosen)
