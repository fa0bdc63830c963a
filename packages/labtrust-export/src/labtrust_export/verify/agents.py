"""The signatures of agents' events: whether each counts, by the keys, roles and heads of then."""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from labtrust_core.canonical import canonical_bytes
from labtrust_core.event import Event
from labtrust_core.ledger.record import EventRecord
from labtrust_core.trust.keys import decode_base64, public_key
from labtrust_core.trust.signatures import ACTION_TYPE, pre_authentication

from labtrust_export.start import Start, StatedKey
from labtrust_export.statement import EPISODE_LOG
from labtrust_export.verify.policy import StatedPolicy
from labtrust_export.verify.records import Step
from labtrust_export.verify.report import FaultError

ACTIVE: Final = "ACTIVE"
_STATUS_REASONS: Final = {"REVOKED": "SIG_KEY_REVOKED", "EXPIRED": "SIG_KEY_EXPIRED"}


class Refusal(NamedTuple):
    """Why a signature does not count: the verifier's code, the engine's reason code, and words."""

    code: str
    reason: str
    message: str


class AgentSignatures:
    """Who holds which role and which heads are recent, record by record.

    Attributes:
        roster: Agent id to role id, after the records so far.
        signed: Number of accepted events whose signature was checked and counts.
        key_ids: Keys that made them.
    """

    def __init__(self, start: Start, policy: StatedPolicy) -> None:
        self.roster = dict(start.roster)
        self.signed = 0
        self.key_ids: set[str] = set()
        self._config = start.config
        self._keys = start.keys
        self._runtime = policy.runtime_control
        self._lag = policy.max_head_lag
        self._heads: deque[str] = deque()  # the last of them, in order
        self._recent: set[str] = set()  # the same, to be looked up
        self._last: tuple[int, Refusal | None] = (-1, None)  # of which record the verdict is

    def is_asked(self, event: Event) -> bool:
        """Whether an event's signature is looked at."""
        present = event.signature is not None or event.key_id is not None
        return present or self._config.signatures_required or event.action_type in self._runtime

    def check(self, step: Step) -> None:
        """Check an accepted event of an agent.

        Raises:
            FaultError: One of the ``AGENT_`` codes.
        """
        event = step.event
        if event is None or not step.by_agent or not step.accepted or not self.is_asked(event):
            return
        refusal = self.refusal(step.record, event)
        if refusal is not None:
            raise FaultError(
                refusal.code, refusal.message, file=EPISODE_LOG, record=step.record.seq
            )
        self.signed += 1
        self.key_ids.add(event.key_id or "")

    def refusal(self, record: EventRecord, event: Event) -> Refusal | None:
        """Return why the event's signature does not count, or None; worked out once a record."""
        if self._last[0] != record.seq:
            self._last = (record.seq, self._refusal(record, event))
        return self._last[1]

    def signer(self, record: EventRecord, event: Event) -> str | None:
        """Return the agent whose key made the event's signature; None where it proves nothing."""
        key = self._keys.get(event.key_id or "")
        good = key is not None and self._is_signed(key, record.event)
        return key.agent_id if key is not None and good else None

    def take(self, step: Step | None, head: str) -> None:
        """Go on to the next record.

        Args:
            step: The record, or None for the start record.
            head: Its leaf hash, as hexadecimal digits.
        """
        self._heads.append(head)
        self._recent.add(head)
        if len(self._heads) > self._lag:
            self._recent.discard(self._heads.popleft())
        if step is None or step.event is None or not step.accepted:
            return
        if step.event.action_type == "UPDATE_ROSTER":
            changes = step.event.args.get("roster")
            if isinstance(changes, dict):
                self.roster |= {
                    agent: role for agent, role in changes.items() if isinstance(role, str)
                }

    def _refusal(self, record: EventRecord, event: Event) -> Refusal | None:
        key_id = event.key_id
        if key_id is None or event.signature is None:
            message = "the event lacks key_id or signature; it must have both"
            return Refusal("AGENT_SIGNATURE_MISSING", "SIG_MISSING", message)
        key = self._keys.get(key_id)
        if key is None:
            message = f"key {key_id} is not among the keys of the start record"
            return Refusal("AGENT_KEY_UNKNOWN", "SIG_INVALID", message)
        role = self.roster.get(event.agent_id)
        if key.agent_id != event.agent_id or key.role_id != role:
            message = (
                f"key {key_id} is of {key.agent_id} as {key.role_id}, "
                f"the event of {event.agent_id} as {role}"
            )
            return Refusal("AGENT_KEY_MISMATCH", "SIG_ROLE_MISMATCH", message)
        return self._refused_by(key, record, event)

    def _refused_by(self, key: StatedKey, record: EventRecord, event: Event) -> Refusal | None:
        """Return why the signature does not count under the agent's own key, or None."""
        key_id = event.key_id
        reason = _out_of_life(key, event.t_s)
        if reason is not None:
            message = (
                f"key {key_id} is {key.status}, from {key.not_before_s} to {key.not_after_s} s; "
                f"the event is at {event.t_s} s"
            )
            return Refusal("AGENT_KEY_VALIDITY", reason, message)
        if not self._is_signed(key, record.event):
            message = f"the signature is not one of key {key_id} over this event in this episode"
            return Refusal("AGENT_SIGNATURE_BAD", "SIG_INVALID", message)
        if event.head is None or event.head not in self._recent:
            message = f"the signed head {event.head} is not one of the {self._lag} before"
            return Refusal("AGENT_HEAD_STALE", "SIG_STALE_HEAD", message)
        return None

    def _is_signed(self, key: StatedKey, event: dict[str, Any]) -> bool:
        signature = event.get("signature")
        raw = decode_base64(signature) if isinstance(signature, str) else None
        if raw is None:
            return False
        unsigned = {name: value for name, value in event.items() if name != "signature"}
        body = canonical_bytes({"episode": self._config.episode, "event": unsigned})
        try:
            public_key(key.public_key).verify(raw, pre_authentication(ACTION_TYPE, body))
        except InvalidSignature:
            return False
        return True


def _out_of_life(key: StatedKey, t_s: int) -> str | None:
    """Return the reason code for a key outside its life; None within it."""
    if key.status != ACTIVE:
        return _STATUS_REASONS.get(key.status, "SIG_KEY_EXPIRED")
    if key.not_before_s is not None and t_s < key.not_before_s:
        return "SIG_KEY_NOT_YET_VALID"
    if key.not_after_s is not None and t_s > key.not_after_s:
        return "SIG_KEY_EXPIRED"
    return None
