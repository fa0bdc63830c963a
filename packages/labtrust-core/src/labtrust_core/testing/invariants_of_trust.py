"""What always holds of the roster, of tokens and of containment in a laboratory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from labtrust_core.testing.glance import Glance, StateCheck


def tokens_are_filed_and_unique(now: Glance) -> Iterator[str]:
    """Every token is filed under its id, and no two have the same nonce."""
    for key, token in now.trust.tokens.items():
        if token.token_id != key:
            yield f"{key} is filed in the place of {token.token_id}"
    nonces = [token.nonce for token in now.trust.tokens.values()]
    if len(set(nonces)) != len(nonces):
        yield "two tokens have the same nonce"


def tokens_live_for_a_while(now: Glance) -> Iterator[str]:
    """A minted token was issued in the past, and lives for as long as its type says."""
    for name, token in now.trust.tokens.items():
        if token.minted_by is None:
            continue
        life_s = now.policy.tokens[token.token_type].ttl_s
        if token.issued_at_s > now.now or token.expires_at_s != token.issued_at_s + life_s:
            yield f"{name} is good from {token.issued_at_s} to {token.expires_at_s} s"


def tokens_are_of_their_type(now: Glance) -> Iterator[str]:
    """A minted token is of a type, for a subject and a reason that the type knows."""
    for name, token in now.trust.tokens.items():
        kind = now.policy.tokens.get(token.token_type)
        if kind is None or token.subject_type not in kind.subject_types or not token.subject_id:
            yield f"{name} is a {token.token_type} for {token.subject_type} {token.subject_id}"
        elif token.minted_by is not None and kind.reasons and token.reason_code not in kind.reasons:
            yield f"{name} was minted for {token.reason_code}"


def tokens_have_their_approvals(now: Glance) -> Iterator[str]:
    """A minted token was approved by enough different people, its minter not among them."""
    for name, token in now.trust.tokens.items():
        if token.minted_by is None:
            continue
        people = set(token.approvers)
        least = now.policy.tokens[token.token_type].approvals
        if len(people) < least or len(people) != len(token.approvers):
            yield f"{name} was approved by {token.approvers}"
        if now.policy.requester_is_minter and token.minted_by in people:
            yield f"{name} was approved by {token.minted_by}, who minted it"


def roles_exist(now: Glance) -> Iterator[str]:
    """Everybody on the roster holds a role that policy defines, and has held it."""
    for name, role_id in now.trust.roster.items():
        if role_id not in now.policy.roles.roles or role_id not in now.trust.held.get(name, ()):
            yield f"{name} holds {role_id}, held so far: {now.trust.held.get(name)}"


def duties_stay_separate(now: Glance) -> Iterator[str]:
    """Nobody has held two roles that exclude each other."""
    for name, roles in now.trust.held.items():
        for role_id in roles:
            clash = now.policy.roles.exclusive.get(role_id, frozenset()) & roles
            if clash:
                yield f"{name} has held {role_id} and {sorted(clash)}"


def containment_is_of_what_exists(now: Glance) -> Iterator[str]:
    """Frozen are zones, and stopped are devices, that exist."""
    containment = now.trust.containment
    for name in containment.zones.keys() - now.tables.zones.keys():
        yield f"zone {name} is frozen and does not exist"
    for name in containment.devices.keys() - now.tables.devices.keys():
        yield f"device {name} is stopped and does not exist"


CHECKS: Final[tuple[StateCheck, ...]] = (
    tokens_are_filed_and_unique,
    tokens_live_for_a_while,
    tokens_are_of_their_type,
    tokens_have_their_approvals,
    roles_exist,
    duties_stay_separate,
    containment_is_of_what_exists,
)
