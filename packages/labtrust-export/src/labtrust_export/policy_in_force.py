"""Finds the policy that a log was made under, among the policy files of this installation."""

from __future__ import annotations

from pathlib import Path

from labtrust_core.domains import document_kinds, domain_of
from labtrust_core.errors import UsageError
from labtrust_core.policy.directory import find_policy_dir
from labtrust_core.policy.load import Policy, load_policy

from labtrust_export.start import Start


class PolicyInForce:
    """The policy folder, and which partner's overlay applies; each policy is loaded once."""

    def __init__(self, partner: str | None = None, policy_dir: Path | None = None) -> None:
        """Look into a folder.

        Args:
            partner: Whose overlay applies; by default the one that each log names, if any.
            policy_dir: The folder; by default the one in force.
        """
        self._partner = partner
        self._directory = policy_dir
        self._loaded: dict[tuple[str, str | None], Policy] = {}

    def snapshot_for(self, start: Start) -> bytes:
        """Return the canonical bytes, without LF, of the policy that a start record names.

        Raises:
            UsageError: The policy here has another fingerprint.
            UnknownNameError: There is no such domain or partner.
            PolicyError: The policy does not load.
        """
        partner = start.partner if self._partner is None else self._partner
        directory = find_policy_dir(self._directory)
        policy = self._policy(directory, start.domain, partner)
        if policy.fingerprint != start.policy_fingerprint:
            overlay = "no overlay" if partner is None else f"the overlay of {partner}"
            raise UsageError(
                f"the log was made under the policy {start.policy_fingerprint}, and {directory} "
                f"with {overlay} is {policy.fingerprint}; name the log's own with --policy-dir "
                f"and --partner"
            )
        return policy.snapshot

    def _policy(self, directory: Path, domain: str, partner: str | None) -> Policy:
        found = self._loaded.get((domain, partner))
        if found is None:
            found = load_policy(directory, document_kinds(domain_of(domain)), partner)
            self._loaded[domain, partner] = found
        return found
