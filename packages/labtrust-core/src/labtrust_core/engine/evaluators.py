"""Invariants of the trust skeleton itself, which hold in every domain.

They look at an accepted step again, by another road than the gates that let it pass: a gate that is
missing or wrong shows here as a violation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from labtrust_core.engine.context import AnyContext
from labtrust_core.event import SYSTEM_AGENT, Event
from labtrust_core.trust.invariants import Evaluator, Verdict

PASSED: Final[Verdict] = (True, None, None)


def mint_signature_valid(
    env: AnyContext, event: Event, _params: Mapping[str, Any]
) -> Verdict | None:
    """INV-TOK-001: a minted token has enough distinct approvers, each in an approver role."""
    token = env.trust.tokens.get(str(env.data.get("token_id", "")))
    if event.action_type != "MINT_TOKEN" or token is None:
        return None
    kind = env.policy.tokens[token.token_type]
    roles = {env.trust.roster.get(agent) for agent in token.approvers}
    enough = len(set(token.approvers)) >= kind.approvals and roles <= kind.approver_roles
    return enough, None, {"subject": token.token_id}


def token_active(env: AnyContext, event: Event, _params: Mapping[str, Any]) -> Verdict | None:
    """INV-TOK-002: what a step used was an existing token in its time, and it is used up."""
    if not event.token_refs:
        return None
    for token_id in event.token_refs:
        token = env.trust.tokens.get(token_id)
        if token is None or not token.issued_at_s <= event.t_s <= token.expires_at_s:
            return False, None, {"subject": token_id}
    used_up = all(token.state == "CONSUMED" for token in env.lifting)
    return used_up, None, {"subject": event.token_refs[0]}


def token_scope_ok(env: AnyContext, event: Event, _params: Mapping[str, Any]) -> Verdict | None:
    """INV-TOK-003: a presented token names the action, and is bound to a subject of it.

    Of one that does not exist, INV-TOK-002 speaks.
    """
    if not event.token_refs:
        return None
    subjects = env.policy.domain.subjects(env, event)
    presented = (env.trust.tokens.get(token_id) for token_id in event.token_refs)
    for token in presented:
        if token is not None and (
            event.action_type not in env.policy.tokens[token.token_type].actions
            or token.subject not in subjects
        ):
            return False, None, {"subject": token.token_id}
    return PASSED


def token_not_revoked(env: AnyContext, event: Event, _params: Mapping[str, Any]) -> Verdict | None:
    """INV-TOK-006: no revoked token takes part in an accepted step."""
    if not event.token_refs:
        return None
    tokens = env.trust.tokens
    revoked = [
        item for item in event.token_refs if item in tokens and tokens[item].state == "REVOKED"
    ]
    return not revoked, None, {"subject": revoked[0]} if revoked else None


def signature_required_valid(
    env: AnyContext, event: Event, _params: Mapping[str, Any]
) -> Verdict | None:
    """INV-SIG-001: an accepted event that had to be signed had a valid signature.

    Runtime control must be signed always.
    """
    action = env.policy.actions.get(event.action_type)
    if action is None or (event.agent_id == SYSTEM_AGENT and not action.runtime_control):
        return None
    if not (
        env.config.signatures_required or action.runtime_control or event.signature is not None
    ):
        return None
    return env.signed, None, {"subject": event.agent_id}


def signature_role_authorized(
    env: AnyContext, event: Event, _params: Mapping[str, Any]
) -> Verdict | None:
    """INV-SIG-002: a signed event was signed with a key of its agent."""
    if event.key_id is None:
        return None
    key = env.keys.keys.get(event.key_id)
    return key is not None and key.agent_id == event.agent_id, None, {"subject": event.agent_id}


ENGINE_EVALUATORS: Final[dict[str, Evaluator]] = {
    "transition.mint_signature_valid": mint_signature_valid,
    "state.token_active": token_active,
    "state.token_scope_ok": token_scope_ok,
    "state.token_not_revoked": token_not_revoked,
    "state.signature_required_valid": signature_required_valid,
    "state.signature_role_authorized": signature_role_authorized,
}

CREDENTIAL_CHECKS: Final = frozenset(
    {
        "state.token_active",
        "state.token_scope_ok",
        "state.token_not_revoked",
        "state.signature_required_valid",
        "state.signature_role_authorized",
    }
)
"""Checks that say nothing of an event without token and signature that needs none."""
