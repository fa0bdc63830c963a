"""Signed actions: what exactly is signed, signing it, and deciding whether a signature counts.

The signature covers the DSSE pre-authentication encoding of the canonical event without its
signature, together with the episode id. The event's ``head`` field (the ledger head that the signer
saw) is part of it, so an action cannot be replayed, moved to another episode, reordered by more
than the registry's ``max_head_lag`` records, or passed off as another kind of document (an
approval, say).
"""

from __future__ import annotations

import base64
from collections.abc import Container, Mapping
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from labtrust_core.canonical import canonical_bytes
from labtrust_core.event import Blocked, Event
from labtrust_core.policy.model import Key
from labtrust_core.trust.keys import KeyRegistry, decode_base64, public_key

ACTION_TYPE: Final = "application/vnd.labtrust.action+json"
APPROVAL_TYPE: Final = "application/vnd.labtrust.approval+json"

_STATUS_CODE: Final = {"REVOKED": "SIG_KEY_REVOKED", "EXPIRED": "SIG_KEY_EXPIRED"}


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return the DSSE v1 encoding of a typed payload.

    The lengths keep anything from being shifted between the parts.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def event_message(event: Event, episode: str) -> bytes:
    """Return the bytes that the signature of ``event`` in ``episode`` covers."""
    body = msgspec.to_builtins(event)
    body.pop("signature", None)
    return pre_authentication(ACTION_TYPE, canonical_bytes({"episode": episode, "event": body}))


def sign_event(
    raw: Mapping[str, Any], *, key_id: str, private: Ed25519PrivateKey, episode: str, head: str
) -> dict[str, Any]:
    """Return ``raw`` with ``key_id``, ``head`` and ``signature`` set.

    Raises:
        msgspec.ValidationError: ``raw`` is no event.
    """
    signed = {**raw, "key_id": key_id, "head": head}
    signed.pop("signature", None)
    message = event_message(msgspec.convert(signed, Event), episode)
    signed["signature"] = base64.b64encode(private.sign(message)).decode()
    return signed


def check_event(
    event: Event, *, keys: KeyRegistry, role_id: str, episode: str, recent_heads: Container[str]
) -> None:
    """Refuse an event whose signature does not count.

    Raises:
        Blocked: ``SIG_MISSING``, ``SIG_INVALID``, ``SIG_ROLE_MISMATCH``, ``SIG_KEY_REVOKED``,
            ``SIG_KEY_EXPIRED``, ``SIG_KEY_NOT_YET_VALID`` or ``SIG_STALE_HEAD``.
    """
    if event.key_id is None or event.signature is None:
        raise Blocked("SIG_MISSING", "the event needs both key_id and signature")
    key = keys.keys.get(event.key_id)
    if key is None:
        raise Blocked("SIG_INVALID", f"key {event.key_id} is not registered")
    if key.agent_id != event.agent_id or key.role_id != role_id:
        raise Blocked(
            "SIG_ROLE_MISMATCH",
            f"key {event.key_id} belongs to {key.agent_id} as {key.role_id}, "
            f"not to {event.agent_id} as {role_id}",
        )
    check_validity(event.key_id, key, event.t_s)
    if not is_signed(key, event.signature, event_message(event, episode)):
        raise Blocked(
            "SIG_INVALID", f"the signature is not one of key {event.key_id} over this event"
        )
    if event.head is None or event.head not in recent_heads:
        raise Blocked(
            "SIG_STALE_HEAD", "the signature names a ledger head that is not among the recent ones"
        )


def check_validity(key_id: str, key: Key, now_s: int) -> None:
    """Refuse a key outside its life.

    Raises:
        Blocked: ``SIG_KEY_REVOKED``, ``SIG_KEY_EXPIRED`` or ``SIG_KEY_NOT_YET_VALID``.
    """
    code = _STATUS_CODE.get(key.status)
    if code is not None:
        raise Blocked(code, f"key {key_id} is {key.status}")
    if key.not_before_s is not None and now_s < key.not_before_s:
        raise Blocked("SIG_KEY_NOT_YET_VALID", f"key {key_id} is valid from {key.not_before_s} s")
    if key.not_after_s is not None and now_s > key.not_after_s:
        raise Blocked("SIG_KEY_EXPIRED", f"key {key_id} was valid until {key.not_after_s} s")


def approval_message(
    approval: Mapping[str, str], request: Mapping[str, str], episode: str
) -> bytes:
    """Return what an approver signs: who approves, with which key, which token, which episode."""
    body = {
        "approver_agent_id": approval["approver_agent_id"],
        "approver_key_id": approval["approver_key_id"],
        "episode": episode,
        "request": dict(request),
    }
    return pre_authentication(APPROVAL_TYPE, canonical_bytes(body))


def signer_of(event: Event, keys: KeyRegistry, episode: str) -> str | None:
    """Return the agent whose registered key made the event's signature.

    Returns:
        The key's agent, or None where the signature proves nothing.
    """
    key = keys.keys.get(event.key_id or "")
    if key is None or event.signature is None:
        return None
    return key.agent_id if is_signed(key, event.signature, event_message(event, episode)) else None


def is_signed(key: Key, signature: str, message: bytes) -> bool:
    """Whether ``signature`` (base64) is one of ``key`` over ``message``."""
    raw = decode_base64(signature)
    if raw is None:
        return False
    try:
        public_key(key.public_key).verify(raw, message)
    except InvalidSignature:
        return False
    return True
