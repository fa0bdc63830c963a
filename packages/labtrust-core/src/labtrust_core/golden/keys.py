"""Sign the steps of a scenario for real, with test keys derived from the suite's seed."""

from __future__ import annotations

import base64
import copy
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labtrust_core.errors import ScenarioError
from labtrust_core.event import Event
from labtrust_core.golden.format import PLACEHOLDER_SIGNATURE, Step
from labtrust_core.trust.keys import TestKeyring
from labtrust_core.trust.signatures import approval_message, sign_event
from labtrust_core.trust.tokens import token_request

SIGN_WITH: Final = "sign_with"

_EVENT_TEXT: Final = ("reason_code", "key_id", "signature", "rationale", "tool_id", "head")


class Signer:
    """Makes the events of one scenario's steps, signed where the scenario asks for it."""

    def __init__(self, keyring: TestKeyring, episode: str, *, sign_placeholders: bool) -> None:
        """Make a signer.

        Args:
            keyring: The test keys.
            episode: Episode id, which every signature covers.
            sign_placeholders: Replace the placeholder signature by a real one of the key that the
                step names. Without it the placeholder is sent as it stands, and is no valid
                signature.
        """
        self._keyring = keyring
        self._episode = episode
        self._sign_placeholders = sign_placeholders

    def event_of(self, step: Step, head: str) -> dict[str, Any]:
        """Return the event of ``step``, signed over ``head`` unless the step names another head.

        Raises:
            ScenarioError: The step names a key that is no test key.
        """
        raw: dict[str, Any] = {
            "event_id": step.event_id,
            "t_s": step.t_s,
            "agent_id": step.agent_id,
            "action_type": step.action_type,
            "args": copy.deepcopy(step.args),
            "token_refs": list(step.token_refs),
        }
        raw |= {name: value for name in _EVENT_TEXT if (value := getattr(step, name)) is not None}
        self._sign_approvals(raw)
        key_id = step.sign_with
        if key_id is None and self._sign_placeholders and step.signature == PLACEHOLDER_SIGNATURE:
            key_id = step.key_id
        if key_id is None:
            return raw
        return sign_event(
            raw,
            key_id=step.key_id or key_id,
            private=self._private(key_id),
            episode=self._episode,
            head=step.head or head,
        )

    def _sign_approvals(self, raw: dict[str, Any]) -> None:
        approvals = raw["args"].get("approvals")
        if not isinstance(approvals, list):
            return
        for approval in approvals:
            if isinstance(approval, dict) and SIGN_WITH in approval:
                key_id = approval.pop(SIGN_WITH)
                approval.setdefault("approver_key_id", key_id)
                message = approval_message(
                    approval, token_request(msgspec.convert(raw, Event)), self._episode
                )
                approval["signature"] = base64.b64encode(
                    self._private(key_id).sign(message)
                ).decode()

    def _private(self, key_id: str) -> Ed25519PrivateKey:
        private = self._keyring.private.get(key_id)
        if private is None:
            raise ScenarioError(
                "no such test key",
                found=str(key_id),
                expected="one of " + ", ".join(sorted(self._keyring.private)),
            )
        return private
